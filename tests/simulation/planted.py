"""Bugs that are planted on purpose, each as a patch of production code at run time: the simulation must find them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from strongroom.chains.evm import transfer as payloads
from strongroom.chains.evm.transaction import decode
from strongroom.custody import intents
from strongroom.policy.model import Policy
from strongroom.signer.disk import Disk


def quorum_arithmetic() -> Iterator[tuple[Any, str, Any]]:
    """q = floor((n+f)/2): two quorums may share only bad witnesses."""
    yield Policy, "witness_quorum", property(lambda self: (len(self.nodes) + self.faults) // 2)


def anchor_conflict() -> Iterator[tuple[Any, str, Any]]:
    """A payload may spend another nonce than its intent's."""

    def any_nonce(raw: bytes, *, nonce: int, **rest: Any) -> int:
        return payloads.check(raw, nonce=decode(raw).nonce, **rest)

    yield intents, "check", any_nonce


def send_then_persist() -> Iterator[tuple[Any, str, Any]]:
    """What a node says leaves before it is durable: it commits only when it is idle."""
    commit = Disk.commit

    def lazily(self: Disk, *, idle: bool = False) -> None:
        if idle:
            commit(self, idle=True)

    yield Disk, "commit", lazily


def stop_latching() -> Iterator[tuple[Any, str, Any]]:
    """A stop is held in memory only: a restart forgets it."""
    put = Disk.put

    def forgetful(self: Disk, kind: str, name: str, value: dict[str, Any]) -> None:
        if kind != "stop":
            put(self, kind, name, value)

    yield Disk, "put", forgetful


PLANTED: Final[dict[str, Callable[[], Iterator[tuple[Any, str, Any]]]]] = {
    "quorum": quorum_arithmetic,
    "anchor": anchor_conflict,
    "persist": send_then_persist,
    "latch": stop_latching,
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Run with one of the bugs, or with none for ""."""
    patches = list(PLANTED[name]()) if name else []
    kept = [(target, attribute, vars(target)[attribute]) for target, attribute, _ in patches]
    try:
        for target, attribute, bug in patches:
            setattr(target, attribute, bug)
        yield
    finally:
        for target, attribute, before in kept:
            setattr(target, attribute, before)
