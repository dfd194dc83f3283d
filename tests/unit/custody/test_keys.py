"""The refresh of a key: who must have said so, and that nothing but epoch and transcript changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.custody.fold import apply
from strongroom.custody.keys import possession_digest
from strongroom.custody.permission import may_sign
from strongroom.errors import Refused
from strongroom.log.entry import new_entry
from tests.workspace import Workspace

HOLDERS = ("signer-1", "signer-2", "signer-3")


@pytest.fixture
def home() -> Workspace:
    return Workspace().ready()


def bar(home: Workspace, epoch: int) -> None:
    body = {"key": "hot-ecdsa", "epoch": epoch, "accuser": "signer-1", "peer": "signer-2", "session": "", "reason": ""}
    home.stopped("signer.barred", "signer.bar", body, ["signer-1"])


def body(home: Workspace, **changes: Any) -> dict[str, Any]:
    subject = {"key": "hot-ecdsa", "epoch": 1, "public_key": home.state.keys["hot-ecdsa"].public_key.hex(),
               "chain_code": "11" * 32, "transcript": "33" * 32, **changes}  # fmt: skip
    proof = home.sign(possession_digest(home.state.workspace, "hot-ecdsa", subject["transcript"])).hex()
    return {**subject, "possession": proof}


def subject(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "possession"}


def test_a_refresh_changes_epoch_and_transcript_and_nothing_else(home: Workspace) -> None:
    before = home.state
    home.refresh()
    key = home.state.keys["hot-ecdsa"]
    assert key == replace(before.keys["hot-ecdsa"], epoch=1, transcript="33" * 32)
    assert (home.state.wallets, home.state.accounts) == (before.wallets, before.accounts)
    home.refresh(transcript="44" * 32)
    assert home.state.keys["hot-ecdsa"].epoch == 2


def test_a_transfer_that_was_authorized_before_is_signed_after(home: Workspace) -> None:
    transfer = home.propose()
    home.authorize(transfer)
    home.refresh()
    digest = home.state.transfers[transfer].payloads[0].digest
    assert may_sign(home.state, transfer, digest, home.time).digest == digest


@pytest.mark.parametrize("epoch", [0, 2, -1])
def test_a_refresh_leads_to_the_next_epoch_only(home: Workspace, epoch: int) -> None:
    with pytest.raises(Refused, match=r"key\.epoch"):
        home.refresh(epoch=epoch)


def test_a_refresh_is_not_logged_twice(home: Workspace) -> None:
    entry = home.refresh()
    with pytest.raises(Refused, match=r"key\.epoch"):
        apply(home.state, entry)


@pytest.mark.parametrize(
    ("change", "value"), [("public_key", "02" + "ab" * 32), ("chain_code", "12" * 32), ("chain_code", None)]
)
def test_a_refresh_that_changes_the_key_is_refused(home: Workspace, change: str, value: str | None) -> None:
    with pytest.raises(Refused, match=r"key\.changed"):
        home.refresh(**{change: value})


@pytest.mark.parametrize("signing", [HOLDERS[:2], (*HOLDERS, "guardian-1"), (*HOLDERS[:2], "guardian-1"), ()])
def test_i2_every_participant_and_nobody_else_signs_the_transcript(home: Workspace, signing: tuple[str, ...]) -> None:
    made = body(home)
    evidence = [home.statement(node, "key.transcript", subject(made)) for node in signing]
    with pytest.raises(Refused, match=r"key\.transcript_differs"):
        home.add("key.refreshed", made, evidence)


def test_a_participant_counts_once(home: Workspace) -> None:
    made = body(home)
    evidence = [home.statement(node, "key.transcript", subject(made)) for node in (*HOLDERS, "signer-1")]
    with pytest.raises(Refused, match=r"approval\.person_already_counted"):
        home.add("key.refreshed", made, evidence)


def test_one_participant_with_another_transcript_is_enough(home: Workspace) -> None:
    made = body(home)
    evidence = [home.statement(node, "key.transcript", subject(made)) for node in HOLDERS[:2]]
    evidence.append(home.statement("signer-3", "key.transcript", subject({**made, "transcript": "34" * 32})))
    with pytest.raises(Refused, match=r"key\.transcript_differs"):
        home.add("key.refreshed", made, evidence)


def test_a_signers_word_ends_so_that_a_share_it_waits_with_can_be_erased(home: Workspace) -> None:
    made = body(home)
    endless = [home.statement(node, "key.transcript", subject(made), bare=True) for node in HOLDERS]
    with pytest.raises(Refused, match=r"statement\.expired"):
        home.add("key.refreshed", made, endless)
    evidence = [home.statement(node, "key.transcript", subject(made)) for node in HOLDERS]
    home.time += 24 * 3_600_000
    with pytest.raises(Refused, match=r"statement\.expired"):
        home.add("key.refreshed", made, evidence)


def test_the_refreshed_shares_have_signed(home: Workspace) -> None:
    made = {**body(home), "possession": body(home, transcript="34" * 32)["possession"]}
    evidence = [home.statement(node, "key.transcript", subject(made)) for node in HOLDERS]
    with pytest.raises(Refused, match=r"signature\.invalid"):
        home.add("key.refreshed", made, evidence)


def test_a_bar_keeps_the_key_in_its_epoch(home: Workspace) -> None:
    bar(home, 0)
    with pytest.raises(Refused, match=r"signer\.barred"):
        home.refresh()


def test_a_bar_counts_in_the_new_epoch_too(home: Workspace) -> None:
    home.refresh()
    with pytest.raises(Refused, match=r"signer\.barred"):
        bar(home, 0)
    bar(home, 1)
    with pytest.raises(Refused, match=r"signer\.barred"):
        home.refresh(transcript="44" * 32)


def test_only_keys_that_sessions_wear_out_are_refreshed(home: Workspace) -> None:
    key = replace(home.state.keys["hot-ecdsa"], scheme="ed25519-frost")
    state = replace(home.state, keys=home.state.keys.set(key.name, key))
    with pytest.raises(Refused, match=r"key\.scheme"):
        apply(state, new_entry("key.refreshed", home.time, body(home)))
    with pytest.raises(Refused, match=r"key\.unknown"):
        apply(home.state, new_entry("key.refreshed", home.time, body(home, key="nothing")))
