"""What all pages share: the coordinator's service, the gate, the drawing, and the frame around every page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from strongroom.api.facade import Clock, Service
from strongroom.console.gate import PATH, Gate
from strongroom.console.pending import Enrolments
from strongroom.console.sessions import Session
from strongroom.custody.authority import in_force
from strongroom.custody.state import CustodyState
from strongroom.pages.draw import Pages
from strongroom.policy.model import Policy

HERE: Final = Path(__file__).parent
SECTIONS: Final = (
    ("inbox", "/", "Inbox"),
    ("transfers", "/transfers", "Transfers"),
    ("wallets", "/wallets", "Wallets"),
    ("people", "/people", "People"),
    ("policy", "/policy", "Policy"),
    ("audit", "/audit", "Audit"),
)


@dataclass(frozen=True, slots=True)
class Console:
    """The console over a coordinator."""

    service: Service
    clock: Clock
    gate: Gate
    pages: Pages = field(default_factory=lambda: Pages(HERE / "templates"))
    enrolments: Enrolments = field(default_factory=Enrolments)

    @property
    def state(self) -> CustodyState:
        """The sequenced state."""
        return self.service.state

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return in_force(self.service.state)

    def visitor(self, request: Request) -> Session:
        """Who is signed in; raises Denied session.missing."""
        return self.gate.visitor(request, self.state)

    def page(self, template: str, section: str, visitor: Session | None, status: int = 200, **values: Any) -> Response:
        """A page in its frame; what the session had to say is said."""
        state, now = self.state, self.clock()
        notice = ""
        if visitor is not None:
            notice, visitor.notice = visitor.notice, ""
        frozen = [f for f in state.freezes.values() if f.ends is None or f.ends > now]
        frame = {
            "path": PATH,
            "section": section,
            "sections": SECTIONS,
            "label": self.policy.label,
            "workspace": state.workspace,
            "version": self.policy.version,
            "visitor": visitor,
            "notice": notice,
            "freezer": visitor is not None and visitor.person in self.policy.freezers,
            "administrator": visitor is not None and visitor.person in self.policy.administrators.members,
            "frozen": sorted(frozen, key=lambda freeze: -freeze.time),
            "size": state.size,
            "cosigned": self.service.cosigned.size,
            "now": now,
        }
        return self.pages.html(template, {**frame, **values}, status)
