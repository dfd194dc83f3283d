"""`lab enrol`: what the policy becomes, and which files are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import sign_statement
from strongroom.errors import InvalidInput, Refused
from strongroom.lab.enrol import enrolment_in, with_keys
from strongroom.lab.layout import NODES, PEOPLE, SERVICES
from strongroom.lab.policy import policy_document
from strongroom.passkeys.enrolment import Enrolment, enrolment_statement
from strongroom.policy.loader import load_policy
from tests.passkeys import SoftPasskey
from tests.workspace import seeded

NAMES = (*PEOPLE, *SERVICES, *NODES, "coordinator")
WORKSPACE = "ab" * 32
ORIGIN = "http://localhost:7700"


@pytest.fixture
def policy() -> dict[str, Any]:
    return policy_document({name: seeded(name).credential.to_doc() for name in NAMES}, 1_790_000_000_000)


def enrolment(person: str, surface: str = "console") -> Enrolment:
    passkey = SoftPasskey(ORIGIN, surface=surface, seed=person + surface)
    proof: Envelope = sign_statement(enrolment_statement(person, passkey.credential, WORKSPACE), passkey)
    return Enrolment(person, passkey.credential, proof)


def test_people_get_keys_and_newcomers_a_place(policy: dict[str, Any]) -> None:
    """Alice keeps her key; Dora, who is new, may propose and approve; the version is the next, and loads."""
    draft = with_keys(policy, [enrolment("alice"), enrolment("alice", "approver"), enrolment("dora")])
    found = load_policy(draft)
    assert found.version == 2 and len(found.members["alice"].credentials) == 3
    assert "dora" in found.groups["treasury"] and len(found.members["dora"].credentials) == 1
    assert "dora" not in found.administrators.members
    assert policy["people"].keys() == {*PEOPLE, *SERVICES}, "the document given stays as it was"


def test_the_same_again_is_the_same_policy(policy: dict[str, Any]) -> None:
    draft = with_keys(policy, [enrolment("dora")])
    assert with_keys(draft, [enrolment("dora")]) == draft


def test_a_file_of_another_workspace_or_of_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "dora.json"
    file.write_text(json.dumps(enrolment("dora").to_doc()))
    assert enrolment_in(file, WORKSPACE) == enrolment("dora")
    with pytest.raises(Refused, match=r"statement\.other_workspace"):
        enrolment_in(file, "cd" * 32)
    file.write_text("dora")
    for broken in (file, tmp_path / "nowhere"):
        with pytest.raises(InvalidInput, match=r"lab\.enrolment"):
            enrolment_in(broken, WORKSPACE)
