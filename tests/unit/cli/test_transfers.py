"""`strongroom transfer …` against a real API: what is signed, what is shown, how it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strongroom.cli.follow import GRACE
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import from_envelope
from tests.unit.api.coordinator import Activity, Event, Refusal
from tests.unit.cli.conftest import Cli, Site
from tests.workspace import CHAIN, ETH, PAYEE, TOKEN, WEI

CHECKSUMMED = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GRACE, "stalled", 0.1)
    monkeypatch.setitem(GRACE, "refused", 0.1)


def propose(site: Site, by: str, amount: str, *more: str, asset: str = "ETH", to: str = CHECKSUMMED) -> list[str]:
    head = ["--profile", str(site.profile(by)), "transfer", "propose", "--from", "hot-eth"]
    return [*head, "--to", to, "--asset", asset, "--amount", amount, *more]


def last(site: Site) -> Envelope:
    return site.coordinator.asked[-1]


def newest(site: Site) -> str:
    (name,) = site.coordinator.state.open
    return str(name)


@pytest.mark.parametrize("to", [CHECKSUMMED, CHECKSUMMED.lower(), f"{CHAIN}:{CHECKSUMMED}", PAYEE])
def test_a_person_s_words_become_canonical(site: Site, cli: Cli, to: str) -> None:
    result = cli(*propose(site, "exchange", "0.5", "--why", "rent", to=to))
    assert result.code == 0, result.err
    statement = from_envelope(last(site))
    subject = statement.subject
    assert (subject["to"], subject["asset"], subject["amount"], subject["why"]) == (PAYEE, ETH, str(WEI // 2), "rent")
    assert statement.workspace == site.coordinator.workspace
    assert statement.seen is not None and statement.seen.size <= site.coordinator.state.size
    assert "exchange proposed 0.5 ETH from hot-eth" in result.out and "rule 'small ETH' applies" in result.out


def test_tokens_base_units_and_own_wallets(site: Site, cli: Cli) -> None:
    assert cli(*propose(site, "exchange", "2.5", asset="lusd")).code == 0
    assert (from_envelope(last(site)).subject["asset"], from_envelope(last(site)).subject["amount"]) == (
        TOKEN,
        "2500000",
    )
    assert cli(*propose(site, "exchange", "7", "--base-units", to="hot-eth")).code == 0
    subject = from_envelope(last(site)).subject
    assert subject["amount"] == "7" and subject["to"].endswith(site.coordinator.state.wallets["hot-eth"].address)


@pytest.mark.parametrize(
    ("amount", "more", "code"),
    [
        ("1e18", {}, "amount.syntax"),
        ("-1", {}, "amount.syntax"),
        ("1_0", {}, "amount.syntax"),
        ("01", {}, "amount.syntax"),
        ("0", {}, "amount.zero"),
        ("0.0000000000000000001", {}, "amount.precision"),
        ("9" * 70, {}, "amount.too_large"),
        ("1", {"asset": "DOGE"}, "asset.unknown"),
        ("1", {"asset": f"{CHAIN}/erc20:0x{'11' * 20}"}, "asset.unknown"),
        ("1", {"to": CHECKSUMMED.replace("79C8", "79c8")}, "address.checksum"),
        ("1", {"to": "0x12"}, "address.syntax"),
        ("1", {"to": f"eip155:1:{CHECKSUMMED}"}, "chain.differs"),
        ("1", {"to": "nowhere"}, "account.syntax"),
    ],
)
def test_bad_input_is_refused_before_anything_is_signed(
    site: Site, cli: Cli, amount: str, more: dict[str, Any], code: str
) -> None:
    result = cli(*propose(site, "exchange", f"{amount}", **more))
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error [{code}] ") and result.err.count("\n") == 1
    assert site.coordinator.asked == []


def test_denied_by_policy_is_exit_4_and_json_says_so(site: Site, cli: Cli) -> None:
    result = cli(*propose(site, "exchange", "5", "--json"))
    assert result.code == 4
    assert json.loads(result.out)["error"]["code"] == "policy.no_rule"


def test_the_same_idempotency_key_for_something_else_is_bad_input(site: Site, cli: Cli) -> None:
    assert cli(*propose(site, "exchange", "0.1", "--idempotency", "order-9")).code == 0
    result = cli(*propose(site, "exchange", "0.2", "--idempotency", "order-9"))
    assert result.code == 2 and "[intent.idempotency_conflict]" in result.err
    assert len(site.coordinator.state.transfers) == 1


def test_waiting_for_approvals_is_exit_3_and_approving_moves_it(site: Site, cli: Cli) -> None:
    result = cli(*propose(site, "alice", "5", "--wait"))
    assert result.code == 3 and "waits for approvals: 2 of treasury" in result.out
    name = newest(site)
    assert f"strongroom transfer approve {name[:12]}" in result.out
    for person in ("bob", "carol"):
        result = cli("--profile", site.profile(person), "transfer", "approve", name[:8], "--yes")
        assert result.code == 0, result.err
        assert f"{5 * WEI} base units of {ETH}" in result.out and "rule 'larger ETH'" in result.out
    assert "bob approved" in result.out and "carol approved" in result.out
    again = cli("--profile", site.profile("bob"), "transfer", "approve", name, "--yes")
    assert again.code == 2 and "[approval.person_already_counted]" in again.err


def test_an_approver_can_say_no_to_the_question(site: Site, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli(*propose(site, "alice", "5"))
    monkeypatch.setattr("typer.confirm", lambda _: False)
    asked = len(site.coordinator.asked)
    result = cli("--profile", site.profile("bob"), "transfer", "approve", newest(site))
    assert result.code == 3 and len(site.coordinator.asked) == asked
    silent = cli("--profile", site.profile("bob"), "transfer", "approve", newest(site), "--json")
    assert silent.code == 2 and json.loads(silent.out)["error"]["code"] == "consent.missing"
    assert len(site.coordinator.asked) == asked


def test_a_coordinator_that_shows_other_obligations_is_caught(site: Site, cli: Cli, monkeypatch: Any) -> None:
    cli(*propose(site, "alice", "5"))
    from strongroom.api import timeline

    honest = timeline.decision
    monkeypatch.setattr(timeline, "decision", lambda *a: {**honest(*a), "digest": "00" * 32})
    result = cli("--profile", site.profile("bob"), "transfer", "approve", newest(site), "--yes")
    assert result.code == 5 and "[approval.other_obligations]" in result.err


def test_a_coordinator_that_shows_another_proposal_is_caught(site: Site, cli: Cli, monkeypatch: Any) -> None:
    cli(*propose(site, "alice", "5"))
    name = newest(site)
    log = site.coordinator.log
    lie = log.statement("alice", "transfer.propose", log.intent(amount="1"))
    monkeypatch.setattr("strongroom.api.transfers.proposal_of", lambda *_: (7, lie))
    result = cli("--profile", site.profile("bob"), "transfer", "approve", name, "--yes")
    assert result.code == 5 and "[transfer.id]" in result.err


def test_reject_and_cancel(site: Site, cli: Cli) -> None:
    for person, verb, word in (("bob", "reject", "rejected"), ("alice", "cancel", "cancelled")):
        cli(*propose(site, "alice", "5"))
        name = newest(site)
        result = cli("--profile", site.profile(person), "transfer", verb, name[:10])
        assert result.code == 0 and f"is {word}" in result.out
        assert site.coordinator.state.transfers[name].closed == f"{word} by {person}"
        shown = cli("--profile", site.profile("bob"), "transfer", "show", name, "--wait")
        assert shown.code == 4 and f"{word} by {person}" in shown.out


def test_lost_signers_are_exit_6_with_the_counts(site: Site, cli: Cli) -> None:
    site.coordinator.losing("signer-1", "signer-2")
    result = cli(*propose(site, "exchange", "0.1", "--wait"))
    assert result.code == 6 and "quorum 1 of 2, witnesses 2 of 3" in result.out


def test_a_signer_s_refusal_is_exit_5(site: Site, cli: Cli) -> None:
    cli(*propose(site, "exchange", "0.1"))
    name, now = newest(site), site.coordinator.log.time
    no = Refusal(now + 2, "signer-3", "sign", "payload.amount_differs", "the payload moves another amount")
    site.coordinator.told[name] = Activity((Event(now, "proposed", "by exchange"),), (no,))
    result = cli("--profile", site.profile("exchange"), "transfer", "show", name, "--wait", "--json")
    assert result.code == 5
    assert json.loads(result.out)["refusals"][0]["code"] == "payload.amount_differs"


def test_giving_up_is_exit_6(site: Site, cli: Cli) -> None:
    result = cli(*propose(site, "exchange", "0.1", "--wait", "--timeout", "0.2"))
    assert result.code == 6


def test_the_list(site: Site, cli: Cli) -> None:
    empty = cli("--profile", site.profile("bob"), "transfer", "list")
    assert "no transfers" in empty.out
    cli(*propose(site, "exchange", "0.25", "--why", "[bold]x\\"))
    result = cli("--profile", site.profile("bob"), "transfer", "list", "--open")
    assert "0.25 ETH" in result.out and CHECKSUMMED in result.out and newest(site)[:12] in result.out
    listed = json.loads(cli("--profile", site.profile("bob"), "transfer", "list", "--json").out)
    assert listed["transfers"][0]["id"] == newest(site)
    shown = cli("--profile", site.profile("bob"), "transfer", "show", newest(site)[:6])
    assert "[bold]x\\" in shown.out  # a reason is text, never markup


def test_a_transfer_that_is_not_there(site: Site, cli: Cli) -> None:
    for text in ("abc", "abcdef", "00" * 32):
        result = cli("--profile", site.profile("bob"), "transfer", "show", text)
        assert result.code == 2 and "[transfer.unknown]" in result.err
