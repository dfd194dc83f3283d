"""What the tests of the fold share: a workspace that is ready, and how a refusal is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from strongroom.errors import StrongroomError
from tests.workspace import Workspace

Refusal = Callable[..., str]


@pytest.fixture
def home() -> Workspace:
    """A workspace with its nodes started, a key and a wallet."""
    return Workspace().ready()


@pytest.fixture
def refusal(home: Workspace) -> Refusal:
    """The code with which an action on the workspace is refused; its state stays what it was."""

    def code(action: Callable[..., Any], *arguments: Any, **changes: Any) -> str:
        before = home.state
        with pytest.raises(StrongroomError) as caught:
            action(*arguments, **changes)
        assert home.state is before
        return caught.value.code

    return code
