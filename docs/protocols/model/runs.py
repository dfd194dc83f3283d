"""The runs: the rules as written in several worlds, each with its bounds; and each rule left out in one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from docs.protocols.model.events import Configuration, Rules


@dataclass(frozen=True)
class Run:
    """A world that is explored to the end, and how many states it has."""

    configuration: Configuration
    states: int


@dataclass(frozen=True)
class Variant:
    """One rule left out in a world where this shows."""

    name: str
    rules: Rules
    configuration: Configuration


_BAD_STAYS: Final = ("stays", "stays", "leaves", "joins", "stays")  # the last is bad
_BAD_LEAVES: Final = ("stays", "stays", "stays", "joins", "leaves")  # the last is bad
_BOTH_BAD: Final = ("stays", "stays", "stays", "leaves", "joins")  # the last two are bad

_TAILS: Final = Configuration("tails", "one bad; splits and tail switches", "ab", 4)
_REPAIR: Final = Configuration("repair", "one bad; splits, tail switches, a repair", "ab1", 3)
_TWICE: Final = Configuration("two repairs", "one bad; a repair upon the first or instead of it", "ab12", 2)
_RESTORED: Final = Configuration(
    "restored", "a restored disk that goes on; a repair", "ab1", 2, bad=(), restored="goes on"
)
_KNOWN: Final = Configuration("restored and bad", "one bad; a restored disk that knows it", "ab1", 2, restored="knows")
_CHANGE: Final = Configuration(
    "change", "a bad one stays; who leaves turns bad", "aCW", 3, parts=_BAD_STAYS, bad=(4,), turns_bad="leaves"
)
_CHANGE_REPAIRED: Final = replace(
    _CHANGE, name="change and repair", about="a bad one stays; a repair", alphabet="C1", size=2, turns_bad=""
)
_LEAVER: Final = Configuration(
    "bad leaver", "a bad one leaves; one that stays turns bad", "aCW", 3, parts=_BAD_LEAVES, bad=(4,), turns_bad="stays"
)
_JOINER: Final = Configuration(
    "bad joiner", "a bad one leaves, another joins; a repair", "aCW1", 2, parts=_BOTH_BAD, bad=(3, 4)
)
_LATCH: Final = Configuration("latch", "one bad; a freeze is handed to one; a repair", "sga1", 2, stop=True)

WHOLE: Final = (
    Run(_TAILS, 10_545),
    Run(_REPAIR, 439_272),
    Run(_TWICE, 1_004_696),
    Run(replace(_RESTORED, alphabet="ab"), 20_313),
    Run(replace(_RESTORED, name="restored, repaired", size=1), 37_977),
    Run(replace(_KNOWN, alphabet="a1"), 264_417),
    Run(_CHANGE, 93_482),
    Run(_CHANGE_REPAIRED, 32_926),
    Run(_LEAVER, 27_524),
    Run(_JOINER, 13_418),
    Run(_LATCH, 362_554),
)
"""What `make model` explores."""

BOUNDED: Final = (
    Run(replace(_TAILS, size=3), 1_802),
    Run(replace(_REPAIR, size=2), 17_065),
    Run(replace(_TWICE, alphabet="a12", size=2, plain=1), 74_759),
    Run(replace(_RESTORED, name="restored, repaired", size=1), 37_977),
    Run(replace(_KNOWN, size=1), 13_406),
    Run(replace(_CHANGE, size=2), 5_770),
    Run(_CHANGE_REPAIRED, 32_926),
    Run(replace(_LEAVER, size=2), 2_038),
    Run(replace(_JOINER, alphabet="aCW", size=2), 190),
    Run(replace(_LATCH, alphabet="sg1"), 36_791),
)
"""The same worlds within smaller bounds, for every submission."""

VARIANTS: Final = (
    Variant(
        "cosigning without q accepts",
        Rules(cosign_needs_q_accepts=False),
        replace(_REPAIR, alphabet="a1", size=1),
    ),
    Variant(
        "a cosigned head that shortens a tail",
        Rules(a_tail_is_never_shortened=False),
        replace(_REPAIR, size=2, plain=1),
    ),
    Variant(
        "repair from statements not made for it",
        Rules(a_statement_serves_one_repair=False),
        replace(_TWICE, alphabet="12"),
    ),
    Variant(
        "a witness change by the new quorum only",
        Rules(a_change_needs_the_old_quorum=False),
        replace(_CHANGE, size=1, turns_bad=""),
    ),
    Variant(
        "a witness change by the old quorum only",
        Rules(a_change_needs_the_new_quorum=False),
        replace(_CHANGE, size=1),
    ),
    Variant(
        "a restored disk that witnesses again",
        Rules(a_restored_disk_is_silent=False),
        replace(_KNOWN, size=1),
    ),
    Variant(
        "a latch that ends in one's own tail",
        Rules(a_latch_ends_in_cosigned_state=False),
        replace(_LATCH, size=1),
    ),
)
"""Each rule left out, where the shortest way to harm shows what the rule is for."""

BEYOND: Final = (
    Variant(
        "nothing left out, but a retired witness that turns bad after a repair: two bad in the old set",
        Rules(),
        replace(_CHANGE, alphabet="aC1", size=2, plain=1),
    ),
)
"""What more bad witnesses than f can do although every rule is kept: why f counts the retired ones, too."""
