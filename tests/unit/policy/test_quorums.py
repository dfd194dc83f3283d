"""Who can approve by a rule: as the fold counts it, whatever the key and the terms."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from strongroom.custody.decision import unfit
from strongroom.documents.credentials import Credential, Surface
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Allowance, ApprovalNeed, Condition
from strongroom.policy.quorums import approves, fewest, initiators
from tests.passkeys import SoftPasskey
from tests.tokens import SoftService
from tests.workspace import Workspace, seeded

POLICY = load_policy(Workspace().policy_document())
KEYS = [
    seeded("alice").credential,
    Credential(seeded("bob").credential.public, surface=Surface.APPROVER),
    *(
        SoftPasskey("http://localhost:1", surface=surface, backup_eligible=synced).credential
        for surface, synced in product(("console", "approver"), (True, False))
    ),
]
TERMS = [
    Allowance((), False, 0, 60, 1, surface=surface, device_bound=bound)
    for surface, bound in product(Surface, (True, False))
]


@pytest.mark.parametrize("terms", TERMS)
def test_a_key_approves_where_the_fold_counts_it(terms: Allowance) -> None:
    for key in KEYS:
        assert approves(key, terms) == (unfit(key, terms) is None)


def test_a_request_key_approves_nothing() -> None:
    assert not approves(SoftService().credential, TERMS[-1])


def test_initiators_are_members_named_alone_or_by_group() -> None:
    assert initiators(POLICY, Condition()) == POLICY.members.keys()
    named = Condition(initiators=frozenset({"exchange"}), initiator_groups=frozenset({"treasury"}))
    assert initiators(POLICY, named) == {"exchange", "alice", "bob", "carol"}
    assert initiators(POLICY, Condition(initiators=frozenset())) == frozenset()


@pytest.mark.parametrize(
    ("by", "places", "initiator_may", "ways"),
    [
        ("exchange", 0, False, (0, 1)),
        ("exchange", 2, False, (2, 1)),
        ("alice", 0, False, (1, 0)),
        ("alice", 2, False, (3, 0)),
        ("alice", 2, True, (2, 0)),
    ],
)
def test_the_fewest_who_move_something(by: str, places: int, initiator_may: bool, ways: tuple[int, int]) -> None:
    needs = ((ApprovalNeed("treasury", places),),) if places else ()
    terms = replace(TERMS[-1], approvals=needs, initiator_may_approve=initiator_may)
    assert fewest(POLICY, Condition(initiators=frozenset({by})), terms) == ways
