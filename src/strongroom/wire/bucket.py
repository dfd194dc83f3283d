"""A token bucket: how often something may be asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """`rate` tokens a second, at most `burst` kept; times are seconds of any clock that does not go back."""

    rate: float
    burst: float
    left: float
    time: float

    @classmethod
    def full(cls, rate: float, burst: float, now: float) -> Bucket:
        """One that nobody has taken from."""
        return cls(rate, burst, burst, now)

    def take(self, now: float) -> float:
        """Take a token: 0.0, or the seconds until there is one, and then none is taken."""
        self.left = min(self.burst, self.left + max(0.0, now - self.time) * self.rate)
        self.time = now
        if self.left < 1:
            return (1 - self.left) / self.rate
        self.left -= 1
        return 0.0
