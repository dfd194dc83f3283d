"""Chains, assets and accounts have one spelling; labels hide nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents import names
from strongroom.errors import InvalidInput

ADDRESS = "0x" + "ab" * 20
BITCOIN = "bip122:000000000019d6689c085ae165831e93"


@pytest.mark.parametrize("text", ["eip155:1", "eip155:31337"])
def test_chains(text: str) -> None:
    assert names.parse_chain(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eip155",
        "eip155:",
        "eip155:0",
        "eip155:01",
        "eip155:1\n",
        "EIP155:1",
        "eip155:١",
        "eip155:" + "1" * 33,
        BITCOIN,
        "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
        "cosmos:hub",
        "eip155:1/slip44:60",
        1,
        None,
    ],
)
def test_refused_chains(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"chain\.syntax"):
        names.parse_chain(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("eip155:1/slip44:60", ("eip155:1", "slip44", "60")),
        (f"eip155:1/erc20:{ADDRESS}", ("eip155:1", "erc20", ADDRESS)),
        (f"eip155:1/erc721:{ADDRESS}/7", ("eip155:1", "erc721", f"{ADDRESS}/7")),
    ],
)  # fmt: skip
def test_assets(text: str, parts: tuple[str, str, str]) -> None:
    asset = names.parse_asset(text)
    assert asset == text and names.split_asset(asset) == parts


@pytest.mark.parametrize(
    "text",
    [
        "eip155:1",
        "eip155:1/slip44:060",
        f"eip155:1/erc20:{ADDRESS.upper()}",
        f"eip155:1/erc20:0x{'AB' * 20}",
        f"eip155:1/erc20:{ADDRESS}0",
        f"eip155:1/erc20:{ADDRESS}/1",
        f"eip155:1/erc721:{ADDRESS}",
        f"eip155:1/erc721:{ADDRESS}/01",
        f"{BITCOIN}/erc20:{ADDRESS}",
        f"eip155:1/erc20:{ADDRESS}\n",
        None,
    ],
)
def test_refused_assets(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"asset\.syntax"):
        names.parse_asset(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"eip155:1:{ADDRESS}", ("eip155:1", ADDRESS)),
    ],
)  # fmt: skip
def test_accounts(text: str, parts: tuple[str, str]) -> None:
    account = names.parse_account(text)
    assert account == text and names.split_account(account) == parts


@pytest.mark.parametrize(
    "text",
    [
        ADDRESS,
        f"eip155:1:0x{'AB' * 20}",
        f"eip155:1:0X{'ab' * 20}",
        f"eip155:1:{ADDRESS} ",
        f"eip155:1:{'ab' * 20}",
        f"{BITCOIN}:{ADDRESS}",
        f"eip155:01:{ADDRESS}",
        None,
    ],
)
def test_refused_accounts(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"account\.syntax"):
        names.parse_account(text)


PARSERS: list[Callable[[object], str]] = [
    names.parse_chain, names.parse_asset, names.parse_account, names.parse_slug, names.parse_hash, names.parse_label,
]  # fmt: skip


@given(st.text(max_size=300), st.sampled_from(PARSERS))
def test_any_text_is_itself_or_refused(text: str, parser: Callable[[object], str]) -> None:
    try:
        assert parser(text) == text
    except InvalidInput as error:
        assert error.code.split(".")[0] in ("chain", "asset", "account", "slug", "hash", "label")


@pytest.mark.parametrize("text", ["a", "0", "alice", "key-1.old_2", "a" * 64])
def test_slugs(text: str) -> None:
    assert names.parse_slug(text) == text


@pytest.mark.parametrize("text", ["", "A", "-a", ".a", "a b", "a\n", "é", "a/b", "a" * 65, None, 1])
def test_refused_slugs(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"slug\.syntax"):
        names.parse_slug(text)


@pytest.mark.parametrize("text", ["", "ab" * 31, "AB" * 32, "ab" * 32 + "\n", "0x" + "ab" * 31, None])
def test_refused_hashes(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"hash\.syntax"):
        names.parse_hash(text)


@pytest.mark.parametrize("text", ["", "Payroll – März", "東京", "€ 5 😀", "x" * 200])
def test_labels(text: str) -> None:
    assert names.parse_label(text) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\nb", "label.control"),
        ("a\tb", "label.control"),
        ("a\x00", "label.control"),
        ("a\x7f", "label.control"),
        ("a\x85", "label.control"),
        ("a\u2028b", "label.control"),
        *((f"a{chr(point)}b", "label.control") for point in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F))),
        *((f"a{chr(point)}b", "label.control") for point in (*range(0x2066, 0x206A), 0x200B, 0xFEFF, 0xE0041)),
        ("a\ue000", "label.control"),
        ("a\U000e0fff", "label.control"),
        ("a\ud800", "label.control"),
        ("e\u0301", "label.not_nfc"),
        ("\u212b", "label.not_nfc"),
        ("x" * 201, "label.too_long"),
        (None, "label.type"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_refused_labels(text: object, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        names.parse_label(text)
    assert caught.value.code == code
