"""A state machine over the fold: whatever is tried in whatever order, the invariants hold after every step."""

from __future__ import annotations

from functools import reduce
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from strongroom.custody.decision import verdict
from strongroom.custody.digest import state_digest
from strongroom.custody.fold import apply
from strongroom.custody.limits import usage
from strongroom.custody.moment import Moment
from strongroom.custody.permission import may_sign
from strongroom.custody.state import EMPTY
from strongroom.errors import StrongroomError
from strongroom.log.entry import parse_entry
from strongroom.policy.evaluate import Allowed
from tests.workspace import ETH, OTHER, PAYEE, PEOPLE, TOKEN, WEI, Workspace

AMOUNTS = st.sampled_from([1, WEI // 2, WEI, WEI + 1, 5 * WEI, 10 * WEI, 11 * WEI])
PERSON = st.sampled_from([*PEOPLE, "exchange"])


class FoldMachine(RuleBasedStateMachine):
    """Proposals, approvals, authorizations (honest and not), stops and time in any order."""

    transfers = Bundle("transfers")

    def __init__(self) -> None:
        super().__init__()
        self.home = self.beginning()
        self.home.policy["limits"][0]["max"] = str(12 * WEI)
        self.home.ready()

    def beginning(self) -> Workspace:
        """The workspace, not created yet."""
        return Workspace()

    def attempt(self, action: Any, *arguments: Any, **changes: Any) -> Any:
        before = self.home.state
        try:
            return action(*arguments, **changes)
        except StrongroomError:
            assert self.home.state is before
            return None

    @rule(target=transfers, by=PERSON, amount=AMOUNTS, asset=st.sampled_from([ETH, TOKEN]))
    def propose(self, by: str, amount: int, asset: str) -> Any:
        return self.attempt(self.home.propose, by, amount=str(amount), asset=asset)

    @rule(name=transfers, person=PERSON)
    def approve(self, name: Any, person: str) -> None:
        if name is None:
            return
        answer = verdict(self.home.state, self.home.state.transfers[name], Moment.at(self.home.time))
        if isinstance(answer, Allowed):
            self.attempt(self.home.approve, name, person, answer.obligations.digest)

    @rule(name=transfers, to=st.sampled_from([None, OTHER]), value=st.sampled_from([None, 7]), fee=st.integers(1, 900))
    def authorize(self, name: Any, to: str | None, value: int | None, fee: int) -> None:
        if name is None:
            return
        changes: dict[str, Any] = {"max_fee": fee * 10**9, "max_priority_fee": 1}
        changes |= {} if to is None else {"to": to.rsplit(":", 1)[1]}
        changes |= {} if value is None else {"value": value}
        done = self.attempt(self.home.authorize, name, **changes)
        if done is not None:
            transfer = self.home.state.transfers[name]
            assert value is None or transfer.intent.asset == TOKEN
            assert to is None

    @rule(name=transfers, fee=st.integers(1, 900), null=st.booleans())
    def replace(self, name: Any, fee: int, null: bool) -> None:
        if name is None:
            return
        own = {"to": self.home.state.wallets["hot-eth"].address, "value": 0, "data": b""} if null else {}
        raw = self.home.payload(name, max_fee=fee * 10**9, max_priority_fee=1, **own)
        self.attempt(self.home.add, "transfer.replaced", {"transfer": name, "payload": raw.hex()})

    @rule(name=transfers, person=PERSON, kind=st.sampled_from(["reject", "cancel"]))
    def close(self, name: Any, person: str, kind: str) -> None:
        if name is not None:
            entry = {"reject": "transfer.rejected", "cancel": "transfer.cancelled"}[kind]
            self.attempt(self.home.stopped, entry, f"transfer.{kind}", {"transfer": name}, [person])

    @rule(person=PERSON, reason=st.text("ab", max_size=2))
    def freeze(self, person: str, reason: str) -> None:
        body = {"scope": "workspace", "target": "", "reason": reason}
        self.attempt(self.home.stopped, "workspace.frozen", "workspace.freeze", body, [person])

    @rule(people=st.lists(PERSON, max_size=3))
    def unfreeze(self, people: list[str]) -> None:
        for name in sorted(self.home.state.freezes):
            body = {"freeze": name}
            self.attempt(self.home.granted, "workspace.unfrozen", "workspace.unfreeze", body, people)

    @rule(minutes=st.integers(1, 3000))
    def wait(self, minutes: int) -> None:
        self.home.time += minutes * 60_000

    @invariant()
    def i4_i5_payloads_of_an_intent_conflict_and_anchors_serve_one(self) -> None:
        state = self.home.state
        nonces = [t.authorization.nonce for t in state.transfers.values() if t.authorization]
        assert sorted(nonces) == list(range(state.wallets["hot-eth"].next_nonce))
        for transfer in state.transfers.values():
            assert transfer.authorization or not transfer.payloads

    @invariant()
    def i6_no_window_passes_its_limit(self) -> None:
        state = self.home.state
        assert state.policy is not None
        used = usage(state, state.time)
        for window in state.windows:
            ceilings = [tier.out for tier in state.policy.tiers.values() if tier.out]
            for limit in (*state.policy.limits, *(c.fee_window for c in state.policy.chains.values()), *ceilings):
                if limit.window == window.shape:
                    assert used(window) <= limit.maximum

    @invariant()
    def i13_what_may_be_signed_pays_the_intent(self) -> None:
        state = self.home.state
        for transfer in state.transfers.values():
            for payload in transfer.payloads:
                try:
                    may_sign(state, transfer.id, payload.digest, self.home.time)
                except StrongroomError:
                    continue
                native = transfer.intent.asset == ETH
                paid = bytes.fromhex((PAYEE if native else TOKEN)[-40:])
                assert payload.null or paid in payload.raw

    def teardown(self) -> None:
        """I16: the history replays to the same state."""
        replayed = reduce(apply, (parse_entry(entry.raw) for entry in self.home.entries), EMPTY)
        assert state_digest(replayed) == state_digest(self.home.state)


class WideMachine(FoldMachine):
    """The same under fold rules 2: prices come, change and grow old; services screen what people pay in LUSD."""

    def beginning(self) -> Workspace:
        home = Workspace()
        home.policy = home.second_fold()
        home.policy["tiers"]["hot"]["ceiling"]["out"] = "1000000"
        home.policy["rules"][1]["when"]["value"] = {"max": "70000"}
        return home

    @rule(people=st.sampled_from([("oracle-1", "oracle-2"), ("oracle-3",)]), ether=st.sampled_from([0, 1, 2, 7]))
    def price(self, people: tuple[str, ...], ether: int) -> None:
        prices = {"ETH": str(ether * 10**14), "LUSD": "90000000000"}
        self.attempt(self.home.state_prices, people, **prices)

    @rule(
        name=FoldMachine.transfers,
        result=st.sampled_from(["clear", "flagged"]),
        by=st.sampled_from(["screener", "bob"]),
    )
    def screen(self, name: Any, result: str, by: str) -> None:
        if name is not None:
            self.attempt(self.home.screen, name, result, by)

    @invariant()
    def what_is_flagged_or_never_screened_is_not_signed(self) -> None:
        state = self.home.state
        for transfer in state.transfers.values():
            answer = verdict(state, transfer, Moment.at(state.time))
            if not isinstance(answer, Allowed) or answer.obligations.rule != "screened LUSD":
                continue
            clear = bool(transfer.screenings) and transfer.screenings[0].clear
            for payload in transfer.payloads:
                try:
                    signed = may_sign(state, transfer.id, payload.digest, self.home.time)
                except StrongroomError:
                    continue
                assert signed.null or clear


FoldMachine.TestCase.settings = settings(max_examples=max(60, settings().max_examples // 20), stateful_step_count=40)
TestFold = FoldMachine.TestCase
WideMachine.TestCase.settings = FoldMachine.TestCase.settings
TestWideFold = WideMachine.TestCase
