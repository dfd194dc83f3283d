"""Who could sign, who could block, and that the coordinator's and the nodes' places are counted, not only names."""

from __future__ import annotations

from typing import Any

from strongroom.audit.posture import Posture, posture
from tests.workspace import Workspace


def of(policy: dict[str, Any] | None = None) -> Posture:
    return posture(Workspace(policy=policy).ready().state)


def sets_by(found: Posture, label: str) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    sets = next(sets for sets in found.keys[0].sets if sets.counted_by == label)
    return set(sets.sign), set(sets.block)


def test_two_of_three_signers_sign_and_two_block() -> None:
    pairs = {frozenset(pair) for pair in (("signer-1", "signer-2"), ("signer-1", "signer-3"), ("signer-2", "signer-3"))}
    assert sets_by(of(), "node") == (pairs, pairs)


def test_one_provider_of_all_is_one_place_that_could_sign() -> None:
    found = of()
    assert sets_by(found, "provider") == ({frozenset({"p"})}, {frozenset({"p"})})
    assert "key 'hot-ecdsa': provider 'p' alone holds 2 shares and could sign" in found.findings
    assert "every node stands with one provider, 'p'" in found.findings


def test_i15_signers_apart_leave_no_single_place() -> None:
    policy = Workspace().policy
    for name, node in policy["witnesses"]["nodes"].items():
        node["placement"] = dict.fromkeys(("provider", "region", "jurisdiction", "site"), f"of {name}")
    found = of(policy)
    assert found.findings == ()
    assert all(len(group) == 2 for sets in found.keys[0].sets for group in (*sets.sign, *sets.block))


def test_the_witness_quorum_could_cosign_and_what_is_left_of_it_could_stop() -> None:
    witnesses = of().witnesses
    assert {len(group) for group in witnesses.sign} == {3} and len(witnesses.sign) == 4
    assert {len(group) for group in witnesses.block} == {2} and len(witnesses.block) == 6


def test_rules_say_how_few_people_they_take() -> None:
    rules = {rule.rule: rule for rule in of().rules}
    assert (rules["small ETH"].people, rules["small ETH"].services) == (0, 1)
    assert (rules["larger ETH"].people, rules["larger ETH"].services) == (3, 0)
    assert rules["larger ETH"].wallets == ("hot-eth",) and rules["larger ETH"].amount == 10 * 10**18


def test_an_initiator_who_may_approve_fills_one_of_the_places() -> None:
    policy = Workspace().policy
    policy["rules"][2]["allow"]["initiator_may_approve"] = True
    assert {rule.rule: rule.people for rule in of(policy).rules}["larger ETH"] == 2


def test_a_rule_for_another_tier_reaches_no_wallet() -> None:
    policy = Workspace().policy
    policy["tiers"]["warm"] = policy["tiers"]["hot"]
    policy["rules"][0]["when"]["source"] = {"tiers": ["warm"]}
    assert {rule.rule: rule.wallets for rule in of(policy).rules}["small ETH"] == ()
