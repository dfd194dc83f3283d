"""JSON-RPC 2.0 over HTTP on kept connections, bounded in time and size."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from strongroom.errors import InvalidInput, StrongroomError, Unreachable
from strongroom.nodes.faults import fault

MAX_ANSWER: Final = 5 * 1024 * 1024
MAX_DEPTH: Final = 32
# An unterminated string runs to the end and nothing is given back: linear for any bytes.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_HEADERS: Final = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class Disconnected(Unreachable):
    """The node closed the connection without an answer: it ended, or it gave up a kept connection just then."""


class JsonRpc:
    """One endpoint; its path may hold a provider's key, so only scheme, host and port are ever shown."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self._url = url
        self.name = _shown(url)
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, 3.0))
        self._session: aiohttp.ClientSession | None = None
        self._ids = itertools.count(1)

    def __repr__(self) -> str:
        return f"JsonRpc({self.name})"

    async def close(self) -> None:
        """Give the connections back; the next request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def request(self, method: str, params: Sequence[Any]) -> Any:
        """The result of one call; raises Unreachable node.unreachable or node.bad_answer, Refused node.*."""
        number = next(self._ids)
        answer = await self._post(_call(number, method, params))
        if not isinstance(answer, dict) or not _is_id(answer.get("id"), number):
            raise self.bad_answer("the answer is not to this request")
        result = self._result(answer)
        if isinstance(result, StrongroomError):
            raise result
        return result

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of many calls in one request, in order; a call that failed gives its error as value."""
        if not calls:
            return []
        numbers = [next(self._ids) for _ in calls]
        requests = [_call(n, method, params) for n, (method, params) in zip(numbers, calls, strict=True)]
        answers = await self._post(requests)
        if isinstance(answers, dict) and answers.get("id") is None and "error" in answers:
            raise self._result(answers)  # the batch as a whole was refused
        if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
            raise self.bad_answer("a batch is answered by a list of objects")
        by_id = {answer.get("id"): answer for answer in answers if type(answer.get("id")) is int}
        if len(answers) != len(numbers) or by_id.keys() != set(numbers):
            raise self.bad_answer("the batch's answers are not to its requests")
        return [self._result(by_id[number]) for number in numbers]

    def bad_answer(self, what: str) -> Unreachable:
        """The error for an answer that cannot be understood: as good as none."""
        return Unreachable("node.bad_answer", f"{self.name}: {what}")

    def _result(self, answer: dict[str, Any]) -> Any:
        if answer.get("jsonrpc") != "2.0" or ("result" in answer) == ("error" in answer):
            raise self.bad_answer("not a JSON-RPC 2.0 answer with either a result or an error")
        if "result" in answer:
            return answer["result"]
        error = answer["error"]
        if (
            not isinstance(error, dict)
            or type(error.get("code")) is not int
            or not isinstance(error.get("message"), str)
        ):
            raise self.bad_answer("an error without code and message")
        return fault(error["code"], error["message"], error.get("data"))

    async def _post(self, body: object) -> Any:
        try:
            async with self._open().post(self._url, data=json.dumps(body), allow_redirects=False) as response:
                if response.status != 200:
                    raise Unreachable("node.unreachable", f"{self.name} answers HTTP {response.status}")
                text = bytearray()
                async for chunk in response.content.iter_any():
                    text += chunk
                    if len(text) > MAX_ANSWER:
                        raise self.bad_answer(f"the answer is longer than {MAX_ANSWER} bytes")
        except TimeoutError as error:
            raise Unreachable("node.unreachable", f"{self.name} does not answer in time") from error
        except aiohttp.ServerDisconnectedError as error:
            raise Disconnected("node.unreachable", f"{self.name} closed the connection") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable("node.unreachable", f"{self.name} cannot be reached ({type(error).__name__})") from error
        if _too_deep(text):
            raise self.bad_answer(f"the answer nests deeper than {MAX_DEPTH}")
        try:
            return json.loads(text.decode("utf-8"))  # named, or json would also take UTF-16, which hides brackets
        except (ValueError, RecursionError) as error:
            raise self.bad_answer("the answer is not JSON") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            # No decompression: the size limit is for what is parsed. No cookies: a node keeps no state.
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                headers=_HEADERS,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _too_deep(text: bytes | bytearray) -> bool:
    """Whether JSON nests too deep; the parser's own limit is a setting, which libraries raise until it crashes."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for byte in _STRING.sub(b"", text).translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _call(number: int, method: str, params: Sequence[Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def _is_id(found: object, number: int) -> bool:
    return type(found) is int and found == number


def _shown(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password or parts.fragment:
        raise InvalidInput("node.url", "a node's address is http(s)://host[:port][/path], without user and password")
    if not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise InvalidInput("node.url", "a node's address holds no spaces, control or non-ASCII characters")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")
