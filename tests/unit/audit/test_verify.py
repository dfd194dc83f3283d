"""The audit of whole bundles: it passes on real logs, and names the place of everything else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.audit.bundle import bundle_lines
from strongroom.audit.finding import AuditFailed
from strongroom.audit.verify import verify_bundle
from strongroom.custody.digest import state_digest
from strongroom.documents.canonical import encode, parse
from strongroom.errors import InvalidInput
from strongroom.log.checkpoint import Checkpoint, Note, SignatureLine, cosign, origin_of
from strongroom.log.entry import leaf_hash
from strongroom.log.signature import sign_checkpoint
from strongroom.log.tree import CompactRange
from tests.workspace import NODES, TOKEN, Workspace

QUORUM = NODES[:3]


def checkpoint_of(workspace: Workspace) -> Checkpoint:
    return Checkpoint(origin_of(workspace.state.workspace), workspace.state.size, workspace.state.root)


def note_of(workspace: Workspace, witnesses: tuple[str, ...] = QUORUM, head: Checkpoint | None = None) -> str:
    head = head or checkpoint_of(workspace)
    lines = [sign_checkpoint(head, workspace.keys["coordinator"])]
    lines += [cosign(head, workspace.keys[name], name, workspace.time // 1000) for name in witnesses]
    return Note(head, tuple(lines)).text()


def bundle_of(workspace: Workspace, note: str | None = None) -> bytes:
    raws = [entry.raw for entry in workspace.entries]
    return b"".join(bundle_lines(workspace.state.workspace, raws, note or note_of(workspace)))


def lived_in() -> Workspace:
    """Two transfers authorized, one cancelled, a freeze."""
    workspace = Workspace().ready()
    workspace.authorize(workspace.propose())
    workspace.time += 1000
    workspace.authorize(workspace.propose(asset=TOKEN, amount="2500000"))
    workspace.time += 1000
    cancelled = workspace.propose()
    workspace.stopped("transfer.cancelled", "transfer.cancel", {"transfer": cancelled}, ["exchange"])
    freeze = {"scope": "workspace", "target": "", "reason": "drill"}
    workspace.stopped("workspace.frozen", "workspace.freeze", freeze, ["carol"])
    return workspace


LIVED_IN = lived_in()
BUNDLE = bundle_of(LIVED_IN)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audit") / "bundle"


def failure(place: Path, data: bytes) -> AuditFailed:
    place.write_bytes(data)
    with pytest.raises(AuditFailed) as caught:
        verify_bundle(place)
    return caught.value


def index_named(message: str) -> int | None:
    found = re.match(r"entry ([0-9]+) \(", message)
    return int(found[1]) if found else None


def part_at(data: bytes, position: int) -> tuple[str, int | None]:
    """The part of the bundle, and the entry's number, that the byte at a position belongs to."""
    if position >= data.index(b"\nend "):
        return "end", None
    if position >= data.index(b"\n\n") + 1:
        return "checkpoint", None
    line = data.count(b"\n", 0, position)
    return ("header", None) if line == 0 else ("entry", line - 1)


def test_a_real_log_passes_and_is_told(place: Path) -> None:
    place.write_bytes(BUNDLE)
    calls: list[tuple[int, int]] = []
    report = verify_bundle(place, lambda done, total: calls.append((done, total)))
    assert calls[-1] == (len(BUNDLE), len(BUNDLE))
    assert report.digest == state_digest(LIVED_IN.state)
    doc = report.to_doc()
    assert parse(encode(doc)) == doc
    assert doc["entries"] == len(LIVED_IN.entries) and doc["root"] == LIVED_IN.state.root.hex()
    assert doc["kinds"]["transfer.proposed"] == 3 and doc["kinds"]["signer.started"] == 4
    assert sorted(doc["checkpoint"]["cosigned"]) == sorted(QUORUM)
    shown = [(item["shown"], item["phase"]) for item in doc["transfers"]]
    assert shown == [("0.5 ETH", "authorized"), ("2.5 LUSD", "authorized"), ("0.5 ETH", "closed")]
    assert [item["nonce"] for item in doc["transfers"]] == [0, 1, None]
    text = "\n".join(report.to_lines())
    for words in ("2.5 LUSD from hot-eth", "Freezes\n", "carol", "version 1 since entry 0", report.digest, "TEST"):
        assert words in text


def test_headings_without_rows_say_so(place: Path) -> None:
    place.write_bytes(bundle_of(Workspace().create()))
    lines = verify_bundle(place).to_lines()
    assert {"Keys: none", "Wallets: none", "Transfers: none", "Freezes: none"} <= set(lines)


@settings(max_examples=150)
@given(st.data())
def test_any_flipped_byte_is_found_and_its_place_named(place: Path, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(BUNDLE) - 1))
    flipped = bytearray(BUNDLE)
    flipped[position] ^= data.draw(st.integers(1, 255))
    error = failure(place, bytes(flipped))
    if BUNDLE[position : position + 1] == b"\n":
        return  # it joins two parts, and either may be named
    assert (error.place.part, error.place.index) == part_at(BUNDLE, position)
    assert index_named(error.message) == error.place.index


def test_every_byte_of_the_checkpoint_counts(place: Path) -> None:
    start, end = BUNDLE.index(b"\n\n") + 2, BUNDLE.index(b"\nend ") - 1
    for position in range(start, end, 3):
        flipped = bytearray(BUNDLE)
        flipped[position] ^= 1
        assert failure(place, bytes(flipped)).place.part == "checkpoint"


@settings(max_examples=100)
@given(st.integers(0, len(BUNDLE) - 1))
def test_a_bundle_cut_anywhere_fails(place: Path, length: int) -> None:
    failure(place, BUNDLE[:length])


def test_a_bundle_cut_in_its_checkpoint_fails(place: Path) -> None:
    for length in range(BUNDLE.index(b"\n\n") + 2, BUNDLE.index(b"\nend ") + 1):
        assert failure(place, BUNDLE[:length]).place.part == "checkpoint"


@pytest.mark.parametrize("extra", [b"\n", b"x", b" ", b"\xff", b"\n\n", "— a b\n".encode(), b"x" * 200_000])
def test_leftover_bytes_are_refused(place: Path, extra: bytes) -> None:
    assert failure(place, BUNDLE + extra).code == "bundle.end"


def test_every_byte_of_the_end_counts(place: Path) -> None:
    for position in range(BUNDLE.index(b"\nend ") + 1, len(BUNDLE)):
        flipped = bytearray(BUNDLE)
        flipped[position] ^= 1
        assert failure(place, bytes(flipped)).code.startswith("bundle.")


def test_an_entry_whose_leaf_was_mended_too_breaks_the_root(place: Path) -> None:
    workspace = LIVED_IN
    raws = [entry.raw for entry in workspace.entries]
    # A noted difference that the fold does not see: the evidence is checked, so only time is free to differ.
    doc = parse(raws[-1])
    raws[-1] = encode({**doc, "time": doc["time"] + 1})
    error = failure(place, b"".join(bundle_lines(workspace.state.workspace, raws, note_of(workspace))))
    assert error.code == "checkpoint.root"


def test_an_entry_without_authority_is_named(place: Path) -> None:
    workspace = LIVED_IN
    raws = [entry.raw for entry in workspace.entries]
    index = next(i for i, entry in enumerate(workspace.entries) if entry.kind == "wallet.opened")
    doc = parse(raws[index])
    raws[index] = encode({**doc, "evidence": doc["evidence"][:1]})
    tree = CompactRange()
    for raw in raws:
        tree = tree.append(leaf_hash(raw))
    head = Checkpoint(origin_of(workspace.state.workspace), len(raws), tree.root())
    error = failure(place, b"".join(bundle_lines(workspace.state.workspace, raws, note_of(workspace, head=head))))
    assert (error.place.index, error.place.kind, error.code) == (index, "wallet.opened", "authority.threshold")
    assert error.message.startswith(f"entry {index} (wallet.opened, 20")
    assert error.to_doc()["entry"] == index


def test_a_checkpoint_of_fewer_entries_names_the_first_uncovered(place: Path) -> None:
    shorter = LIVED_IN.clone()
    raws = [entry.raw for entry in LIVED_IN.entries]
    replay = Workspace().ready()
    note = note_of(replay)
    error = failure(place, b"".join(bundle_lines(shorter.state.workspace, raws, note)))
    assert (error.code, error.place.index) == ("checkpoint.size", replay.state.size)
    assert error.place.kind == "transfer.proposed"


def test_a_checkpoint_of_more_entries_is_refused(place: Path) -> None:
    raws = [entry.raw for entry in LIVED_IN.entries[:-1]]
    error = failure(place, b"".join(bundle_lines(LIVED_IN.state.workspace, raws, note_of(LIVED_IN))))
    assert (error.code, error.place.part) == ("checkpoint.size", "checkpoint")


def short_of_quorum() -> str:
    return note_of(LIVED_IN, NODES[:2])


def by_a_stranger() -> str:
    head = checkpoint_of(LIVED_IN)
    return note_of(LIVED_IN) + cosign(head, LIVED_IN.keys["alice"], "alice", 1).text()


def under_another_key() -> str:
    head = checkpoint_of(LIVED_IN)
    return note_of(LIVED_IN, NODES[:2]) + cosign(head, LIVED_IN.keys["alice"], "signer-3", 1).text()


def one_witness_twice() -> str:
    return note_of(LIVED_IN, (*NODES[:2], NODES[1]))


def of_another_log() -> str:
    head = Checkpoint(origin_of("ab" * 32), LIVED_IN.state.size, LIVED_IN.state.root)
    return note_of(LIVED_IN, head=head)


def spoilt_surplus() -> str:
    head = checkpoint_of(LIVED_IN)
    line = cosign(head, LIVED_IN.keys["guardian-1"], "guardian-1", 1)
    spoilt = SignatureLine(line.name, line.key, line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    return note_of(LIVED_IN) + spoilt.text()


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (short_of_quorum, "checkpoint.quorum"),
        (by_a_stranger, "checkpoint.stranger"),
        (under_another_key, "cosignature.missing"),
        (one_witness_twice, "checkpoint.signature_twice"),
        (of_another_log, "checkpoint.origin"),
        (spoilt_surplus, "credential.bad_signature"),
    ],
)
def test_a_checkpoint_without_its_witnesses_is_refused(place: Path, note: Callable[[], str], code: str) -> None:
    error = failure(place, bundle_of(LIVED_IN, note()))
    assert (error.code, error.place.part) == (code, "checkpoint")


def test_another_workspace_in_the_header_is_refused(place: Path) -> None:
    data = b"strongroom-bundle/v2 " + b"ab" * 32 + BUNDLE[BUNDLE.index(b"\n") :]
    assert failure(place, data).code == "bundle.workspace"


def test_a_bundle_without_entries_is_refused(place: Path) -> None:
    data = b"".join(bundle_lines("ab" * 32, [], note_of(LIVED_IN)))
    assert failure(place, data).code == "bundle.empty"


def test_a_missing_file_is_bad_input(place: Path) -> None:
    with pytest.raises(InvalidInput, match=r"bundle\.file"):
        verify_bundle(place.parent / "nothing")
