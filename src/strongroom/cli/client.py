"""The coordinator's REST API from the command line; its answers are data, never trusted."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from strongroom.errors import Denied, InvalidInput, StrongroomError, Unreachable

_CLASSES: Final = {
    400: InvalidInput, 403: Denied, 404: InvalidInput, 409: InvalidInput, 429: Unreachable, 503: Unreachable,
}  # fmt: skip


class Client:
    """One coordinator; raises what it answers as the errors of this program."""

    def __init__(self, url: str, ca: Path | None = None, patience: float = 70) -> None:
        self.url = url
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
                response.read()
                raise self._error(response)
            yield from response.iter_bytes()

    def _call(self, method: str, path: str, **arguments: Any) -> tuple[int, dict[str, Any]]:
        with self._reached():
            response = self._http.request(method, path, **arguments)
        if response.status_code not in (200, 201, 202):
            raise self._error(response)
        document = self._document(response)
        if document is None:
            raise Unreachable("api.answer", f"{self.url} does not answer as a coordinator does", "check the address")
        return response.status_code, document

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

    def _document(self, response: httpx.Response) -> dict[str, Any] | None:
        try:
            document = response.json()
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def _error(self, response: httpx.Response) -> StrongroomError:
        document = self._document(response) or {}
        error = document.get("error")
        if not isinstance(error, dict):
            return Unreachable("api.answer", f"{self.url} answers {response.status_code}", "check the address")
        kind = _CLASSES.get(response.status_code, StrongroomError)
        return kind(str(error.get("code")), str(error.get("message")), str(error.get("remedy") or ""))
