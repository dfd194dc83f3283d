"""The bytes of a request, bounded before they are kept and parsed by the one strict parser."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from strongroom.documents.canonical import MAX_BYTES, parse_loose
from strongroom.errors import InvalidInput

PATIENCE: Final = 20.0  # s for a whole body


async def read_document(request: Request, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The JSON object in the body; raises InvalidInput document.*, request.interrupted, request.too_slow."""
    return parse_loose(await read_body(request, max_bytes), max_bytes=max_bytes)


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The bytes of the body; raises InvalidInput document.too_large, request.interrupted, request.too_slow."""
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and len(declared) < 20 and int(declared) > max_bytes:
        raise InvalidInput("document.too_large", f"the document is longer than {max_bytes} bytes")
    data = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                data += chunk
                if len(data) > max_bytes:
                    raise InvalidInput("document.too_large", f"the document is longer than {max_bytes} bytes")
    except TimeoutError:
        raise InvalidInput("request.too_slow", f"the body did not arrive in {PATIENCE:.0f} s") from None
    except ClientDisconnect:
        raise InvalidInput("request.interrupted", "the connection closed before the body ended") from None
    return bytes(data)
