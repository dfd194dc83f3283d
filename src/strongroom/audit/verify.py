"""The audit itself: every leaf, every entry's authority, the Merkle root, and the witnesses' cosignatures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from strongroom.audit.ahead import read_ahead
from strongroom.audit.bundle import CHECKPOINT, HEADER, BundleReader, Line
from strongroom.audit.finding import AuditFailed, Place
from strongroom.audit.report import PolicyVersion, Report, Witnessed, summarize
from strongroom.custody.authority import in_force, signers_in
from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.custody.witnesses import electorates, reached, witnesses
from strongroom.documents.canonical import parse_loose
from strongroom.errors import InvalidInput, StrongroomError
from strongroom.log.batch import Signers
from strongroom.log.checkpoint import Note, origin_of, parse_note, quorum, verify_cosignature
from strongroom.log.entry import Entry, leaf_hash, parse_entry
from strongroom.log.signature import verify_log_signature

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and the bytes of the whole file."""

_EVERY: Final = 256  # entries between two calls of progress


def verify_bundle(path: Path, progress: Progress | None = None) -> Report:
    """Replay the bundle offline; raises AuditFailed with the first objection, InvalidInput bundle.file."""
    try:
        total = path.stat().st_size
        file = path.open("rb")
    except OSError as error:
        raise InvalidInput("bundle.file", f"cannot open {path}: {error.strerror}") from None
    with file:
        reader = BundleReader(file)
        state, kinds, versions = EMPTY, Counter[str](), list[PolicyVersion]()
        first = 0

        def known() -> Signers:
            return signers_in(state)

        for line, parsed in read_ahead(reader.lines(), known):
            state, entry = _replayed(state, line, parsed)
            if line.index == 0:
                first = entry.time
                if state.workspace != reader.workspace:
                    raise AuditFailed(HEADER, "bundle.workspace", "entry 0 creates another workspace")
            kinds[entry.kind] += 1
            policy = in_force(state)
            if not versions or versions[-1].version != policy.version:
                versions.append(PolicyVersion(policy.version, policy.digest, line.index, entry.time))
            if progress is not None and line.index % _EVERY == 0:
                progress(reader.read, total)
        if not state.size:
            raise AuditFailed(CHECKPOINT, "bundle.empty", "the bundle holds no entries")
        witnessed = _witnessed(state, reader.note(), path)
        if progress is not None:
            progress(reader.read, total)
    return summarize(state, kinds, tuple(versions), witnessed, first)


def _replayed(state: CustodyState, line: Line, parsed: Entry | None) -> tuple[CustodyState, Entry]:
    """The state after the entry, once its bytes hash to the leaf that its line states."""
    if (parsed.leaf if parsed else leaf_hash(line.raw)) != line.leaf:
        raise AuditFailed(_place(line), "log.leaf", "its bytes do not hash to the leaf beside it")
    try:
        entry = parsed or parse_entry(line.raw)
        return apply(state, entry), entry
    except StrongroomError as error:
        raise AuditFailed.at(_place(line), error) from error


def _place(line: Line) -> Place:
    """The entry's name for people, as far as its bytes can be read."""
    try:
        doc: dict[str, Any] = parse_loose(line.raw)
    except InvalidInput:
        return Place("entry", line.index)
    kind, time = doc.get("kind"), doc.get("time")
    return Place(
        "entry",
        line.index,
        kind[:64] if isinstance(kind, str) and kind.isascii() and kind.isprintable() else "",
        time if type(time) is int else None,
    )


def _witnessed(state: CustodyState, text: str, path: Path) -> Witnessed:
    """The checkpoint that a quorum of the witnesses in force cosigned, over exactly the entries replayed."""
    try:
        note = parse_note(text)
    except InvalidInput as error:
        raise AuditFailed.at(CHECKPOINT, error) from error
    checkpoint = note.checkpoint
    if checkpoint.origin != origin_of(state.workspace):
        raise AuditFailed(CHECKPOINT, "checkpoint.origin", "it is of another log")
    if checkpoint.size < state.size:
        place = _reread(path, checkpoint.size)
        raise AuditFailed(place, "checkpoint.size", f"the checkpoint covers only {checkpoint.size} entries")
    if checkpoint.size > state.size:
        missing = f"it covers {checkpoint.size} entries, the bundle holds {state.size}"
        raise AuditFailed(CHECKPOINT, "checkpoint.size", missing)
    if checkpoint.root != state.root:
        raise AuditFailed(CHECKPOINT, "checkpoint.root", "its root is not that of the entries")
    policy = in_force(state)
    _check_each_line(note, state)
    times = quorum(note, witnesses(state))
    if not reached(state, times):
        needed = " and ".join(f"{each.quorum} of {len(each.witnesses)}" for each in electorates(state))
        have = f"{len(times)} of {len(policy.nodes)} witnesses cosigned it, {needed} are needed"
        raise AuditFailed(CHECKPOINT, "checkpoint.quorum", have)
    return Witnessed(times, policy.witness_quorum, tuple(sorted(policy.nodes)))


def _check_each_line(note: Note, state: CustodyState) -> None:
    """Every signature line must verify, also those that the quorum does not need: a bundle holds no noise."""
    policy, seen = in_force(state), set[tuple[str, bytes]]()
    for line in note.signatures:
        alone = Note(note.checkpoint, (line,))
        if (line.name, line.signature) in seen:
            raise AuditFailed(CHECKPOINT, "checkpoint.signature_twice", f"a signature by {line.name} stands twice")
        seen.add((line.name, line.signature))
        try:
            if line.name == note.checkpoint.origin:
                verify_log_signature(alone, policy.coordinator)
            elif line.name in policy.nodes:
                verify_cosignature(alone, line.name, policy.nodes[line.name].credential)
            else:
                raise AuditFailed(CHECKPOINT, "checkpoint.stranger", f"{line.name} is no witness of this log")
        except AuditFailed:
            raise
        except StrongroomError as error:
            raise AuditFailed.at(CHECKPOINT, error) from error


def _reread(path: Path, index: int) -> Place:
    """The place of an entry that has passed the replay, found again."""
    with path.open("rb") as file:
        return next((_place(line) for line in BundleReader(file).lines() if line.index == index), CHECKPOINT)
