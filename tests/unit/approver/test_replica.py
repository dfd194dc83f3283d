"""The log on a person's own machine: verified as a signer verifies it, never backwards, whoever shows it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.approver import replica as replica_module
from strongroom.approver.replica import Head, Replica
from strongroom.approver.shelf import Shelf
from strongroom.approver.sources import Follower
from strongroom.custody.digest import state_digest
from strongroom.custody.state import CustodyState, TransferId
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import statement_hash
from strongroom.errors import Refused, StrongroomError
from strongroom.log.checkpoint import parse_note
from strongroom.log.entry import Entry, new_entry
from tests.unit.approver.mirror import Mirror
from tests.workspace import NODES, PAYEE, WEI, Workspace

THIEF = "eip155:31337:0x" + "66" * 20
ROOT = Path(__file__).parents[3]
Machine = Callable[..., Follower]


def refusal(machine: Follower) -> str:
    """The code with which the only source is refused; nothing of the machine's own has changed."""
    before = machine.replica.state, machine.replica.head
    machine.look()
    assert (machine.replica.state, machine.replica.head) == before
    error = machine.looks[0].error
    assert error is not None
    return error.code


def test_an_honest_log_is_followed_and_known_again_after_a_restart(
    home: Workspace, machine: Machine, asked: TransferId, mirror: Mirror
) -> None:
    follower = machine(mirror)
    mirror.show(home)
    assert follower.look() and follower.looks[0].error is None
    assert state_digest(follower.replica.state) == state_digest(home.state)
    assert not follower.look()
    home.stopped("transfer.rejected", "transfer.reject", {"transfer": asked}, ["bob"])
    mirror.show(home)
    assert follower.look() and follower.replica.state.transfers[asked].closed
    again = machine(mirror)
    assert again.replica.head == follower.replica.head and state_digest(again.replica.state) == state_digest(home.state)
    asked_before = len(mirror.asked)
    assert not again.look() and mirror.asked[asked_before:] == ["/v1/checkpoint"]


def test_a_head_is_as_old_as_its_quorum_and_a_newer_cosignature_makes_it_younger(
    home: Workspace, machine: Machine, mirror: Mirror
) -> None:
    follower = machine(mirror)
    follower.look()
    head = follower.replica.head
    assert head.age(home.time + 60_000) == 60
    head.require_fresh(home.time + 60_000, 120)
    for late, code in ((121_000, "checkpoint.stale"), (-130_000, "time.outside_skew")):
        with pytest.raises(Refused) as caught:
            head.require_fresh(home.time + late, 120)
        assert caught.value.code == code
    home.time += 300_000
    mirror.show(home)
    assert follower.look() and follower.replica.head.age(home.time) == 0
    old = mirror.note
    home.time -= 300_000
    mirror.show(home)
    assert mirror.note != old and not follower.look() and follower.replica.head.age(home.time) == -300
    with pytest.raises(Refused, match=r"checkpoint\.missing"):
        Head().require_fresh(home.time, 120)


def test_a_source_of_another_workspace_is_refused(home: Workspace, machine: Machine, mirror: Mirror) -> None:
    other = Workspace(start=home.time + 1).ready()
    mirror.show(other)
    assert refusal(machine(mirror)) == "workspace.not_created_here"
    named = Mirror(home)
    named.entries = [entry.raw for entry in other.entries]
    assert refusal(machine(named)) == "workspace.not_created_here"


def test_a_checkpoint_without_a_quorum_is_refused(home: Workspace, machine: Machine, mirror: Mirror) -> None:
    mirror.show(home, NODES[:2])
    assert refusal(machine(mirror)) == "checkpoint.no_quorum"
    mirror.show(home)
    mirror.note = mirror.note.split("\n\n")[0] + "\n\n" + "\u2014 signer-1 AAAAAAAAAAAA\n"
    assert refusal(machine(mirror)) == "checkpoint.no_quorum"
    mirror.note = "nonsense"
    assert refusal(machine(mirror)) == "checkpoint.syntax"


def test_a_forged_entry_is_refused_whatever_else_is_right(
    home: Workspace, machine: Machine, asked: TransferId, mirror: Mirror
) -> None:
    """Another recipient in the bytes of the proposal, another id, another entry, and what is none."""
    mirror.show(home)
    genuine = mirror.entries[-1]
    evidence = home.entries[-1].evidence[0]
    paying_a_thief = evidence.payload.replace(PAYEE.encode(), THIEF.encode())
    forged = Envelope(paying_a_thief, evidence.payload_type, evidence.signatures)
    body = {"transfer": statement_hash(forged)}
    mirror.entries[-1] = new_entry("transfer.proposed", home.time, body, [forged]).raw
    assert refusal(machine(mirror)) == "credential.bad_signature"
    for raw, code in (
        (genuine.replace(asked.encode(), b"00" * 32), "transfer.id"),
        (genuine.replace(b'"time"', b'"tame"'), "document.missing_field"),
        (mirror.entries[-2], "statement.already_counted"),
        (b"{}", "document.missing_field"),
    ):
        mirror.entries[-1] = raw
        assert refusal(machine(mirror)) == code


def test_an_entry_that_the_fold_takes_but_no_quorum_has_cosigned_is_refused(
    home: Workspace, machine: Machine, mirror: Mirror
) -> None:
    """A branch of the attacker's own, below a genuine checkpoint of the real one."""
    base = home.clone()
    home.propose(idempotency="real")
    base.propose(idempotency="other")
    mirror.show(home)
    mirror.entries = [entry.raw for entry in base.entries]
    assert refusal(machine(mirror)) == "checkpoint.not_extending"


def test_it_never_goes_back_nor_sideways(home: Workspace, machine: Machine, mirror: Mirror) -> None:
    """A shorter log, another branch of it however well cosigned, and one that holds fewer entries than it says."""
    fork = home.clone()
    old = Mirror(home)
    home.propose(idempotency="one")
    home.propose(idempotency="two")
    mirror.show(home)
    follower = machine(mirror)
    follower.look()
    assert refusal(machine(old)) == "checkpoint.not_extending"
    fork.propose(idempotency="three", amount=str(WEI // 4))
    assert refusal(machine(Mirror(fork))) == "checkpoint.not_extending"
    fork.propose(idempotency="four")
    fork.propose(idempotency="five")
    assert refusal(machine(Mirror(fork))) == "checkpoint.not_extending"
    home.propose(idempotency="six")
    mirror.show(home)
    del mirror.entries[-1]
    assert refusal(machine(mirror)) == "log.gap"


def test_the_witnesses_may_change_and_the_new_ones_alone_count_then(
    home: Workspace, machine: Machine, mirror: Mirror
) -> None:
    follower = machine(mirror)
    follower.look()
    home.change(joins="guardian-2", leaves="guardian-1")
    mirror.show(home, ("signer-1", "signer-2", "guardian-2"))
    assert refusal(follower) == "checkpoint.no_quorum"
    mirror.show(home, ("signer-1", "signer-2", "signer-3", "guardian-2"))
    assert follower.look()
    home.certify(("signer-1", "signer-2", "signer-3", "guardian-2"))
    mirror.show(home, ("signer-1", "signer-2", "guardian-1"))
    assert refusal(follower) == "checkpoint.no_quorum"
    mirror.show(home, ("signer-1", "signer-2", "guardian-2"))
    assert follower.look()
    assert machine(mirror).replica.head.size == home.state.size


def test_it_starts_from_its_own_snapshot(
    home: Workspace, machine: Machine, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a seal that a quorum has cosigned; the entries before it are not folded again."""
    home.add("state.sealed", {"digest": state_digest(home.state)})
    home.propose()
    mirror.show(home)
    machine(mirror).look()
    folded: list[str] = []
    honest = replica_module.apply

    def watched(state: CustodyState, entry: Entry) -> CustodyState:
        folded.append(entry.kind)
        return honest(state, entry)

    monkeypatch.setattr(replica_module, "apply", watched)
    again = machine(mirror)
    assert folded == ["state.sealed", "transfer.proposed"]
    assert state_digest(again.replica.state) == state_digest(home.state)


def test_a_long_log_comes_in_pages_and_says_how_far_it_is(
    home: Workspace, machine: Machine, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_module, "PAGE", 3)
    told: list[tuple[int, int]] = []
    machine(mirror).look(lambda done, total: told.append((done, total)))
    size = home.state.size
    assert told == [(min(done, size), size) for done in range(3, size + 3, 3)]


KILLED = """
import os, sys
from pathlib import Path
from strongroom.approver import replica
from strongroom.approver.shelf import Shelf
from strongroom.approver.sources import Follower
from tests.unit.approver.mirror import Mirror
from tests.workspace import Workspace

home = Workspace().ready()
machine = Follower(replica.Replica(home.state.workspace, Shelf(Path(sys.argv[1]))), [Mirror(home)])
machine.look()
for name in ("one", "two", "three"):
    home.propose(idempotency=name)
machine._sources[0].show(home)
replica.PAGE = 1
machine.look(lambda done, total: os.kill(os.getpid(), 9) if done == total - 1 else None)
"""


def test_a_process_killed_while_it_reads_knows_what_it_knew(
    home: Workspace, machine: Machine, mirror: Mirror, tmp_path: Path
) -> None:
    """kill -9 among the pages of a new head: nothing of it is kept before all of it was verified."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -9
    known = home.state.size
    assert Shelf(tmp_path).entries(known, 10) == []
    again = machine(mirror)
    assert again.replica.state.size == again.replica.head.size == known
    home.propose(idempotency="one")
    mirror.show(home)
    assert again.look() and again.replica.state.size == home.state.size


def test_two_processes_share_a_home(home: Workspace, machine: Machine, mirror: Mirror) -> None:
    """A command reads on while a page is open; the page takes over what the command has verified."""
    page, command = machine(mirror), machine(mirror)
    home.propose()
    mirror.show(home)
    command.look()
    mirror.entries.clear()
    page.look()
    assert page.replica.head == command.replica.head and page.looks[0].error is None


def test_a_home_that_was_tampered_with_is_not_used(
    home: Workspace, machine: Machine, mirror: Mirror, tmp_path: Path
) -> None:
    machine(mirror).look()
    shelf = Shelf(tmp_path)
    shelf._sql.execute("DELETE FROM entry WHERE position = 2")
    with pytest.raises(Refused, match=r"log\.damaged"):
        machine(mirror)
    shelf._sql.execute("DELETE FROM entry")
    shelf.put_note(mirror.note.replace(str(parse_note(mirror.note).checkpoint.size), "1", 1))
    with pytest.raises(Refused, match=r"log\.damaged"):
        Replica(home.state.workspace, shelf)


def test_one_source_that_can_be_verified_is_enough(home: Workspace, machine: Machine, mirror: Mirror) -> None:
    """What is wrong with the others is told all the same."""
    away, liar = Mirror(home), Mirror(home, NODES[:1])
    away.down = True
    follower = machine(away, liar, mirror)
    follower.look()
    assert [look.error.code if look.error else "" for look in follower.looks] == [
        "api.unreachable",
        "checkpoint.no_quorum",
        "",
    ]
    follower.require_word()
    alone = machine(away, liar)
    alone.look()
    with pytest.raises(StrongroomError, match=r"checkpoint\.no_quorum"):
        alone.require_word()
