"""What every answer of a page carries, and the files that pages load: from this server alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from strongroom.passkeys.script import passkeys_js

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "cache-control": "no-store",
}
_KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def static_routes(*own: Path) -> list[Route]:
    """`/static/NAME` for the shared files and a room's own."""
    shared = sorted((Path(__file__).parent / "static").iterdir())
    found = [_file(path.name, _KINDS[path.suffix], path.read_bytes()) for path in (*shared, *own)]
    return [*found, _file("passkeys.js", _KINDS[".js"], passkeys_js())]


def _file(name: str, kind: str, data: bytes) -> Route:
    async def file(_request: Request) -> Response:
        return Response(data, media_type=kind)

    return Route(f"/static/{name}", file)
