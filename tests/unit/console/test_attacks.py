"""Attacks on the console's pages: other pages, thieves of cookies, passkeys used elsewhere, and words that are code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.documents.base64 import decode_base64, encode_base64
from strongroom.errors import InvalidInput
from tests.passkeys import SoftPasskey
from tests.unit.api.coordinator import Coordinator
from tests.unit.console.browser import COOKIE, ORIGIN, Forms, Person
from tests.unit.console.conftest import PASSKEYS, Seconds
from tests.workspace import WEI

FREEZE = {"scope": "workspace", "target": "", "reason": "odd"}


async def signed(person: Person, kind: str = "workspace.freeze", **query: Any) -> dict[str, str]:
    """The form of an act, complete with the assertion."""
    fields, options = await person.asked(kind, **(query or FREEZE))
    return fields | {"answer": person.answer(options)}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9000"},
        {"origin": "null"},
        {"origin": "null", "sec-fetch-site": "same-site"},
        {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "none"},
    ],
)
async def test_another_page_s_form_is_refused(alice: Person, coordinator: Coordinator, headers: dict[str, str]) -> None:
    """CSRF: even with the token and an assertion, the browser says which page the form is from."""
    fields, before = await signed(alice), coordinator.state
    answer = await alice.post("/acts/workspace.freeze", fields, **headers)
    assert answer.status_code == 403 and "request.origin" in answer.text and coordinator.state is before


@pytest.mark.parametrize("token", ["", "x", None])
async def test_a_form_without_this_session_s_token_is_refused(
    alice: Person, bob: Person, coordinator: Coordinator, token: str | None
) -> None:
    """CSRF: nor does the token of another session do."""
    theirs = Forms((await bob.get("/")).text).to("/console/sign-out")[0]["csrf"]
    fields = await signed(alice) | {"csrf": theirs if token is None else token}
    before = coordinator.state
    answer = await alice.post("/acts/workspace.freeze", fields)
    assert answer.status_code == 403 and "session.csrf" in answer.text and coordinator.state is before


async def test_a_browser_s_own_form_without_referrer_is_taken(alice: Person, coordinator: Coordinator) -> None:
    """As browsers send it: `Origin: null`, for these pages name no referrer, and the site in its own header."""
    answer = await alice.post(
        "/acts/workspace.freeze", await signed(alice), **{"origin": "null", "sec-fetch-site": "same-origin"}
    )
    assert answer.status_code == 303 and len(coordinator.state.freezes) == 1


async def test_a_session_is_new_at_sign_in(app: object) -> None:
    """Fixation: the cookie that a browser brings along never becomes a session, and the old session ends."""
    person = Person(app, PASSKEYS["alice"])
    person.http.cookies.set(COOKIE, "fixed-by-somebody", domain="localhost", path="/console")
    answer = await person.sign_in()
    assert answer.status_code == 303
    first = answer.cookies[COOKIE]
    assert first != "fixed-by-somebody" and len(first) >= 43
    thief = Person(app, PASSKEYS["dora"])
    for stale in ("fixed-by-somebody", first):
        thief.http.cookies.clear()
        thief.http.cookies.set(COOKIE, stale)
        found = (await thief.get("/")).status_code
        assert found == (303 if stale == "fixed-by-somebody" else 200)
        if stale == first:
            second = (await person.sign_in()).cookies[COOKIE]
            assert second != first and (await thief.get("/")).status_code == 303


async def test_the_cookie_is_for_this_browser_s_own_requests_only(app: object) -> None:
    """No script reads it, no other site sends it."""
    cookie = (await Person(app, PASSKEYS["alice"]).sign_in()).headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/console"))


async def test_a_cookie_alone_signs_nothing(alice: Person, coordinator: Coordinator) -> None:
    """Nor with the assertion of somebody else's passkey in place of its owner's."""
    fields, options = await alice.asked("workspace.freeze", **FREEZE)
    before = coordinator.state
    assert (await alice.post("/acts/workspace.freeze", fields)).status_code == 401
    alice.passkey = PASSKEYS["bob"]
    answer = await alice.post("/acts/workspace.freeze", fields | {"answer": alice.answer(options)})
    assert answer.status_code in (400, 403) and coordinator.state is before


async def test_one_person_s_session_does_not_carry_another_s_statement(
    alice: Person, bob: Person, coordinator: Coordinator
) -> None:
    """Who has stolen a statement that bob signed cannot hand it in as if alice's page had."""
    theirs, mine = await signed(bob), (await alice.asked("workspace.freeze", **FREEZE))[0]
    before = coordinator.state
    answer = await alice.post("/acts/workspace.freeze", theirs | {"csrf": mine["csrf"]})
    assert answer.status_code == 403 and "session.other_person" in answer.text and coordinator.state is before


async def test_what_was_signed_cannot_be_changed_on_its_way(alice: Person, coordinator: Coordinator) -> None:
    """Another subject under the same assertion: refused by the fold itself."""
    fields, before = await signed(alice), coordinator.state
    changed = decode_base64(fields["payload"]).replace(b'"odd"', b'"odder"')
    answer = await alice.post("/acts/workspace.freeze", fields | {"payload": encode_base64(changed)})
    assert "webauthn.challenge" in answer.text and coordinator.state is before


async def test_an_assertion_for_one_act_is_none_for_another(alice: Person, coordinator: Coordinator) -> None:
    """A signed rejection handed in as an approval."""
    name = coordinator.log.propose(by="carol", amount=str(2 * WEI))
    fields, before = await signed(alice, "transfer.reject", transfer=name), coordinator.state
    answer = await alice.post("/acts/transfer.approve", fields)
    assert "statement.wrong_kind" in answer.text and coordinator.state is before


@pytest.mark.parametrize(
    ("lies", "code"),
    [
        ({"uv": False}, "webauthn.user_not_verified"),
        ({"up": False}, "webauthn.user_not_present"),
        ({"origin": "https://evil.example"}, "webauthn.origin"),
        ({"rp_id": "evil.example"}, "webauthn.relying_party"),
        ({"type": "webauthn.create"}, "webauthn.type"),
        ({"cross_origin": True}, "webauthn.cross_origin"),
        ({"members": {"topOrigin": "https://evil.example"}}, "webauthn.cross_origin"),
        ({"challenge": bytes(32)}, "webauthn.challenge"),
        ({"be": True}, "credential.backup_eligible"),
    ],
)
async def test_nobody_signs_in_by_an_assertion_that_says_something_else(
    app: object, lies: dict[str, Any], code: str
) -> None:
    """Each refused with its reason, and without a session."""
    person = Person(app, PASSKEYS["alice"])
    answer = await person.sign_in(**lies)
    assert answer.status_code == 403 and code in answer.text and COOKIE not in person.http.cookies


async def test_a_sign_in_is_not_replayed(app: object, seconds: Seconds) -> None:
    """Its challenge counts once, for five minutes, and is made here."""
    person = Person(app, PASSKEYS["alice"])

    async def ready() -> dict[str, str]:
        fields, options = Forms((await person.get("/sign-in")).text).to("/console/sign-in")
        return fields | {"answer": person.answer(options)}

    once = await ready()
    assert (await person.post("/sign-in", once)).status_code == 303
    late = await ready()
    seconds.now += 301
    for fields in (once, late):
        answer = await person.post("/sign-in", fields)
        assert answer.status_code == 403 and "session.challenge" in answer.text


async def test_a_passkey_that_no_policy_lists_signs_nobody_in(app: object) -> None:
    """However well it signs."""
    stranger = Person(app, SoftPasskey(ORIGIN))
    answer = await stranger.sign_in()
    assert answer.status_code == 403 and COOKIE not in stranger.http.cookies


async def test_a_session_ends_by_itself(alice: Person, seconds: Seconds) -> None:
    """After 15 idle minutes, and after eight hours however busy."""
    for _ in range(33):
        seconds.now += 14 * 60
        assert (await alice.get("/")).status_code == 200
    seconds.now += 14 * 60
    seconds.now += 5 * 60
    assert (await alice.get("/")).status_code == 303


async def test_an_idle_session_ends(alice: Person, seconds: Seconds) -> None:
    """To the second."""
    seconds.now += 15 * 60
    assert (await alice.get("/")).status_code == 303


async def test_a_suspended_person_s_session_ends_at_once(alice: Person, coordinator: Coordinator) -> None:
    """And so does one whose key was revoked."""
    coordinator.log.stopped("person.suspended", "person.suspend", {"person": "alice"}, ["bob"])
    assert (await alice.get("/")).headers["location"].startswith("/console/sign-in")


@pytest.mark.parametrize(
    "place", ["https://evil.example", "//evil.example", "/console//evil.example", "/console/\\evil"]
)
async def test_signing_in_leads_nowhere_else(app: object, place: str) -> None:
    """An address in `next` is a page of the console, or the inbox."""
    person = Person(app, PASSKEYS["alice"])
    page = await person.get("/sign-in", next=place)
    fields, options = Forms(page.text).to("/console/sign-in")
    answer = await person.post("/sign-in", fields | {"answer": person.answer(options), "next": place})
    assert answer.headers["location"] == "/console/"


@pytest.mark.parametrize(
    "words", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' data-x='", "{{ 1234567*3 }}"]
)
async def test_words_are_never_code(alice: Person, coordinator: Coordinator, words: str) -> None:
    """Whatever somebody writes as a reason or label stands there as written."""
    name = coordinator.log.propose(by="carol", amount=str(2 * WEI), why=words)
    for path in ("/", "/transfers", f"/transfers/{name}", f"/acts/transfer.approve?transfer={name}", "/audit"):
        page = (await alice.get(path)).text
        assert "<script>alert" not in page and "<img src=x" not in page and "data-x='" not in page
        assert "3703701" not in page


@pytest.mark.parametrize("words", ["pay \u202eevil", "two\nlines", "zero\u200bwidth", "bell\x07"])
async def test_invisible_words_never_reach_the_log(alice: Person, coordinator: Coordinator, words: str) -> None:
    """Control and bidirectional characters: refused before anything is signed."""
    given = {"from": "hot-eth", "to": "0x" + "11" * 20, "amount": "1", "hours": "1", "idempotency": "k", "why": words}
    answer = await alice.get("/propose/answer", **given, asset=next(iter(coordinator.state.policy.assets)))  # type: ignore[union-attr]
    assert answer.json()["verdict"] == "denied" and answer.json()["code"] == "label.control"


async def test_every_answer_carries_the_headers(alice: Person, app: object) -> None:
    """Pages, refusals, files, redirections."""
    for path in ("/", "/nothing", "/sign-in", "/static/console.js", "/acts/transfer.propose"):
        headers = (await alice.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


async def test_no_page_holds_a_script_or_a_style_of_its_own(alice: Person) -> None:
    """Nor loads anything from elsewhere."""
    for path in ("/", "/transfers", "/propose", "/wallets", "/people", "/policy", "/audit", "/acts/workspace.freeze"):
        page = (await alice.get(path)).text.lower()
        assert page.count("<script") == page.count("<script type=\"module\" src=\"/console/static/") == 1
        assert "<style" not in page and " style=" not in page and " onclick" not in page
        assert "http://" not in page.replace(ORIGIN, "")


async def test_another_name_of_the_server_leads_to_its_own(app: object) -> None:
    """DNS rebinding, and an address in figures: no page, no cookie there."""
    person = Person(app, PASSKEYS["alice"])
    answer = await person.http.get("http://127.0.0.1:8000/console/people")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{ORIGIN}/console/")
    assert (await person.http.get("http://evil.example:8000/console/")).status_code == 400


@pytest.mark.parametrize("payload", ["", "!!", encode_base64(b"{}"), encode_base64(b"\xff"), encode_base64(b"[]")])
@pytest.mark.parametrize("answer", ["{}", "[]", "x", json.dumps({"id": "a", "response": {}})])
async def test_any_form_gets_a_coded_refusal(
    alice: Person, coordinator: Coordinator, payload: str, answer: str
) -> None:
    """Nothing that a browser can send is a fault of ours."""
    csrf = Forms((await alice.get("/")).text).to("/console/sign-out")[0]["csrf"]
    before = coordinator.state
    found = await alice.post("/acts/workspace.freeze", {"csrf": csrf, "payload": payload, "answer": answer})
    assert 400 <= found.status_code < 500 and "<code>" in found.text and coordinator.state is before


@pytest.mark.parametrize(
    "origin",
    ["", "localhost:1", "http://127.0.0.1:1", "http://treasury.example", "https://a.b/", "http://localhost:x"],
)
def test_the_console_is_only_where_browsers_offer_passkeys(coordinator: Coordinator, origin: str) -> None:
    """TLS, or this machine."""
    from strongroom.console.gate import Origin

    with pytest.raises(InvalidInput, match=r"console\.origin"):
        Origin(origin)
