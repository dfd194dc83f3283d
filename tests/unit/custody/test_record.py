"""Changed copies: exactly those of dataclasses.replace, of the classes that the fold copies."""

from __future__ import annotations

import dataclasses

import pytest

from strongroom.custody.record import replace
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.policy.evaluate import Request
from tests.workspace import Workspace


def test_a_copy_differs_in_the_named_fields_only() -> None:
    state = Workspace().ready().state
    assert replace(state) == state and replace(state) is not state
    for field in dataclasses.fields(CustodyState):
        assert replace(state, **{field.name: "changed"}) == dataclasses.replace(state, **{field.name: "changed"})
    assert replace(EMPTY, time=5, revoked=frozenset("k")) == dataclasses.replace(EMPTY, time=5, revoked=frozenset("k"))
    assert EMPTY.time == 0


def test_an_unknown_field_and_a_class_with_checks_of_its_own_are_refused() -> None:
    with pytest.raises(KeyError):
        replace(EMPTY, tiem=5)  # type: ignore[call-arg]

    @dataclasses.dataclass(frozen=True, slots=True)
    class Checked:
        one: int
        two: int

        def __post_init__(self) -> None:
            raise ValueError

    with pytest.raises(TypeError):
        replace(object.__new__(Checked), one=1)
    assert not hasattr(Request, "__post_init__")
