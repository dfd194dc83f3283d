"""`strongroom price …` and `strongroom transfer screen`: what services sign, and what is shown of it."""

from __future__ import annotations

import json
import time

import pytest

from strongroom.documents.statement import from_envelope
from tests.unit.cli.conftest import Cli, Site
from tests.workspace import ETH, START, TOKEN, Workspace


@pytest.fixture(scope="module")
def started() -> Workspace:
    """A workspace of today whose policy has fold rules 2."""
    now = time.time_ns() // 1_000_000
    workspace = Workspace(start=now)
    workspace.policy = workspace.second_fold()
    workspace.policy["expires"] += now - START
    return workspace.ready()


def test_prices_are_stated_by_their_threshold_and_shown(site: Site, cli: Cli) -> None:
    nothing = cli("--profile", site.profile("alice"), "price", "list")
    assert nothing.code == 0 and "nobody has stated prices yet" in nothing.out
    when = str(site.coordinator.log.time - 1000)
    said = ("price", "state", "ETH=2315.40", f"{TOKEN}=0.92", "--observed", when)
    first = cli("--profile", site.profile("oracle-1"), *said)
    assert first.code == 3 and f"--observed {when}" in first.out
    second = cli("--profile", site.profile("oracle-3"), *said, "--json")
    assert second.code == 0 and json.loads(second.out)["status"] == "logged"
    subject = from_envelope(site.coordinator.asked[-1]).subject
    assert subject["prices"] == {ETH: "231540000000000", TOKEN: "92000000000"}
    shown = cli("--profile", site.profile("alice"), "price", "list")
    assert "2315.4" in shown.out and "EUR for one" in shown.out and "hold until" in shown.out
    found = json.loads(cli("--profile", site.profile("alice"), "price", "list", "--json").out)
    assert found["prices"]["table"] == subject["prices"]


@pytest.mark.parametrize(
    ("text", "code"),
    [("BTC=1", "asset.unknown"), ("ETH", "decimal."), ("ETH=1,5", "decimal."), ("ETH=-1", "decimal.")],
)
def test_a_price_that_is_none_is_refused(site: Site, cli: Cli, text: str, code: str) -> None:
    refused = cli("--profile", site.profile("oracle-1"), "price", "state", text)
    assert refused.code == 2 and (code in refused.err or "amount." in refused.err), refused.err


def test_a_service_screens_a_transfer(site: Site, cli: Cli) -> None:
    site.coordinator.log.state_prices()
    name = site.coordinator.log.propose(by="alice", asset=TOKEN, amount="5000000")
    shown = cli("--profile", site.profile("alice"), "transfer", "show", name)
    assert "awaiting screening" in shown.out and "screener" in shown.out
    done = cli("--profile", site.profile("screener"), "transfer", "screen", name, "flagged", "--reference", "case 7")
    assert done.code == 0, done.err
    assert not site.coordinator.state.transfers[name].screenings[0].clear
    refused = cli("--profile", site.profile("oracle-1"), "transfer", "screen", name, "clear")
    assert refused.code == 4 and "screening.not_signed" in refused.err
