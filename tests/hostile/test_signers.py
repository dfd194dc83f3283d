"""Patched signers: four nodes with the real core in one process, one of which says what it likes.

The patched one keeps its identity, its share and its channels; what it sends is changed after its core made it and
before it is sealed, so that no relay could tell. The network and the coordinator are the attacker's as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strongroom.chains.evm.transaction import digest as payload_digest
from strongroom.documents.envelope import Envelope
from strongroom.keys.threshold import Vault
from strongroom.log.entry import Entry, new_entry
from strongroom.signer.node import Node
from strongroom.signer.probes import BUDGET
from strongroom.wire.channel import Channel
from strongroom.wire.frame import Frame
from tests.unit.signer.fleet import SIGNERS, Fleet, codes
from tests.workspace import NODES

VICTIM, HONEST, CHEAT = SIGNERS
PAIR = (VICTIM, CHEAT)
ROUND, SENDER = 3, 4
"""Where a core message names its round and its sender."""

Change = Callable[[str, bool, bytes], bytes]
"""What is sent instead, by recipient, broadcast or not, and message."""


class Killed(BaseException):
    """kill -9."""


class Lying:
    """A channel whose owner sends other messages than its core made."""

    def __init__(self, peer: str, channel: Channel, change: Change) -> None:
        self._peer, self._channel, self._change = peer, channel, change
        self.open = channel.open

    def seal(self, seq: int, broadcast: bool, message: bytes) -> bytes:
        return self._channel.seal(seq, broadcast, self._change(self._peer, broadcast, message))


def patch(node: Node, change: Change) -> None:
    """Let a node lie from now on."""
    peers = node._here.peers
    honest = type(peers).channels
    peers.channels = lambda session, names: {  # type: ignore[method-assign]
        peer: Lying(peer, channel, change) for peer, channel in honest(peers, session, names).items()
    }


def flipped(message: bytes, at: int) -> bytes:
    """The message with one bit changed."""
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]


def probing(_peer: str, _broadcast: bool, message: bytes) -> bytes:
    """One wrong bit in the oblivious-transfer extension of a signature's first round."""
    return flipped(message, 5000) if message[ROUND] == 1 else message


def vaults(base: Path) -> Callable[[str], Vault]:
    def vault(name: str) -> Vault:
        (base / name).mkdir(mode=0o700, exist_ok=True)
        return Vault.open(base / name)

    return vault


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fleet]:
    """Nodes with a key, which takes seconds to generate; each test starts them from copies of their disks."""
    base = tmp_path_factory.mktemp("vaults")
    return base, Fleet(factory=vaults(base)).ready()


@pytest.fixture
def fleet(grown: tuple[Path, Fleet], tmp_path: Path) -> Fleet:
    base, before = grown
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    fleet = Fleet(before.home.clone(), factory=vaults(tmp_path))
    fleet.now, fleet.note = before.now, before.note
    for name in NODES:
        fleet.restore(name, before.disks[name].serialize())
    fleet.carry()
    fleet.tick(1000)
    fleet.log_starts(fleet.tick(5000))
    return fleet


def digests(fleet: Fleet) -> dict[str, tuple[int, str]]:
    return {name: fleet.digest(name) for name in NODES if name != CHEAT}


def signed(frames: list[Frame]) -> int:
    return sum(frame.kind == "signed" for frame in frames)


def reasons(frames: list[Frame], node: str = VICTIM) -> list[str]:
    return codes(frame for frame in frames if frame.sender == node)


def count_probes(fleet: Fleet) -> list[str]:
    """The sessions in which the victim reaches a step that a peer may probe, from now on."""
    probes, begun = fleet.nodes[VICTIM]._here.probes, []
    begin = probes.begin
    probes.begin = lambda session, *rest: (begun.append(session), begin(session, *rest))[1]  # type: ignore[method-assign]
    return begun


# -- attack 41


def test_attack_41_of_300_sessions_with_a_guessed_bit_the_first_is_the_last(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    before, begun = digests(fleet), count_probes(fleet)
    patch(fleet.nodes[CHEAT], probing)
    first = fleet.sign(transfer, digest, PAIR, nonce=f"{0:064x}")
    assert reasons(first) == ["session.blame"]
    for number in range(1, 300):
        assert reasons(fleet.sign(transfer, digest, PAIR, nonce=f"{number:064x}")) == ["signer.barred"]
    assert len(begun) == 1
    assert digests(fleet) == before
    bar = next(frame for frame in first if frame.kind == "submit" and frame.head["kind"] == "signer.barred")
    fleet.add(fleet.log, bar)
    assert reasons(fleet.sign(transfer, digest, PAIR, nonce="ab" * 32)) == ["signer.barred"]
    assert codes(fleet.refresh_shares()) == ["signer.barred"] * 3, "no refresh brings the two together again"
    assert signed(fleet.sign(transfer, digest, (VICTIM, HONEST))) == 2


def test_attack_41_a_kill_between_check_and_record_is_counted_until_the_budget_is_spent(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    patch(fleet.nodes[CHEAT], probing)
    for number in range(BUDGET):
        probes = fleet.nodes[VICTIM]._here.probes

        def kill(*_: Any) -> None:
            raise Killed

        probes.ban = kill  # type: ignore[method-assign]
        with pytest.raises(Killed):
            fleet.sign(transfer, digest, PAIR, nonce=f"{number:064x}")
        for node in fleet.nodes.values():
            node.outbox.clear()
        fleet.start(VICTIM)
        fleet.log_starts(fleet.tick(5000))
        assert fleet.nodes[VICTIM]._here.probes.budget(fleet.home.state.keys) == {"hot-ecdsa": {CHEAT: number + 1}}
    before = digests(fleet)
    for number in range(300):
        assert reasons(fleet.sign(transfer, digest, PAIR, nonce=f"{number:062x}ff")) == ["session.budget_spent"]
    assert digests(fleet) == before
    assert signed(fleet.sign(transfer, digest, (VICTIM, HONEST))) == 2


def test_attack_41_a_child_of_the_key_is_no_other_key(fleet: Fleet) -> None:
    root, root_digest = fleet.transfer()
    for number in range(3):
        fleet.add(fleet.home.open, f"child-{number}", "hot-ecdsa", (0, number))
    name = fleet.add(fleet.home.propose, wallet="child-0")
    fleet.add(fleet.home.authorize, name, nonce=0)
    digest = fleet.home.state.transfers[name].payloads[0].digest
    before, begun = digests(fleet), count_probes(fleet)
    patch(fleet.nodes[CHEAT], probing)
    assert reasons(fleet.sign(name, digest, PAIR)) == ["session.blame"]
    assert reasons(fleet.sign(root, root_digest, PAIR)) == ["signer.barred"]
    assert len(begun) == 1 and digests(fleet) == before


def test_attack_41_a_victim_with_an_older_disk_takes_part_in_nothing(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    older = fleet.disks[VICTIM].serialize()
    patch(fleet.nodes[CHEAT], probing)
    frames = fleet.sign(transfer, digest, PAIR)
    fleet.add(fleet.log, next(f for f in frames if f.kind == "submit" and f.head["kind"] == "signer.barred"))
    others = {name: digest for name, digest in digests(fleet).items() if name != VICTIM}
    fleet.restore(VICTIM, older)  # the ban is not on it
    begun = count_probes(fleet)
    fleet.append([VICTIM], since=len(fleet.home.entries) - 1, note=fleet.note)
    for number in range(300):
        assert reasons(fleet.sign(transfer, digest, PAIR, nonce=f"{number:064x}")) == ["share.restored"]
    assert begun == []
    assert {name: digest for name, digest in digests(fleet).items() if name != VICTIM} == others


# -- attack 42


def test_attack_42_a_withheld_last_message_frees_no_anchor(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.drop = lambda frame: frame.kind == "peer" and frame.sender == CHEAT and frame.head["seq"] == 2
    withheld = fleet.sign(transfer, digest, PAIR)
    assert [frame.sender for frame in withheld if frame.kind == "signed"] == [CHEAT], "it alone holds the signature"
    assert reasons(fleet.tick(15_000)) == ["session.timeout"]
    fleet.drop = lambda frame: False
    fleet.refresh()

    # The coordinator reports a failure, and wants another payload of another intent on the same nonce.
    second = fleet.add(fleet.home.propose, amount="7")
    before, size = digests(fleet), len(fleet.home.entries)
    nonce = fleet.home.state.transfers[transfer].authorization.nonce
    raw = fleet.home.payload(second, nonce=nonce)
    entry = new_entry("transfer.authorized", fleet.home.time, {"transfer": second, "payload": raw.hex()})
    assert codes(fleet.append(since=size, entries=[entry])) == ["anchor.in_use"] * len(NODES)
    assert set(codes(fleet.sign(second, payload_digest(raw).hex(), (VICTIM, HONEST)))) == {"payload.not_authorized"}
    assert digests(fleet) == before
    # A retry is the same digest, whoever signs it.
    assert signed(fleet.sign(transfer, digest, (VICTIM, HONEST), nonce="ab" * 32)) == 2


# -- attack 43: key generation, and a refresh, which is one


def equivocate(peer: str, broadcast: bool, message: bytes) -> bytes:
    """A commitment that differs for one party."""
    return flipped(message, len(message) - 1) if broadcast and message[ROUND] == 3 and peer == VICTIM else message


def mislabel(peer: str, broadcast: bool, message: bytes) -> bytes:
    """A message that names its receiver as its sender."""
    own = bytes([SIGNERS.index(peer) + 1])
    return message[:SENDER] + own + message[SENDER + 1 :] if message[ROUND] == 3 else message


def another_transcript(_peer: str, _broadcast: bool, message: bytes) -> bytes:
    """The last word of the run."""
    return flipped(message, len(message) - 1) if message[ROUND] == 5 else message


def another_commitment(_peer: str, broadcast: bool, message: bytes) -> bytes:
    """A proof that is not what was committed to."""
    return flipped(message, 90) if broadcast and message[ROUND] == 4 else message


CHEATS: list[tuple[Change, str]] = [
    (equivocate, "session.broadcast_differs"),
    (mislabel, "session.sender"),
    (another_commitment, "key.commitment"),
    (another_transcript, "key.transcript_differs"),
]


def ordered(fleet: Fleet) -> list[Frame]:
    """A key generation, asked for by two administrators."""
    fleet.home.time = fleet.now
    order = fleet.order("second")
    orders = [fleet.home.statement(person, "key.generate", order).to_doc() for person in ("alice", "bob")]
    return fleet.tell(SIGNERS, "keygen", order=order, orders=orders, nonce="aa" * 32)


@pytest.mark.parametrize(("change", "code"), CHEATS, ids=[change.__name__ for change, _ in CHEATS])
@pytest.mark.parametrize("begin", [ordered, Fleet.refresh_shares], ids=["generation", "refresh"])
def test_attack_43_a_cheat_in_key_generation_leaves_no_key(
    fleet: Fleet, begin: Callable[[Fleet], list[Frame]], change: Change, code: str
) -> None:
    transfer, digest = fleet.transfer()
    before = digests(fleet)
    patch(fleet.nodes[CHEAT], change)
    frames = begin(fleet)
    assert code in reasons(frames)
    assert not [frame for frame in frames if frame.kind == "transcript" and frame.sender != CHEAT]
    assert digests(fleet) == before and len(fleet.home.state.keys) == 1
    assert signed(fleet.sign(transfer, digest, (VICTIM, HONEST))) == 2


def test_attack_43_a_late_commitment_is_not_waited_for(fleet: Fleet) -> None:
    fleet.drop = lambda frame: frame.kind == "peer" and frame.sender == CHEAT and frame.head["seq"] == 2
    assert not [frame for frame in ordered(fleet) if frame.kind == "transcript"]
    frames = fleet.tick(60_000)
    assert reasons(frames) == reasons(frames, HONEST) == ["session.timeout"]


def test_attack_43_a_key_with_two_transcripts_enters_no_log(fleet: Fleet) -> None:
    frames = fleet.refresh_shares()
    told = {frame.sender: frame.head for frame in frames if frame.kind == "transcript"}
    outcome = {name: told[VICTIM][name] for name in ("public_key", "chain_code", "transcript")}
    subject = {"key": "hot-ecdsa", "epoch": 1, **outcome}
    lie = fleet.home.statement(CHEAT, "key.transcript", {**subject, "transcript": "66" * 32})
    honest = [Envelope.from_doc(told[name]["envelope"]) for name in (VICTIM, HONEST)]
    body, size, before = {**subject, "possession": "00" * 64}, len(fleet.home.entries), digests(fleet)
    for evidence in ([*honest, lie], honest):
        entry: Entry = new_entry("key.refreshed", fleet.home.time, body, evidence)
        assert codes(fleet.append(since=size, entries=[entry])) == ["key.transcript_differs"] * len(NODES)
    assert digests(fleet) == before
