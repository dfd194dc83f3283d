"""Templates: each makes a policy that loads, checks without errors and fits the people and keys that it is given."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.cli.draft import Answers, Token, base_of, next_base, token_of
from strongroom.cli.template import NAMES, Cast, grouped, template_of, written
from strongroom.errors import InvalidInput
from strongroom.policy.chapters import chapters
from strongroom.policy.check import Level, check
from strongroom.policy.loader import load_policy
from tests.passkeys import SoftPasskey
from tests.workspace import NODES, START, seeded

PLACE = {"provider": "p", "region": "r", "jurisdiction": "j", "site": "s"}
PEOPLE = ("alice", "bob", "carol", "dan", "erin")
USDC = Token("0x" + "ab" * 20, "USDC", 6)


def base(people: int, services: int = 1, tokens: tuple[Token, ...] = (USDC,)) -> dict[str, Any]:
    def file(name: str) -> dict[str, Any]:
        return {"name": name, "key": seeded(name).credential.to_doc()}

    nodes = {name: {**file(name), "duty": name.partition("-")[0], "placement": PLACE} for name in NODES}
    named = {name: file(name) for name in PEOPLE[:people]}
    paying = {name: file(name) for name in ("pay",)[:services]}
    return base_of(Answers("Acme", named, paying, nodes, file("coordinator"), "eip155:1", "ETH", tokens))


def made(name: str, people: int, services: int = 1, **groups: list[str]) -> dict[str, Any]:
    return written(name, Cast(base(people, services), "EUR", groups), START).document


@pytest.mark.parametrize("tokens", [(), (USDC,)])
@pytest.mark.parametrize("name", NAMES)
def test_every_template_loads_and_checks_without_errors(name: str, tokens: tuple[Token, ...]) -> None:
    template = template_of(name)
    for people in range(template["people"], len(PEOPLE) + 1):
        cast = Cast(base(people, template["services"], tokens), "EUR", {})
        document = written(name, cast, START).document
        errors = [found for found in check(load_policy(document), START) if found.level is Level.ERROR]
        assert errors == [], people
        assert dict(chapters(document))["Rules: the first that matches decides"]


@pytest.mark.parametrize("name", NAMES)
def test_too_few_people_or_services_are_refused(name: str) -> None:
    template = template_of(name)
    for people, services in ((template["people"] - 1, 1), (5, template["services"] - 1)):
        if services >= 0:
            with pytest.raises(InvalidInput) as refused:
                made(name, people, services)
            assert refused.value.code == "template.cast"


def test_groups_are_as_they_are_named() -> None:
    document = made("exchange", 5, risk=["erin"], pricing=["dan", "erin"])
    assert document["groups"]["risk"] == ["erin"] and document["groups"]["treasury"] == sorted(PEOPLE)
    with pytest.raises(InvalidInput) as refused:
        made("exchange", 5, riks=["erin"])
    assert refused.value.code == "template.group"
    assert grouped(["risk=a,b", "x="]) == {"risk": ["a", "b"], "x": []}
    with pytest.raises(InvalidInput):
        grouped(["risk"])


def test_amounts_are_scaled_by_each_asset_s_decimals() -> None:
    document = made("solo", 1)
    assert {row["name"]: row["max"] for row in document["limits"]} == {
        "what leaves a wallet in a week (ETH)": str(10 * 10**18),
        "what leaves a wallet in a week (USDC)": str(20_000 * 10**6),
    }
    assert document["rules"][0]["allow"]["fee_ceiling"] == str(10**16)
    grants = made("dao", 3)["rules"][0]
    assert grants["name"] == "small grants (ETH)" and grants["when"]["amount"] == {"max": str(5 * 10**18)}


def test_what_people_s_keys_cannot_do_yet_is_left_out_and_said() -> None:
    """Nobody is asked for a key that they do not have; whoever has all of them is asked."""
    cast = base(1)
    bare = written("solo", Cast(cast, "EUR", {}), START)
    assert all("surface" not in rule["allow"] for rule in bare.document["rules"])
    assert bare.left_out == (
        "approval on the approver's own machine is not asked for by 'known addresses', 'new addresses, after a day' "
        "yet, for want of such keys: alice",
    )
    cast["people"]["alice"]["keys"].append(SoftPasskey("http://localhost:7800", surface="approver").credential.to_doc())
    able = written("solo", Cast(cast, "EUR", {}), START)
    assert able.left_out == () and all(rule["allow"]["surface"] == "approver" for rule in able.document["rules"])
    load_policy(able.document)


def test_the_next_version_keeps_people_nodes_and_assets() -> None:
    first = made("fintech", 3)
    grown = next_base({**first, "people": base(4, 0)["people"] | first["people"]})
    second = written("fund", Cast(grown, "USD", {}), START)
    assert second.document["version"] == 2 and second.document["witnesses"] == first["witnesses"]
    assert second.document["label"] == "Acme" and second.document["valuation"]["unit"] == "USD"
    load_policy(second.document)


@pytest.mark.parametrize("text", ["USDC", "USDC:0x00", f"USDC:{USDC.contract}:six", f":{USDC.contract}:6"])
def test_a_token_is_three_parts(text: str) -> None:
    with pytest.raises(InvalidInput):
        token_of(text)
    assert token_of(f"USDC:{USDC.contract}:6") == USDC
