"""What nodes, relays and people say to each other about a stop on its way."""

from __future__ import annotations

from typing import Final

from strongroom.wire.handshake import signed_bytes

RELAY: Final = "relay"
"""The name under which every relay of stops speaks and is spoken to."""

MAX_STOP: Final = 32 * 1024
"""Bytes of the frame's head around one stop; an honest one has less than 2 KiB."""


def receipt(workspace: str, node: str, statement: str) -> bytes:
    """What a node signs once it holds the stop of this hash (hex), so that no relay can say it in its place."""
    return signed_bytes("stop held", workspace=workspace, node=node, statement=statement)
