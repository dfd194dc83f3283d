"""A person or a service of the lab at the API: signs statements with the key of a profile, and reads."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from strongroom.documents.credentials import SigningKey
from strongroom.documents.statement import Seen, Statement, sign_statement
from strongroom.errors import Denied, InvalidInput, StrongroomError, Unreachable

_HOUR_MS = 3_600_000


@cache
def _http(url: str) -> httpx.Client:
    """One client for each address: to make one costs far more than to ask."""
    return httpx.Client(base_url=url, timeout=70, trust_env=False)


class Api:
    """The coordinator's REST API, by its address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = _http(url)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """A document; raises StrongroomError with the coordinator's code, Unreachable lab.api."""
        return self._asked("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a body."""
        return self._asked("POST", path, json=body)

    def download(self, path: str) -> Iterator[bytes]:
        """A long answer piece by piece."""
        try:
            with self._http.stream("GET", path) as response:
                if response.status_code != 200:
                    response.read()
                    self._judged(response)
                yield from response.iter_bytes()
        except httpx.HTTPError as error:
            raise Unreachable("lab.api", f"{self.url} broke off: {type(error).__name__}") from error

    def answers(self, workspace: str = "") -> bool:
        """Whether a coordinator is there, and if one is named, that workspace's: another lab may have the port."""
        try:
            found = self.get("/v1/workspace")
        except Unreachable:
            return False
        return workspace in ("", found["workspace"])

    def _asked(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise Unreachable("lab.api", f"{self.url} does not answer: {type(error).__name__}") from error
        return self._judged(response)

    def _judged(self, response: httpx.Response) -> dict[str, Any]:
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Unreachable("lab.api", f"{self.url} answers HTTP {response.status_code} without a document")
        if response.status_code < 300:
            return document
        error = document.get("error", {})
        kind = {400: InvalidInput, 403: Denied, 503: Unreachable}.get(response.status_code, StrongroomError)
        raise kind(str(error.get("code")), str(error.get("message")), str(error.get("remedy") or ""))


@dataclass(frozen=True, slots=True)
class Member:
    """One person or service with its key."""

    api: Api
    workspace: str
    name: str
    key: SigningKey

    @classmethod
    def load(cls, profile: Path) -> Member:
        """The member of a profile directory."""
        config = tomllib.loads((profile / "profile.toml").read_text())
        key = SigningKey.load(profile / "key.pem")
        return cls(Api(config["api"]), config["workspace"], config["person"], key)

    def sign(
        self, kind: str, subject: dict[str, Any], *, obligations: str | None = None, stop: bool = False
    ) -> dict[str, Any]:
        """The DSSE envelope of a statement; a stop needs neither a head that was seen nor an end."""
        seen, not_after = None, None
        if not stop:
            head = self.api.get("/v1/checkpoint")
            seen, not_after = Seen(head["size"], head["root"]), time.time_ns() // 1_000_000 + _HOUR_MS
        statement = Statement(
            self.workspace, kind, subject, obligations, seen, self.name, self.key.key_id, not_after
        )
        return sign_statement(statement, self.key).to_doc()

    def state(self, kind: str, subject: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Hand in a statement."""
        return self.api.post("/v1/statements", {"envelope": self.sign(kind, subject, **options)})

    def propose(self, wallet: str, to: str, asset: str, amount: int, why: str, key: str) -> dict[str, Any]:
        """Propose a transfer of base units to an account (CAIP-10), once for the idempotency key."""
        subject = {
            "from": wallet,
            "to": to,
            "asset": asset,
            "amount": str(amount),
            "why": why,
            "until": time.time_ns() // 1_000_000 + _HOUR_MS,
            "idempotency": key,
        }
        return self.api.post("/v1/transfers", self.sign("transfer.propose", subject))
