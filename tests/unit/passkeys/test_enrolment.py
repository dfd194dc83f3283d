"""Enrolment files: a new key counts for the person and the workspace that it has itself named."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.documents.credentials import SigningKey
from strongroom.documents.statement import sign_statement
from strongroom.errors import Refused
from strongroom.passkeys.enrolment import Enrolment, enrolment_statement, read_enrolment
from tests.passkeys import SoftPasskey

WORKSPACE, STAGING = "ab" * 32, "cd" * 32
KEYS: list[Any] = [SoftPasskey("http://localhost:8420", surface="approver"), SigningKey.generate()]


def enrolment(key: Any, person: str = "dora", workspace: str = WORKSPACE) -> dict[str, Any]:
    proof = sign_statement(enrolment_statement(person, key.credential, workspace), key)
    return Enrolment(person, key.credential, proof).to_doc()


@pytest.mark.parametrize("key", KEYS)
def test_a_key_enrols_itself_for_a_person(key: Any) -> None:
    found = read_enrolment(enrolment(key), WORKSPACE)
    assert (found.person, found.credential) == ("dora", key.credential)
    assert found.to_doc() == enrolment(key)


@pytest.mark.parametrize("key", KEYS)
def test_proofs_that_were_made_for_something_else(key: Any) -> None:
    good = enrolment(key)
    other = SoftPasskey("http://localhost:8420", seed="other")
    synced = {**good["credential"], "backup_eligible": True} if key is KEYS[0] else other.credential.to_doc()
    for changed, code in (
        (enrolment(key, workspace=STAGING), "statement.other_workspace"),
        ({**good, "person": "mallory"}, "enrolment.other_proof"),
        ({**good, "credential": other.credential.to_doc()}, "statement.key_mismatch"),
        ({**good, "credential": synced}, "credential.backup_eligible" if key is KEYS[0] else "statement.key_mismatch"),
    ):
        with pytest.raises(Refused) as caught:
            read_enrolment(changed, WORKSPACE)
        assert caught.value.code == code


def test_a_surface_belongs_to_the_key_and_its_proof() -> None:
    good = enrolment(KEYS[0])
    with pytest.raises(Refused, match=r"enrolment\.other_proof"):
        read_enrolment({**good, "credential": {**good["credential"], "surface": "console"}}, WORKSPACE)
    plain = enrolment(KEYS[1])
    with pytest.raises(Refused, match=r"enrolment\.other_proof"):
        read_enrolment({**plain, "credential": {**plain["credential"], "surface": "approver"}}, WORKSPACE)
