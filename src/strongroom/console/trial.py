"""What the policy would say to a proposal now: the fold itself is asked, and nothing is appended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from strongroom.custody.authority import in_force
from strongroom.custody.decision import Awaiting, describe, standing, verdict
from strongroom.custody.intents import parse_intent
from strongroom.custody.moment import Moment
from strongroom.custody.state import CustodyState, Transfer, TransferId
from strongroom.custody.transfers import opened
from strongroom.custody.words import terms
from strongroom.errors import StrongroomError
from strongroom.policy.evaluate import Allowed
from strongroom.policy.words import moment

_UNSIGNED: Final = TransferId("0" * 64)


@dataclass(frozen=True, slots=True)
class Trial:
    """`verdict` is allowed, waits or denied; `code` says why it is denied."""

    verdict: str
    title: str
    lines: tuple[str, ...] = ()
    code: str = ""

    def to_doc(self) -> dict[str, Any]:
        """For the page that asks while somebody types."""
        return {"verdict": self.verdict, "title": self.title, "lines": list(self.lines), "code": self.code}


def denied(error: StrongroomError) -> Trial:
    """A refusal as an answer."""
    title = error.message[:1].upper() + error.message[1:]
    return Trial("denied", title, (error.remedy,) if error.remedy else (), error.code)


def tried(state: CustodyState, person: str, key: str, subject: dict[str, Any], now: int) -> Trial:
    """The answer to an intent that this person would propose at `now` (unix ms)."""
    at = max(now, state.time)
    try:
        transfer = Transfer(_UNSIGNED, person, key, parse_intent(subject, state), at, touched=state.size)
        after = opened(state, transfer)
    except StrongroomError as error:
        return denied(error)
    policy, wallet = in_force(state), state.wallets[transfer.intent.wallet]
    stand, answer = standing(after, transfer, Moment.at(at)), verdict(after, transfer, Moment.at(at))
    lines: tuple[str, ...] = ()
    if isinstance(answer, Allowed):
        found = answer.obligations
        owed = terms(policy, found.terms, policy.chains[wallet.chain].native)
        lines = (f"rule “{found.rule}”", owed)
    if isinstance(stand, Awaiting) and stand.approvals:
        return Trial("waits", f"Allowed, once approved by {describe(stand)}", lines)
    if isinstance(stand, Awaiting):
        return Trial("waits", f"Allowed, after its delay: {moment(stand.not_before)}", lines)
    return Trial("allowed", "Allowed at once, without approvals", lines)
