"""A relay of stops from the bringer's side: hand it one stop, and check who says, signed, that they hold it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from strongroom.documents.canonical import fields
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_hex
from strongroom.documents.statement import from_envelope, statement_hash
from strongroom.errors import InvalidInput, Refused, StrongroomError, Unreachable
from strongroom.wire.dialling import client_tls, parse_relay
from strongroom.wire.frame import Frame, encode_frame, read_frame
from strongroom.wire.handshake import expect
from strongroom.wire.stops import MAX_STOP, RELAY, receipt

PATIENCE: Final = 6.0  # s for the whole of it; a relay answers within two


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of a stop at one relay: who holds it (`unproven` without a receipt that can be checked), who not."""

    address: str
    held: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    refused: dict[str, StrongroomError] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    error: StrongroomError | None = None

    def to_doc(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "address": self.address,
            "held": list(self.held),
            "unproven": list(self.unproven),
            "refused": {node: {"code": e.code, "message": e.message} for node, e in self.refused.items()},
            "silent": list(self.silent),
            "error": {"code": self.error.code, "message": self.error.message} if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class Handed:
    """What came of a stop everywhere: the coordinator's answer or why there is none, and each relay's."""

    answer: dict[str, Any]
    error: StrongroomError | None
    deliveries: tuple[Delivery, ...]

    @property
    def held(self) -> list[str]:
        """The nodes that hold it, proven by their receipts."""
        return sorted({node for delivery in self.deliveries for node in delivery.held})

    @property
    def unproven(self) -> list[str]:
        """The nodes that hold it as only a relay says."""
        return sorted({node for delivery in self.deliveries for node in delivery.unproven} - set(self.held))

    def require_heard(self) -> None:
        """Raises why nobody has it: a refusal before an unreachable one."""
        if self.error is None or self.held or self.unproven:
            return
        refusals = [e for d in self.deliveries for e in (d.error, *d.refused.values()) if e is not None]
        raise next((e for e in (self.error, *refusals) if not isinstance(e, Unreachable)), self.error)


def hand_out(
    submit: Callable[[Envelope], dict[str, Any]], relays: Iterable[str], ca: Path | None, envelope: Envelope,
    nodes: Mapping[str, Credential],
) -> Handed:  # fmt: skip
    """Hand a stop to the coordinator and to every relay at once; `submit` may raise StrongroomError."""
    addresses = list(dict.fromkeys(relays))
    with ThreadPoolExecutor(1 + len(addresses)) as pool:
        logging = pool.submit(submit, envelope)
        deliveries = tuple(pool.map(lambda address: deliver(address, ca, envelope, nodes), addresses))
        try:
            return Handed(logging.result(), None, deliveries)
        except StrongroomError as error:
            return Handed({}, error, deliveries)


def deliver(address: str, ca: Path | None, envelope: Envelope, nodes: Mapping[str, Credential]) -> Delivery:
    """Hand a stop to the relay at HOST:PORT; `nodes` are the keys that receipts are checked by. Never raises."""
    return asyncio.run(delivered(address, ca, envelope, nodes))


async def delivered(address: str, ca: Path | None, envelope: Envelope, nodes: Mapping[str, Credential]) -> Delivery:
    """The same inside an event loop."""
    try:
        answer = await _asked(address, ca, envelope)
        return _read(address, envelope, answer, nodes)
    except StrongroomError as error:
        return Delivery(address, error=error)
    except (OSError, asyncio.IncompleteReadError, ssl.SSLError) as error:
        reason = f"the relay at {address} does not answer ({type(error).__name__})"
        remedy = "is it running (strongroom relay run)?"
        return Delivery(address, error=Unreachable("relay.unreachable", reason, remedy))


async def _asked(address: str, ca: Path | None, envelope: Envelope) -> Frame:
    host, port = parse_relay(address)
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(host, port, ssl=client_tls(host, ca), limit=4 * MAX_STOP)
        try:
            statement = from_envelope(envelope)
            welcome = expect(await read_frame(reader, MAX_STOP, 0), "welcome", {"workspace": str, "nonce": str})
            if welcome["workspace"] != statement.workspace:
                raise Refused("workspace.not_created_here", f"the relay at {address} serves another workspace")
            writer.write(encode_frame(Frame("stop", statement.person, RELAY, {"envelope": envelope.to_doc()})))
            return await read_frame(reader, 2 * MAX_STOP, 0)
        finally:
            writer.close()


def _read(address: str, envelope: Envelope, frame: Frame, nodes: Mapping[str, Credential]) -> Delivery:
    if frame.kind == "refused":
        found = fields(frame.head, "refused", {"code": str, "message": str})
        raise Refused(found["code"][:64], found["message"][:500])
    shape = {"statement": str, "held": dict, "refused": dict, "silent": list}
    head, name = expect(frame, "held", shape), statement_hash(envelope)
    if head["statement"] != name:
        raise InvalidInput("relay.answer", "the relay answers about another stop")
    workspace = from_envelope(envelope).workspace or ""
    proven = {node: _holds(workspace, node, name, receipt_, nodes) for node, receipt_ in head["held"].items()}
    refused: dict[str, StrongroomError] = {}
    for node, said in head["refused"].items():
        found = fields(said, "refusal", {"code": str, "message": str})
        refused[node] = Refused(found["code"][:64], found["message"][:500])
    held, unproven = (tuple(sorted(n for n, proof in proven.items() if proof is which)) for which in (True, False))
    return Delivery(address, held, unproven, refused, tuple(sorted(map(str, head["silent"]))))


def _holds(workspace: str, node: str, statement: str, signature: str, nodes: Mapping[str, Credential]) -> bool:
    """Whether the node signed it; False for a node whose key is not known here. Raises Refused for a forged one."""
    if node not in nodes:
        return False
    nodes[node].verify(receipt(workspace, node, statement), parse_hex(signature, 64))
    return True
