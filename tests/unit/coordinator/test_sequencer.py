"""Rounds of the witnesses: quorum, refusals, cut tails, late nodes, restarts."""

from __future__ import annotations

import pytest

from strongroom.coordinator.history import valid_note
from strongroom.custody.state import CustodyState, TransferId
from strongroom.errors import Refused, StrongroomError
from strongroom.log.checkpoint import parse_note, quorum
from strongroom.log.entry import Entry, new_entry
from tests.unit.coordinator.doubles import Coordinator
from tests.workspace import NODES, WEI


async def ready(made: Coordinator, *names: str) -> None:
    await made.start(*names)
    await made.until(lambda: made.house.desk.cosigned.size == made.house.desk.state.size)


def listing(made: Coordinator, number: int) -> None:
    """Append one granting entry."""
    body = {"account": f"eip155:31337:0x{number:040x}", "group": "vendors", "label": "somebody"}
    made.house.desk.sequencer.submit("address.listed", body, [made.desk.statement("alice", "address.list", body)])


async def test_a_round_needs_three_of_four_witnesses(coordinator: Coordinator) -> None:
    """With two nothing is cosigned; the third brings the quorum, and the note verifies."""
    await coordinator.start("signer-1", "guardian-1")
    sequencer = coordinator.house.desk.sequencer
    assert not sequencer.ready
    coordinator.wires.join(coordinator.nodes["signer-2"])
    await coordinator.until(lambda: coordinator.house.service.note)
    state = coordinator.house.service.cosigned
    assert valid_note(state, coordinator.house.service.note) and state.policy
    note = parse_note(coordinator.house.service.note)
    witnesses = {name: node.credential for name, node in state.policy.nodes.items()}
    assert quorum(note, witnesses).keys() == {"signer-1", "signer-2", "guardian-1"}
    coordinator.nodes["signer-1"].silent.add("cosign")
    listing(coordinator, 1)
    await coordinator.until(lambda: coordinator.nodes["signer-1"].state.size == sequencer.history.state.size)
    assert sequencer.history.cosigned.size == sequencer.history.state.size - 1


async def test_forged_accepts_and_cosignatures_do_not_count(coordinator: Coordinator) -> None:
    """A bad witness cannot stand for another, nor for another head."""
    await coordinator.start("signer-1", "signer-2", "signer-3")
    bad = coordinator.nodes["signer-3"]
    bad.key = coordinator.desk.keys["signer-1"]
    sequencer = coordinator.house.desk.sequencer
    await coordinator.until(lambda: sequencer.ready and sequencer.round and len(sequencer.round.accepts) == 2)
    round_ = sequencer.round
    assert round_ is not None
    answer = coordinator.nodes["signer-1"].accept().head
    coordinator.house.hall.take("signer-3", bad.frame("accept", answer))
    coordinator.house.hall.take("signer-3", bad.frame("accept", {**answer, "node": "signer-3"}))
    coordinator.house.hall.take("signer-3", bad.frame("cosignature", {"size": round_.size, "line": "nonsense"}))
    coordinator.house.hall.take("signer-3", bad.frame("accept", {"size": 1}))
    coordinator.house.hall.take("signer-3", bad.frame("nonsense", {}))
    assert len(round_.accepts) == 2 and not round_.lines and not coordinator.house.service.note


async def test_a_late_node_is_led_to_the_head(coordinator: Coordinator) -> None:
    """Also while no round runs, over several noted sizes, with a note that vouches for the old times."""
    late = coordinator.nodes["signer-3"]
    late.hold([])
    await ready(coordinator, "signer-1", "signer-2", "guardian-1")
    for number in range(1, 6):
        listing(coordinator, number)
        await coordinator.until(lambda: coordinator.house.desk.cosigned.size == coordinator.house.desk.state.size)
    coordinator.wires.join(late)
    await coordinator.until(lambda: late.state.size == coordinator.house.desk.state.size)
    assert late.state.root == coordinator.house.desk.state.root
    appends = [frame for frame in late.seen if frame.kind == "append"]
    assert appends and all(frame.head["note"] for frame in appends)
    await coordinator.until(lambda: late.note == coordinator.house.service.note)


async def test_what_the_witnesses_refuse_leaves_the_log_and_the_rest_stays(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A coordinator whose own fold is blind: every witness refuses, the entry is cut, its neighbours come again."""
    await ready(coordinator)
    desk, sequencer = coordinator.desk, coordinator.house.desk.sequencer
    told: list[tuple[str, set[str]]] = []
    sequencer.on_refused.append(lambda entry, nos: told.append((entry.kind, {n.code for n in nos.values()})))
    honest = sequencer.history._check

    def blind(state: CustodyState, entry: Entry) -> CustodyState:
        try:
            return honest(state, entry)
        except StrongroomError:
            from dataclasses import replace

            tree = state.tree.append(entry.leaf)
            return replace(state, tree=tree, time=entry.time, roots=state.roots.set(tree.size, tree.root()))

    monkeypatch.setattr(sequencer.history, "_check", blind)
    before = coordinator.house.desk.state.size
    listing(coordinator, 1)
    body = {"account": "eip155:31337:0x" + "77" * 20, "group": "vendors", "label": "a thief"}
    sequencer.submit("address.listed", body, [])
    listing(coordinator, 2)
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == before + 2)
    assert told == [("address.listed", {"evidence.count"})]
    accounts = {account for account, _ in coordinator.house.desk.cosigned.addresses}
    assert len(accounts) == 2 and not any("7777" in account for account in accounts)
    assert all(node.state.size == before + 2 for node in coordinator.nodes.values())
    assert desk.state.size == before


async def test_old_times_are_vouched_for_by_two_accepts(coordinator: Coordinator) -> None:
    """Two witnesses hold a tail while the third is away for ten minutes: it is cosigned as it is."""
    await ready(coordinator)
    for node in coordinator.nodes.values():
        node.minds_time = True
    coordinator.wires.part("signer-3")
    coordinator.wires.part("guardian-1")
    listing(coordinator, 1)
    state = coordinator.house.desk.state
    await coordinator.until(lambda: coordinator.nodes["signer-2"].state.size == state.size)
    coordinator.now += 600_000
    coordinator.wires.join(coordinator.nodes["signer-3"])
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == state.size)
    assert coordinator.house.desk.cosigned.root == state.root


async def test_old_times_that_nobody_vouches_for_are_made_new(coordinator: Coordinator) -> None:
    """One witness holds the tail, the others come ten minutes later: it is sequenced again with the present time."""
    await ready(coordinator)
    for node in coordinator.nodes.values():
        node.minds_time = True
    for name in ("signer-2", "signer-3", "guardian-1"):
        coordinator.wires.part(name)
    listing(coordinator, 1)
    old = coordinator.house.desk.state
    await coordinator.until(lambda: coordinator.nodes["signer-1"].state.size == old.size)
    coordinator.now += 600_000
    for name in ("signer-2", "signer-3", "guardian-1"):
        coordinator.wires.join(coordinator.nodes[name])
    desk = coordinator.house.desk
    await coordinator.until(lambda: desk.cosigned.size == old.size)
    assert desk.cosigned.root != old.root and desk.cosigned.time == coordinator.now
    await coordinator.until(lambda: coordinator.nodes["signer-1"].state.root == desk.cosigned.root)


async def test_an_idle_head_is_cosigned_again(coordinator: Coordinator) -> None:
    """Every ten seconds the same size gets a new time, so that checkpoints stay fresh."""
    await ready(coordinator)
    first = coordinator.house.service.note
    coordinator.now += 20_000
    await coordinator.until(lambda: coordinator.house.service.note != first)
    old, new = parse_note(first), parse_note(coordinator.house.service.note)
    assert old.checkpoint == new.checkpoint


async def test_a_restart_goes_on_from_the_store(coordinator: Coordinator) -> None:
    """What was durable is there again; the note too, or it is signed anew."""
    await ready(coordinator)
    listing(coordinator, 1)
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == coordinator.house.desk.state.size)
    state = coordinator.house.desk.state
    await coordinator.crash()
    await coordinator.start()
    assert coordinator.house.desk.state.root == state.root
    await coordinator.until(lambda: coordinator.house.desk.cosigned.root == state.root)
    listing(coordinator, 2)
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == state.size + 1)


async def test_after_a_restored_backup_the_nodes_log_is_adopted(coordinator: Coordinator) -> None:
    """A coordinator that has lost its newest entries takes them from the witnesses before it sequences anything."""
    await ready(coordinator)
    desk, store = coordinator.desk, coordinator.house.desk.sequencer
    backup = store.history.state.size
    for number in range(1, 8):
        listing(coordinator, number)
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == backup + 7)
    whole = coordinator.house.desk.state
    await coordinator.crash()
    with coordinator.database.transaction() as connection:
        connection.exec_driver_sql(f"DELETE FROM entries WHERE idx >= {backup}")
        connection.exec_driver_sql(f"DELETE FROM notes WHERE size > {backup}")
        for level in range(20):
            connection.exec_driver_sql(f"DELETE FROM tree_nodes WHERE level = {level} AND idx >= {backup >> level}")
    await coordinator.start()
    assert coordinator.house.desk.state.size == backup
    await coordinator.until(lambda: coordinator.house.desk.cosigned.root == whole.root)
    listing(coordinator, 9)
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == backup + 8)
    assert desk.state.size == backup


async def test_a_tail_that_most_nodes_hold_is_adopted_and_a_conflicting_one_replaced(coordinator: Coordinator) -> None:
    """Three hold one uncosigned tail, one holds another: theirs becomes the log's, and the fourth follows."""
    desk = coordinator.desk
    most, lone = desk.clone(), desk.clone()
    transfer = most.propose()
    lone.propose(amount=str(WEI // 4))
    for name in NODES:
        held = lone if name == "signer-3" else most
        coordinator.nodes[name].hold([entry.raw for entry in held.entries])
    await coordinator.start()
    await coordinator.until(lambda: TransferId(transfer) in coordinator.house.desk.cosigned.transfers)
    fourth = coordinator.nodes["signer-3"]
    await coordinator.until(lambda: TransferId(transfer) in fourth.state.transfers)
    assert len(fourth.state.transfers) == 1


async def test_a_tail_that_a_quorum_holds_is_adopted_at_any_time(coordinator: Coordinator) -> None:
    """Somebody else has had three witnesses accept another entry: ours could never be cosigned."""
    await ready(coordinator)
    other = coordinator.desk.clone()
    transfer = other.propose()
    for name in NODES[1:]:
        coordinator.nodes[name].hold([entry.raw for entry in other.entries])
    listing(coordinator, 1)
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size > other.state.size)
    assert TransferId(transfer) in coordinator.house.desk.cosigned.transfers
    assert coordinator.house.desk.cosigned.addresses


async def test_a_node_that_goes_another_way_behind_the_cosigned_head_is_told_its_note(coordinator: Coordinator) -> None:
    """Its cosigned state is where people's orders are verified, a repair's among them."""
    await ready(coordinator)
    other, node = coordinator.desk.clone(), coordinator.nodes["signer-1"]
    other.propose()
    node.hold([entry.raw for entry in other.entries])
    node.note = ""
    desk = coordinator.house.desk
    desk.peers["signer-1"].told = ""
    desk.sequencer.ask_head(desk.peers["signer-1"])
    await coordinator.until(lambda: node.note == desk.sequencer.history.note)
    assert desk.peers["signer-1"].diverged


async def test_times_never_run_backwards(coordinator: Coordinator) -> None:
    """A clock that is set back does not stop the log."""
    await ready(coordinator)
    coordinator.now -= 100_000
    before = coordinator.house.desk.state.time
    listing(coordinator, 1)
    assert coordinator.house.desk.state.time == before


async def test_an_entry_that_the_fold_refuses_changes_nothing(coordinator: Coordinator) -> None:
    """Neither the state nor the store nor a round."""
    await ready(coordinator)
    state, sequencer = coordinator.house.desk.state, coordinator.house.desk.sequencer
    with pytest.raises(Refused):
        sequencer.submit("policy.adopted", {"version": 2})
    with pytest.raises(Refused):
        sequencer.history.try_entry(new_entry("nonsense", sequencer.next_time(), {}))
    assert coordinator.house.desk.state is state and sequencer.round is None


@pytest.mark.parametrize("column", ["time", "label"])
async def test_an_entry_edited_in_the_database_is_fetched_again(coordinator: Coordinator, column: str) -> None:
    """Whether the fold refuses the edited entry or only the root differs: the witnesses' log is the log."""
    await ready(coordinator)
    for number in range(1, 4):
        listing(coordinator, number)
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == coordinator.house.desk.state.size)
    whole = coordinator.house.desk.state
    await coordinator.crash()
    index = whole.size - 2
    with coordinator.database.transaction() as connection:
        (raw,) = connection.exec_driver_sql(f"SELECT raw FROM entries WHERE idx = {index}").one()
        if column == "label":
            forged = raw.replace(b'"label":"somebody"', b'"label":"somebodY"')
        else:
            at = raw.rindex(b'"time":') + len(b'"time":')
            forged = raw[:at] + str(int(raw[at:-1]) - 1).encode() + raw[-1:]
        assert forged != raw and len(forged) == len(raw)
        connection.exec_driver_sql("UPDATE entries SET raw = ? WHERE idx = ?", (forged, index))
    await coordinator.start()
    await coordinator.until(lambda: coordinator.house.desk.cosigned.root == whole.root)
    assert coordinator.house.service.entries(index, 1) != [forged]
    listing(coordinator, 9)
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == whole.size + 1)
    await coordinator.crash()
    await coordinator.start()
    assert coordinator.house.desk.state.size == whole.size + 1, "and so it stands on disk"
    assert coordinator.house.desk.state.roots[whole.size] == whole.root
