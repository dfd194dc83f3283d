"""Token buckets: how often something may be asked."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final


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


class Buckets:
    """A bucket for each client, by name; of too many, who has been silent longest is forgotten."""

    MOST: Final = 4096

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._clients: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, client: str, now: float) -> float:
        """Take one of the client's tokens; see Bucket.take."""
        bucket = self._clients.setdefault(client, Bucket.full(self._rate, self._burst, now))
        self._clients.move_to_end(client)
        while len(self._clients) > self.MOST:
            self._clients.popitem(last=False)
        return bucket.take(now)
