"""`strongroom transfer call|message` against a real API: what is signed, what is shown, what is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.cli.typed_data import message_of
from strongroom.documents.statement import from_envelope
from strongroom.errors import InvalidInput, StrongroomError
from tests.operations import LETTER, approve, with_operations
from tests.unit.cli.conftest import Cli, Site
from tests.unit.documents.test_typed import BOB, COW, MAIL
from tests.workspace import START, TOKEN_CONTRACT, Workspace

SPENDER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
TYPED = {
    "types": {"EIP712Domain": [{"name": "name", "type": "string"}], **LETTER["types"]},
    "primaryType": "Letter",
    "domain": {"name": "Letters", "chainId": 31337, "verifyingContract": "0x5FbDB2315678afecb367f032d93F642f64180aa3"},
    "message": {"to": SPENDER, "text": "I agree."},
}


@pytest.fixture(scope="session")
def started() -> Workspace:
    """A workspace of today whose policy allows some calls and messages."""
    now = time.time_ns() // 1_000_000
    workspace = Workspace(start=now, policy=with_operations(Workspace().policy_document()))
    workspace.policy["expires"] += now - START
    return workspace.ready()


@pytest.fixture
def words(site: Site) -> Iterator[list[str]]:
    """How every command of the service begins."""
    yield ["--profile", str(site.profile("exchange")), "transfer"]


def subject(site: Site) -> dict[str, Any]:
    return from_envelope(site.coordinator.asked[-1]).subject


def test_a_call_is_signed_word_by_word(site: Site, cli: Cli, words: list[str]) -> None:
    done = cli(
        *words, "call", "approve(address,uint256)", SPENDER, "5000000", "--from", "hot-eth", "--to", TOKEN_CONTRACT
    )
    assert done.code == 0, done.err
    assert subject(site)["call"] == approve(5_000_000)
    assert f"lets {SPENDER} spend 5 LUSD" in done.out.replace("\n", " ")
    assert "rule 'allow a little' applies" in done.out


def test_an_own_wallet_is_an_argument_by_its_name(site: Site, cli: Cli, words: list[str]) -> None:
    done = cli(*words, "call", "deposit(address,uint64)", "hot-eth", "7", "--from", "hot-eth", "--to", "0x" + "77" * 20)
    assert done.code == 0, done.err
    assert site.coordinator.state.wallets["hot-eth"].address[2:] in subject(site)["call"]["data"]
    assert "argument 1 (uint64): 7" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (("approve(address,uint256)", SPENDER, str(2**256 - 1)), "operation.allowance_unbounded", 4),
        (("approve(address,uint256)", SPENDER), "argument.count", 2),
        (("approve(address,uint256)", SPENDER, "0x5"), "amount.syntax", 2),
        (("approve(address,uint256)", SPENDER.replace("3C", "3c"), "5"), "address.checksum", 2),
        (("approve", SPENDER, "5"), "method.syntax", 2),
        (("transfer(address,uint256)", SPENDER, "5"), "operation.use_transfer", 4),
        (("pay()",), "policy.no_rule", 4),
    ],
)
def test_what_is_refused_says_why(
    cli: Cli, words: list[str], arguments: tuple[str, ...], code: str, exit_code: int
) -> None:
    done = cli(*words, "call", *arguments, "--from", "hot-eth", "--to", TOKEN_CONTRACT, "--json")
    assert (json.loads(done.out)["error"]["code"], done.code) == (code, exit_code)


def test_a_message_is_signed_as_its_schema_spells_it(site: Site, cli: Cli, words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "letter.json"
    file.write_text(json.dumps(TYPED))
    done = cli(*words, "message", file, "--from", "hot-eth", "--why", "the contract")
    assert done.code == 0, done.err
    assert subject(site)["message"] == LETTER
    assert "text: I agree." in done.out and "signs the message Letter" in done.out


def test_a_message_that_no_schema_knows_is_not_signed(site: Site, cli: Cli, words: list[str], tmp_path: Path) -> None:
    asked = len(site.coordinator.asked)
    file = tmp_path / "letter.json"
    file.write_text(json.dumps({**TYPED, "domain": {**TYPED["domain"], "name": "Other"}}))
    done = cli(*words, "message", file, "--from", "hot-eth")
    assert done.code == 2 and "message.unknown_type" in done.err and len(site.coordinator.asked) == asked


def test_a_signed_message_is_shown_with_its_signature(site: Site, cli: Cli, words: list[str], tmp_path: Path) -> None:
    log, file = site.coordinator.log, tmp_path / "letter.json"
    file.write_text(json.dumps(TYPED))
    shown = cli(*words, "message", file, "--from", "hot-eth", "--json")
    name = json.loads(shown.out)["id"]
    site.coordinator.log.authorize(name)
    payload = log.state.transfers[name].payloads[0]
    signature = log.sign(bytes.fromhex(payload.digest)).hex()
    log.add(
        "transfer.signed",
        {"transfer": name, "digest": payload.digest, "signature": signature, "txid": f"0x{payload.digest}"},
    )
    found = json.loads(cli(*words, "show", name, "--json").out)
    assert found["signature"][:128] == signature and found["nonce"] is None and found["operation"] == "message"
    assert f"signature 0x{signature}" in cli(*words, "show", name).out.replace("\n", "")


def test_an_approver_reads_what_was_signed_and_not_what_is_served(site: Site, cli: Cli) -> None:
    """A larger letter of a person takes two; the words come from the signed intent."""
    (tmp := site.base / "letter.json").write_text(json.dumps(TYPED))
    opened = cli("--profile", site.profile("alice"), "transfer", "message", tmp, "--from", "hot-eth", "--json")
    assert opened.code == 0, opened.err
    name = json.loads(opened.out)["id"]
    done = cli("--profile", site.profile("bob"), "transfer", "approve", name, "--yes")
    assert done.code == 0, done.err
    assert "alice asks that wallet hot-eth" in done.out and "text: I agree." in done.out
    call_ = ("transfer", "call", "approve(address,uint256)", SPENDER, "7", "--from", "hot-eth", "--to", TOKEN_CONTRACT)
    opened = cli("--profile", site.profile("alice"), *call_, "--json")
    assert opened.code == 0, opened.err
    done = cli("--profile", site.profile("bob"), "transfer", "approve", json.loads(opened.out)["id"], "--yes")
    assert done.code == 0, done.err
    assert f"lets {SPENDER} spend 7 base units of" in done.out.replace("\n", " ")


SCHEMAS = {
    "mail": {"chain": "eip155:1", "fields": [], **{name: MAIL[name] for name in ("domain", "primary_type", "types")}}
}
MAILED = {
    "types": MAIL["types"],
    "primaryType": "Mail",
    "domain": {**MAIL["domain"], "chainId": 1},
    "message": {**MAIL["fields"], "to": {"name": "Bob", "wallet": BOB.upper().replace("0X", "0x")}},
}


def test_structs_are_spelled_leaf_by_leaf() -> None:
    given = {**MAILED, "message": {**MAILED["message"], "to": {"name": "Bob", "wallet": BOB}}}
    assert message_of(given, SCHEMAS) == MAIL


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("message.unknown_type", {"primaryType": "Person"}),
        ("address.checksum", {}),
        ("document.unknown_field", {"message": {**MAIL["fields"], "more": "x"}}),
        ("document.missing_field", {"message": {"contents": "x"}}),
        ("document.type", {"message": {**MAIL["fields"], "to": COW}}),
        ("argument.syntax", {"message": {**MAIL["fields"], "contents": 7}}),
        ("document.unknown_field", {"extra": 1}),
    ],
)
def test_typed_data_that_says_something_else_is_refused(code: str, change: dict[str, Any]) -> None:
    with pytest.raises(StrongroomError) as refused:
        message_of({**MAILED, **change}, SCHEMAS)
    assert refused.value.code == code and isinstance(refused.value, InvalidInput)
