"""Three people at their browsers, over a lab of real processes: what they click, and what they see."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from strongroom.lab import processes
from tests.browser import DESK, PHONE, Visitor
from tests.e2e.conftest import Lab

PEOPLE = ("alice", "bob", "carol")
CONSOLE = "/console"


def press(page: Page, button: str | re.Pattern[str]) -> None:
    """Click a button once the page's script is there: before that, a form would go off without a passkey."""
    page.wait_for_load_state("load")
    page.get_by_role("button", name=button).click()


class Machine:
    """`strongroom approver` on a person's own machine: its process, its page, and the terminal beside it."""

    def __init__(self, lab: Lab, person: str) -> None:
        self.lab, self.person, self.home = lab, person, lab.layout.member(person)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.origin = f"http://localhost:{port}"
        made = lab.command("approver", "init", "--home", str(self.home), "--page", str(port))
        assert made.returncode == 0, made.stdout + made.stderr

    def __enter__(self) -> Machine:
        command = [*processes.program(), "approver", "run", "--home", str(self.home)]
        self._process = subprocess.Popen(command, cwd=self.lab.directory, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (self.home / "page.url").exists():
            assert self._process.poll() is None and time.monotonic() < deadline, "the page does not come up"
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        assert self._process.wait(20) == 0

    def enter(self, page: Page) -> None:
        """Open the address that it has printed, as soon as it answers."""
        page.goto((self.home / "page.url").read_text().strip())
        page.wait_for_url(f"{self.origin}/")

    def follows(self, transfer: str) -> None:
        """Return once its copy of the log holds the transfer."""
        deadline = time.monotonic() + 60
        while self.lab.command("approver", "show", transfer, "--home", str(self.home), "--offline").returncode:
            assert time.monotonic() < deadline, "the machine does not follow the log"
            time.sleep(0.2)


class Office:
    """A lab, a browser, and what its people do there; every page that they pass is kept as a picture."""

    def __init__(self, lab: Lab, browser: Browser, pictures: Path) -> None:
        self.lab, self.browser, self.pictures = lab, browser, pictures
        self.people: dict[str, Visitor] = {}
        self.machine: Machine
        self.files: list[Path] = []
        """Enrolment files that nobody has adopted yet."""

    @property
    def url(self) -> str:
        """The console's own address."""
        return self.lab.settings.console + CONSOLE

    def picture(self, page: Page, name: str) -> None:
        """The whole page, as a person would see it; nothing of it may lie beyond the right edge."""
        page.screenshot(path=self.pictures / f"{name}.png", full_page=True)
        wide, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= window, f"'{name}' is {wide} pixels wide in a window of {window}"

    def look_around(self, page: Page, addresses: Mapping[str, str]) -> None:
        """Each page at a desk, and in the dark on a telephone."""
        for size, scheme, mark in ((DESK, "light", ""), (PHONE, "dark", "-phone")):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.emulate_media(color_scheme=scheme)
            for name, address in addresses.items():
                page.goto(address)
                self.picture(page, name + mark)
        page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
        page.emulate_media(color_scheme="light")

    def enrol(self, *names: str) -> None:
        """Each makes a passkey at the console and keeps the file; the lab's administrators adopt all of them."""
        files = []
        for name in names:
            page = self.arrive(name).page
            page.goto(f"{self.url}/enrol")
            page.get_by_label("Your name in this workspace").fill(name)
            self.picture(page, "enrol")
            press(page, "Continue")
            press(page, f"Make a passkey for {name}")
            press(page, "Sign with the new passkey")
            expect(page.get_by_role("heading", name="The administrators go on from here")).to_be_visible()
            self.picture(page, "enrolled")
            with page.expect_download() as download:
                page.get_by_role("link", name="Keep the enrolment file").click()
            files.append(self.pictures / f"{name}.enrolment.json")
            download.value.save_as(files[-1])
        self.files += files

    def enrol_at(self, machine: Machine) -> None:
        """The machine's person makes a passkey on its own page, with the authenticator that they have already."""
        page = self.arrive(machine.person).page
        machine.enter(page)
        self.picture(page, "approver-empty")
        page.goto(f"{machine.origin}/enrol")
        press(page, "Make a passkey")
        press(page, "Use the passkey")
        expect(page.get_by_role("heading", name="Give this file to an administrator")).to_be_visible()
        self.picture(page, "approver-enrolled")
        self.files.append(machine.home / "passkey.enrolment.json")

    def adopt(self) -> dict[str, Any]:
        """`strongroom lab enrol FILES`, for all that were made."""
        done = self.lab.command("lab", "enrol", *map(str, self.files), "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        self.files.clear()
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
        press(page, "Sign in with a passkey")
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
        press(page, "Review and sign")
        self.picture(page, "review")
        self.sign(page, r"/transfers/[0-9a-f]{64}$")
        return page.url.rpartition("/")[2]

    def sign(self, page: Page, arrives: str) -> None:
        """Use the passkey on the statement shown; the test fails with what the page says when it leads elsewhere."""
        with page.expect_navigation():
            press(page, re.compile("with a passkey"))
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

    def approve_at(self, machine: Machine, transfer: str) -> None:
        """On the person's own machine: once it has followed the log so far, look at it and use the passkey."""
        page = self.look_at(machine, transfer)
        page.get_by_role("link", name=re.compile("Approve")).click()
        self.picture(page, "approver-approve")
        self.sign(page, rf"/transfers/{transfer}$")

    def look_at(self, machine: Machine, transfer: str) -> Page:
        """The transfer as the person's own machine has it."""
        page = self.arrive(machine.person).page
        machine.follows(transfer)
        machine.enter(page)
        self.picture(page, "approver-inbox")
        page.goto(f"{machine.origin}/transfers/{transfer}")
        self.picture(page, "approver-transfer")
        return page

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
