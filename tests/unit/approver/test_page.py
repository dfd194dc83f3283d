"""The page of a person's own machine: its own state, its own address, and nothing signed but by a passkey."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from strongroom.approver.config import Config
from strongroom.approver.desk import Desk, Paths
from strongroom.approver.page import create_page
from strongroom.approver.sources import Follower
from strongroom.chains.evm.checksum import checksum
from strongroom.custody.state import TransferId
from strongroom.documents.base64 import decode_base64
from strongroom.documents.credentials import Surface
from strongroom.documents.envelope import Envelope
from strongroom.documents.passkey import base64url
from strongroom.documents.statement import from_envelope
from strongroom.errors import Unreachable
from strongroom.passkeys.enrolment import read_enrolment
from tests.passkeys import SoftPasskey
from tests.unit.approver.mirror import Mirror
from tests.workspace import NODES, PAYEE, WEI, Workspace

ORIGIN, TOKEN = "http://localhost:7710", "secret"
ADDRESS = checksum(PAYEE.rpartition(":")[2])
OWN = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}


class Visit:
    """Bob's page, his passkey, and what the page has handed out."""

    def __init__(self, home: Workspace, follower: Follower, passkey: SoftPasskey, path: Path) -> None:
        self.home, self.passkey, self.submitted = home, passkey, list[Envelope]()
        self.answer: Callable[[], dict[str, Any]] = lambda: {"status": "logged", "entry": 7}
        self.desk = Desk("bob", path, Config(), follower, Paths(self.submit, (), None, {}), lambda: home.time)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=create_page(self.desk, TOKEN)), base_url=ORIGIN, headers=OWN
        )

    def submit(self, envelope: Envelope) -> dict[str, Any]:
        self.submitted.append(envelope)
        return self.answer()

    async def enter(self) -> None:
        entered = await self.client.get("/", params={"token": TOKEN})
        assert entered.status_code == 303 and "HttpOnly" in entered.headers["set-cookie"]

    async def get(self, path: str, **query: str) -> str:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    async def sign(self, kind: str, **query: str) -> httpx.Response:
        """Open the page of a statement, use the passkey, and send the form."""
        page = await self.get("/sign", kind=kind, **query)
        payload, options = field(page, "payload"), json.loads(found(r"data-options='(.*?)'", page))
        challenge = base64url_bytes(options["challenge"])
        assert [each["id"] for each in options["allowCredentials"]] == [base64url(self.passkey.credential.passkey.id)]  # type: ignore[union-attr]
        form = {"payload": payload, "answer": json.dumps(self.passkey.assertion(challenge))}
        return await self.client.post("/sign", data=form)


def found(pattern: str, page: str) -> str:
    match = re.search(pattern, page, re.DOTALL)
    assert match, page
    return match[1]


def field(page: str, name: str) -> str:
    return found(rf'name="{name}" value="(.*?)"', page)


def base64url_bytes(text: str) -> bytes:
    return decode_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))


@pytest.fixture
def passkey() -> SoftPasskey:
    return SoftPasskey(ORIGIN, surface="approver")


@pytest.fixture
def home(passkey: SoftPasskey) -> Workspace:
    made = Workspace()
    made.policy["fold"] = 2
    made.policy["people"]["bob"]["keys"].append(passkey.credential.to_doc())
    return made.ready()


@pytest.fixture
async def visit(
    home: Workspace, machine: Callable[..., Follower], asked: TransferId, passkey: SoftPasskey, tmp_path: Path
) -> AsyncIterator[Visit]:
    follower = machine(Mirror(home))
    follower.look()
    made = Visit(home, follower, passkey, tmp_path)
    await made.enter()
    yield made
    await made.client.aclose()


async def test_it_shows_what_waits_and_what_it_really_is(visit: Visit, asked: TransferId) -> None:
    assert "2 ETH" in await visit.get("/")
    page = await visit.get(f"/transfers/{asked}")
    plain = re.sub(r"</?span>", "", page)
    assert ADDRESS in plain and f"{2 * WEI} base units" in page and "larger ETH" in page and "Approve…" in page


async def test_a_passkey_approves_what_this_machine_computed(visit: Visit, asked: TransferId) -> None:
    done = await visit.sign("transfer.approve", transfer=asked)
    assert done.status_code == 303 and done.headers["location"] == f"/transfers/{asked}"
    (envelope,) = visit.submitted
    statement = from_envelope(envelope)
    assert (statement.person, statement.key, statement.seen) == ("bob", visit.passkey.key_id, visit.desk.head.seen)
    visit.home.add("transfer.approved", {"transfer": asked}, [envelope])
    assert "Approved." in await visit.get(f"/transfers/{asked}")


async def test_a_stop_leaves_although_the_coordinator_does_not_answer(visit: Visit, asked: TransferId) -> None:
    def away() -> dict[str, Any]:
        raise Unreachable("api.unreachable", "nobody there")

    visit.answer = away
    nobody = await visit.sign("transfer.reject", transfer=asked)
    assert nobody.status_code == 503 and "api.unreachable" in nobody.text
    visit.answer = lambda: {"status": "logged", "entry": 8}
    frozen = await visit.sign("workspace.freeze", covers="wallet:hot-eth", reason="<b>phone</b> stolen")
    assert frozen.status_code == 303
    freeze = from_envelope(visit.submitted[-1])
    assert freeze.subject == {"scope": "wallet", "target": "hot-eth", "reason": "<b>phone</b> stolen"}
    visit.home.add("workspace.frozen", freeze.subject, [visit.submitted[-1]])


async def test_everything_that_can_be_stopped_is_offered(visit: Visit) -> None:
    page = await visit.get("/stops")
    for words in ("everything: the whole workspace", "Suspend somebody", "Revoke a key", "Close a wallet"):
        assert words in page
    links = re.findall(r'href="(/sign\?[^"]*)"', page)
    kinds = set()
    for link in links:
        assert (await visit.client.get(link)).status_code == 200
        kinds.add(found(r"kind=([a-z.]+)", link))
    assert kinds == {"person.suspend", "key.revoke", "wallet.close"}


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ({"uv": False}, "webauthn.user_not_verified"),
        ({"origin": "http://localhost:7700"}, "webauthn.origin"),
        ({"type": "webauthn.create"}, "webauthn.type"),
        ({"cross_origin": True}, "webauthn.cross_origin"),
        ({"challenge": bytes(32)}, "webauthn.challenge"),
    ],
)
async def test_an_assertion_that_lies_never_leaves(
    visit: Visit, asked: TransferId, lie: dict[str, Any], code: str
) -> None:
    page = await visit.get("/sign", kind="transfer.approve", transfer=asked)
    challenge = base64url_bytes(json.loads(found(r"data-options='(.*?)'", page))["challenge"])
    answer = json.dumps(visit.passkey.assertion(challenge, **lie))
    refused = await visit.client.post("/sign", data={"payload": field(page, "payload"), "answer": answer})
    assert refused.status_code == 403 and code in refused.text and visit.submitted == []


async def test_without_a_passkey_nothing_is_signed(visit: Visit, asked: TransferId) -> None:
    page = await visit.get("/sign", kind="transfer.approve", transfer=asked)
    refused = await visit.client.post("/sign", data={"payload": field(page, "payload"), "answer": ""})
    assert refused.status_code == 403 and "session.assertion_missing" in refused.text
    for kind in ("policy.propose", "wallet.open", "nonsense"):
        strange = await visit.client.get("/sign", params={"kind": kind, "subject": "{}"})
        assert strange.status_code == 400 and "statement.wrong_kind" in strange.text
    assert visit.submitted == []


async def test_what_is_too_old_is_shown_and_not_approved(visit: Visit, asked: TransferId) -> None:
    visit.home.time += 600_000
    assert "600 s old by its own clock" in await visit.get("/")
    refused = await visit.client.get("/sign", params={"kind": "transfer.approve", "transfer": asked})
    assert refused.status_code == 403 and "checkpoint.stale" in refused.text
    stopped = await visit.sign("transfer.reject", transfer=asked)
    assert stopped.status_code == 303


async def test_a_source_that_lies_is_named_on_every_page(visit: Visit) -> None:
    visit.desk.follower._sources[0].show(visit.home, NODES[:1])  # type: ignore[attr-defined]
    visit.desk.follower.look()
    assert "cannot be taken at its word" in await visit.get("/stops")


async def test_nobody_else_reads_or_posts(visit: Visit, asked: TransferId) -> None:
    """No token, another name for this machine, another site's form, a cookie guessed."""
    app = visit.client._transport
    for headers, cookies, code in (
        ({}, {}, "session.missing"),
        ({}, {"strongroom-approver-7710": "guess"}, "session.missing"),
        ({"host": "evil.example:7710"}, {"strongroom-approver-7710": TOKEN}, "request.host"),
        ({"host": "127.0.0.1:7710"}, {"strongroom-approver-7710": TOKEN}, "request.host"),
    ):
        async with httpx.AsyncClient(transport=app, base_url=ORIGIN, headers=headers, cookies=cookies) as stranger:
            for path in ("/", f"/transfers/{asked}", "/stops", "/sign", "/enrol", "/changed", "/static/pages.css"):
                answer = await stranger.get(path)
                assert answer.status_code in (401, 403) and code in answer.text, path
            assert (await stranger.get("/", params={"token": "guess"})).status_code in (401, 403)
    for headers in (
        {"origin": "http://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "http://localhost:7700", "sec-fetch-site": "same-site"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
    ):
        for path in ("/sign", "/enrol", "/enrol/done"):
            forged = await visit.client.post(path, data={"answer": "{}"}, headers=headers)
            assert forged.status_code == 403 and "request.origin" in forged.text


async def test_every_answer_carries_the_strict_headers(visit: Visit) -> None:
    for path in ("/", "/stops", "/nowhere", "/static/signing.js", "/static/approver.js", "/static/passkeys.js"):
        headers = (await visit.client.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
        assert "access-control-allow-origin" not in headers


async def test_words_of_others_are_only_text(visit: Visit) -> None:
    name = visit.home.propose("alice", amount=str(2 * WEI), why="<script>alert(1)</script>", idempotency="script")
    visit.desk.follower._sources[0].show(visit.home)  # type: ignore[attr-defined]
    visit.desk.follower.look()
    answer = await visit.client.get(f"/transfers/{name}")
    assert "<script>alert" not in answer.text and "&lt;script&gt;" in answer.text


async def test_a_passkey_is_made_proven_and_written_for_the_administrators(visit: Visit, tmp_path: Path) -> None:
    new = SoftPasskey(ORIGIN, surface="approver")
    page = await visit.get("/enrol")
    challenge = base64url_bytes(json.loads(found(r"data-options='(.*?)'", page))["challenge"])
    answer = json.dumps(new.registration(challenge))
    proving = unescape((await visit.client.post("/enrol", data={"answer": answer})).text)
    challenge = base64url_bytes(json.loads(found(r"data-options='(.*?)'", proving))["challenge"])
    credential = found(r'name="credential" value="(.*?\})"', proving)
    wrong = json.dumps(visit.passkey.assertion(challenge))
    refused = await visit.client.post("/enrol/done", data={"credential": credential, "answer": wrong})
    assert refused.status_code == 403 and not (tmp_path / "passkey.enrolment.json").exists()
    proof = json.dumps(new.assertion(challenge))
    done = await visit.client.post("/enrol/done", data={"credential": credential, "answer": proof})
    assert done.status_code == 303
    document = json.loads((tmp_path / "passkey.enrolment.json").read_text())
    enrolment = read_enrolment(document, visit.home.state.workspace)
    assert (enrolment.person, enrolment.credential) == ("bob", new.credential)
    assert enrolment.credential.surface is Surface.APPROVER
    assert "passkey.enrolment.json" in await visit.get("/enrol")


async def test_a_machine_that_knows_nothing_yet_says_so(home: Workspace, machine: Any, tmp_path: Path) -> None:
    away = Mirror(home)
    away.down = True
    follower = machine(away)
    follower.look()
    fresh = Visit(home, follower, SoftPasskey(ORIGIN), tmp_path)
    await fresh.enter()
    assert "verified nothing yet" in await fresh.get("/") and "Nothing waits for you" in await fresh.get("/")
    refused = await fresh.client.get("/stops")
    assert refused.status_code == 403 and "workspace.missing" in refused.text
    await fresh.client.aclose()
