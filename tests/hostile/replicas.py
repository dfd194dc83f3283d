"""Four real nodes whose coordinator is the test: what it makes up, every replica of the log refuses alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from strongroom.custody.digest import state_digest
from strongroom.custody.fold import apply
from strongroom.documents.envelope import Envelope
from strongroom.errors import StrongroomError
from strongroom.log.entry import new_entry
from tests.unit.signer.fleet import Fleet, codes
from tests.workspace import NODES, Workspace


class Replicas(Fleet):
    """The fleet, ready to sign, and what is attempted against it."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        super().__init__(workspace)
        self.ready()

    @contextmanager
    def unharmed(self, but: Iterable[str] = ()) -> Iterator[None]:
        """Every node but some holds afterwards exactly the state that it held before."""
        names = [name for name in NODES if name not in but]
        before = [self.digest(name) for name in names]
        yield
        assert [self.digest(name) for name in names] == before

    def refused(self, kind: str, body: dict[str, Any], evidence: Iterable[Envelope] = ()) -> str:
        """The one code with which every replica refuses an entry, as the fold does anywhere; nobody's state changes."""
        self.home.time = self.now
        size, entry = len(self.home.entries), new_entry(kind, self.now, body, tuple(evidence))
        assert self.digest("guardian-1") == (size, state_digest(self.home.state)), "the replicas agree beforehand"
        with pytest.raises(StrongroomError) as raised:
            apply(self.home.state, entry)
        with self.unharmed():
            found = codes(self.append(since=size, entries=[entry]))
        assert found == [raised.value.code] * len(NODES), found
        return raised.value.code
