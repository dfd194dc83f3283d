"""Amounts have one spelling, and no text that Python's int() is lenient about passes."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.amount import MAX_AMOUNT, format_amount, parse_amount
from strongroom.documents.canonical import encode, parse
from strongroom.documents.decimal import parse_decimal, show
from strongroom.errors import InvalidInput

amounts = st.integers(0, MAX_AMOUNT)


def refusal(text: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_amount(text)
    return caught.value.code


@given(amounts)
def test_round_trip(amount: int) -> None:
    assert parse_amount(format_amount(amount)) == amount


HOSTILE = ["1_000", "+5", "007", " 12\n", "١٢٣", "9" * 4301]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_lenient_spellings_are_canonical_json_and_still_refused(text: str) -> None:
    read = parse(encode({"amount": text}))["amount"]
    assert refusal(read) == "amount.syntax"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "-0",
        "00",
        "1\n",
        "\n1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "１",
        "²",
        "1\x00",
        "9" * 79,
        5,
        5.0,
        True,
        None,
        b"1",
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_refused_spellings(text: object) -> None:
    assert refusal(text) == "amount.syntax"


def test_the_largest_amount() -> None:
    assert parse_amount(str(2**256 - 1)) == 2**256 - 1
    assert refusal(str(2**256)) == "amount.too_large"
    assert refusal("9" * 78) == "amount.too_large"


@pytest.mark.parametrize("amount", [-1, True, 2**256, "1", 1.0])
def test_what_is_no_amount_is_not_formatted(amount: int) -> None:
    with pytest.raises(InvalidInput, match=r"amount\."):
        format_amount(amount)


@given(st.text(max_size=90))
def test_any_text_is_an_amount_in_its_one_spelling_or_refused(text: str) -> None:
    try:
        assert format_amount(parse_amount(text)) == text
    except InvalidInput as error:
        assert error.code in ("amount.syntax", "amount.too_large")


@given(amounts, st.integers(0, 77))
def test_shown_text_is_exact_and_reads_back(amount: int, decimals: int) -> None:
    text = show(amount, decimals)
    assert parse_decimal(text, decimals) == amount
    with localcontext() as context:
        context.prec = 200
        assert Decimal(text) == Decimal(amount).scaleb(-decimals)
    assert text == "0" or not (text.startswith("00") or ("." in text and text.endswith("0")))


@pytest.mark.parametrize(
    ("text", "decimals", "amount"),
    [("1.5", 18, 15 * 10**17), ("0.00000001", 8, 1), ("1.50", 2, 150), ("7", 0, 7), ("0.0", 1, 0)],
)
def test_decimal_text(text: str, decimals: int, amount: int) -> None:
    assert parse_decimal(text, decimals) == amount


@pytest.mark.parametrize(
    ("text", "decimals", "code"),
    [
        ("1.", 2, "amount.syntax"),
        (".5", 2, "amount.syntax"),
        ("01.5", 2, "amount.syntax"),
        ("1,5", 2, "amount.syntax"),
        ("1.5\n", 2, "amount.syntax"),
        ("1e2", 2, "amount.syntax"),
        ("-1.5", 2, "amount.syntax"),
        ("١.٥", 2, "amount.syntax"),
        (1.5, 2, "amount.syntax"),
        ("1.555", 2, "amount.precision"),
        ("1.0", 0, "amount.precision"),
        (str(2**256), 0, "amount.too_large"),
        ("9" * 77, 18, "amount.too_large"),
        ("1", 78, "amount.decimals"),
        ("1", -1, "amount.decimals"),
    ],
)
def test_refused_decimal_text(text: object, decimals: int, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_decimal(text, decimals)
    assert caught.value.code == code
