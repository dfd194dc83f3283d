"""The coordinator's REST API from the command line; its answers are data, never trusted."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from strongroom.errors import Denied, InvalidInput, StrongroomError, Unreachable

_CLASSES: Final = {
    400: InvalidInput, 403: Denied, 404: InvalidInput, 409: InvalidInput, 429: Unreachable, 503: Unreachable,
}  # fmt: skip


MOST: Final = 128 << 20
"""Bytes of one answer: a page of the longest entries there are."""


class Client:
    """One coordinator; raises what it answers as the errors of this program."""

    def __init__(self, url: str, ca: Path | None = None, patience: float = 70) -> None:
        self.url, self._patience = url, patience
        verify = ssl.create_default_context(cafile=str(ca)) if ca else url.startswith("https:")
        timeout = httpx.Timeout(patience, connect=5)
        self._http = httpx.Client(base_url=url, timeout=timeout, trust_env=False, verify=verify)

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """The document at a path."""
        return self._call("GET", path, params=query)[1]

    def post(self, path: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and answer."""
        return self._call("POST", path, json=document)

    def download(self, path: str) -> Iterator[bytes]:
        """A long answer, piece by piece."""
        with self._reached(), self._http.stream("GET", path) as response:
            if response.status_code != 200:
                raise self._error(response.status_code, self._read(response))
            yield from response.iter_bytes()

    def _call(self, method: str, path: str, **arguments: Any) -> tuple[int, dict[str, Any]]:
        with self._reached(), self._http.stream(method, path, **arguments) as response:
            content = self._read(response)
        if response.status_code not in (200, 201, 202):
            raise self._error(response.status_code, content)
        document = _document(content)
        if document is None:
            raise Unreachable("api.answer", f"{self.url} does not answer as a coordinator does", "check the address")
        return response.status_code, document

    def _read(self, response: httpx.Response) -> bytes:
        """The whole of an answer that ends; raises Unreachable api.answer."""
        content, until = bytearray(), time.monotonic() + 2 * self._patience
        for piece in response.iter_bytes():
            content += piece
            if len(content) > MOST or time.monotonic() > until:
                raise Unreachable("api.answer", f"{self.url} answers without an end", "check the address")
        return bytes(content)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(
                "api.unreachable",
                f"the coordinator at {self.url} does not answer ({type(error).__name__})",
                "is it running (strongroom serve)? does the profile name its address?",
            ) from None

    def _error(self, status: int, content: bytes) -> StrongroomError:
        error = (_document(content) or {}).get("error")
        if not isinstance(error, dict):
            return Unreachable("api.answer", f"{self.url} answers {status}", "check the address")
        kind = _CLASSES.get(status, StrongroomError)
        return kind(str(error.get("code")), str(error.get("message")), str(error.get("remedy") or ""))


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
