"""The stops that pass through a relay: each goes to every node until it has said, signed, that it holds it.

Nothing here is believed or durable: nodes verify each stop by their own log, and bring again what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from strongroom.custody.stops import STOP_STATEMENTS
from strongroom.documents.canonical import fields
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_hash, parse_hex
from strongroom.documents.statement import from_envelope, statement_hash
from strongroom.errors import InvalidInput, Refused, StrongroomError
from strongroom.wire.bucket import Bucket
from strongroom.wire.clients import Buckets
from strongroom.wire.frame import Frame
from strongroom.wire.stops import RELAY, receipt

KEPT: Final = 3_600_000  # ms that a stop is offered
MOST_KEPT: Final = 256
MOST_GUESTS: Final = 64  # people who wait for an answer at once
PATIENCE: Final = 2_000  # ms that an answer waits for the nodes
AGAIN: Final = 1_000  # ms until a stop is offered again to a node that has refused it or is silent; then twice that …
GUEST_RATE: Final = (1.0, 20.0)  # stops a second of one address, and at once
NODE_RATE: Final = (50.0, 1000.0)

Send = Callable[[str, Frame], None]
Answer = Callable[[Frame], None]


@dataclass(slots=True)
class Post:
    """One stop on its way; times in unix ms, `held` are receipts in hex by node."""

    envelope: dict[str, Any]
    time: int
    due: int
    held: dict[str, str] = field(default_factory=dict)
    refused: dict[str, dict[str, str]] = field(default_factory=dict)


class Board:
    """One relay's core: frames and ticks go in, frames come out; clock and transport are handed in."""

    def __init__(
        self, workspace: str, credentials: Callable[[], dict[str, Credential]], send: Send, clock: Callable[[], int],
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._workspace, self._credentials, self._send, self._clock = workspace, credentials, send, clock
        self._say = say
        self._posts: dict[str, Post] = {}  # by statement hash, oldest first
        self._nodes: dict[str, Bucket] = {}  # those that are connected
        self._guests: list[tuple[str, int, str, Answer]] = []  # statement, until when, who asks, how to answer
        self._rates = Buckets(*GUEST_RATE)

    def joined(self, node: str) -> None:
        """A node has connected: it is offered everything."""
        self._nodes[node] = Bucket.full(*NODE_RATE, self._clock() / 1000)
        self._say(f"{node} has connected")
        for name, post in self._posts.items():
            self._offer(name, post, [node])

    def left(self, node: str) -> None:
        """A node's connection has ended."""
        self._nodes.pop(node, None)
        self._say(f"{node} has gone")
        self._settle()

    def take(self, node: str, frame: Frame) -> None:
        """One frame of an authenticated node; raises InvalidInput or Refused, which end its connection."""
        if self._nodes[node].take(self._clock() / 1000):
            raise Refused("request.too_many", f"{node} sends more than it could have to say")
        match frame.kind:
            case "stop":
                self._post(fields(frame.head, "stop", {"envelope": dict})["envelope"])
            case "latched":
                self._held(node, frame)
            case "refused":
                head = fields(frame.head, "refused", {"ref": str, "code": str, "message": str})
                post = self._posts.get(head["ref"])
                if post is not None and node not in post.held:
                    post.refused[node] = {"code": head["code"][:64], "message": head["message"][:500]}
            case _:
                raise InvalidInput("frame.unknown_kind", "this relay carries stops only")
        self._settle()

    def ask(self, address: str, frame: Frame, answer: Answer) -> None:
        """A stop from a person: answered once every node that is connected has, or after two seconds."""
        try:
            if self._rates.take(address, self._clock() / 1000) or len(self._guests) >= MOST_GUESTS:
                raise Refused("request.too_many", "too many stops come from there", "wait a little")
            if frame.kind != "stop":
                raise InvalidInput("frame.unknown_kind", "this relay takes stops only")
            name = self._post(fields(frame.head, "stop", {"envelope": dict})["envelope"])
        except StrongroomError as error:
            return answer(Frame("refused", RELAY, frame.sender, {"code": error.code, "message": error.message[:500]}))
        self._guests.append((name, self._clock() + PATIENCE, frame.sender, answer))
        return self._settle()

    def tick(self) -> None:
        """Time has passed: several times a second."""
        now = self._clock()
        for name, post in list(self._posts.items()):
            if not 0 <= now - post.time < KEPT:
                del self._posts[name]
            elif post.due <= now:
                post.due = now + max(AGAIN, now - post.time)
                self._offer(name, post, self._nodes)
        self._settle()

    def _post(self, doc: dict[str, Any]) -> str:
        """Take a stop up and offer it to everybody; raises InvalidInput or Refused for what no node could hold."""
        envelope, now = Envelope.from_doc(doc), self._clock()
        statement, name = from_envelope(envelope), statement_hash(envelope)
        if statement.kind not in STOP_STATEMENTS or statement.workspace != self._workspace:
            raise Refused("statement.wrong_kind", "this relay carries stops of its own workspace")
        if name not in self._posts:
            if len(self._posts) >= MOST_KEPT:  # what no node holds goes first: nodes bring the others again
                unheld = (old for old, post in self._posts.items() if not post.held)
                del self._posts[next(unheld, next(iter(self._posts)))]
            self._posts[name] = post = Post(doc, now, now + AGAIN)
            self._say(f"carries the stop {name[:16]} ({statement.kind})")
            self._offer(name, post, self._nodes)
        return name

    def _offer(self, name: str, post: Post, nodes: Iterable[str]) -> None:
        for node in nodes:
            if node not in post.held:
                self._send(node, Frame("stop", RELAY, node, {"envelope": post.envelope, "ref": name}))

    def _held(self, node: str, frame: Frame) -> None:
        head = fields(frame.head, "latched", {"statement": str, "signature": str})
        name, signature = parse_hash(head["statement"]), parse_hex(head["signature"], 64)
        self._credentials()[node].verify(receipt(self._workspace, node, name), signature)
        post = self._posts.get(name)
        if post is not None:
            post.refused.pop(node, None)
            post.held[node] = head["signature"]

    def _settle(self) -> None:
        """Answer the people whose stops have reached whom they can reach now."""
        now, waiting = self._clock(), []
        for guest in self._guests:
            name, until, person, answer = guest
            post = self._posts.get(name)
            held, refused = (post.held, post.refused) if post else ({}, {})
            silent = [node for node in self._nodes if node not in held and node not in refused]
            if silent and post and 0 < until - now <= PATIENCE:
                waiting.append(guest)
                continue
            head = {"statement": name, "held": dict(held), "refused": dict(refused), "silent": silent}
            answer(Frame("held", RELAY, person, head))
        self._guests = waiting
