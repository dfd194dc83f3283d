"""The coordinator's own code with two lies in it: payloads pay somebody else, and its fold does not look at them.

usage: lying_coordinator HOME ADDRESS        for the lab's demonstration only; the signers are what it tries itself on
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from strongroom.api.app import create_app
from strongroom.chains.evm.transaction import decode
from strongroom.chains.evm.transfer import Call, call
from strongroom.coordinator import run
from strongroom.coordinator.stages import plan
from strongroom.custody import intents
from strongroom.documents.names import AccountId, AssetId, ChainId

_HONEST = plan.build_payload


def lie(thief: str) -> None:
    """Patch the planner and the coordinator's own fold, in this process alone."""

    def build(chain: ChainId, nonce: int, wanted: Call, gas: int, max_fee: int, priority: int) -> bytes:
        to = AccountId(f"{chain}:{thief}")
        if wanted.data:
            amount = int.from_bytes(wanted.data[-32:], "big")
            other = call(AssetId(f"{chain}/erc20:{wanted.to}"), to, amount)
        else:
            other = Call(thief, wanted.value, b"")
        return _HONEST(chain, nonce, other, gas, max_fee, priority)

    def look_away(payload: bytes, **_asked: Any) -> int:
        transaction = decode(payload)
        return transaction.gas * transaction.max_fee

    plan.build_payload = build
    vars(intents)["check"] = look_away
    vars(run)["LEASE"] = "liar"  # the copied database says that the honest coordinator has the other for some seconds


def main(arguments: list[str]) -> None:
    """Run the lying coordinator on a home."""
    home, thief = arguments
    lie(thief)
    run.main(Path(home), create_app)


if __name__ == "__main__":
    main(sys.argv[1:])
