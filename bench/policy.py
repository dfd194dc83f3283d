"""Policy decisions a second, by the whole vocabulary, over window sums that a real log filled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.figures import Beside, Goal, Section, figure, middle
from bench.measure import Bench, rates
from strongroom.custody.decision import Ready, request_of, standing
from strongroom.custody.limits import usage
from strongroom.custody.moment import Moment
from strongroom.custody.permission import may_sign
from strongroom.custody.state import CustodyState, TransferId
from strongroom.documents.abi import parse_method
from strongroom.documents.names import AccountId
from strongroom.policy.calls import ContractCall
from strongroom.policy.evaluate import Allowed, Denied, Request, evaluate, exceeded
from tests.workspace import CHAIN, ETH, OTHER, PAYEE, TOKEN, TOKEN_CONTRACT, WEI, Workspace


def run(bench: Bench) -> Section:
    """Rates of the table alone, of a transfer's whole standing, and of a signer's last word before it signs."""
    workspace = Workspace()
    workspace.policy = _vocabulary(workspace)
    workspace.ready()
    workspace.state_prices()
    names: list[TransferId] = []
    for _ in bench.each("a log with authorized transfers", range(bench.sized(200, 20)), bench.sized(200, 20)):
        names.append(workspace.propose(amount=str(WEI // 1000)))
        workspace.authorize(names[-1])
        workspace.time += 1000
    state = workspace.state
    rounds, seconds = bench.sized(15, 3), 0.3 if not bench.quick else 0.05

    def measured(what: str, work: Callable[[int], object]) -> list[float]:
        bench.progress(what)
        return rates(work, rounds, seconds)

    floor = measured("an empty function", _empty_calls)
    beside = [Beside("calls of an empty function", middle(floor))]
    requests = _requests(state)
    return Section(
        "policy",
        "Policy decisions",
        (
            figure(
                "decision: rules, then limits", "1/s", measured("decisions", lambda n: _decide(state, requests, n)),
                goal=Goal(20_000, up=True), beside=beside,
                note=f"{len(workspace.policy['rules'])} rules: initiators, lists with tags, one-time addresses, calls, "
                "amounts and values over time, denials; limits, fee window, ceilings; five requests in turn",
            ),
            figure(
                "standing of a transfer", "1/s", measured("standings", lambda n: _stand(state, names, n)),
                beside=beside, note="freezes, suspensions, deadlines, rules, approvals, delay",
            ),
            figure(
                "permission to sign", "1/s", measured("permissions", lambda n: _permit(state, names, n)),
                beside=beside, note="what each signer does again: the standing, and the payload decoded and compared",
            ),
        ),
    )  # fmt: skip


def _nothing() -> None:
    return None


def _empty_calls(count: int) -> None:
    for _ in range(count):
        _nothing()


CLOSE = "close(address,uint256,bytes32)"
DATA = parse_method(CLOSE).selector + bytes(12) + bytes.fromhex(PAYEE[-40:]) + bytes(64)


def _vocabulary(workspace: Workspace) -> dict[str, Any]:
    """The tests' policy of fold rules 2 with a rule for each part of the vocabulary in front of those that match."""
    document = workspace.second_fold()
    arguments = [{"index": 0, "is": [PAYEE[-42:]]}, {"index": 1, "max": "1000"}]
    call = {"call": {"contracts": [f"{CHAIN}:{TOKEN_CONTRACT}"], "method": CLOSE, "arguments": arguments}}
    everybody = {"members": ["exchange"], "groups": ["treasury"]}
    day = {"seconds": 86400, "per": "destination"}
    conditions: list[dict[str, Any]] = [
        {"source": {"accounts": [f"{CHAIN}:0x{'99' * 20}"]}},
        {"initiator": everybody, "destination": {"listed": ["vendors"], "tags": ["bank"], "listed_for": 3600}},
        {"initiator": everybody, "operation": [{"call": {**call["call"], "contracts": [OTHER]}}]},
        {"initiator": everybody, "destination": {"own_wallets": True}, "operation": ["transfer"]},
        {"initiator": everybody, "value": {"min": "90000000"}},
        {"initiator": everybody, "over_time": [{**day, "max_value": "1"}]},
        {"initiator": everybody, "operation": [call]},
    ]
    terms = {**document["rules"][0]["allow"], "surface": "approver", "keys": ["hot-ecdsa"]}
    rules = [{"name": f"part {n}", "when": when, "allow": terms} for n, when in enumerate(conditions)]
    denial = {"name": "not from other tiers", "when": {"source": {"tiers": []}, "asset": [TOKEN]}, "deny": "no"}
    limits = [{"name": "a week", "seconds": 604800, "per": "asset", "max_value": "900000000000"}]
    return {**document, "rules": [*rules, denial, *document["rules"]], "limits": [*document["limits"], *limits]}


def _requests(state: CustodyState) -> list[Request]:
    """A small payment, one in tokens, a call, a larger payment, and one that no rule allows."""
    first = next(iter(state.transfers.values()))
    base = request_of(state, first.intent, "exchange", Moment.at(state.time), 10**14)
    call = ContractCall(AccountId(f"{CHAIN}:{TOKEN_CONTRACT}"), DATA)
    changes: tuple[dict[str, Any], ...] = (
        {"amount": WEI // 2, "asset": ETH, "value": 100_000},
        {"amount": 5_000_000, "asset": TOKEN, "value": 450},
        {"amount": 0, "call": call, "value": 0},
        {"initiator": "alice", "amount": 3 * WEI, "asset": ETH, "value": 600_000},
        {"amount": 2 * WEI, "asset": ETH, "value": 400_000},
    )
    return [replace(base, **change) for change in changes]


def _decide(state: CustodyState, requests: list[Request], count: int) -> None:
    policy, used, allowed = state.policy, usage(state, state.time), 0
    assert policy is not None
    for index in range(count):
        request = requests[index % 5]
        verdict = evaluate(policy, request, used)
        if isinstance(verdict, Allowed) and not isinstance(exceeded(policy, request, used), Denied):
            allowed += 1
    if allowed != count - count // 5:
        raise AssertionError(f"{allowed} of {count} were allowed")


def _stand(state: CustodyState, names: list[TransferId], count: int) -> None:
    moment = Moment.at(state.time)
    for index in range(count):
        if not isinstance(standing(state, state.transfers[names[index % len(names)]], moment), Ready):
            raise AssertionError("a transfer of the sample is not ready")


def _permit(state: CustodyState, names: list[TransferId], count: int) -> None:
    for index in range(count):
        name = names[index % len(names)]
        may_sign(state, name, state.transfers[name].payloads[0].digest, state.time)
