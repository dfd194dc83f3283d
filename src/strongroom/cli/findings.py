"""What a check of a draft finds, with what the log holds beside the policy."""

from __future__ import annotations

from strongroom.cli.output import say
from strongroom.custody.state import CustodyState
from strongroom.documents.names import AccountId
from strongroom.policy.check import Finding, House, Level, Purse


def house_of(state: CustodyState) -> House:
    """Wallets, keys, suspensions and revocations of a state."""
    wallets = (
        Purse(w.name, AccountId(f"{w.chain}:{w.address}"), w.chain, w.tier, w.key)
        for w in state.wallets.values()
        if not w.closed
    )
    return House(
        wallets=tuple(sorted(wallets, key=lambda wallet: wallet.name)),
        keys=tuple(sorted((key.name, key.tier) for key in state.keys.values())),
        suspended=state.suspended,
        revoked=state.revoked,
    )


def stopping(findings: list[Finding]) -> bool:
    """Whether one of them is an error."""
    return any(finding.level is Level.ERROR for finding in findings)


def tell_findings(findings: list[Finding]) -> None:
    """Each in a line, errors in red."""
    for finding in findings:
        say(f"{finding.level} [{finding.code}] {finding.message}", "red" if finding.level is Level.ERROR else "yellow")
