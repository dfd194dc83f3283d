"""The console in a real browser: three people with passkeys, from enrolment to a transfer that is completed."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from strongroom.chains.evm.checksum import checksum
from strongroom.documents.canonical import digest, encode
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.passkey import challenge_of
from strongroom.documents.statement import Seen, Statement, payload_type
from strongroom.errors import StrongroomError
from strongroom.lab import roles
from strongroom.lab.actions import WALLET
from strongroom.lab.chain import CHAIN, ETH_ASSET
from strongroom.lab.layout import NODES
from tests.browser import Visitor, chromium
from tests.e2e.conftest import Lab, linked
from tests.e2e.elsewhere import ASSERTION, FRAME, form, page
from tests.e2e.office import CONSOLE, PEOPLE, Machine, Office, opened, press
from tests.hostile.attacker import THIEF
from tests.hostile.conftest import QUORUM_BLOCKED, audited, besieged
from tests.hostile.test_stops import in_force


@pytest.fixture(scope="module")
def everything_runs() -> None:
    """These tests have a lab of their own, whose policy they change."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A lab with a funded wallet, three people whose passkeys its policy lists, and pictures in STRONGROOM_PICTURES."""
    lab = Lab(linked(tmp_path_factory.mktemp("office")))
    pictures = Path(os.environ.get("STRONGROOM_PICTURES") or tmp_path_factory.mktemp("pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    try:
        assert lab.command("lab", "up").returncode == 0
        lab.actions.generate_key(lambda *_: None)
        lab.actions.rpc.faucet(lab.actions.open_wallet()["account"], ETH_ASSET, 100 * 10**18)
        with chromium() as browser, opened(lab, browser, pictures) as made:
            made.enrol(*PEOPLE)
            with Machine(lab, "carol") as made.machine:
                made.enrol_at(made.machine)
                made.adopt()
                yield made
    finally:
        lab.remove()


def test_three_people_and_their_passkeys_complete_a_transfer(office: Office) -> None:
    alice = office.sign_in("alice")
    payee = "0x" + secrets.token_hex(20)
    transfer = office.propose(alice, payee, "2", "rent of the office")
    office.approve(office.sign_in("bob"), transfer)
    office.approve_at(office.machine, transfer)
    document = office.lab.actions.watch(transfer, lambda doc: doc["status"] == "completed")
    assert document["initiator"] == "alice" and office.lab.actions.rpc.balance(payee) == 2 * 10**18
    expect(alice.locator(".title .pill")).to_have_text("completed")  # her page has followed by itself
    sections = ("transfers", "wallets", "people", "policy", "audit", "propose")
    addresses = {name: f"{office.url}/{name}" for name in sections}
    office.look_around(alice, {"inbox-empty": f"{office.url}/", "transfer": alice.url, **addresses})
    own = {"": "", "-transfer": f"transfers/{transfer}", "-stops": "stops", "-passkeys": "enrol"}
    carol, machine = office.people["carol"].page, office.machine
    office.look_around(carol, {f"machine{name}": f"{machine.origin}/{path}" for name, path in own.items()})
    assert office.complaints() == []


@pytest.fixture
def waiting(office: Office) -> str:
    """A transfer that alice has proposed and that nobody has approved."""
    return office.propose(office.sign_in("alice"), "0x" + secrets.token_hex(20), "3", "not yet approved")


def unapproved(office: Office, transfer: str) -> bool:
    return office.lab.actions.api.get(f"/v1/transfers/{transfer}")["approvals"] == []


def test_an_authenticator_that_verifies_nobody_signs_nothing(office: Office, waiting: str) -> None:
    """A thief who holds the key but has neither finger nor PIN: refused at the sign-in and at the statement."""
    bob = office.sign_in("bob")
    passkey = office.people["bob"].passkey
    bob.goto(f"{office.url}/acts/transfer.approve?transfer={waiting}")
    passkey.verifies(False)
    press(bob, "Approve with a passkey")
    expect(bob.get_by_role("alert")).to_be_visible()
    office.picture(bob, "passkey-refused")
    passkey.verifies(True)
    passkey.leave_out_verification()
    with bob.expect_navigation():
        press(bob, "Approve with a passkey")
    office.picture(bob, "refused")
    assert "webauthn.user_not_verified" in bob.inner_text("main") and unapproved(office, waiting)
    bob.goto(f"{office.url}/sign-in")
    with bob.expect_navigation():
        press(bob, "Sign in with a passkey")
    assert "webauthn.user_not_verified" in bob.inner_text("main")
    passkey.leave_out_verification(False)


def test_a_form_of_another_page_does_nothing(office: Office, waiting: str) -> None:
    """Ports are no border for cookies: the form brings bob's session along, and is refused for where it comes from."""
    bob = office.sign_in("bob")
    answers: list[tuple[str, int]] = []
    bob.on("response", lambda answer: answers.append((answer.url, answer.status)))
    for act in ("transfer.approve", "transfer.reject", "workspace.freeze"):
        with page(form(f"{office.url}/acts/{act}", payload="e30=", answer="{}", csrf="guessed")) as elsewhere:
            bob.goto(elsewhere)
            bob.wait_for_url(f"{office.url}/acts/{act}")
        assert (f"{office.url}/acts/{act}", 403) in answers and "request.origin" in bob.inner_text("main")
    assert unapproved(office, waiting)


def test_a_page_in_a_frame_shows_nothing(office: Office) -> None:
    """Nobody can lay their own page over the console's buttons."""
    bob = office.sign_in("bob")
    with page(FRAME.format(action=f"{office.url}/")) as elsewhere:
        bob.goto(elsewhere)
        expect(bob.frame_locator("iframe").get_by_role("heading", name="Inbox")).to_have_count(0)
        assert any("frame-ancestors" in line for line in office.people["bob"].complaints)
    office.people["bob"].complaints.clear()


def test_a_passkey_that_another_page_has_asked_signs_nothing(office: Office, waiting: str) -> None:
    """The relying party is the same, so bob's passkey answers; what it signs says which page has asked."""
    lab, bob = office.lab, office.sign_in("bob")
    keys = lab.actions.api.get("/v1/policy")["policy"]["people"]["bob"]["keys"]
    key = next(key for key in keys if key["kind"] == "webauthn")
    credential = Credential.from_doc(key)
    head, document = lab.actions.api.get("/v1/checkpoint"), lab.actions.api.get(f"/v1/transfers/{waiting}")
    obligations = digest(document["decision"]["obligations"])
    statement = Statement(
        lab.settings.workspace, "transfer.approve", {"transfer": waiting}, obligations,
        Seen(head["size"], head["root"]), "bob", credential.key_id, lab.now() + 60_000,
    )  # fmt: skip
    unsigned = Envelope(encode(statement.to_doc()), payload_type("transfer.approve"), ())
    with page("<!doctype html><title>Win a prize</title>") as elsewhere:
        bob.goto(elsewhere)
        assertion = bob.evaluate(ASSERTION, [challenge_of(unsigned.pae()).hex(), key["id"]])
    signed = Envelope(unsigned.payload, unsigned.payload_type, ((credential.key_id, encode(assertion)),))
    with pytest.raises(StrongroomError, match=r"webauthn\.origin"):
        lab.actions.api.post("/v1/statements", {"envelope": signed.to_doc()})
    assert unapproved(office, waiting)


def test_a_stolen_cookie_reads_and_nothing_else(office: Office, waiting: str) -> None:
    """The thief has bob's session and a passkey of their own; every act is 401, or refused for its signature."""
    office.sign_in("bob")
    thief = Visitor(office.browser)
    thief.context.add_cookies(office.people["bob"].context.cookies())
    thief.page.goto(f"{office.url}/transfers/{waiting}")
    assert "3 ETH" in thief.page.inner_text("main")
    for act in ("transfer.approve", "transfer.reject", "workspace.freeze", "policy.propose", "person.suspend"):
        answer = thief.context.request.post(f"{office.url}/acts/{act}", form={"payload": "e30="})
        assert answer.status == 401 and "session.assertion_missing" in answer.text()
    thief.page.goto(f"{office.url}/acts/transfer.approve?transfer={waiting}")
    press(thief.page, "Approve with a passkey")
    expect(thief.page.get_by_role("alert")).to_be_visible()
    assert unapproved(office, waiting)
    thief.close()


def test_a_session_begins_anew_at_each_sign_in(office: Office) -> None:
    """A cookie that somebody has put into the browser before does not become bob's session."""
    office.sign_in("bob")
    context = office.people["bob"].context
    (before,) = context.cookies()
    context.clear_cookies()
    planted = "p" * len(before["value"])
    context.add_cookies([{"name": before["name"], "value": planted, "domain": "localhost", "path": before["path"]}])
    office.sign_in("bob")
    (after,) = context.cookies()
    assert len({before["value"], planted, after["value"]}) == 3
    assert after["httpOnly"] and after["sameSite"] == "Strict" and after["path"] == "/console"


def test_a_console_that_shows_another_recipient(office: Office) -> None:
    """Alice means a friend, signs for the thief, and bob sees the friend; carol's own machine shows the thief."""
    lab, friend = office.lab, checksum("0x" + secrets.token_hex(20))
    with besieged(lab, start=False) as siege:
        siege.start("tests.hostile.attacker", "pages")
        roles.wait_for_nodes(lab.layout, lab.settings)
        transfer = office.propose(office.sign_in("alice"), friend, "4", "a gift")
        office.approve(office.sign_in("bob"), transfer)
        office.picture(office.people["bob"].page, "lying-console")
        assert friend in said(office.people["bob"].page)
        carol = office.look_at(office.machine, transfer)
        office.picture(carol, "approver-sees-the-thief")
        assert checksum(THIEF) in said(carol) and friend not in said(carol)
        carol.get_by_role("link", name=re.compile("Reject")).click()
        office.sign(carol, rf"/transfers/{transfer}$")
        lab.actions.watch(transfer, lambda document: bool(document["closed"]))
        meant = lab.actions.member("alice").propose(
            WALLET, f"{CHAIN}:{friend.lower()}", ETH_ASSET, 10**18, "attack: once_approved", secrets.token_hex(8)
        )["id"]
        office.approve(office.sign_in("bob"), meant)
        office.approve_at(office.machine, meant)
        assert siege.refused("payload.recipients_differ", QUORUM_BLOCKED) <= set(NODES)
        lab.actions.member("alice").state("transfer.cancel", {"transfer": meant}, stop=True)
        lab.actions.watch(meant, lambda document: bool(document["closed"]))
    assert lab.actions.rpc.balance(THIEF) == 0 and lab.actions.rpc.balance(friend.lower()) == 0
    audited(lab)


def test_a_freeze_that_the_coordinator_drops_is_given_on_the_own_machine(office: Office) -> None:
    """It goes by the second relay, and the signers refuse the next transfer; two administrators end it."""
    lab, carol = office.lab, office.people["carol"].page
    with besieged(lab, start=False) as siege:
        siege.start("tests.hostile.attacker", "withhold")
        roles.wait_for_nodes(lab.layout, lab.settings)
        office.machine.enter(carol)
        carol.goto(f"{office.machine.origin}/stops")
        carol.get_by_label(re.compile("Why")).fill("phone stolen")
        office.picture(carol, "approver-stops")
        press(carol, "Freeze")
        office.picture(carol, "approver-freeze")
        office.sign(carol, "/$")
        office.picture(carol, "approver-frozen")
        proposed = lab.actions.propose("ETH", 10**15, "0x" + secrets.token_hex(20), "after the freeze")
        assert siege.refused("workspace.frozen", 2) <= set(NODES)
        assert lab.actions.api.get(f"/v1/transfers/{proposed['id']}")["txids"] == []
    frozen = in_force(lab)
    assert [row["reason"] for row in frozen] == ["phone stolen"]
    for name, logged in (("alice", False), ("bob", True)):
        theirs = office.sign_in(name)
        theirs.goto(f"{office.url}/acts/workspace.unfreeze?freeze={frozen[0]['id']}")
        office.picture(theirs, "unfreeze")
        office.sign(theirs, CONSOLE)
        assert ("kept until others have signed" in theirs.inner_text("body")) is not logged
    assert not [row for row in lab.actions.api.get("/v1/freezes")["freezes"] if row["in_force"]]
    lab.actions.send("ETH", 10**12, "0x" + secrets.token_hex(20), "after the release")
    audited(lab)


def said(by: Page) -> str:
    """What a page says, without what sets the groups of an address apart."""
    return re.sub(r"\s+", "", by.inner_text("main"))
