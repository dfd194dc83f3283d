"""A person's own machine against whoever owns the coordinator, its log key, every mirror and one witness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from strongroom.approver.deeds import approval
from strongroom.approver.replica import Replica
from strongroom.approver.shelf import Shelf
from strongroom.approver.showing import shown
from strongroom.approver.sources import Follower
from strongroom.chains.evm.checksum import checksum
from strongroom.custody.digest import state_digest
from strongroom.documents.statement import statement_hash
from strongroom.errors import Refused
from strongroom.log.checkpoint import Checkpoint, Note, cosign, origin_of
from strongroom.log.entry import new_entry
from tests.hostile.attacker import careless
from tests.unit.approver.mirror import Mirror
from tests.workspace import NODES, PAYEE, WEI, Workspace

THIEF = "eip155:31337:0x" + "66" * 20


class Machine:
    """Bob's machine, which has followed an honest log so far."""

    def __init__(self, home: Workspace, path: Path) -> None:
        self.home, self.mirror = home, Mirror(home)
        self.follower = Follower(Replica(home.state.workspace, Shelf(path)), [self.mirror])
        self.follower.look()

    def refuses(self, code: str) -> None:
        """Looking changes nothing, and says why."""
        replica = self.follower.replica
        before = state_digest(replica.state), replica.head
        self.follower.look()
        error = self.follower.looks[0].error
        assert error is not None and error.code == code
        assert (state_digest(replica.state), replica.head) == before

    def shown(self, name: str) -> dict[str, Any]:
        state = self.follower.replica.state
        return shown(state, state.transfers[name], "bob", self.home.time)  # type: ignore[index]


@pytest.fixture
def home() -> Workspace:
    return Workspace().ready()


def test_an_approvers_machine_shows_whom_the_log_pays_and_nothing_that_a_coordinator_adds(
    home: Workspace, tmp_path: Path
) -> None:
    """Labels, recipients and decisions in the coordinator's own documents are never asked for."""
    name = home.propose("alice", amount=str(2 * WEI))
    machine = Machine(home, tmp_path)
    assert set(machine.mirror.asked) == {"/v1/checkpoint", "/v1/entries"}
    assert machine.shown(name)["to"]["address"] == checksum(PAYEE.rpartition(":")[2])
    assert machine.shown(name)["to"]["listed_as"] == []


def test_an_approvers_machine_takes_no_entry_that_people_have_not_signed(home: Workspace, tmp_path: Path) -> None:
    """The log key sequences a proposal of its own; no cosignature is needed to refuse it."""
    machine = Machine(home, tmp_path)
    liar = home.clone()
    liar.keys["exchange"] = liar.keys["coordinator"]
    forged = liar.statement("exchange", "transfer.propose", liar.intent(to=THIEF))
    entry = new_entry("transfer.proposed", liar.time, {"transfer": statement_hash(forged)}, [forged])
    liar.entries.append(entry)
    liar.state = careless(liar.state, entry)
    machine.mirror.show(liar)
    machine.refuses("statement.unknown_key")


def test_an_approvers_machine_counts_a_witness_once_however_often_it_signs(home: Workspace, tmp_path: Path) -> None:
    """One bad witness and the coordinator: its line three times, under its name and under others'."""
    machine = Machine(home, tmp_path)
    home.propose()
    machine.mirror.show(home)
    head, now = Checkpoint(origin_of(home.state.workspace), home.state.size, home.state.root), home.time // 1000
    bad = home.keys["signer-1"]
    lines = [cosign(head, bad, name, now) for name in NODES[:3]]
    lines += [cosign(head, bad, "signer-1", now + number) for number in range(4)]
    machine.mirror.note = Note(head, tuple(lines)).text()
    machine.refuses("checkpoint.no_quorum")


def test_an_approvers_machine_is_not_made_to_believe_that_an_old_head_is_new(home: Workspace, tmp_path: Path) -> None:
    """The newest head is withheld, and the bad witness dates the old one anew: an approval is refused by the age."""
    name = home.propose("alice", amount=str(2 * WEI))
    machine = Machine(home, tmp_path)
    head = Checkpoint(origin_of(home.state.workspace), home.state.size, home.state.root)
    then, home.time = home.time // 1000, home.time + 600_000
    lines = [cosign(head, home.keys[node], node, then) for node in NODES[1:3]]
    lines.append(cosign(head, home.keys["signer-1"], "signer-1", home.time // 1000))
    machine.mirror.note = Note(head, tuple(lines)).text()
    machine.follower.look()
    replica = machine.follower.replica
    assert replica.head.age(home.time) == 600
    with pytest.raises(Refused, match=r"checkpoint\.stale"):
        replica.head.require_fresh(home.time, 120)
    transfer, key = replica.state.transfers[name], home.keys["bob"].key_id
    statement = approval(replica.known, transfer, person="bob", key=key, now=home.time)
    assert statement.seen == replica.head.seen, "what it signs names what it had seen, however old"


def test_an_approvers_machine_does_not_follow_witnesses_that_have_left(home: Workspace, tmp_path: Path) -> None:
    """Two retired keys and a bad witness sign another past, from before the change that they were replaced by."""
    branch = home.clone()
    machine = Machine(home, tmp_path)
    home.change(joins="guardian-2", leaves="guardian-1")
    home.certify(("signer-1", "signer-2", "signer-3", "guardian-2"))
    machine.mirror.show(home, ("signer-1", "signer-2", "guardian-2"))
    machine.follower.look()
    assert machine.follower.looks[0].error is None
    for number in range(4):
        branch.propose(idempotency=str(number))
    machine.mirror.show(branch, ("signer-1", "signer-2", "guardian-1"))
    machine.refuses("checkpoint.not_extending")


def test_an_approvers_machine_knows_its_own_workspace_only(home: Workspace, tmp_path: Path) -> None:
    """The attacker's workspace has the same people, policy and witnesses' names; its first entry is another."""
    machine = Machine(home, tmp_path)
    machine.mirror.show(Workspace(start=home.time + 1).ready())
    machine.refuses("workspace.not_created_here")
