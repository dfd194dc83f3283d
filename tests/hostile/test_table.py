"""The table of attacks: complete, and every test and reason that it names is there."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.hostile.table import ATTACKS, WIDEST, tried_by

ABOUT_THE_SUITE = ("test_table.py", "test_mutants.py")
TESTS = {
    node.name: text
    for path in Path(__file__).parent.glob("test_*.py")
    if path.name not in ABOUT_THE_SUITE
    for text in [path.read_text()]
    for node in ast.walk(ast.parse(text))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
}
NUMBERS = [
    *(1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 18, 19, 21, 22, 24, 26, 28, 29, 30, 32, 33, 34, 35),
    *(37, 38, 40, 41, 42, 43, 44),
]


def test_every_attack_has_a_test_or_says_what_does_not_exist_yet() -> None:
    assert [attack.number for attack in ATTACKS if attack.number] == NUMBERS
    for attack in ATTACKS:
        assert bool(attack.tests) != bool(attack.absent) and len(attack.what) <= WIDEST, attack
        for name in attack.tests:
            assert any(test.startswith(name) for test in TESTS), name


def test_every_test_of_an_attack_stands_in_the_table() -> None:
    lonely = [test for test in TESTS if not any(tried_by(attack, test) for attack in ATTACKS)]
    assert lonely == []


def test_every_reason_in_the_table_is_asserted_by_a_test_that_it_names() -> None:
    for attack in ATTACKS:
        sources = [text for test, text in TESTS.items() if tried_by(attack, test)]
        for reason in attack.reasons:
            assert any(reason in text.replace("\\", "") for text in sources), (attack.number, reason)
