"""A signer in the hands of an attacker: `python -m tests.hostile.prober HOME`.

It is the real signer, with its identity and its share; but in every signature it sends a first message with one
wrong bit in the oblivious-transfer extension, and would learn from the peer's abort. """

from __future__ import annotations

import sys
from pathlib import Path

from strongroom.cli.roles import run_node
from strongroom.wire.channel import Channel

PURPOSE, ROUND, SIGNING, FIRST = 2, 3, 2, 1
"""Where a core message says what it is for and of which round it is, and what a signature's first one says."""


def corrupt() -> None:
    """Turn the signer of this process against its peers."""
    honest = Channel.seal

    def seal(self: Channel, seq: int, broadcast: bool, message: bytes) -> bytes:
        if (message[PURPOSE], message[ROUND]) == (SIGNING, FIRST):
            message = message[:5000] + bytes([message[5000] ^ 1]) + message[5001:]
        return honest(self, seq, broadcast, message)

    Channel.seal = seal  # type: ignore[method-assign]


if __name__ == "__main__":
    corrupt()
    run_node(Path(sys.argv[1]))
