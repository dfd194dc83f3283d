"""The other signers of a session: their newest boots, and a sealed channel to each."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from strongroom.documents.credentials import SigningKey
from strongroom.errors import Refused
from strongroom.signer.replica import Replica
from strongroom.wire.channel import Channel, agree


class Peers:
    """This process's boot: a random id and a key-agreement key, both in memory only."""

    def __init__(self, name: str, key: SigningKey, boot: str, private: bytes, replica: Replica) -> None:
        self.name, self.boot, self._key, self._replica = name, boot, key, replica
        self._private = X25519PrivateKey.from_private_bytes(private)
        self._agreed: dict[str, bytes] = {}

    @property
    def exchange(self) -> str:
        """The public half of the key-agreement key, in hex."""
        return self._private.public_key().public_bytes_raw().hex()

    @property
    def started(self) -> bool:
        """Whether this boot is the node's newest, logged under a quorum's cosignatures."""
        states = (self._replica.state, self._replica.accepted)
        return all(self.name in state.boots and state.boots[self.name].boot == self.boot for state in states)

    def boots(self, participants: Sequence[str]) -> list[str]:
        """The boot ids of a session's participants, this node among them; raises Refused."""
        if self.name not in participants or len(set(participants)) != len(participants):
            raise Refused("session.participants", "a session's participants are different, and this node among them")
        found = [self._current(name) for name in participants]
        if found[participants.index(self.name)] != self.boot:
            raise Refused("session.boot_superseded", "the log knows another start of this node")
        return found

    def channels(self, session: str, participants: Sequence[str]) -> dict[str, Channel]:
        """A channel to each of the others; `session` is 32 bytes in hex."""
        return {name: self._channel(session, name) for name in participants if name != self.name}

    def _channel(self, session: str, peer: str) -> Channel:
        exchange = self._replica.state.boots[peer].exchange
        if exchange not in self._agreed:
            self._agreed[exchange] = agree(self._private, exchange)
        credential = self._replica.nodes[peer].credential
        names = (self.name, peer)
        return Channel(self._replica.workspace, session, self._key, names, credential, self._agreed[exchange])

    def _current(self, name: str) -> str:
        """A node's newest boot; sessions wait until a quorum has cosigned it."""
        logged, newest = self._replica.state.boots.get(name), self._replica.accepted.boots.get(name)
        if logged is None or newest is None:
            raise Refused("session.not_started", f"the log knows no start of '{name}'")
        if logged != newest:
            raise Refused("session.boot_superseded", f"'{name}' has started again, which is not cosigned yet")
        return logged.boot
