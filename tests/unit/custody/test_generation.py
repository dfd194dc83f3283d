"""`key.generated`: what an order may ask for, who must have signed, and that the key works."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.custody.keys import possession_digest
from strongroom.errors import Refused
from strongroom.log.entry import Entry
from tests.unit.custody.conftest import Refusal
from tests.workspace import Workspace

SIGNERS = ["signer-1", "signer-2", "signer-3"]
ORDER: dict[str, Any] = {
    "name": "hot-2", "scheme": "ecdsa-dkls23", "tier": "hot", "participants": SIGNERS, "threshold": 2, "epoch": 0,
}  # fmt: skip


def generate(
    home: Workspace, *, ordered: dict[str, Any] | None = None, people: tuple[str, ...] = ("alice", "bob"),
    signing: tuple[str, ...] = tuple(SIGNERS), signed: dict[str, Any] | None = None, chain_code: str | None = "11" * 32,
    possession: bytes | None = None, **order: Any,
) -> Entry:  # fmt: skip
    """key.generated for ORDER with changes; `ordered` and `signed` are what the statements say instead."""
    wanted = {**ORDER, **order}
    outcome = {
        "public_key": home.account.public_key.format().hex(), "chain_code": chain_code, "transcript": "55" * 32,
    }  # fmt: skip
    subject = {"key": wanted["name"], "epoch": wanted["epoch"], **outcome, **(signed or {})}
    digest = possession_digest(home.state.workspace, wanted["name"], outcome["transcript"])
    evidence = [home.statement(name, "key.generate", ordered or wanted) for name in people]
    evidence += [home.statement(name, "key.transcript", subject, bare=True) for name in signing]
    proof = (possession or home.sign(digest)).hex()
    return home.add("key.generated", {"order": wanted, **outcome, "possession": proof}, evidence)


def test_what_is_in_order_becomes_a_key(home: Workspace) -> None:
    generate(home)
    assert home.state.keys["hot-2"].participants == tuple(SIGNERS)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scheme": "ecdsa-cggmp24"}, "key.scheme"),
        ({"tier": "cold"}, "key.scheme"),
        ({"name": "hot-ecdsa"}, "key.exists"),
        ({"epoch": 1}, "key.exists"),
        ({"participants": ["guardian-1", "signer-1", "signer-2"]}, "key.participants"),
        ({"participants": ["signer-1", "signer-2", "stranger"]}, "key.participants"),
        ({"participants": ["signer-2", "signer-1", "signer-3"]}, "key.participants"),
        ({"participants": ["signer-1", "signer-1", "signer-2"]}, "key.participants"),
        ({"threshold": 1}, "key.threshold"),
        ({"threshold": 3}, "key.threshold"),
        ({"participants": ["signer-1", "signer-2"]}, "key.threshold"),
        ({"spare": 1}, "document.unknown_field"),
    ],
)
def test_an_order_names_a_new_key_that_the_policy_can_hold(
    home: Workspace, refusal: Refusal, change: dict[str, Any], code: str
) -> None:
    assert refusal(generate, home, **change) == code


def test_i2_two_administrators_order_exactly_this_key(home: Workspace, refusal: Refusal) -> None:
    assert refusal(generate, home, people=("alice",)) == "authority.threshold"
    assert refusal(generate, home, people=("alice", "alice")) == "approval.person_already_counted"
    assert refusal(generate, home, people=("alice", "exchange")) == "authority.threshold"
    assert refusal(generate, home, ordered={**ORDER, "name": "hot-3"}) == "statement.other_subject"


def test_every_participant_and_nobody_else_signs_one_transcript(home: Workspace, refusal: Refusal) -> None:
    assert refusal(generate, home, signing=("signer-1", "signer-2")) == "key.transcript_differs"
    assert refusal(generate, home, signing=(*SIGNERS, "guardian-1")) == "key.transcript_differs"
    assert refusal(generate, home, signed={"transcript": "66" * 32}) == "key.transcript_differs"


def test_the_new_key_has_signed_once(home: Workspace, refusal: Refusal) -> None:
    assert refusal(generate, home, possession=home.sign(bytes(32))) == "signature.invalid"


def test_an_ecdsa_key_carries_its_chain_code(home: Workspace) -> None:
    with pytest.raises(Refused, match=r"key\.chain_code"):
        generate(home, chain_code=None)
