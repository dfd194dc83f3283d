"""A state written down and read back is the same state, and goes on in the same way; other bytes are refused."""

from __future__ import annotations

import hashlib
import json
from functools import cache, reduce
from pathlib import Path

import pytest

from bench.biglog import big_log
from strongroom.custody import retention
from strongroom.custody.digest import state_digest
from strongroom.custody.fold import apply
from strongroom.custody.snapshot import read, write
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.errors import Refused
from strongroom.log.entry import Entry, parse_entry
from tests.unit.custody.test_total import lived_in, steps
from tests.workspace import Workspace


@cache
def withdrawals(cache_directory: Path) -> tuple[Entry, ...]:
    return tuple(map(parse_entry, big_log(cache_directory, 2400).raws()))


def pieces(state: CustodyState) -> dict[str, bytes]:
    return {page.name: page.packed for page in (*state.proposals.rows.pages, *state.debits.pages)}


def reread(state: CustodyState) -> CustodyState:
    return read(write(state), state_digest(state), pieces(state).__getitem__)


def test_i16_every_state_reads_back_as_it_was() -> None:
    for state, entry in steps():
        again = reread(state)
        assert again == state
        assert apply(again, entry) == apply(state, entry)
    assert reread(lived_in().state) == lived_in().state


def test_i22_a_fold_goes_on_from_a_snapshot(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "TRANSFERS_KEPT", 500)
    entries = withdrawals(tmp_path_factory.mktemp("log"))
    middle = reduce(apply, entries[:1800], EMPTY)
    assert middle.proposals.rows.tail and middle.debits.pages and len(middle.transfers) < len(middle.proposals.rows)
    whole, tail = reduce(apply, entries[1800:], middle), reduce(apply, entries[1800:], reread(middle))
    assert whole == tail and state_digest(whole) == state_digest(tail)


def test_i16_the_digest_is_of_everything_in_the_state() -> None:
    state, digests = lived_in().state, set[str]()
    for name in CustodyState.__slots__:
        empty = {**{n: getattr(state, n) for n in CustodyState.__slots__}, name: getattr(EMPTY, name)}
        if empty[name] != getattr(state, name):
            digests.add(state_digest(CustodyState(**empty)))
    assert len(digests) > 15 and state_digest(state) not in digests


def test_i24_a_history_gives_the_digest_that_it_always_gave(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Seals in old logs hold under every release: these two values never change, unless by new fold rules."""
    state = reduce(apply, withdrawals(tmp_path_factory.mktemp("log")), EMPTY)
    assert state.root.hex() == "757e3e0cbc72de6d0d5a01acff19b09f9c34fae2dc9cd2db95521729561abf58"
    assert state_digest(state) == "35f61fa7c85de041c15eb21bb21e34da1f69e38780d29659576742bcef90f4c4"


def test_a_snapshot_of_other_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    state = lived_in().state
    text, digest = write(state), state_digest(state)
    other = json.dumps({"at": 0}).encode()
    for bad in (text[:-1], text + b" ", text.replace(b"0", b"1", 1), other, b""):
        with pytest.raises(Refused) as error:
            read(bad, digest, {}.__getitem__)
        assert error.value.code == "snapshot.digest"


def test_a_page_of_another_state_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    state = reduce(apply, withdrawals(tmp_path_factory.mktemp("log")), EMPTY)
    packed = pieces(state)
    first, second = list(packed)[:2]
    for bad in ({**packed, first: packed[second]}, {**packed, first: b"\x00" * 40}):
        with pytest.raises(Refused) as error:
            read(write(state), state_digest(state), bad.__getitem__)
        assert error.value.code == "snapshot.digest"


def test_a_sealed_digest_that_is_not_the_state_s_is_refused() -> None:
    home = Workspace().ready()
    before, digest = home.state, state_digest(home.state)
    home.add("state.sealed", {"digest": digest})
    assert home.state.sealed == before.size
    for wrong in (digest, hashlib.sha256(b"").hexdigest(), "", "zz"):
        with pytest.raises(Refused) as error:
            home.add("state.sealed", {"digest": wrong})
        assert error.value.code == "state.digest"
    with pytest.raises(Refused) as error:
        evidence = [home.statement("coordinator", "transfer.observe", {})]
        home.add("state.sealed", {"digest": state_digest(home.state)}, evidence)
    assert error.value.code == "evidence.count"
