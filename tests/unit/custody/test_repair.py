"""`log.repaired`: on the administrators' order, from n - f statements made for it, on the highest head they prove."""

from __future__ import annotations

import pytest

from strongroom.custody.repair import shown_by
from strongroom.documents.envelope import Envelope
from strongroom.errors import Refused
from tests.workspace import NODES, Workspace

ALL = ("alice", "bob", "signer-1", "signer-2", "signer-3")


@pytest.fixture
def home() -> Workspace:
    return Workspace().create()


def evidence(home: Workspace, number: int = 1, names: tuple[str, ...] = ALL) -> list[Envelope]:
    """The statements of these people and nodes for a repair."""
    found = [home.statement(name, "log.repair", {"number": number}) for name in names if name not in NODES]
    return found + [home.shown(name, number, home.accepts()) for name in names if name in NODES]


def refused(home: Workspace, statements: list[Envelope], number: int = 1) -> str:
    """The code with which such a repair is refused; the state stays."""
    before = home.state
    with pytest.raises(Refused) as caught:
        home.repair(number, statements)
    assert home.state is before
    return caught.value.code


def test_a_repair_raises_the_number_of_its_branch(home: Workspace) -> None:
    home.repair(1)
    assert (home.state.repair, home.state.size) == (1, 2)
    home.boot("signer-1")
    home.repair(3)
    assert home.state.repair == 3


def test_a_repair_has_a_higher_number_than_its_branch(home: Workspace) -> None:
    home.repair(2)
    for number in (0, 1, 2, 1003, 2**53 - 1):
        assert refused(home, evidence(home, number), number) == "repair.number"


def test_it_takes_the_administrators_threshold(home: Workspace) -> None:
    assert refused(home, evidence(home, names=ALL[1:])) == "authority.threshold"
    assert refused(home, [*evidence(home)[:1], *evidence(home)]) == "approval.person_already_counted"
    other = [home.statement("bob", "log.repair", {"number": 2}), *evidence(home, names=("alice", *ALL[2:]))]
    assert refused(home, other) == "statement.other_subject"


def test_it_takes_the_statements_of_n_minus_f_witnesses(home: Workspace) -> None:
    for left in range(3):
        assert refused(home, evidence(home, names=ALL[:2] + NODES[:left])) == "repair.statements_missing"
    twice = [*evidence(home, names=ALL[:4]), home.shown("signer-2", 1)]
    assert refused(home, twice) == "approval.person_already_counted"
    people = [*evidence(home, names=ALL[:4]), home.shown("carol", 1, home.accepts())]
    assert refused(home, people) == "repair.statements_missing"


def test_attack_44_a_statement_made_for_another_repair_counts_for_none(home: Workspace) -> None:
    stale = home.shown("signer-3", 1, home.accepts())
    assert refused(home, [*evidence(home, 2, ALL[:4]), stale], 2) == "repair.stale_statement"
    assert shown_by(home.state, stale, 1).rank == (0, 1)


def test_it_stands_on_the_highest_head_that_was_shown(home: Workspace) -> None:
    lower = home.clone()
    home.boot("signer-1")
    higher = home.shown("signer-3", 1, home.accepts())
    assert refused(lower, [*evidence(lower, names=ALL[:4]), higher]) == "repair.not_highest"
    mixed = [*evidence(home, names=ALL[:2]), higher, lower.shown("signer-1", 1), lower.shown("signer-2", 1)]
    home.repair(1, mixed)  # one that proves it is enough, the others have seen less


def test_a_head_under_a_higher_repair_is_higher_though_shorter(home: Workspace) -> None:
    longer = home.clone()
    home.repair(1)
    shorter = home.shown("signer-3", 2, home.accepts())
    for node in NODES:
        longer.boot(node)
    assert longer.state.size > home.state.size
    assert refused(longer, [*evidence(longer, 2, ALL[:4]), shorter], 2) == "repair.not_highest"


def test_that_a_quorum_accepted_its_base_is_proven(home: Workspace) -> None:
    few = [home.shown(name, 1, home.accepts(NODES[:2])) for name in NODES[:3]]
    assert refused(home, [*evidence(home, names=ALL[:2]), *few]) == "repair.not_accepted"
    none = [home.shown(name, 1) for name in NODES[:3]]
    assert refused(home, [*evidence(home, names=ALL[:2]), *none]) == "repair.not_accepted"
    elsewhere = home.clone()
    elsewhere.boot("signer-1")
    other = [home.shown(name, 1, elsewhere.accepts()) for name in NODES[:3]]
    assert refused(home, [*evidence(home, names=ALL[:2]), *other]) == "repair.not_accepted"


def test_it_names_the_head_that_it_stands_on(home: Workspace) -> None:
    statements = evidence(home)
    body = {"number": 1, "base": {"size": home.state.size, "root": "00" * 32}}
    with pytest.raises(Refused, match=r"repair\.other_base"):
        home.add("log.repaired", body, statements)
