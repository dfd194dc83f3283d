"""Policy decisions a second, by the policy that a lab workspace has, over window sums that a real log filled."""

from __future__ import annotations

from collections.abc import Callable

from bench.figures import Beside, Goal, Section, figure, middle
from bench.measure import Bench, rates
from strongroom.custody.decision import Ready, request_of, standing
from strongroom.custody.limits import usage
from strongroom.custody.moment import Moment
from strongroom.custody.permission import may_sign
from strongroom.custody.state import CustodyState, TransferId
from strongroom.policy.evaluate import Allowed, Denied, Request, evaluate, exceeded
from tests.workspace import ETH, TOKEN, WEI, Workspace


def run(bench: Bench) -> Section:
    """Rates of the table alone, of a transfer's whole standing, and of a signer's last word before it signs."""
    workspace = Workspace().ready()
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
                note=f"{len(workspace.policy['rules'])} rules; four requests in turn, one of them denied",
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


def _requests(state: CustodyState) -> list[Request]:
    """Allowed by the first, the second and the third rule, and denied by all."""
    first = next(iter(state.transfers.values()))
    base = request_of(state, first.intent, "exchange", Moment.at(state.time), 10**14)
    changes = (
        {"amount": WEI // 2, "asset": ETH},
        {"amount": 5_000_000, "asset": TOKEN},
        {"initiator": "alice", "amount": 3 * WEI, "asset": ETH},
        {"amount": 2 * WEI, "asset": ETH},
    )
    fields = {name: getattr(base, name) for name in Request.__slots__}
    return [Request(**{**fields, **change}) for change in changes]


def _decide(state: CustodyState, requests: list[Request], count: int) -> None:
    policy, used, allowed = state.policy, usage(state, state.time), 0
    assert policy is not None
    for index in range(count):
        request = requests[index & 3]
        verdict = evaluate(policy, request, used)
        if isinstance(verdict, Allowed) and not isinstance(exceeded(policy, request, used), Denied):
            allowed += 1
    if allowed != count - count // 4:
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
