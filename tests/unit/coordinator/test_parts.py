"""Who has a part in what takes several people."""

from __future__ import annotations

from strongroom.coordinator.parts import part
from strongroom.policy.loader import load_policy
from tests.workspace import Workspace


def test_each_kind_has_its_own_quorum() -> None:
    """A list's is its group's, a freeze's the freezers', a withdrawal's the minority that could block."""
    document = Workspace().policy
    document["groups"]["board"] = ["bob"]
    policy = load_policy({**document, "freezers": "board"})
    everybody = frozenset(("alice", "bob", "carol"))
    for kind, body, members, threshold in (
        ("wallet.open", {}, everybody, 2),
        ("policy.withdraw", {}, everybody, 2),
        ("address.list", {"group": "vendors"}, everybody, 1),
        ("workspace.freeze", {}, {"bob"}, 2),
    ):
        quorum = part(policy, kind, body)
        assert quorum is not None and (quorum.members, quorum.threshold) == (members, threshold), kind
    assert part(policy, "address.list", {"group": "nowhere"}) is None
    assert part(policy, "valuation.state", {}) is None


def test_a_policy_takes_both_quorums() -> None:
    """Those of the version in force and those of the new one; the larger threshold."""
    workspace = Workspace()
    new = workspace.policy_document()
    new["administrators"] = {"members": ["bob", "carol"], "threshold": 1}
    quorum = part(load_policy(workspace.policy), "policy.propose", {"policy": new})
    assert quorum is not None and quorum.members == {"alice", "bob", "carol"} and quorum.threshold == 2
