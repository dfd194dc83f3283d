"""A signer without a log: the real sessions, channel, disk and threshold core; what to sign comes from a benchmark.

usage: python -m bench.harness.signer HOME    (HOME holds harness.json and node.key)
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from strongroom.chains.verify import verify_signature
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.errors import StrongroomError
from strongroom.keys.threshold import Keygen, Scheme, Signature, Vault
from strongroom.signer.disk import open_disk
from strongroom.signer.probes import Probes, Root
from strongroom.signer.sessions import Job, Sessions
from strongroom.wire.channel import Channel, agree
from strongroom.wire.frame import Frame, encode_frame, read_frame
from strongroom.wire.handshake import COORDINATOR, NodeSide


class HarnessSigner:
    """Runs the sessions that it is told to run, with the product's durability: commit first, then send."""

    def __init__(self, home: Path) -> None:
        config = json.loads((home / "harness.json").read_text(encoding="utf-8"))
        self.name: str = config["name"]
        self.workspace: str = config["workspace"]
        self.relay: int = config["relay"]
        self.key = SigningKey.load(home / "node.key")
        self._credentials = {name: Credential.from_doc(doc) for name, doc in config["nodes"].items()}
        self._names = sorted(self._credentials)
        self._disk, self._vault = open_disk(home), Vault.open(home)
        self.outbox: list[Frame] = []
        self._sessions = Sessions(self.name, Probes(self._disk), self.outbox.append, self._refuse)
        self._private = X25519PrivateKey.generate()
        self._agreed: dict[str, bytes] = {}
        self._keys: dict[str, Keygen] = {}

    def connected(self) -> None:
        """Say hello with this boot's key-agreement key."""
        exchange = self._private.public_key().public_bytes_raw().hex()
        self._send("bench.hello", {"exchange": exchange})

    def receive(self, frame: Frame) -> None:
        """Act on one frame; afterwards everything that the outbox tells is durable."""
        try:
            match frame.kind:
                case "bench.peers":
                    found = {name: agree(self._private, key) for name, key in frame.head.items() if name != self.name}
                    self._agreed.update(found)
                case "bench.keygen" | "bench.sign":
                    self._start(frame.kind, frame.head)
                case "peer":
                    self._sessions.on_peer(frame, now())
        except StrongroomError as error:
            self._refuse(frame.kind, "", error)
        self._disk.commit()

    def _start(self, kind: str, head: dict[str, Any]) -> None:
        scheme, session, names = Scheme(head["scheme"]), head["session"], list(head["participants"])
        indices, number = {name: self._names.index(name) + 1 for name in names}, bytes.fromhex(session)
        if kind == "bench.keygen":
            core = self._vault.keygen(scheme, number, indices[self.name], len(names), head["threshold"])
            what, transcript, digest = "keygen", session, b""
        else:
            key, digest = self._keys[scheme], bytes.fromhex(head["digest"])
            core = self._vault.sign(key.sealed, number, sorted(indices.values()), digest)
            what, transcript = "sign", key.transcript.hex()

        def finish(done: Keygen | Signature) -> None:
            if isinstance(done, Keygen):
                self._keys[scheme] = done
                self._disk.put("share", done.transcript.hex(), {"public_key": done.public_key.hex()})
                return self._send("bench.key", {"scheme": scheme, "public_key": done.public_key.hex()})
            verify_signature(scheme, self._keys[scheme].public_key, digest, done.data)
            self._disk.put("signature", f"{session} {digest.hex()}", {"signature": done.data.hex()})
            return self._send("signed", {"ref": session, "digest": digest.hex(), "signature": done.data.hex()})

        self._sessions.start(
            Job(
                what=what,
                ref=session,
                session=session,
                root=Root(scheme, 0, transcript),
                core=core,
                indices={name: index for name, index in indices.items() if name != self.name},
                channels={name: self._channel(session, name) for name in names if name != self.name},
                deadline=now() + 60_000,
                permit=lambda: None,
                finish=finish,
            )
        )

    def _channel(self, session: str, peer: str) -> Channel:
        names, theirs = (self.name, peer), self._credentials[peer]
        return Channel(self.workspace, session, self.key, names, theirs, self._agreed[peer])

    def _refuse(self, what: str, ref: str, error: StrongroomError) -> None:
        self._send("refused", {"what": what, "ref": ref, "code": error.code, "message": error.message})

    def _send(self, kind: str, head: dict[str, Any]) -> None:
        self.outbox.append(Frame(kind, self.name, COORDINATOR, head))


def now() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


async def run(signer: HarnessSigner) -> None:
    """Dial the relay once and serve until it goes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", signer.relay, limit=1 << 20)
    side = NodeSide(signer.workspace, signer.name, signer.key, os.urandom(32).hex())
    writer.write(encode_frame(side.on_welcome(await read_frame(reader))))
    side.on_ready(await read_frame(reader), None)
    signer.connected()
    while True:
        frames, signer.outbox[:] = list(signer.outbox), []
        writer.writelines(encode_frame(frame) for frame in frames)
        await writer.drain()
        try:
            signer.receive(await read_frame(reader))
        except (asyncio.IncompleteReadError, OSError):
            return


def main() -> None:
    """The process."""
    os.umask(0o077)
    signer = HarnessSigner(Path(sys.argv[1]))
    try:
        import uvloop
    except ImportError:
        asyncio.run(run(signer))
    else:
        uvloop.run(run(signer))


if __name__ == "__main__":
    main()
