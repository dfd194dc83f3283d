"""A bounded approve and a typed message through the whole house: a policy of fold rules 2, real signers and chain."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from strongroom.lab.actions import WALLET
from strongroom.lab.chain import CHAIN, LUSD, LUSD_ASSET
from tests.e2e.conftest import Lab

SPENDER: Final = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
MOST: Final = 10_000_000
"""Base units of LUSD that the service may let the spender have at a time."""
ALLOWANCE: Final = "0xdd62ed3e"  # allowance(address,address)

LETTER: Final[dict[str, Any]] = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Letter": [{"name": "to", "type": "address"}, {"name": "text", "type": "string"}],
    },
    "primaryType": "Letter",
    "domain": {"name": "Letters", "chainId": 31337},
    "message": {"to": SPENDER, "text": "We accept the offer of today."},
}


def with_operations(policy: dict[str, Any]) -> dict[str, Any]:
    """The next version, by the second fold rules: the service approves a little for one spender, and writes letters."""
    free = {"approvals": [], "initiator_may_approve": False, "delay": 0, "expiry": 3600, "fee_ceiling": str(10**16)}
    spender = {"index": 0, "is": [SPENDER.lower()]}
    approve = {"contracts": [f"{CHAIN}:{LUSD}"], "method": "approve(address,uint256)", "arguments": [spender]}
    service = {"initiator": {"members": ["exchange"]}}
    little = {**service, "operation": [{"call": approve}], "asset": [LUSD_ASSET], "amount": {"max": str(MOST)}}
    rules = [
        {"name": "let the broker draw a little", "when": little, "allow": free},
        {"name": "letters", "when": {**service, "operation": [{"message": "letter"}]}, "allow": free},
    ]
    schema = {
        "chain": CHAIN,
        "domain": {"name": "Letters", "chainId": "31337"},
        "primary_type": "Letter",
        "types": {"Letter": LETTER["types"]["Letter"]},
        "fields": [{"field": "to", "is": [SPENDER.lower()]}],
    }
    messages = {**policy.get("messages", {}), "letter": schema}
    return {
        **policy,
        "fold": 2,
        "version": policy["version"] + 1,
        "messages": messages,
        "rules": [*rules, *policy["rules"]],
    }


@pytest.fixture(scope="module")
def policy(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The version that allows these operations, adopted by two administrators after its cool-down."""
    held = json.loads(lab.command("policy", "show", "--json").stdout)
    draft = with_operations(held)
    file = tmp_path_factory.mktemp("draft") / "policy.json"
    file.write_text(json.dumps(draft))
    for person, code in (("alice", 3), ("bob", 0)):  # the first waits for the second
        done = lab.command("policy", "propose", str(file), profile=person)
        assert done.returncode == code, done.stdout + done.stderr
    deadline = time.monotonic() + 60
    while lab.actions.api.get("/v1/policy")["version"] < draft["version"]:
        assert time.monotonic() < deadline, "the policy is not adopted"
        time.sleep(0.2)
    return int(draft["version"])


def call(lab: Lab, amount: int, *more: str) -> Any:
    words = ("transfer", "call", "approve(address,uint256)", SPENDER, str(amount), "--from", WALLET, "--to", LUSD)
    return lab.command(*words, "--why", "for the broker", "--json", *more, profile="exchange")


def allowed(lab: Lab) -> int:
    wallet = lab.actions.wallet()
    assert wallet is not None
    words = wallet["address"].lower()[2:].rjust(64, "0") + SPENDER.lower()[2:].rjust(64, "0")
    return int(lab.actions.rpc("eth_call", {"to": LUSD, "data": ALLOWANCE + words}, "latest"), 16)


def test_a_bounded_approve_goes_through_the_whole_house(lab: Lab, policy: int) -> None:
    before = allowed(lab)
    done = call(lab, MOST - 1, "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = json.loads(done.stdout)
    assert shown["status"] == "completed" and shown["decision"]["rule"] == "let the broker draw a little"
    assert shown["payloads"][0]["explained"][0].startswith(f"lets {SPENDER} spend 9.999999 LUSD")
    assert before != allowed(lab) == MOST - 1


@pytest.mark.parametrize(
    ("amount", "code"), [(MOST + 1, "policy.denied"), (2**256 - 1, "operation.allowance_unbounded")]
)
def test_what_the_policy_does_not_allow_never_reaches_a_signer(lab: Lab, policy: int, amount: int, code: str) -> None:
    size = lab.actions.api.get("/v1/workspace")["size"]
    done = call(lab, amount)
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (4, code)
    assert lab.actions.api.get("/v1/workspace")["size"] == size


def test_a_typed_message_is_signed_by_the_wallet_and_shown(lab: Lab, policy: int, tmp_path: Path) -> None:
    file = tmp_path / "letter.json"
    file.write_text(json.dumps(LETTER))
    done = lab.command("transfer", "message", str(file), "--from", WALLET, "--wait", "--json", profile="exchange")
    assert done.returncode == 0, done.stdout + done.stderr
    shown, wallet = json.loads(done.stdout), lab.actions.wallet()
    assert wallet is not None and shown["status"] == "completed" and shown["txids"]
    signer = Account.recover_message(encode_typed_data(full_message=LETTER), signature="0x" + shown["signature"])
    assert signer.lower() == wallet["address"].lower()
    assert f"signature 0x{shown['signature']}" in lab.command("transfer", "show", shown["id"]).stdout


def test_an_outsider_verifies_the_operations(lab: Lab, policy: int, tmp_path: Path) -> None:
    """The whole log with the chain's evidence: every transaction of the wallet is explained, the message is none."""
    bundle = tmp_path / "all.bundle"
    assert lab.command("audit", "export", str(bundle), profile="alice").returncode == 0
    done = lab.command("audit", str(bundle), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told, wallet = json.loads(done.stdout), lab.actions.wallet()
    assert wallet is not None and told["ok"]
    (account,) = told["chain"]
    assert account["nonce"] == lab.actions.rpc.number("eth_getTransactionCount", wallet["address"], "latest")
