"""A workspace for tests: people, nodes, a policy, and the entries that real statements by them make."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from typing import Any

from coincurve import PrivateKey
from coincurve.ecdsa import der_to_cdata, serialize_compact

from strongroom.chains.evm.transaction import UnsignedTransaction, encode
from strongroom.custody.fold import apply
from strongroom.custody.intents import wanted
from strongroom.custody.keys import possession_digest
from strongroom.custody.repair import state_subject
from strongroom.custody.state import EMPTY, CustodyState, TransferId
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Seen, Statement, sign_statement, statement_hash
from strongroom.documents.typed import parse_message, preimage
from strongroom.log.accept import Accept, sign_accept
from strongroom.log.checkpoint import Checkpoint, Note, cosign, origin_of
from strongroom.log.entry import Entry, new_entry
from strongroom.policy.loader import load_policy

CHAIN = "eip155:31337"
ETH = f"{CHAIN}/slip44:60"
TOKEN_CONTRACT = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
TOKEN = f"{CHAIN}/erc20:{TOKEN_CONTRACT}"
PAYEE = f"{CHAIN}:0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
OTHER = f"{CHAIN}:0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc"
WEI = 10**18
HOUR = 3_600_000
START = 1_790_000_000_000

PEOPLE = ("alice", "bob", "carol")
NODES = ("signer-1", "signer-2", "signer-3", "guardian-1")


def seeded(name: str) -> SigningKey:
    """A signing key that is the same in every run: tests replay exactly."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SigningKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


class Workspace:
    """Signing keys, the policy document, and the log so far; each method appends the entries it names."""

    def __init__(self, *, start: int = START, policy: dict[str, Any] | None = None) -> None:
        self.keys = {name: seeded(name) for name in (*PEOPLE, "exchange", *NODES, "coordinator")}
        self.policy = policy or self.policy_document()
        self.time = start
        self.state: CustodyState = EMPTY
        self.entries: list[Entry] = []
        self.account = PrivateKey(hashlib.sha256(b"hot key").digest())

    # -- the policy

    def policy_document(self) -> dict[str, Any]:
        """Three administrators (2 of 3), one service, 2-of-3 signers and a guardian, a hot tier with limits."""
        credential = {name: key.credential.to_doc() for name, key in self.keys.items()}
        place = {"provider": "p", "region": "r", "jurisdiction": "j"}
        nodes = {
            name: {
                "duty": "guardian" if name.startswith("guardian") else "signer",
                "key": credential[name],
                "placement": {**place, "site": name},
            }
            for name in NODES
        }
        ceiling = str(WEI // 100)
        free = {"approvals": [], "initiator_may_approve": False, "delay": 0, "expiry": 86400, "fee_ceiling": ceiling}
        asked = {**free, "approvals": [[{"group": "treasury", "threshold": 2}]]}
        day = 86400
        return {
            "format": "strongroom.policy.v1",
            "fold": 1,
            "version": 1,
            "label": "TEST",
            "expires": START + 400 * day * 1000,
            "cool_down": 3600,
            "people": {
                **{name: {"role": "person", "keys": [credential[name]]} for name in PEOPLE},
                "exchange": {"role": "service", "keys": [credential["exchange"]]},
            },
            "administrators": {"members": list(PEOPLE), "threshold": 2},
            "groups": {"treasury": list(PEOPLE)},
            "freezers": "treasury",
            "witnesses": {"faults": 1, "nodes": nodes},
            "coordinator": credential["coordinator"],
            "tiers": {"hot": {"checkpoint_age": 30, "schemes": ["ecdsa-dkls23", "ed25519-frost", "bip340-frost"]}},
            "chains": {
                CHAIN: {"confirmations": 2, "native": ETH, "fee_window": {"seconds": day, "max": str(WEI)}},
            },
            "assets": {ETH: {"symbol": "ETH", "decimals": 18}, TOKEN: {"symbol": "LUSD", "decimals": 6}},
            "address_groups": {"vendors": {"group": "treasury", "threshold": 1, "age": 60}},
            "wallet_age": 0,
            "limits": [{"name": "ETH a day", "asset": ETH, "seconds": day, "per": "source", "max": str(50 * WEI)}],
            "rules": [
                {
                    "name": "small ETH",
                    "when": {
                        "initiator": {"members": ["exchange"]},
                        "source": {"tiers": ["hot"]},
                        "asset": [ETH],
                        "amount": {"max": str(WEI)},
                        "over_time": [{"seconds": day, "per": "initiator", "max": str(20 * WEI)}],
                    },
                    "allow": free,
                },
                {
                    "name": "small LUSD",
                    "when": {
                        "initiator": {"members": ["exchange"]},
                        "asset": [TOKEN],
                        "amount": {"max": "1000000000"},
                    },
                    "allow": free,
                },
                {
                    "name": "larger ETH",
                    "when": {"initiator": {"groups": ["treasury"]}, "asset": [ETH], "amount": {"max": str(10 * WEI)}},
                    "allow": asked,
                },
                {
                    "name": "vendors, after a delay",
                    "when": {
                        "initiator": {"groups": ["treasury"]},
                        "destination": {"listed": ["vendors"]},
                        "asset": [TOKEN],
                    },
                    "allow": {**asked, "delay": 600},
                },
            ],
        }

    def second_fold(self) -> dict[str, Any]:
        """The policy with fold rules 2: two of three oracles state prices, `screener` screens, `hot` has a ceiling.

        People may then pay LUSD anywhere, once it was screened; 100,000.00 EUR leave the hot tier in a day.
        """
        document, services = copy.deepcopy(self.policy), ("oracle-1", "oracle-2", "oracle-3", "screener")
        for name in services:
            self.keys.setdefault(name, seeded(name))
            document["people"][name] = {"role": "service", "keys": [self.keys[name].credential.to_doc()]}
        document["groups"]["oracles"] = list(services[:3])
        document["valuation"] = {"unit": "EUR", "decimals": 2, "group": "oracles", "threshold": 2, "max_age": 3600}
        document["tiers"]["hot"]["ceiling"] = {"seconds": 86400, "out": "10000000", "in": None}
        screening = {"services": ["screener"], "max_age": 600}
        when = {"initiator": {"groups": ["treasury"]}, "asset": [TOKEN]}
        terms = {**document["rules"][2]["allow"], "approvals": [], "screening": screening}
        document["rules"].append({"name": "screened LUSD", "when": when, "allow": terms})
        return {**document, "fold": 2}

    def state_prices(self, people: Iterable[str] = ("oracle-1", "oracle-2"), **prices: str) -> Entry:
        """valuation.stated now: of ETH 2,000.00 EUR and of LUSD 0.90, unless others are given."""
        known = {"ETH": ETH, "LUSD": TOKEN}
        stated = prices or {"ETH": "200000000000000", "LUSD": "90000000000"}
        body = {"prices": {known[name]: price for name, price in stated.items()}, "observed": self.time}
        return self.granted("valuation.stated", "valuation.state", body, people)

    def screen(self, transfer: str, result: str = "clear", by: str = "screener") -> Entry:
        """transfer.screened by a service."""
        body = {"transfer": transfer, "result": result, "reference": "case 7"}
        return self.granted("transfer.screened", "transfer.screen", body, [by])

    # -- statements and entries

    def statement(
        self,
        person: str,
        kind: str,
        subject: dict[str, Any],
        *,
        obligations: str | None = None,
        bare: bool = False,
        **changes: Any,
    ) -> Envelope:
        """A statement signed by `person`; `bare` leaves out `seen` and `not_after`, as stops may."""
        key = self.keys[person]
        seen = None if bare or not self.state.size else Seen(self.state.size, self.state.root.hex())
        fields: dict[str, Any] = {
            "workspace": self.state.workspace or None,
            "kind": kind,
            "subject": subject,
            "obligations": obligations,
            "seen": seen,
            "person": person,
            "key": key.key_id,
            "not_after": None if bare else self.time + HOUR,
        }
        return sign_statement(Statement(**{**fields, **changes}), key)

    def add(self, kind: str, body: dict[str, Any], evidence: Iterable[Envelope] = (), *, later: int = 0) -> Entry:
        """Append one entry `later` milliseconds on; raises as the fold does, and then nothing has changed."""
        entry = new_entry(kind, self.time + later, body, tuple(evidence))
        self.state = apply(self.state, entry)
        self.time += later
        self.entries.append(entry)
        return entry

    def granted(self, kind: str, statement: str, body: dict[str, Any], people: Iterable[str]) -> Entry:
        """Append an entry whose evidence is one statement of each of `people` about exactly its body."""
        return self.add(kind, body, [self.statement(p, statement, body) for p in people])

    def stopped(self, kind: str, statement: str, body: dict[str, Any], people: Iterable[str]) -> Entry:
        """Append a stopping entry."""
        return self.add(kind, body, [self.statement(p, statement, body, bare=True) for p in people])

    # -- the usual beginnings

    def create(self) -> Workspace:
        """workspace.created, signed by every administrator and every node."""
        policy = load_policy(self.policy)
        subject = {"policy": policy.digest, "salt": "00"}
        names = [*sorted(policy.administrators.members), *sorted(policy.nodes)]
        evidence = [self.statement(name, "workspace.create", subject) for name in names]
        self.add("workspace.created", {"policy": self.policy, "salt": "00"}, evidence)
        return self

    def boot(self, node: str, boot: str | None = None, exchange: str | None = None) -> Entry:
        """signer.started of one node."""
        body = {
            "node": node,
            "boot": boot or hashlib.sha256(f"{node} {self.state.size}".encode()).hexdigest(),
            "exchange": exchange or hashlib.sha256(node.encode()).hexdigest(),
        }
        return self.add("signer.started", body, [self.statement(node, "signer.start", body)])

    def generate(self, name: str = "hot-ecdsa") -> Entry:
        """key.generated for an ECDSA key whose whole secret this test holds (the fold cannot tell)."""
        order = {
            "name": name,
            "scheme": "ecdsa-dkls23",
            "tier": "hot",
            "participants": ["signer-1", "signer-2", "signer-3"],
            "threshold": 2,
            "epoch": 0,
        }
        outcome = {
            "public_key": self.account.public_key.format().hex(),
            "chain_code": "11" * 32,
            "transcript": "22" * 32,
        }
        subject = {"key": name, "epoch": 0, **outcome}
        digest = possession_digest(self.state.workspace, name, outcome["transcript"])
        evidence = [self.statement(p, "key.generate", order) for p in ("alice", "bob")]
        evidence += [self.statement(s, "key.transcript", subject, bare=True) for s in order["participants"]]
        body = {"order": order, **outcome, "possession": self.sign(digest).hex()}
        return self.add("key.generated", body, evidence)

    def refresh(self, name: str = "hot-ecdsa", transcript: str = "33" * 32, **changes: Any) -> Entry:
        """key.refreshed by all participants of a key; `changes` replace fields of the body."""
        key = self.state.keys[name]
        chain_code = key.chain_code.hex() if key.chain_code else None
        subject = {"key": name, "epoch": key.epoch + 1, "public_key": key.public_key.hex(), "chain_code": chain_code,
                   "transcript": transcript, **changes}  # fmt: skip
        evidence = [self.statement(node, "key.transcript", subject) for node in key.participants]
        proof = self.sign(possession_digest(self.state.workspace, name, subject["transcript"])).hex()
        return self.add("key.refreshed", {**subject, "possession": proof}, evidence)

    def open(self, name: str = "hot-eth", key: str = "hot-ecdsa", path: tuple[int, ...] = ()) -> Entry:
        """wallet.opened by two administrators."""
        routes = [{"route": "key", "key": key}]
        body = {"name": name, "chain": CHAIN, "key": key, "path": list(path), "tier": "hot", "routes": routes}
        return self.granted("wallet.opened", "wallet.open", body, ("alice", "bob"))

    def ready(self) -> Workspace:
        """Created, all nodes started, key `hot-ecdsa` generated, wallet `hot-eth` open."""
        self.create()
        for node in NODES:
            self.boot(node)
        self.generate()
        self.open()
        return self

    # -- the witnesses

    def accepts(self, names: Iterable[str] = NODES[:3]) -> list[Accept]:
        """Accepts of the newest head by nodes."""
        head = (self.state.size, self.state.root, self.state.repair)
        return [sign_accept(self.state.workspace, name, *head, self.keys[name]) for name in names]

    def note(self, names: Iterable[str] = NODES[:3]) -> str:
        """A note of the newest head, cosigned by nodes."""
        head = Checkpoint(origin_of(self.state.workspace), self.state.size, self.state.root)
        return Note(head, tuple(cosign(head, self.keys[name], name, self.time // 1000) for name in names)).text()

    def shown(self, node: str, number: int, accepts: Iterable[Accept] = ()) -> Envelope:
        """A node's statement for a repair, of the newest head and the accepts given, or of none."""
        docs = [accept.to_doc() for accept in accepts]
        rank = (self.state.repair, self.state.size) if docs else (0, 0)
        subject = state_subject(number, rank, self.state.root if docs else b"\x00" * 32, docs)
        return self.statement(node, "witness.state", subject, bare=True)

    def repair(self, number: int, evidence: Iterable[Envelope] | None = None) -> Entry:
        """log.repaired on the newest head, by two administrators and three nodes that have shown it."""
        if evidence is None:
            evidence = [self.statement(person, "log.repair", {"number": number}) for person in ("alice", "bob")]
            evidence += [self.shown(node, number, self.accepts()) for node in NODES[:3]]
        base = {"size": self.state.size, "root": self.state.root.hex()}
        return self.add("log.repaired", {"number": number, "base": base}, evidence)

    def next_policy(self, joins: str = "", leaves: str = "") -> dict[str, Any]:
        """The policy in force with one node more, one fewer, or both."""
        assert self.state.policy
        document = copy.deepcopy(dict(self.state.policy.document))
        nodes = document["witnesses"]["nodes"]
        if joins:
            self.keys.setdefault(joins, seeded(joins))
            duty = "guardian" if joins.startswith("guardian") else "signer"
            placement = {"provider": "p", "region": "r", "jurisdiction": "j", "site": joins}
            nodes[joins] = {"duty": duty, "key": self.keys[joins].credential.to_doc(), "placement": placement}
        if leaves:
            del nodes[leaves]
        document["version"] += 1
        return document

    def change_evidence(
        self, document: dict[str, Any], joins: str = "", people: Iterable[str] = ("alice", "bob"),
        accepting: Iterable[str] = NODES[:3],
    ) -> list[Envelope]:  # fmt: skip
        """The statements for a change of the witnesses to this policy."""
        subject = {"policy": load_policy(document).digest, "version": document["version"]}
        order = "signer.enrol" if joins else "signer.retire"
        evidence = [self.statement(person, order, subject) for person in people]
        if joins:
            spec = {"name": joins, **document["witnesses"]["nodes"][joins]}
            evidence.append(self.statement(joins, "signer.join", spec, bare=True))
        return evidence + [self.statement(node, "witness.change", subject, bare=True) for node in accepting]

    def change(self, joins: str = "", leaves: str = "", accepting: Iterable[str] = NODES[:3]) -> Entry:
        """signer.enrolled or signer.retired, accepted by nodes."""
        document = self.next_policy(joins, leaves)
        evidence = self.change_evidence(document, joins, accepting=accepting)
        return self.add("signer.enrolled" if joins else "signer.retired", {"policy": document}, evidence)

    def certify(self, names: Iterable[str] = NODES[:3]) -> Entry:
        """witnesses.changed with a note of the newest head."""
        return self.add("witnesses.changed", {"note": self.note(names)})

    # -- transfers

    def intent(self, **changes: Any) -> dict[str, Any]:
        """The subject of a propose statement: half an ETH to PAYEE unless changed (`wallet` is its `from`).

        With `call` or `message` it is one of that operation.
        """
        payment = {} if {"call", "message"} & changes.keys() else {"to": PAYEE, "asset": ETH, "amount": str(WEI // 2)}
        intent = {
            "from": changes.pop("wallet", "hot-eth"),
            "why": "test",
            "until": self.time + HOUR,
            "idempotency": f"key-{len(self.entries)}",
        }
        return {**intent, **payment, **changes}

    def propose(self, by: str = "exchange", **changes: Any) -> TransferId:
        """transfer.proposed; returns its id."""
        envelope = self.statement(by, "transfer.propose", self.intent(**changes))
        name = statement_hash(envelope)
        self.add("transfer.proposed", {"transfer": name}, [envelope])
        return TransferId(name)

    def approve(self, transfer: str, person: str, obligations: str) -> Entry:
        """transfer.approved by one person over the obligations with this digest."""
        body = {"transfer": transfer}
        envelope = self.statement(person, "transfer.approve", body, obligations=obligations)
        return self.add("transfer.approved", body, [envelope])

    def payload(self, transfer: str, **changes: Any) -> bytes:
        """The honest unsigned payload for a transfer; `changes` are fields of the transaction."""
        record = self.state.transfers[TransferId(transfer)]
        if record.intent.message:
            return preimage(parse_message(record.intent.message))
        made = wanted(record.intent)
        nonce = record.authorization.nonce if record.authorization else self.state.wallets["hot-eth"].next_nonce
        fields: dict[str, Any] = {
            "chain_id": 31337,
            "nonce": nonce,
            "max_priority_fee": 10**9,
            "max_fee": 3 * 10**9,
            "gas": 21000 if not made.data else 80000,
            "to": made.to,
            "value": made.value,
            "data": made.data,
        }
        return encode(UnsignedTransaction(**{**fields, **changes}))

    def authorize(self, transfer: str, payload: bytes | None = None, **changes: Any) -> Entry:
        """transfer.authorized with the honest payload, or the given one."""
        raw = payload if payload is not None else self.payload(transfer, **changes)
        return self.add("transfer.authorized", {"transfer": transfer, "payload": raw.hex()})

    def sign(self, digest: bytes) -> bytes:
        """r || s (low-S) over 32 bytes by the whole key that the test holds."""
        return serialize_compact(der_to_cdata(self.account.sign(digest, hasher=None)))

    def clone(self) -> Workspace:
        """An independent copy at this point of the log."""
        other = copy.copy(self)
        other.entries, other.policy = list(self.entries), copy.deepcopy(self.policy)
        other.keys = dict(self.keys)
        return other
