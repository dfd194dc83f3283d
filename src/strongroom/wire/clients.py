"""How often each client may ask: a token bucket for every one of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from strongroom.wire.bucket import Bucket


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
