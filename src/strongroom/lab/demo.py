"""`lab demo`: what Strongroom does and what it refuses, step by step, on real processes and a real chain."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any, Final

from strongroom.audit.finding import AuditFailed
from strongroom.audit.report import Report
from strongroom.audit.verify import verify_bundle
from strongroom.chains.evm.checksum import checksum
from strongroom.documents.decimal import parse_decimal
from strongroom.errors import Refused
from strongroom.lab import chain, liar, processes
from strongroom.lab.actions import KEY, WALLET, Actions, Sent, refusal, shown
from strongroom.lab.layout import NODES, Layout, write_json
from strongroom.lab.story import Say, Story
from strongroom.lab.up import up, write_lab_json
from strongroom.lab.workspace import Settings

FUNDS: Final = {"ETH": "100", "LUSD": "100000"}


def demo(layout: Layout, say: Say) -> dict[str, Any]:
    """Run the demonstration and leave the lab running; returns what it wrote to demo.json."""
    say("LAB: a demonstration on this machine. Its people, keys and money are worth nothing.")
    story = Story(say)
    story.step("The roles, each a process of its own")
    settings = up(layout, story.tell)
    story.done("a coordinator, three signers and a guardian are up; three of the four witness every entry")
    actions = Actions(layout, settings)
    _key(actions, story)
    _wallet(layout, settings, actions, story)
    before = story.since_start()
    sent = [_transfer(actions, story, "ETH", "0.5")]
    story.tell(f"the first transaction hash was there {before + sent[0].to_hash:.1f} s after the start")
    sent.append(_transfer(actions, story, "LUSD", "250.75"))
    refused = [_over_the_limit(actions, story), liar.attack(layout, settings, actions, story)]
    audit = _audit(layout, actions, story)
    doc = {
        "label": "LAB",
        "node_url": settings.node_url,
        "transfers": [_row(item) for item in sent],
        "refused": refused,
        "audit": audit,
    }
    write_json(layout.demo_json, doc)
    for line in farewell(settings, sent):
        say(line)
    return doc


def _key(actions: Actions, story: Story) -> None:
    story.step("A threshold key: 2 of 3 signers, and nobody ever holds the whole")
    if actions.has_key():
        story.done(f"{KEY} is there from an earlier run")
        return
    story.tell(f"alice and bob, two of three administrators, order {KEY}")
    actions.generate_key(lambda stage, done, total: story.tell(f"  {stage}: {done} of {total}"))
    story.done(f"{KEY}: every signer has signed the same transcript, and a test signature verifies")


def _wallet(layout: Layout, settings: Settings, actions: Actions, story: Story) -> None:
    story.step("A wallet on the lab's Ethereum chain")
    wallet = actions.wallet()
    if wallet is None:
        story.tell(f"alice and bob open {WALLET} on that key")
        wallet = actions.open_wallet()
        write_lab_json(layout, settings)
    for symbol, amount in FUNDS.items():
        asset = chain.ASSETS[symbol]
        wanted = parse_decimal(amount, asset["decimals"])
        if actions.rpc.balance(wallet["address"].lower(), asset["contract"]) < wanted:
            actions.rpc.faucet(wallet["account"], asset["id"], wanted)
            story.tell(f"the faucet gives it {amount} {symbol}")
    story.done(f"{WALLET} is {wallet['address']}")


def _transfer(actions: Actions, story: Story, symbol: str, amount: str) -> Sent:
    story.step(f"A withdrawal of {amount} {symbol}: one signed call by the service exchange")
    to = "0x" + secrets.token_hex(20)
    units = parse_decimal(amount, chain.ASSETS[symbol]["decimals"])
    sent = actions.send(symbol, units, to, f"LAB withdrawal of {symbol}")
    for item in actions.api.get(f"/v1/transfers/{sent.id}")["timeline"]:
        story.tell(item["text"])
        for detail in item["details"]:
            story.tell(f"  {detail}")
    fee = shown("ETH", sent.fee)
    story.tell(f"receipt: status 0x1 in block {sent.block}, fee {fee}")
    story.tell(f"balance of {checksum(to)}: + {shown(symbol, units)}, exactly")
    story.tell(f"signed and broadcast {sent.to_hash * 1000:.0f} ms after the call, final after {sent.seconds:.1f} s")
    story.done(f"transaction {sent.txid}")
    return sent


def _over_the_limit(actions: Actions, story: Story) -> dict[str, str]:
    story.step("A withdrawal of 2 ETH by the service: above its limit")
    to = "0x" + secrets.token_hex(20)
    error = refusal(lambda: actions.propose("ETH", 2 * 10**18, to, "LAB, above the limit"))
    story.done(f"refused [{error.code}]: {error.message}")
    return {"what": "a withdrawal of 2 ETH by the service exchange", "by": "policy", "code": error.code}


def _audit(layout: Layout, actions: Actions, story: Story) -> dict[str, Any]:
    story.step("An audit of the whole log, from one file, trusting nobody")
    bundle = layout.base / "demo.bundle"
    with bundle.open("wb") as file:
        file.writelines(actions.api.download("/v1/bundle?chain=true"))
    report = verify_bundle(bundle)
    size, digest = actions.agreed_digest(len(NODES))
    story.tell(f"{report.state.size} entries: leaf, form, authority and effect of each are checked again")
    have, need = len(report.witnessed.times), report.witnessed.needed
    story.tell(f"Merkle root {report.state.root.hex()[:16]}…, cosigned by {have} witnesses, {need} are needed")
    story.tell(f"state digest {report.digest[:16]}…")
    for account in report.chain:
        story.tell(f"on the chain: {account}")
    if size == report.state.size and digest != report.digest:
        raise Refused("lab.digest", "the nodes hold another state than the audit replays", "lab down, lab up")
    story.tell(f"all {len(NODES)} nodes hold that very state")
    flipped = _flipped(bundle, report)
    story.tell(f"one byte flipped: {flipped.message} [{flipped.code}]")
    story.done("the log passes; keep .lab/demo.bundle and check it again with: strongroom audit .lab/demo.bundle")
    told = report.to_doc()
    kept = ("ok", "workspace", "entries", "root", "state_digest", "checkpoint", "kinds")
    return {**{name: told[name] for name in kept}, "bundle": ".lab/demo.bundle", "flipped": flipped.to_doc()}


def _flipped(bundle: Path, report: Report) -> AuditFailed:
    """What the audit says when one byte in the middle of the log is another."""
    data = bytearray(bundle.read_bytes())
    line = data.index(b"\n" + b"", len(data) // 2) + 100
    data[line] ^= 1
    spoilt = bundle.with_name("flipped.bundle")
    spoilt.write_bytes(data)
    try:
        error = refusal(lambda: verify_bundle(spoilt))
    finally:
        spoilt.unlink()
    if not isinstance(error, AuditFailed) or error.place.index is None or error.place.index >= report.state.size:
        raise Refused("lab.audit", f"the audit does not name the entry that was changed: {error}")
    return error


def _row(sent: Sent) -> dict[str, Any]:
    return {
        "id": sent.id,
        "asset": chain.ASSETS[sent.symbol]["id"],
        "symbol": sent.symbol,
        "amount": str(sent.amount),
        "to": checksum(sent.to),
        "txid": sent.txid,
        "status": "completed",
        "seconds_to_hash": round(sent.to_hash, 3),
        "seconds": round(sent.seconds, 3),
    }


def farewell(settings: Settings, sent: list[Sent]) -> list[str]:
    """How to look around and how to stop."""
    command = ".venv/bin/strongroom" if Path(".venv/bin/strongroom").exists() else " ".join(processes.program())
    ask = {"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionReceipt", "params": [sent[0].txid]}
    lines = ["", "The LAB keeps running. What was done is in .lab/demo.json. The two transactions:"]
    lines += [f"   {item.txid}  {shown(item.symbol, item.amount)}" for item in sent]
    lines += [
        "Ask the node itself:",
        f"   curl -s {settings.node_url} -H 'content-type: application/json' -d '{json.dumps(ask)}'",
        f"Look at it in a browser, as somebody new (README, \"Look at it\"): {settings.console}/console",
        "Look around; here you are alice, unless you say --profile bob, carol or exchange:",
        f"   {command} status",
        f"   {command} transfer list",
        f"   {command} transfer show {sent[0].id[:12]}",
        f"   {command} lab status",
        "Stop it; its state stays, and `lab up` goes on from there:",
        f"   {command} lab down            (with --erase it goes altogether)",
    ]
    return lines
