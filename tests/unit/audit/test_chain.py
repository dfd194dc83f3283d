"""The chain against the log, and the reverse: what no entry explains is said first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rlp
from coincurve import PrivateKey
from eth_account import Account as EthAccount

from strongroom.audit import rawtx
from strongroom.audit.bundle import bundle_lines
from strongroom.audit.finding import AuditFailed
from strongroom.audit.report import Report
from strongroom.audit.verify import verify_bundle
from strongroom.chains.evm.transaction import assemble
from strongroom.custody.state import TransferId
from strongroom.documents.keccak import keccak256
from strongroom.errors import InvalidInput
from tests.unit.audit.test_verify import note_of
from tests.workspace import CHAIN, Workspace

Evidence = list[dict[str, Any]]


class Paid(Workspace):
    """A workspace that has paid, with the chain that shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.ready()
        self.chain: Evidence = []

    def pay(self, *, succeeded: bool = True, noted: bool = True) -> str:
        """One transfer from proposal to its end; the transaction's hash."""
        name = TransferId(self.propose())
        self.authorize(name)
        payload = self.state.transfers[name].payloads[0]
        signature = self.sign(bytes.fromhex(payload.digest))
        sent = assemble(payload.raw, *_scalars(signature), self.state.wallets["hot-eth"].address)
        body = {"transfer": name, "digest": payload.digest, "signature": signature.hex(), "txid": sent.txid}
        self.add("transfer.signed", body)
        self.sent(sent.raw, succeeded=succeeded)
        if noted:
            kind, result = ("transfer.completed", "success") if succeeded else ("transfer.failed", "reverted")
            body = {"transfer": name, "txid": sent.txid, "block": len(self.chain), "result": result}
            self.add(kind, body, [self.statement("coordinator", "transfer.observe", body)])
        self.time += 1000
        return sent.txid

    def sent(self, raw: bytes, *, succeeded: bool = True) -> None:
        """A transaction on the chain, in a block of its own."""
        number = len(self.chain) + 1
        self.chain.append({"block": number, "hash": f"0x{number:064x}", "raw": raw.hex(), "succeeded": succeeded})

    def account_document(self, nonce: int | None = None) -> dict[str, Any]:
        """What the node says of the wallet's account."""
        address = self.state.wallets["hot-eth"].address
        sent = len(self.chain) if nonce is None else nonce
        return {"account": address, "block": 99, "chain": CHAIN, "hash": "0x" + "99" * 32, "nonce": sent}

    def stolen(self, **changes: Any) -> bytes:
        """A transaction with the wallet's key that the log knows nothing of."""
        fields = {"nonce": len(self.chain), "to": "0x" + "66" * 20, "value": 5, "gas": 21000, "gasPrice": 10**9}
        wanted = {name: value for name, value in {"chainId": 31337, **fields, **changes}.items() if value is not None}
        key = "0x" + self.account.secret.hex()
        return bytes(EthAccount.sign_transaction(wanted, key).raw_transaction)


def _scalars(signature: bytes) -> tuple[int, int]:
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


def audited(tmp_path: Path, home: Paid, evidence: Evidence) -> Report:
    path = tmp_path / "bundle"
    raws = [entry.raw for entry in home.entries]
    path.write_bytes(b"".join(bundle_lines(home.state.workspace, raws, note_of(home), evidence)))
    return verify_bundle(path)


def refused(tmp_path: Path, home: Paid, evidence: Evidence) -> AuditFailed:
    with pytest.raises(AuditFailed) as caught:
        audited(tmp_path, home, evidence)
    return caught.value


def test_payments_are_explained_both_ways(tmp_path: Path) -> None:
    home = Paid()
    home.pay()
    home.pay(succeeded=False)
    home.pay(noted=False)  # on the chain already, not yet noted in the log
    report = audited(tmp_path, home, [home.account_document(), *home.chain])
    assert [(each.wallet, each.nonce, each.block) for each in report.chain] == [("hot-eth", 3, 99)]
    assert "hot-eth: 3 transactions up to block 99" in "\n".join(report.to_lines())
    assert report.to_doc()["chain"][0]["nonce"] == 3


def test_without_evidence_the_report_says_that_nothing_was_compared(tmp_path: Path) -> None:
    report = audited(tmp_path, Paid(), [])
    assert report.to_doc()["chain"] is None
    assert any(line.startswith("Chain: not compared") for line in report.to_lines())


STOLEN: list[Callable[[Paid], bytes]] = [
    lambda home: home.stolen(),
    lambda home: home.stolen(accessList=[{"address": "0x" + "11" * 20, "storageKeys": []}]),
    lambda home: home.stolen(gasPrice=None, maxFeePerGas=10**9, maxPriorityFeePerGas=1),
]


@pytest.mark.parametrize("make", STOLEN, ids=["legacy", "access list", "type 2"])
def test_a_transaction_that_no_entry_explains_is_the_worst_finding_and_said_first(
    tmp_path: Path, make: Callable[[Paid], bytes]
) -> None:
    home = Paid()
    home.pay()
    home.sent(make(home))
    error = refused(tmp_path, home, [home.account_document(), *home.chain])
    assert error.code == "chain.unexplained_signature"
    txid = "0x" + keccak256(bytes.fromhex(home.chain[-1]["raw"])).hex()
    assert txid in error.message and "'hot-eth'" in error.message and "nonce 1" in error.message


def test_every_finding_is_told(tmp_path: Path) -> None:
    home = Paid()
    gone = home.pay()
    home.chain.clear()
    home.sent(home.stolen())
    error = refused(tmp_path, home, [home.account_document(), *home.chain])
    assert [error.code, *(other.code for other in error.others)] == [
        "chain.unexplained_signature",
        "chain.missing_transaction",
    ]
    assert gone in error.others[0].message and error.others[0].place.kind == "transfer.completed"
    assert error.to_doc()["others"][0]["entry"] == len(home.entries) - 1


def test_a_result_that_the_chain_contradicts_is_found(tmp_path: Path) -> None:
    home = Paid()
    home.pay()
    home.chain[0]["succeeded"] = False
    error = refused(tmp_path, home, [home.account_document(), *home.chain])
    assert (error.code, error.place.index) == ("chain.result_differs", len(home.entries) - 1)


def no_account(home: Paid) -> Evidence:
    return list(home.chain)


def one_too_few(home: Paid) -> Evidence:
    return [home.account_document(), *home.chain[:-1]]


def one_too_many(home: Paid) -> Evidence:
    return [home.account_document(1), *home.chain]


def out_of_order(home: Paid) -> Evidence:
    return [home.account_document(), *reversed(home.chain)]


def by_somebody_else(home: Paid) -> Evidence:
    wanted = {"nonce": 1, "to": "0x" + "66" * 20, "value": 5, "gas": 21000, "gasPrice": 1, "chainId": 31337}
    other = EthAccount.sign_transaction(wanted, "0x" + "07" * 32)
    return [home.account_document(), home.chain[0], {**home.chain[1], "raw": bytes(other.raw_transaction).hex()}]


def no_transaction(home: Paid) -> Evidence:
    return [home.account_document(), home.chain[0], {**home.chain[1], "raw": "02c0"}]


def a_stranger(home: Paid) -> Evidence:
    return [{**home.account_document(0), "account": "0x" + "77" * 20}]


def twice(home: Paid) -> Evidence:
    return [home.account_document(), *home.chain, home.account_document(), *home.chain]


def unknown_field(home: Paid) -> Evidence:
    return [{**home.account_document(), "more": 1}]


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        (no_account, "chain.stranger"),
        (one_too_few, "chain.incomplete"),
        (one_too_many, "chain.incomplete"),
        (out_of_order, "chain.incomplete"),
        (by_somebody_else, "chain.incomplete"),
        (no_transaction, "chain.transaction"),
        (a_stranger, "chain.stranger"),
        (twice, "chain.account_twice"),
        (unknown_field, "document.unknown_field"),
    ],
)
def test_evidence_that_is_none_is_refused(tmp_path: Path, evidence: Callable[[Paid], Evidence], code: str) -> None:
    home = Paid()
    home.pay()
    home.pay()
    assert refused(tmp_path, home, evidence(home)).code == code


def test_a_wallet_of_which_nothing_is_shown_is_named(tmp_path: Path) -> None:
    home = Paid()
    home.pay()
    home.open("second", path=(1,))
    error = refused(tmp_path, home, [home.account_document(), *home.chain])
    assert error.code == "chain.account_missing" and "'second'" in error.message


def test_any_flipped_byte_of_the_evidence_fails_and_names_its_line(tmp_path: Path) -> None:
    home = Paid()
    home.pay()
    home.pay()
    raws = [entry.raw for entry in home.entries]
    evidence = [home.account_document(), *home.chain]
    data = b"".join(bundle_lines(home.state.workspace, raws, note_of(home), evidence))
    start, path = len(data) - len(b"".join(data.splitlines(keepends=True)[-4:])), tmp_path / "bundle"
    for position in range(start, data.rindex(b"end "), 7):
        flipped = bytearray(data)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(AuditFailed) as caught:
            verify_bundle(path)
        if data[position] != ord("\n"):
            assert str(caught.value.place) == f"evidence {data.count(bytes([10]), start, position)}"


def test_a_bundle_cut_at_any_line_of_the_evidence_fails(tmp_path: Path) -> None:
    home = Paid()
    home.pay()
    raws, path = [entry.raw for entry in home.entries], tmp_path / "bundle"
    evidence = [home.account_document(), *home.chain]
    lines = b"".join(bundle_lines(home.state.workspace, raws, note_of(home), evidence)).splitlines(keepends=True)
    for kept in range(len(lines)):
        path.write_bytes(b"".join(lines[:kept]))
        with pytest.raises(AuditFailed):
            verify_bundle(path)


def test_a_sender_is_recovered_from_every_kind_of_transaction() -> None:
    key = PrivateKey(b"\7" * 32)
    account = EthAccount.from_key(key.secret)
    basis = {"nonce": 3, "to": "0x" + "66" * 20, "value": 5, "gas": 21000}
    fee = {"maxFeePerGas": 10, "maxPriorityFeePerGas": 1}
    for fields in (
        {**basis, "gasPrice": 1},
        {**basis, "gasPrice": 1, "chainId": 31337},
        {**basis, "gasPrice": 1, "chainId": 1, "accessList": []},
        {**basis, **fee, "chainId": 1},
    ):
        raw = bytes(account.sign_transaction(fields).raw_transaction)
        sent = rawtx.parse_sent(raw)
        assert (sent.sender, sent.nonce) == (account.address.lower(), 3)
        assert sent.txid == "0x" + keccak256(raw).hex()


@pytest.mark.parametrize("raw", [b"", b"\2", b"\2\xc0", b"\5\xc0", b"\xc0", rlp.encode([b""] * 9), b"\x7f" * 50])
def test_what_is_no_transaction_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"chain\.transaction"):
        rawtx.parse_sent(raw)
