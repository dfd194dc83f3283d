"""Arguments of calls: one spelling for each word, against eth-abi; anything else is refused."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode as reference
from eth_utils import function_signature_to_4byte_selector as reference_selector
from hypothesis import example, given
from hypothesis import strategies as st

from strongroom.chains.evm.calldata import calldata
from strongroom.documents.abi import is_elementary, parse_method, text_of, word_of, words
from strongroom.errors import InvalidInput

SPENDER = "0x" + "ab" * 20
APPROVE = parse_method("approve(address,uint256)")
KINDS = ["address", "bool", *(f"uint{bits}" for bits in range(8, 257, 8)), *(f"bytes{size}" for size in range(1, 33))]


@st.composite
def arguments(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A type, a value's one spelling, and the value as the other library takes it."""
    kind = draw(st.sampled_from(KINDS))
    if kind == "bool":
        truth = draw(st.booleans())
        return kind, str(truth).lower(), truth
    if kind.startswith("uint"):
        number = draw(st.integers(0, 2 ** int(kind[4:]) - 1))
        return kind, str(number), number
    size = 20 if kind == "address" else int(kind[5:])
    data = draw(st.binary(min_size=size, max_size=size))
    text = "0x" + data.hex()
    return kind, text, text if kind == "address" else data


@given(st.lists(arguments(), max_size=6))
def test_calldata_is_that_of_another_library_and_reads_back(given_: list[tuple[str, str, Any]]) -> None:
    kinds, texts = [kind for kind, _, _ in given_], [text for _, text, _ in given_]
    method = parse_method(f"anything({','.join(kinds)})")
    data = calldata(method, texts)
    assert data[:4] == reference_selector(method.signature)
    assert data[4:] == reference(kinds, [value for _, _, value in given_])
    assert words(method, data) == tuple(texts)


@given(st.sampled_from([*KINDS, "bytes"]), st.text() | arguments().map(lambda found: found[1]) | st.integers())
@example("bool", "0x")
def test_any_text_is_a_word_or_refused_by_a_code(kind: str, text: object) -> None:
    try:
        assert text_of(kind, word_of(kind, text)) == text
    except InvalidInput as refused:
        assert refused.code.startswith(("argument.", "amount."))


@given(st.sampled_from(KINDS), st.binary(min_size=32, max_size=32))
def test_a_word_has_one_spelling_or_none(kind: str, word: bytes) -> None:
    try:
        text = text_of(kind, word)
    except InvalidInput as refused:
        assert refused.code in ("argument.padding", "argument.syntax")
    else:
        assert word_of(kind, text) == word


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("address", "01" + "00" * 11 + "ab" * 20),
        ("bool", "00" * 31 + "02"),
        ("bool", "01" + "00" * 30 + "01"),
        ("uint8", "00" * 30 + "0100"),
        ("bytes4", "aabbccdd01" + "00" * 27),
        ("uint256", "00" * 31),
    ],
)
def test_wrong_padding_is_refused(kind: str, word: str) -> None:
    with pytest.raises(InvalidInput, match=r"argument\.(padding|syntax)"):
        text_of(kind, bytes.fromhex(word))


@pytest.mark.parametrize(
    "method",
    [
        "approve", "approve()(", "approve(uint)", "approve(address, uint256)", "approve(address,)", "approve(uint257)",
        "approve(uint7)", "approve(bytes0)", "approve(bytes33)", "approve(bytes)", "approve(string)", "approve(int8)",
        "approve(uint256[])", "approve(uint08)", "1approve(bool)", "(bool)", "approve(address,uint256)\n", 7, None,
    ],
)  # fmt: skip
def test_a_method_that_is_not_of_whole_words_is_refused(method: object) -> None:
    with pytest.raises(InvalidInput, match=r"method\.syntax"):
        parse_method(method)


def test_a_method_without_arguments_is_its_selector() -> None:
    method = parse_method("pause()")
    assert (method.types, words(method, bytes.fromhex("8456cb59"))) == ((), ())


@pytest.mark.parametrize("extra", [b"\0", bytes(32)])
def test_data_behind_the_last_argument_is_refused(extra: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"argument\.count"):
        words(APPROVE, calldata(APPROVE, [SPENDER, "5"]) + extra)


def test_data_that_ends_early_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"argument\.count"):
        words(APPROVE, calldata(APPROVE, [SPENDER, "5"])[:-1])
    with pytest.raises(InvalidInput, match=r"argument\.count"):
        calldata(APPROVE, [SPENDER])


def test_data_of_another_method_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"argument\.count"):
        words(APPROVE, bytes.fromhex("a9059cbb") + bytes(64))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("address", "ab" * 20), ("address", "0x" + "AB" * 20), ("address", "0x" + "ab" * 19), ("address", "0xzz"),
        ("bool", "True"), ("bool", "1"), ("bool", True), ("bytes2", "0xABCD"), ("bytes2", "0xab"), ("bytes2", ""),
        ("bytes", "text"), ("uint8", "0x01"),
    ],
)  # fmt: skip
def test_another_spelling_of_an_argument_is_refused(kind: str, text: object) -> None:
    with pytest.raises(InvalidInput, match=r"argument\.syntax|amount\.syntax"):
        word_of(kind, text)


@pytest.mark.parametrize(("kind", "text"), [("uint8", "256"), ("uint16", "65536"), ("uint256", str(2**256))])
def test_a_number_that_the_type_cannot_hold_is_refused(kind: str, text: str) -> None:
    with pytest.raises(InvalidInput, match=r"argument\.syntax|amount\.too_large"):
        word_of(kind, text)


def test_the_types_of_one_word_are_these() -> None:
    assert all(map(is_elementary, KINDS))
    assert not any(map(is_elementary, ["uint", "uint0", "int256", "bytes", "string", "address[]", "Mail", ""]))
