"""`[[notices]]` in coordinator.toml: what is accepted, and that addresses stay secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from strongroom.coordinator.notices.notice import Event
from strongroom.coordinator.notices.receivers import load_receivers
from strongroom.errors import InvalidInput

HOOK = "https://hooks.example/s3cret"


def test_a_webhook_for_all_and_a_channel_for_one(tmp_path: Path) -> None:
    """All events unless some are named; neither address is in the receiver's text form."""
    (tmp_path / "mail").write_text("# mine\nmailto://s3cret@mail.example\n")
    (tmp_path / "mail").chmod(0o600)
    rows = [
        {"name": "desk", "all": True, "webhook": HOOK, "events": ["frozen"]},
        {"name": "bob", "person": "bob", "apprise_file": "mail"},
    ]
    desk, bob = load_receivers(tmp_path, rows)
    assert (desk.webhook, desk.events, desk.person) == (HOOK, {Event.FROZEN}, None)
    assert (bob.apprise, bob.events, bob.person) == ("mailto://s3cret@mail.example", set(Event), "bob")
    assert "s3cret" not in f"{desk} {bob!r}"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({}, "notices.whose"),
        ({"all": True, "person": "bob"}, "notices.whose"),
        ({"all": False}, "notices.whose"),
        ({"all": True, "apprise_file": "mail"}, "notices.address"),
        ({"all": True, "events": ["fired"]}, "notices.event"),
        ({"all": True, "events": []}, "notices.event"),
        ({"all": True, "events": [["frozen"]]}, "notices.event"),
        ({"all": True, "webhook": "http://example.org/x"}, "notices.https_required"),
        ({"all": True, "webhook": "ftp://example.org/x"}, "notices.webhook"),
        ({"all": True, "webhook": "https://[::1/x"}, "notices.webhook"),
        ({"all": True, "webhook": "https://example.org:99999/x"}, "notices.webhook"),
        ({"all": True, "name": "Two Words"}, "slug.syntax"),
        ({"all": True, "nonsense": 1}, "document.unknown_field"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, row: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_receivers(tmp_path, [{"name": "desk", "webhook": HOOK, **row}])
    assert caught.value.code == code and "s3cret" not in str(caught.value)


def test_names_are_unique(tmp_path: Path) -> None:
    row = {"name": "desk", "all": True, "webhook": HOOK}
    with pytest.raises(InvalidInput, match=r"notices\.name_twice"):
        load_receivers(tmp_path, [row, row])


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        ("mailto://s3cret", 0o640, "notices.file_mode"),
        ("", 0o600, "notices.file"),
        ("mailto://s3cret\njson://s3cret\n", 0o600, "notices.file"),
        ("m" * 5000, 0o600, "notices.file"),
    ],
)
def test_the_file_of_an_address_is_its_owner_s(tmp_path: Path, text: str, mode: int, code: str) -> None:
    (tmp_path / "mail").write_text(text)
    (tmp_path / "mail").chmod(mode)
    with pytest.raises(InvalidInput) as caught:
        load_receivers(tmp_path, [{"name": "bob", "person": "bob", "apprise_file": "mail"}])
    assert caught.value.code == code and "s3cret" not in str(caught.value)
