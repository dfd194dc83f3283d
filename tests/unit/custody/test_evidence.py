"""How many statements an entry carries: exactly those that count, and never none where people decide."""

from __future__ import annotations

import pytest

from strongroom.custody.authority import in_force
from strongroom.custody.state import EMPTY
from strongroom.documents.statement import statement_hash
from strongroom.errors import Refused
from tests.workspace import CHAIN, Workspace


@pytest.fixture
def home() -> Workspace:
    return Workspace().ready()


def test_nothing_is_in_force_before_the_first_entry() -> None:
    with pytest.raises(Refused, match=r"workspace\.missing"):
        in_force(EMPTY)


def test_an_entry_of_one_statement_carries_no_second(home: Workspace) -> None:
    envelope = home.statement("exchange", "transfer.propose", home.intent())
    spare = home.statement("alice", "transfer.propose", home.intent())
    for evidence in ([envelope, spare], []):
        with pytest.raises(Refused, match=r"evidence\.count"):
            home.add("transfer.proposed", {"transfer": statement_hash(envelope)}, evidence)


def test_what_people_decide_names_them(home: Workspace) -> None:
    body = {"account": f"{CHAIN}:0x{'ab' * 20}", "group": "vendors", "label": "v"}
    with pytest.raises(Refused, match=r"evidence\.count"):
        home.add("address.listed", body, [])
