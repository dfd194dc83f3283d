"""The demonstration's voice: numbered steps, plain words, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable

Say = Callable[[str], None]


class Story:
    """Numbers the steps and times them."""

    def __init__(self, say: Say) -> None:
        self._say, self._number = say, 0
        self._began = self._step = time.monotonic()

    def step(self, title: str) -> None:
        """The next step."""
        self._number, self._step = self._number + 1, time.monotonic()
        self._say(f"\n{self._number}. {title}")

    def tell(self, line: str) -> None:
        """A fact of this step."""
        self._say(f"   {line}")

    def done(self, line: str) -> None:
        """The step's result, with its time."""
        self._say(f"   {line}  [{time.monotonic() - self._step:.1f} s]")

    def since_start(self) -> float:
        """Seconds since the demonstration began."""
        return time.monotonic() - self._began
