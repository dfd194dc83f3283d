"""Time as a pair of bounds, so that a wrong clock alone never grants (I18)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """Unix milliseconds: delays must have passed at `earliest`, nothing may have expired at `latest`."""

    earliest: int
    latest: int

    @classmethod
    def at(cls, log_time: int, own_clock: int | None = None) -> Moment:
        """The fold knows log time only; a signer adds its own clock."""
        own = log_time if own_clock is None else own_clock
        return cls(min(log_time, own), max(log_time, own))
