"""What a node lacks, in frames that hold it."""

from __future__ import annotations

import pytest

from strongroom.coordinator import offers
from strongroom.wire.frame import Frame
from tests.unit.coordinator.doubles import Coordinator, FakeNode


async def test_a_node_that_lacks_more_than_a_frame_holds_is_led_on_step_by_step(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    raws = [entry.raw for entry in coordinator.desk.entries]
    behind, most = coordinator.nodes["signer-1"], 4 + max(map(len, raws[1:]))
    behind.hold(raws[:1])
    bodies: list[int] = []
    answer = FakeNode.answer

    def counted(self: FakeNode, frame: Frame) -> list[Frame]:
        if frame.kind == "append" and self is behind:
            bodies.append(len(frame.body))
        return answer(self, frame)

    monkeypatch.setattr(offers, "MOST_BYTES", most)
    monkeypatch.setattr(FakeNode, "answer", counted)
    await coordinator.start()
    await coordinator.until(lambda: behind.state.size == coordinator.house.desk.cosigned.size >= len(raws))
    assert len(bodies) > 1 and max(bodies) <= most
