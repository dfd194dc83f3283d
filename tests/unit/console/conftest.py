"""A workspace whose people hold passkeys, a coordinator over it, and its console without a socket."""

from __future__ import annotations

import pytest

from strongroom.api.app import create_app
from tests.passkeys import SoftPasskey
from tests.unit.api.coordinator import Coordinator
from tests.unit.console.browser import ORIGIN, Person
from tests.workspace import PEOPLE, Workspace

PASSKEYS = {name: SoftPasskey(ORIGIN, seed=name) for name in (*PEOPLE, "dora", "erin")}


def policy() -> dict[str, object]:
    """The usual one; dora has no part in anything, erin is an approver and nothing else."""
    document = Workspace().policy_document()
    for name in ("dora", "erin"):
        document["people"][name] = {"role": "person", "keys": []}
    for name, passkey in PASSKEYS.items():
        document["people"][name]["keys"].append(passkey.credential.to_doc())
    document["groups"] |= {"risk": ["erin"]}
    larger = next(rule for rule in document["rules"] if rule["name"] == "larger ETH")
    larger["allow"]["approvals"] = [[{"group": "treasury", "threshold": 2}], [{"group": "risk", "threshold": 1}]]
    return {**document, "fold": 2}


@pytest.fixture(scope="session")
def ready() -> Workspace:
    return Workspace(policy=policy()).ready()


@pytest.fixture
def coordinator(ready: Workspace) -> Coordinator:
    return Coordinator(ready.clone())


class Seconds:
    """A clock for sessions that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def app(coordinator: Coordinator, seconds: Seconds) -> object:
    return create_app(coordinator, clock=lambda: coordinator.log.time, console=ORIGIN, seconds=seconds)


@pytest.fixture
async def alice(app: object) -> Person:
    person = Person(app, PASSKEYS["alice"])
    await person.sign_in()
    return person


@pytest.fixture
async def bob(app: object) -> Person:
    person = Person(app, PASSKEYS["bob"])
    await person.sign_in()
    return person
