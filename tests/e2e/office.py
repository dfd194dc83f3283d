"""Three people at their browsers, over a lab of real processes: what they click, and what they see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser import Visitor
from tests.e2e.conftest import Lab

PEOPLE = ("alice", "bob", "carol")
CONSOLE = "/console"


class Office:
    """A lab, a browser, and what its people do there; every page that they pass is kept as a picture."""

    def __init__(self, lab: Lab, browser: Browser, pictures: Path) -> None:
        self.lab, self.browser, self.pictures = lab, browser, pictures
        self.people: dict[str, Visitor] = {}

    @property
    def url(self) -> str:
        """The console's own address."""
        return self.lab.settings.console + CONSOLE

    def picture(self, page: Page, name: str) -> None:
        """The whole page, as a person would see it."""
        page.screenshot(path=self.pictures / f"{name}.png", full_page=True)

    def enrol(self, *names: str) -> None:
        """Each makes a passkey at the console and keeps the file; the lab's administrators adopt all of them."""
        files = []
        for name in names:
            page = self.arrive(name).page
            page.goto(f"{self.url}/enrol")
            page.get_by_label("Your name in this workspace").fill(name)
            self.picture(page, "enrol")
            page.get_by_role("button", name="Continue").click()
            page.get_by_role("button", name=f"Make a passkey for {name}").click()
            page.get_by_role("button", name="Sign with the new passkey").click()
            expect(page.get_by_role("heading", name="The administrators go on from here")).to_be_visible()
            self.picture(page, "enrolled")
            with page.expect_download() as download:
                page.get_by_role("link", name="Keep the enrolment file").click()
            files.append(self.pictures / f"{name}.enrolment.json")
            download.value.save_as(files[-1])
        self.adopt(*files)

    def adopt(self, *files: Path) -> dict[str, Any]:
        """`strongroom lab enrol FILES`."""
        done = self.lab.command("lab", "enrol", *map(str, files), "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def arrive(self, name: str) -> Visitor:
        """The person's own browser window, opened when they have none."""
        if name not in self.people:
            self.people[name] = Visitor(self.browser)
        return self.people[name]

    def sign_in(self, name: str) -> Page:
        """Signed in, at the inbox."""
        page = self.arrive(name).page
        page.goto(f"{self.url}/sign-in")
        self.picture(page, "sign-in")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
        return page

    def propose(self, page: Page, to: str, ether: str, why: str) -> str:
        """Fill the form, see the policy's answer, sign; the transfer's id."""
        page.goto(f"{self.url}/propose")
        page.get_by_label("To", exact=True).fill(to)
        page.get_by_label("Amount").fill(ether)
        page.get_by_label("Of").select_option(label="ETH")
        page.get_by_label("Why").fill(why)
        expect(page.locator(".answer .verdict")).not_to_have_text("The policy answers here as you write.")
        self.picture(page, "propose")
        page.get_by_role("button", name="Review and sign").click()
        self.picture(page, "review")
        self.sign(page, r"/transfers/[0-9a-f]{64}$")
        return page.url.rpartition("/")[2]

    def sign(self, page: Page, arrives: str) -> None:
        """Use the passkey on the statement shown; the test fails with what the page says when it leads elsewhere."""
        with page.expect_navigation():
            page.get_by_role("button", name=re.compile("with a passkey")).click()
        assert re.search(arrives, page.url), page.inner_text("main")

    def approve(self, page: Page, transfer: str) -> None:
        """From the inbox to the transfer, to the statement, to the passkey."""
        page.goto(f"{self.url}/")
        self.picture(page, "inbox")
        page.get_by_role("link", name="Look at it").first.click()
        assert page.url.endswith(transfer)
        self.picture(page, "transfer-waiting")
        page.get_by_role("link", name=re.compile("Approve")).click()
        self.picture(page, "approve")
        self.sign(page, rf"/transfers/{transfer}$")

    def complaints(self) -> list[str]:
        """What the pages complained of, of all people: a script's error, a thing that the content policy stopped."""
        return [line for visitor in self.people.values() for line in visitor.complaints]


@contextmanager
def opened(lab: Lab, browser: Browser, pictures: Path) -> Iterator[Office]:
    """An office over a lab, closed at the end."""
    office = Office(lab, browser, pictures)
    try:
        yield office
    finally:
        for visitor in office.people.values():
            visitor.close()
