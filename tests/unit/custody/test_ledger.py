"""Ledgers and registers: like lists and sets, whatever is added, with pages that are told by their hashes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.custody.ledger import PAGE, Ledger, Page, Register
from strongroom.errors import Refused


def filled(count: int) -> Ledger:
    ledger = Ledger()
    for number in range(count):
        ledger = ledger.append(b"row %d" % number)
    return ledger


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 7])
def test_a_ledger_holds_its_rows_in_order(count: int) -> None:
    ledger, rows = filled(count), [b"row %d" % number for number in range(count)]
    assert len(ledger) == count and list(ledger) == rows
    for end in {0, 1, count // 2, count} & set(range(count + 1)):
        assert list(ledger.backwards(end)) == rows[:end][::-1]


def test_rows_keep_their_numbers_when_pages_are_let_go() -> None:
    ledger = filled(3 * PAGE + 7)
    short = Ledger(2, ledger.pages[2:], ledger.tail)
    assert len(short) == len(ledger)
    assert list(short) == list(ledger)[2 * PAGE :]
    assert list(short.backwards(len(short)))[-1] == b"row %d" % (2 * PAGE)
    assert list(short.backwards(PAGE)) == []
    assert next(short.append(b"x").backwards(len(short) + 1)) == b"x"


def test_a_page_of_other_bytes_is_refused() -> None:
    page, other = filled(PAGE).pages[0], Page.of([b"x"] * PAGE)
    assert Page.read(page.name, page.packed) == page
    for packed in (other.packed, b"", b"junk", page.packed[:-9]):
        with pytest.raises(Refused) as error:
            Page.read(page.name, packed)
        assert error.value.code == "snapshot.digest"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 400), unique=True), st.integers(1, 3))
def test_a_register_knows_what_was_taken(numbers: list[int], width: int) -> None:
    register = Register()
    for number in numbers:
        register = register.add(*(hashlib.sha256(b"%d %d" % (number, part)).digest() for part in range(width)))
    for number in range(401):
        first, last = (hashlib.sha256(b"%d %d" % (number, part)).digest() for part in (0, width - 1))
        assert register.index.get(last) == (first if number in numbers else None)
    assert len(register.rows) == len(numbers)
    assert Register.over(register.rows) == register
