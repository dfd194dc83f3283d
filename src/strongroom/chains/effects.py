"""What a payload does to the world, in words that hold for every chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from strongroom.documents.names import AccountId, AssetId, ChainId


@dataclass(frozen=True, slots=True)
class Payment:
    """`amount` base units of `asset` go to the account `to`."""

    asset: AssetId
    to: AccountId
    amount: int


@dataclass(frozen=True, slots=True)
class Effects:
    """All that a payload can do: payments, the nonce it consumes, its worst-case fee in native base units."""

    chain: ChainId
    nonce: int
    payments: tuple[Payment, ...]
    max_fee: int


class Denomination(Protocol):
    """How people write an asset's amounts: its ticker and its number of decimals."""

    @property
    def symbol(self) -> str: ...

    @property
    def decimals(self) -> int: ...
