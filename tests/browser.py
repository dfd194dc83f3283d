"""Chromium as tests drive it, and people in it: each with a window and a passkey of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", *(["--no-sandbox"] if os.geteuid() == 0 else []),
)  # fmt: skip
PATIENCE_MS: Final = 120_000
"""How long a page may take on a busy machine."""
DESK: Final = (1280, 900)
PHONE: Final = (390, 844)


expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, ended with the block; it asks nobody but the pages that tests open."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class VirtualPasskey:
    """An authenticator that answers for its person in one page, over the browser's own debugging protocol.

    It is device-bound unless `synced`. It belongs to the page, and stays with it from one address to the next.
    """

    def __init__(self, page: Page, *, synced: bool = False) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
            "defaultBackupEligibility": synced,
            "defaultBackupState": synced,
        }
        self._id = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def verifies(self, user: bool) -> None:
        """Whether it recognises its person from now on (finger, PIN), or gives assertions that leave that out."""
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": user})

    def leave_out_verification(self, yes: bool = True) -> None:
        """From now on (or no longer) its assertions say that nobody was verified, and yet are well signed."""
        self._session.send("WebAuthn.setResponseOverrideBits", {"authenticatorId": self._id, "isBadUV": yes})

    def credentials(self) -> int:
        """How many passkeys it holds."""
        return len(self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})["credentials"])


class Visitor:
    """Somebody at a browser: their own cookies, one page, one authenticator, and what the page complained of."""

    def __init__(self, browser: Browser, *, size: tuple[int, int] = DESK, dark: bool = False) -> None:
        width, height = size
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.passkey = VirtualPasskey(self.page)
        self.complaints: list[str] = []
        """Errors of the page's scripts and of its content policy, for tests that want none."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    def close(self) -> None:
        """Leave, with all cookies."""
        self.context.close()
