"""A signed request goes the way of a statement, and the same request again opens nothing."""

from __future__ import annotations

import json

import pytest

from strongroom.custody.state import Phase
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import proposal_hash
from strongroom.errors import Refused
from tests.unit.coordinator.doubles import Coordinator
from tests.unit.coordinator.test_transfer import ended, ready
from tests.unit.custody.test_requests import SERVICE, workspace
from tests.workspace import HOUR, OTHER, Workspace


@pytest.fixture
def desk() -> Workspace:
    return workspace().ready()


def request(made: Coordinator, **changes: object) -> Envelope:
    intent = made.desk.intent(**{"until": made.now + HOUR, "idempotency": "order-1", **changes})
    return SERVICE.request(json.dumps(intent, indent=1).encode(), made.desk.state.workspace, made.now)


async def test_a_request_is_completed_and_the_same_again_is_the_same_transfer(coordinator: Coordinator) -> None:
    await ready(coordinator)
    envelope = request(coordinator)
    done = await coordinator.house.service.submit(envelope)
    assert (done.kind, done.transfer) == ("transfer.propose", proposal_hash(envelope))
    same_body = SERVICE.request(envelope.payload, coordinator.desk.state.workspace, coordinator.now)
    for again in (envelope, same_body):
        repeated = await coordinator.house.service.submit(again)
        assert (repeated.transfer, repeated.entry) == (done.transfer, None)
    with pytest.raises(Refused, match=r"intent\.idempotency_conflict"):
        await coordinator.house.service.submit(request(coordinator, to=OTHER))
    await ended(coordinator, done.transfer, Phase.COMPLETED)  # type: ignore[arg-type]
    assert len(set(coordinator.chain.sent)) == 1


async def test_a_repetition_that_the_key_has_not_signed_learns_nothing(coordinator: Coordinator) -> None:
    await ready(coordinator)
    envelope = request(coordinator)
    await coordinator.house.service.submit(envelope)
    token = request(coordinator, to=OTHER).signatures
    with pytest.raises(Refused, match=r"jwt\.body_hash"):
        await coordinator.house.service.submit(Envelope(envelope.payload, envelope.payload_type, token))
