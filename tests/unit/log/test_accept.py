"""Accepts count once a key, for exactly one head of one workspace."""

from __future__ import annotations

import pytest

from strongroom.errors import InvalidInput
from strongroom.log.accept import Accept, accepted_by, parse_accepts, sign_accept
from tests.workspace import seeded

KEYS = {name: seeded(name) for name in ("a", "b", "c")}
WITNESSES = {name: key.credential for name, key in KEYS.items()}
ID, ROOT = "ab" * 32, b"\x01" * 32


def accept(name: str, size: int = 5, root: bytes = ROOT, repair: int = 0, workspace: str = ID) -> Accept:
    return sign_accept(workspace, name, size, root, repair, KEYS[name])


def test_accepts_of_the_head_count_and_no_others() -> None:
    given = [
        accept("a"), accept("a"), accept("b", size=6), accept("b", root=b"\x02" * 32), accept("b", repair=1),
        accept("b", workspace="cd" * 32), Accept("c", 5, ROOT, 0, accept("a").signature),
    ]  # fmt: skip
    assert accepted_by(given, ID, (5, ROOT, 0), WITNESSES).keys() == {"a"}
    assert accepted_by([*given, accept("b")], ID, (5, ROOT, 0), WITNESSES).keys() == {"a", "b"}


def test_one_key_under_two_names_counts_once() -> None:
    twins = {"a": KEYS["a"].credential, "z": KEYS["a"].credential}
    both = [accept("a"), sign_accept(ID, "z", 5, ROOT, 0, KEYS["a"])]
    assert len(accepted_by(both, ID, (5, ROOT, 0), twins)) == 1


def test_an_accept_reads_back() -> None:
    assert parse_accepts([accept("a").to_doc()]) == (accept("a"),)


@pytest.mark.parametrize(
    "change",
    [{"size": -1}, {"repair": -1}, {"signature": "00"}, {"signature": "z" * 128}, {"root": "00"}, {"node": "A"},
     {"more": 1}, {"size": True}],
)  # fmt: skip
def test_a_malformed_accept_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Accept.from_doc({**accept("a").to_doc(), **change})


@pytest.mark.parametrize("docs", [None, {}, "x", [[]], [{}] * 65])
def test_accepts_are_a_bounded_list(docs: object) -> None:
    with pytest.raises(InvalidInput):
        parse_accepts(docs)
