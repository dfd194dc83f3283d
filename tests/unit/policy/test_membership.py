"""Drafts in which people and keys come and go: what is taken out is nowhere left, too few are refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from strongroom.documents.credentials import Credential, SigningKey, Surface
from strongroom.errors import InvalidInput
from strongroom.policy.loader import load_policy
from strongroom.policy.membership import next_version, with_key, without_keys, without_person
from strongroom.policy.model import Role
from tests.passkeys import SoftPasskey
from tests.tokens import SoftService
from tests.workspace import Workspace

PASSKEY = SoftPasskey("http://localhost:8420", surface="approver", seed="dora").credential


@pytest.fixture
def document() -> dict[str, Any]:
    return Workspace().policy


def test_a_newcomer_joins_groups_and_asks_for_the_second_fold_rules(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    draft = with_key(next_version(document), "dora", PASSKEY, ["treasury"])
    policy = load_policy(draft)
    assert document == before and (policy.version, policy.fold) == (2, 2)
    assert policy.members["dora"].credentials == {PASSKEY.key_id: PASSKEY} and "dora" in policy.groups["treasury"]
    assert with_key(draft, "dora", PASSKEY, ["treasury"]) == draft, "once is enough"


def test_plain_keys_stay_under_the_first_fold_rules(document: dict[str, Any]) -> None:
    key = SigningKey.generate().credential
    draft = with_key(document, "alice", key)
    assert draft["fold"] == 1 and len(load_policy(draft).members["alice"].credentials) == 2
    approver = Credential(key.public, surface=Surface.APPROVER)
    assert load_policy(with_key(document, "bob", approver)).fold == 2


def test_a_service_s_rs256_key(document: dict[str, Any]) -> None:
    service = SoftService().credential
    draft = with_key(document, "till", service, role=Role.SERVICE)
    assert load_policy(draft).members["till"].role is Role.SERVICE
    with pytest.raises(InvalidInput, match=r"policy\.key_kind"):
        load_policy(with_key(document, "alice", service))
    with pytest.raises(InvalidInput, match=r"policy\.key_kind"):
        load_policy(with_key(document, "exchange", PASSKEY))


def test_groups_are_those_of_the_policy(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"policy\.group_unknown"):
        with_key(document, "dora", PASSKEY, ["board"])


def test_a_leaver_is_nowhere_left_and_rules_for_nobody_else_go_too(document: dict[str, Any]) -> None:
    document["rules"][1]["when"]["initiator"] = {"members": ["alice", "bob"]}
    draft = without_person(with_key(document, "dora", PASSKEY, ["treasury"]), "alice")
    assert "alice" not in json.dumps(draft)
    load_policy(draft)
    services = without_person(document, "exchange")
    assert "exchange" not in json.dumps(services) and len(services["rules"]) == len(document["rules"]) - 1
    load_policy(services)


def test_what_too_few_are_left_for_is_refused_when_it_is_loaded(document: dict[str, Any]) -> None:
    document["administrators"]["threshold"] = 3
    with pytest.raises(InvalidInput, match=r"policy\.quorum_unmet"):
        load_policy(without_person(document, "carol"))
    for change in (without_person, lambda found, name: without_keys(found, name, [])):
        with pytest.raises(InvalidInput, match=r"person\.unknown"):
            change(document, "nobody")


def test_a_lost_key_goes_and_the_others_stay(document: dict[str, Any]) -> None:
    draft = with_key(document, "bob", PASSKEY)
    old = next(iter(load_policy(document).members["bob"].credentials))
    assert list(load_policy(without_keys(draft, "bob", [old])).members["bob"].credentials) == [PASSKEY.key_id]
    with pytest.raises(InvalidInput, match=r"policy\.member"):
        load_policy(without_keys(document, "bob", [old]))


def test_one_key_in_two_forms_or_under_two_names_is_refused(document: dict[str, Any]) -> None:
    draft = with_key(document, "alice", PASSKEY)
    draft["people"]["alice"]["keys"].append({**PASSKEY.to_doc(), "surface": "console"})
    with pytest.raises(InvalidInput, match=r"policy\.key_twice"):
        load_policy(draft)
    with pytest.raises(InvalidInput, match=r"policy\.key_twice"):
        load_policy(with_key(with_key(document, "alice", PASSKEY), "bob", PASSKEY))


def test_other_kinds_stand_only_under_the_second_fold_rules(document: dict[str, Any]) -> None:
    for key in (PASSKEY, Credential(SigningKey.generate().credential.public, surface=Surface.APPROVER)):
        draft = {**with_key(document, "alice", key), "fold": 1}
        with pytest.raises(InvalidInput, match=r"document\.unknown_field"):
            load_policy(draft)
    with pytest.raises(InvalidInput, match=r"credential\.kind"):
        load_policy({**with_key(document, "till", SoftService().credential, role=Role.SERVICE), "fold": 1})
