"""What a log says happened, for people and as JSON; nothing in it comes from anywhere but the replayed entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.audit.chain import Account
from strongroom.audit.finding import show_time
from strongroom.custody.authority import in_force
from strongroom.custody.state import CustodyState, Transfer
from strongroom.documents.amount import format_amount
from strongroom.documents.decimal import show


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A version of the policy, and the entry after which it was in force (time in unix ms)."""

    version: int
    digest: str
    entry: int
    time: int


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Who cosigned the checkpoint and when (unix seconds), and how many had to."""

    times: Mapping[str, int]
    needed: int
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A passed audit: the final state, and what only the replay knows."""

    state: CustodyState
    digest: str
    kinds: Mapping[str, int]
    versions: tuple[PolicyVersion, ...]
    witnessed: Witnessed
    first: int
    chain: tuple[Account, ...] = ()

    def to_doc(self) -> dict[str, Any]:
        """The whole report as JSON; amounts are base units in decimal strings."""
        state, policy = self.state, in_force(self.state)
        return {
            "ok": True,
            "workspace": state.workspace,
            "label": policy.label,
            "entries": state.size,
            "root": state.root.hex(),
            "state_digest": self.digest,
            "first": self.first,
            "last": state.time,
            "checkpoint": {
                "cosigned": dict(self.witnessed.times),
                "needed": self.witnessed.needed,
                "witnesses": list(self.witnessed.witnesses),
            },
            "chain": [account.to_doc() for account in self.chain] or None,
            "kinds": dict(sorted(self.kinds.items())),
            "policy": [
                {"version": v.version, "digest": v.digest, "entry": v.entry, "time": v.time}
                for v in self.versions
            ],
            "people": {
                name: {
                    "role": str(member.role),
                    "keys": sorted(member.credentials),
                    "administrator": name in policy.administrators.members,
                    "suspended": name in state.suspended,
                }
                for name, member in sorted(policy.members.items())
            },
            "revoked_credentials": sorted(state.revoked),
            "keys": {
                name: {
                    "scheme": key.scheme,
                    "tier": key.tier,
                    "public_key": key.public_key.hex(),
                    "participants": list(key.participants),
                    "threshold": key.threshold,
                    "epoch": key.epoch,
                }
                for name, key in sorted(state.keys.items())
            },
            "wallets": {
                name: {
                    "chain": wallet.chain,
                    "address": wallet.address,
                    "key": wallet.key,
                    "tier": wallet.tier,
                    "closed": wallet.closed,
                }
                for name, wallet in sorted(state.wallets.items())
            },
            "addresses": [
                {"account": row.account, "group": row.group, "label": row.label}
                for _, row in sorted(state.addresses.items())
            ],
            "freezes": [
                {
                    "id": freeze.id,
                    "scope": freeze.scope,
                    "target": freeze.target,
                    "reason": freeze.reason,
                    "people": sorted(freeze.people),
                    "time": freeze.time,
                    "ends": freeze.ends,
                }
                for freeze in sorted(state.freezes.values(), key=lambda item: (item.time, item.id))
            ],
            "transfers_ended_earlier": self._let_go,
            "transfers": [self._transfer(transfer) for transfer in self._transfers()],
        }

    @property
    def _let_go(self) -> int:
        """How many transfers ended so long ago that the state holds them no more."""
        return self.kinds.get("transfer.proposed", 0) - len(self.state.transfers)

    def _transfers(self) -> list[Transfer]:
        return sorted(self.state.transfers.values(), key=lambda item: (item.proposed, item.id))

    def _transfer(self, transfer: Transfer) -> dict[str, Any]:
        intent, authorized = transfer.intent, transfer.authorization
        return {
            "id": transfer.id,
            "initiator": transfer.initiator,
            "from": intent.wallet,
            "to": intent.to,
            "asset": intent.asset,
            "amount": format_amount(intent.amount),
            "shown": self.amount(transfer),
            "why": intent.why,
            "proposed": transfer.proposed,
            "approvals": [approval.person for approval in transfer.approvals],
            "authorized": None if authorized is None else authorized.time,
            "nonce": None if authorized is None or intent.message else authorized.nonce,
            "policy_version": None if authorized is None else authorized.policy_version,
            "payloads": [
                {"digest": p.digest, "fee_at_most": format_amount(p.fee), "null": p.null, "time": p.time}
                for p in transfer.payloads
            ],
            "phase": str(transfer.phase),
            "closed": transfer.closed,
            "txid": transfer.txid,
        }

    def amount(self, transfer: Transfer) -> str:
        """The amount with its symbol, or base units once the policy no longer names the asset."""
        asset = in_force(self.state).assets.get(transfer.intent.asset)
        if asset is None:
            return f"{transfer.intent.amount} base units of {transfer.intent.asset}"
        return f"{show(transfer.intent.amount, asset.decimals)} {asset.symbol}"

    def to_lines(self) -> list[str]:
        """The report in plain words, a line each."""
        state, policy, witnessed = self.state, in_force(self.state), self.witnessed
        cosigned = ", ".join(f"{name} {show_time(time * 1000)}" for name, time in sorted(witnessed.times.items()))
        have = f"{len(witnessed.times)} of {len(witnessed.witnesses)} witnesses, {witnessed.needed} needed"
        lines = [
            f"Workspace {state.workspace}, labelled {policy.label}",
            f"{state.size} entries from {show_time(self.first)} to {show_time(state.time)}: each one's leaf, form, "
            "authority and effect were checked again",
            f"Merkle root {state.root.hex()}",
            f"Cosigned by {have}: {cosigned}",
            f"State digest {self.digest}",
            "",
            *(["Chain", *(f"  {account}" for account in self.chain)] if self.chain else [
                "Chain: not compared, for the bundle carries no evidence of it"
            ]),
            "",
            "Entries by kind",
            *(f"  {count:7} {kind}" for kind, count in sorted(self.kinds.items())),
            "",
            "Policy",
            *(f"  version {v.version} since entry {v.entry}, {show_time(v.time)}" for v in self.versions),
            "",
            f"People and services (administrators: {policy.administrators.threshold} of "
            f"{', '.join(sorted(policy.administrators.members))})",
        ]
        for name, member in sorted(policy.members.items()):
            lost = sum(key in state.revoked for key in member.credentials)
            notes = [f"{len(member.credentials)} keys"] if len(member.credentials) > 1 else []
            notes += [f"{lost} revoked"] if lost else []
            notes += ["suspended"] if name in state.suspended else []
            lines.append(f"  {name} ({', '.join([str(member.role), *notes])})")
        lines += ["", "Keys"]
        for key in sorted(state.keys.values(), key=lambda item: item.name):
            holders = f"{key.threshold} of {', '.join(key.participants)}"
            lines.append(f"  {key.name}: {key.scheme}, tier {key.tier}, {holders}")
        lines += ["", "Wallets"]
        for wallet in sorted(state.wallets.values(), key=lambda item: item.name):
            lines.append(f"  {wallet.name}: {wallet.address} on {wallet.chain}" + ", closed" * wallet.closed)
        lines += ["", "Transfers"]
        for transfer in self._transfers():
            by = f" approved by {', '.join(a.person for a in transfer.approvals)}" if transfer.approvals else ""
            end = f": {transfer.closed}" if transfer.closed else ""
            lines.append(
                f"  {show_time(transfer.proposed)} {transfer.initiator}: {self.amount(transfer)} from "
                f"{transfer.intent.wallet} to {transfer.intent.to}{by}, {transfer.phase}{end} {transfer.txid}".rstrip()
            )
        if self._let_go:
            lines.append(f"  and {self._let_go} that ended earlier")
        lines += ["", "Freezes"]
        for freeze in sorted(state.freezes.values(), key=lambda item: (item.time, item.id)):
            scope = f"{freeze.scope} {freeze.target}".rstrip()
            end = "until administrators end it" if freeze.ends is None else f"until {show_time(freeze.ends)}"
            lines.append(f"  {scope} by {', '.join(sorted(freeze.people))}, {end}: {freeze.reason}")
        return [line if line.startswith(" ") or not _heads_nothing(lines, at) else f"{line}: none"
                for at, line in enumerate(lines)]  # fmt: skip


def _heads_nothing(lines: list[str], at: int) -> bool:
    """Whether a heading has no row under it."""
    heading = lines[at] in ("Keys", "Wallets", "Transfers", "Freezes")
    return heading and not (at + 1 < len(lines) and lines[at + 1].startswith("  "))

