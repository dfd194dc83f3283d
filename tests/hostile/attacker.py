"""A coordinator in the hands of an attacker: `python -m tests.hostile.attacker HOME [SPECIAL]`.

It is the real coordinator, with its own fold turned off: what its fold would refuse it sequences all the same. Which
attack it makes it reads from the `why` of a proposed transfer, "attack: NAME", so that one process tries them all.
Whatever the nodes refuse it writes to its log: `REFUSED node what code`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from strongroom.api.app import create_app
from strongroom.chains.evm.transaction import UnsignedTransaction, digest, encode
from strongroom.chains.evm.transfer import call, chain_number
from strongroom.console import propose
from strongroom.coordinator import house as house_module
from strongroom.coordinator import run as run_module
from strongroom.coordinator.adoption import Adoption
from strongroom.coordinator.config import load_config
from strongroom.coordinator.hall import Hall
from strongroom.coordinator.house import House
from strongroom.coordinator.peers import Peer
from strongroom.coordinator.run import main
from strongroom.coordinator.sequencer import Sequencer
from strongroom.coordinator.stages import plan
from strongroom.custody import words
from strongroom.custody.fold import apply
from strongroom.custody.state import CustodyState, Transfer, TransferId, Wallet
from strongroom.custody.stops import STOPS
from strongroom.documents.canonical import encode as canonical
from strongroom.documents.canonical import parse
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Seen, Statement, sign_statement, statement_hash
from strongroom.errors import StrongroomError, Waiting
from strongroom.log.entry import Entry
from strongroom.policy.loader import load_policy
from strongroom.wire.frame import Frame

THIEF = "0x" + "66" * 20


def careless(state: CustodyState, entry: Entry) -> CustodyState:
    """The fold of somebody who does not care: what it refuses is appended without any effect."""
    try:
        return apply(state, entry)
    except StrongroomError as error:
        if error.code == "statement.already_counted":
            raise  # nodes hand their stops on again and again: logged twice they would clog the attacker's own log
        tree = state.tree.append(entry.leaf)
        return replace(state, tree=tree, time=entry.time, roots=state.roots.set(tree.size, tree.root()))


class Attacker:
    """What can be done with the coordinator's place, database and log key."""

    def __init__(self, house: House) -> None:
        self.house, self.desk = house, house.desk
        self.own = SigningKey.generate()

    def payload(self, transfer: Transfer, **changes: Any) -> bytes:
        """An unsigned transaction for a transfer, with fields of the attacker's choice."""
        wallet = self.desk.state.wallets[transfer.intent.wallet]
        wanted = call(transfer.intent.asset, transfer.intent.to, transfer.intent.amount)
        fields: dict[str, Any] = {
            "chain_id": chain_number(wallet.chain),
            "nonce": wallet.next_nonce,
            "max_priority_fee": 10**9,
            "max_fee": 4 * 10**9,
            "gas": 21000 if not wanted.data else 80000,
            "to": wanted.to,
            "value": wanted.value,
            "data": wanted.data,
        }
        return encode(UnsignedTransaction(**{**fields, **changes}))

    def sequence(self, kind: str, body: dict[str, Any], evidence: tuple[Envelope, ...] = ()) -> None:
        """Put an entry into the log."""
        self.desk.sequencer.submit(kind, body, evidence)

    def authorize(self, transfer: Transfer, raw: bytes) -> None:
        """transfer.authorized with that payload."""
        self.sequence("transfer.authorized", {"transfer": transfer.id, "payload": raw.hex()})

    def statement(self, kind: str, subject: dict[str, Any], person: str, key: SigningKey) -> Envelope:
        """A statement in somebody's name by a key that the attacker holds."""
        state = self.desk.cosigned
        seen = Seen(state.size, state.root.hex())
        end = self.desk.clock() + 600_000
        return sign_statement(Statement(state.workspace, kind, subject, None, seen, person, key.key_id, end), key)

    # -- the attacks, by name

    def recipient(self, transfer: Transfer, _evidence: Envelope) -> None:
        self.authorize(transfer, self.payload(transfer, to=THIEF))

    def token_recipient(self, transfer: Transfer, _evidence: Envelope) -> None:
        honest = self.payload(transfer)
        payee = bytes.fromhex(transfer.intent.to.rsplit("0x", 1)[1])
        self.authorize(transfer, honest.replace(payee, bytes.fromhex(THIEF[2:])))

    def amount(self, transfer: Transfer, _evidence: Envelope) -> None:
        self.authorize(transfer, self.payload(transfer, value=transfer.intent.amount + 1))

    def chain_id(self, transfer: Transfer, _evidence: Envelope) -> None:
        self.authorize(transfer, self.payload(transfer, chain_id=1))

    def gas_ceiling(self, transfer: Transfer, _evidence: Envelope) -> None:
        self.authorize(transfer, self.payload(transfer, gas=10**7, max_fee=10**13))

    def nonce(self, transfer: Transfer, _evidence: Envelope) -> None:
        wallet = self.desk.state.wallets[transfer.intent.wallet]
        self.authorize(transfer, self.payload(transfer, nonce=wallet.next_nonce + 1))

    def calldata(self, transfer: Transfer, _evidence: Envelope) -> None:
        self.authorize(transfer, self.payload(transfer, data=bytes.fromhex("095ea7b3") + bytes(64), gas=80000))

    def dropped_approval(self, transfer: Transfer, _evidence: Envelope) -> None:
        self.authorize(transfer, self.payload(transfer))

    def denied(self, transfer: Transfer, _evidence: Envelope) -> None:
        """The proposal itself is what the policy denies; nothing more to add."""

    def invented(self, transfer: Transfer, evidence: Envelope) -> None:
        subject = {**parse(evidence.payload)["subject"], "idempotency": "invented", "to": f"eip155:31337:{THIEF}"}
        forged = self.statement("transfer.propose", subject, "exchange", self.own)
        self.sequence("transfer.proposed", {"transfer": statement_hash(forged)}, (forged,))

    def altered(self, transfer: Transfer, evidence: Envelope) -> None:
        document = parse(evidence.payload)
        document["subject"] = {**document["subject"], "to": f"eip155:31337:{THIEF}", "idempotency": "altered"}
        forged = Envelope(canonical(document), evidence.payload_type, evidence.signatures)
        self.sequence("transfer.proposed", {"transfer": statement_hash(forged)}, (forged,))

    def replayed(self, transfer: Transfer, evidence: Envelope) -> None:
        self.sequence("transfer.proposed", {"transfer": transfer.id}, (evidence,))

    def proposal_as_approval(self, transfer: Transfer, evidence: Envelope) -> None:
        self.sequence("transfer.approved", {"transfer": transfer.id}, (evidence,))

    def twice(self, transfer: Transfer, _evidence: Envelope) -> None:
        self.authorize(transfer, self.payload(transfer))
        self.authorize(transfer, self.payload(transfer))

    def replaced(self, transfer: Transfer, _evidence: Envelope) -> None:
        self.authorize(transfer, self.payload(transfer))
        nonce = self.desk.state.wallets[transfer.intent.wallet].next_nonce - 1
        raw = self.payload(transfer, nonce=nonce, to=THIEF, max_fee=8 * 10**9)
        self.sequence("transfer.replaced", {"transfer": transfer.id, "payload": raw.hex()})

    def own_policy(self, transfer: Transfer, _evidence: Envelope) -> None:
        policy = self.desk.state.policy
        assert policy is not None
        document = {**json.loads(json.dumps(dict(policy.document))), "version": policy.version + 1, "cool_down": 0}
        forged = self.statement("policy.propose", {"policy": "00" * 32, "version": 2}, "alice", self.own)
        self.sequence("policy.proposed", {"policy": document}, (forged,))

    def adopted(self, transfer: Transfer, _evidence: Envelope) -> None:
        self.sequence("policy.adopted", {"version": 2})

    def own_signer(self, transfer: Transfer, _evidence: Envelope) -> None:
        policy = self.desk.state.policy
        assert policy is not None
        document = {**json.loads(json.dumps(dict(policy.document))), "version": policy.version + 1}
        nodes = document["witnesses"]["nodes"]
        nodes["signer-9"] = {**nodes["signer-1"], "key": self.own.credential.to_doc()}
        subject = {"policy": load_policy(document).digest, "version": policy.version + 1}
        mine = self.statement("signer.enrol", subject, "coordinator", self.desk.key)
        self.sequence("signer.enrolled", {"policy": document}, (mine,))

    def own_wallet(self, transfer: Transfer, _evidence: Envelope) -> None:
        wallet = self.desk.state.wallets[transfer.intent.wallet]
        routes = [{"route": "key", "key": wallet.key}]
        body = {"name": "w9", "chain": wallet.chain, "key": wallet.key, "path": [9], "tier": "hot", "routes": routes}
        mine = self.statement("wallet.open", body, "coordinator", self.desk.key)
        self.sequence("wallet.opened", body, (mine,))

    def log_key_freezes_end(self, transfer: Transfer, _evidence: Envelope) -> None:
        body = {"freeze": "00" * 32}
        mine = self.statement("workspace.unfreeze", body, "coordinator", self.desk.key)
        self.sequence("workspace.unfrozen", body, (mine,))

    def once_approved(self, transfer: Transfer, _evidence: Envelope) -> None:
        """Wait for people's approvals, and use them for a payload that pays somebody else."""
        if len(self.desk.state.transfers[transfer.id].approvals) < 2:
            asyncio.get_running_loop().call_later(0.1, self.once_approved, transfer, _evidence)
        else:
            self.authorize(transfer, self.payload(transfer, to=THIEF))

    def unlogged(self, transfer: Transfer, _evidence: Envelope) -> None:
        """Ask the signers outright to sign what no entry authorizes."""
        raw = self.payload(transfer, to=THIEF)
        key = self.desk.state.keys[self.desk.state.wallets[transfer.intent.wallet].key]
        for pair in (key.participants[:2], key.participants[1:]):
            head = {
                "transfer": transfer.id,
                "digest": digest(raw).hex(),
                "note": self.desk.sequencer.history.note,
                "participants": list(pair),
                "nonce": "00" * 32,
            }
            for node in pair:
                self.desk.transport.send(node, Frame("sign", "coordinator", node, head))


def watch(hall_take: Callable[..., None]) -> Callable[..., None]:
    """Write down every refusal, whomever it is for."""

    def take(self: Hall, peer: Peer, frame: Frame) -> None:
        what, code = frame.head.get("what"), frame.head.get("code")
        sys.stderr.write(f"REFUSED {peer.name} {what} {code}\n")
        sys.stderr.flush()
        hall_take(self, peer, frame)

    return take


def corrupt() -> None:
    """Turn the coordinator of this process against its users."""
    vars(house_module)["apply"] = careless
    Hall._refused = watch(Hall._refused)  # type: ignore[method-assign]
    honest = plan.Planner.authorize

    def authorize(self: plan.Planner, name: TransferId) -> int:
        if self._desk.state.transfers[name].intent.why.startswith("attack: "):
            raise Waiting("attack", "the attacker goes its own way")
        return honest(self, name)

    plan.Planner.authorize = authorize  # type: ignore[method-assign]
    built = House.__init__

    def build(self: House, *parts: Any, **named: Any) -> None:
        built(self, *parts, **named)
        attacker = Attacker(self)
        tried: set[str] = set()

        def on_entry(_index: int, entry: Entry) -> None:
            if entry.kind != "transfer.proposed" or not entry.evidence:
                return
            subject = parse(entry.evidence[0].payload)["subject"]
            name, why = entry.body["transfer"], subject.get("why", "")
            if not why.startswith("attack: ") or name in tried or subject["idempotency"] in ("invented", "altered"):
                return
            tried.add(name)
            transfer = self.desk.state.transfers.get(TransferId(name))
            if transfer is not None:
                attack = getattr(attacker, why.removeprefix("attack: "))
                pause = 0.5 if attack == attacker.unlogged else 0.0  # the signers know the transfer by then
                asyncio.get_running_loop().call_later(pause, attack, transfer, entry.evidence[0])

        self.desk.sequencer.on_entry.append(on_entry)

    House.__init__ = build  # type: ignore[method-assign]


def forget_the_nodes() -> None:
    """Sequence from the own copy alone, whatever the nodes show."""

    def take_head(self: Adoption, peer: Peer) -> None:
        self._sequencer.ready = True
        peer.diverged = False
        self._sequencer.begin()
        current = self._sequencer.round
        if current is not None:
            start = self._sequencer.history.cosigned.size
            raws = self._sequencer.history.raw(start, current.size)
            head = {"from": start, "note": "", "accepts": []}
            body = b"".join(len(raw).to_bytes(4, "big") + raw for raw in raws)
            self._transport.send(peer.name, Frame("append", "coordinator", peer.name, head, body))

    Adoption.take_head = take_head  # type: ignore[method-assign]


def shift_the_clock(milliseconds: int) -> None:
    """Live in another hour than the nodes."""
    honest = run_module.system_clock
    vars(run_module)["system_clock"] = lambda: honest() + milliseconds


def swallow_stops() -> None:
    """Keep every stop out of the log, and from the nodes."""
    submit = Sequencer.submit

    def without_stops(self: Sequencer, kind: str, *rest: Any, **named: Any) -> int:
        if kind in STOPS:
            raise Waiting("attack", "a stop is not logged here")
        return submit(self, kind, *rest, **named)

    Sequencer.submit = without_stops  # type: ignore[method-assign]


def show_another_recipient() -> None:
    """Let the console write the thief into what people sign, and show them, there and by the API, whom they meant."""
    asked: list[str] = []

    def account(_state: CustodyState, wallet: Wallet, text: str) -> str:
        asked.append(text.lower())
        return f"{wallet.chain}:{THIEF}"

    honest = words.checksum
    vars(propose)["_account"] = account
    vars(words)["checksum"] = lambda address: honest(asked[-1] if address == THIEF and asked else address)


SPECIAL = {
    "pages": show_another_recipient,
    "": lambda: None,
    "fork": forget_the_nodes,
    "future": lambda: shift_the_clock(600_000),
    "withhold": swallow_stops,
}

if __name__ == "__main__":
    corrupt()
    SPECIAL[sys.argv[2] if len(sys.argv) > 2 else ""]()
    home = Path(sys.argv[1])
    main(home, lambda service: create_app(service, console=load_config(home).console))
