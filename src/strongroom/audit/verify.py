"""The audit itself: every leaf, every entry's authority, the Merkle root, the witnesses' cosignatures, the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from strongroom.audit.ahead import read_ahead
from strongroom.audit.bundle import CHECKPOINT, HEADER, BundleReader, Line
from strongroom.audit.chain import Account, ChainCheck
from strongroom.audit.finding import AuditFailed, Place
from strongroom.audit.opinion import SecondOpinion
from strongroom.audit.report import PolicyVersion, Report, Witnessed
from strongroom.custody.authority import in_force, signers_in
from strongroom.custody.digest import state_digest
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

Watch = Callable[[CustodyState, Entry, CustodyState], None]
"""Called with each entry that holds: the state before it, the entry, the state after it."""

_EVERY: Final = 256  # entries between two calls of progress


def verify_bundle(path: Path, progress: Progress | None = None, watch: Watch | None = None) -> Report:
    """Replay the bundle offline; raises AuditFailed with the first or worst objection, InvalidInput bundle.file."""
    try:
        total = path.stat().st_size
        file = path.open("rb")
    except OSError as error:
        raise InvalidInput("bundle.file", f"cannot open {path}: {error.strerror}") from None
    with file, closing(ChainCheck()) as chain:
        reader = BundleReader(file)
        replay = _Replay(reader.workspace, chain, watch)
        for line, parsed in read_ahead(reader.lines(), replay.signers):
            replay.take(line, parsed)
            if progress is not None and line.index % _EVERY == 0:
                progress(reader.read, total)
        if not replay.state.size:
            raise AuditFailed(CHECKPOINT, "bundle.empty", "the bundle holds no entries")
        witnessed = _witnessed(replay.state, reader.note(), path)
        for line in reader.evidence():
            chain.take(line, replay.state)
            if progress is not None and line.index % _EVERY == 0:
                progress(reader.read, total)
        accounts = chain.finish(replay.state)
        if progress is not None:
            progress(reader.read, total)
    return replay.report(witnessed, accounts)


class _Replay:
    """The fold of a bundle's entries, and what only the way there shows."""

    def __init__(self, workspace: str, chain: ChainCheck, watch: Watch | None) -> None:
        self._workspace, self._chain, self._watch = workspace, chain, watch
        self.state, self._kinds, self._first = EMPTY, Counter[str](), 0
        self._versions: list[PolicyVersion] = []
        self._second = SecondOpinion()

    def signers(self) -> Signers:
        """Whose signatures the next entries may carry."""
        return signers_in(self.state)

    def take(self, line: Line, parsed: Entry | None) -> None:
        """Fold one more entry, once its bytes hash to the leaf that its line states; raises AuditFailed."""
        if (parsed.leaf if parsed else leaf_hash(line.raw)) != line.leaf:
            raise AuditFailed(_place(line), "log.leaf", "its bytes do not hash to the leaf beside it")
        try:
            entry = parsed or parse_entry(line.raw)
            before, self.state = self.state, apply(self.state, entry)
            self._second.take(entry, before, self.state)
        except StrongroomError as error:
            raise AuditFailed.at(_place(line), error) from error
        if line.index == 0:
            self._first = entry.time
            if self.state.workspace != self._workspace:
                raise AuditFailed(HEADER, "bundle.workspace", "entry 0 creates another workspace")
        if self._watch is not None:
            self._watch(before, entry, self.state)
        self._kinds[entry.kind] += 1
        self._chain.note(line.index, entry, self.state)
        policy = in_force(self.state)
        if not self._versions or self._versions[-1].version != policy.version:
            self._versions.append(PolicyVersion(policy.version, policy.digest, line.index, entry.time))

    def report(self, witnessed: Witnessed, chain: tuple[Account, ...]) -> Report:
        """What is told of a bundle that holds."""
        digest = state_digest(self.state)
        return Report(self.state, digest, self._kinds, tuple(self._versions), witnessed, self._first, chain)


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
