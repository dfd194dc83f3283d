"""A coordinator without a log: the real relay and bookkeeping of sessions, driven by lines on its input.

usage: python -m bench.harness.coordinator CONFIG.json    (workspace, port, key file, nodes' credentials)

`{"do": "keygen", "scheme": …}` and `{"do": "sign", "scheme": …, "count": …, "at_once": …}` each print one line.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

from strongroom.chains.verify import verify_signature
from strongroom.coordinator.sessions import Sessions
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.errors import Refused
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR
from strongroom.wire.relay import Relay

THRESHOLD = 2


def say(line: str) -> None:
    """For whoever looks into a run that failed."""
    print(line, file=sys.stderr, flush=True)


class HarnessCoordinator:
    """Asks signers for keys and signatures, and times them; the House of a real relay."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.credentials = {name: Credential.from_doc(doc) for name, doc in config["nodes"].items()}
        key = SigningKey.load(Path(config["key"]))
        self.relay = Relay(config["workspace"], key, lambda: self.credentials, say)
        self.relay.house = self
        self._exchange: dict[str, str] = {}
        self._public: dict[str, bytes] = {}
        self._keys: dict[str, list[str]] = {}
        self._sessions = Sessions(self.relay)
        self.ready = asyncio.Event()

    def joined(self, node: str) -> None:
        """It says hello by itself."""

    def left(self, node: str) -> None:
        """A signer's connection has ended: its sessions are dead."""
        self._sessions.lost(node)

    def take(self, node: str, frame: Frame) -> None:
        """One frame of a signer to the coordinator."""
        head = frame.head
        match frame.kind:
            case "signed":
                self._sessions.take_signed(node, head["ref"], head["digest"], bytes.fromhex(head["signature"]))
            case "refused":
                refused = Refused(head["code"], f"{node}: {head['message']}")
                if not self._sessions.take_refusal(node, head["ref"], refused):
                    say(f"{node} refuses: {head}")
            case "bench.key":
                self._keys.setdefault(head["scheme"], []).append(head["public_key"])
            case "bench.hello":
                self._exchange[node] = head["exchange"]
                if len(self._exchange) == len(self.credentials):
                    for name in self.credentials:
                        self.relay.send(name, Frame("bench.peers", COORDINATOR, name, self._exchange))
                    self.ready.set()

    async def keygen(self, scheme: str) -> dict[str, Any]:
        """A key among all signers; every one must report the same public key."""
        names, start = sorted(self.credentials), time.perf_counter()
        head = {"scheme": scheme, "session": secrets.token_hex(32), "participants": names, "threshold": THRESHOLD}
        for name in names:
            self.relay.send(name, Frame("bench.keygen", COORDINATOR, name, head))
        while len(self._keys.get(scheme, [])) < len(names):
            await asyncio.sleep(0.001)
            if time.perf_counter() - start > 60:
                raise TimeoutError("key generation")
        if len(set(self._keys[scheme])) != 1:
            raise RuntimeError("the signers disagree about the key")
        self._public[scheme] = bytes.fromhex(self._keys[scheme][0])
        return {"ms": (time.perf_counter() - start) * 1e3}

    async def sign(self, scheme: str, count: int, at_once: int) -> dict[str, Any]:
        """Signatures over different digests by pairs of signers in turn, `at_once` under way; milliseconds of each."""
        pairs = list(combinations(sorted(self.credentials), THRESHOLD))
        numbers = iter(range(count))
        walls: list[float] = []

        async def worker() -> None:
            for number in numbers:
                digest = hashlib.sha256(secrets.token_bytes(16)).digest()
                session, names = secrets.token_hex(32), pairs[number % len(pairs)]
                head = {"scheme": scheme, "session": session, "digest": digest.hex()}
                start = time.perf_counter()
                await self._sessions.run(
                    "bench.sign", session, digest.hex(), names, head,
                    lambda s, digest=digest: verify_signature(scheme, self._public[scheme], digest, s),  # type: ignore[misc]
                )  # fmt: skip
                walls.append((time.perf_counter() - start) * 1e3)

        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())
        return {"seconds": time.perf_counter() - start, "ms": walls}


async def serve(config: dict[str, Any]) -> None:
    """Listen, wait for every signer, then do what the input says until it ends."""
    harness = HarnessCoordinator(config)
    await harness.relay.listen("127.0.0.1", config["port"])
    print(json.dumps({"listens": config["port"]}), flush=True)
    await asyncio.wait_for(harness.ready.wait(), 20)
    print(json.dumps({"ready": True}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        keygen = order.pop("do") == "keygen"
        print(json.dumps(await (harness.keygen(**order) if keygen else harness.sign(**order))), flush=True)


def main() -> None:
    """The process."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(config))
    else:
        uvloop.run(serve(config))


if __name__ == "__main__":
    main()
