"""The second evaluator against sentences of docs/protocols/policy.md, one example each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from strongroom.audit.second.book import Book
from strongroom.audit.second.facts import Facts, Own, Prices, Row
from strongroom.audit.second.history import UNPRICED, Debit, History
from strongroom.audit.second.owed import Approval, Record, Screened, lacking
from strongroom.audit.second.rules import decide
from strongroom.audit.second.words import arguments, satisfied, spelled
from strongroom.documents.canonical import digest
from strongroom.documents.keccak import keccak256

CHAIN, COIN, TOKEN = "eip155:1", "eip155:1/slip44:60", "eip155:1/erc20:0x" + "aa" * 20
HOT = Own("hot", CHAIN, f"{CHAIN}:0x{'01' * 20}", "hot", "key-a")
COOL = Own("cool", CHAIN, f"{CHAIN}:0x{'02' * 20}", "cool", "key-b", usable=5_000)
PAYEE, CONTRACT = f"{CHAIN}:0x{'11' * 20}", f"{CHAIN}:0x{'aa' * 20}"
NOW = 1_000_000_000
ALLOW: dict[str, Any] = {
    "approvals": [[{"group": "desk", "threshold": 1}]],
    "initiator_may_approve": False,
    "delay": 60,
    "expiry": 600,
    "fee_ceiling": "9",
}


def policy(*rules: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A document with these rules: parts of a condition, or whole rules."""
    named = enumerate(rules)
    whole = [each if "when" in each else {"name": f"r{at}", "when": each, "allow": ALLOW} for at, each in named]
    return {
        "fold": 2,
        "groups": {"desk": ["alice", "bob"]},
        "tiers": {"hot": {}, "cool": {}},
        "chains": {CHAIN: {"native": COIN, "fee_window": {"seconds": 100, "max": "1000"}}},
        "assets": {COIN: {"decimals": 0}, TOKEN: {"decimals": 2}},
        "limits": [],
        "rules": whole,
        **parts,
    }


def facts(**changes: Any) -> Facts:
    """A transfer of 10 of the token by alice from the hot wallet to a stranger."""
    own = {HOT.account: HOT, COOL.account: COOL}
    intent = {"to": PAYEE, "asset": TOKEN, "amount": "10"}
    return replace(Facts(intent, "alice", HOT, NOW, NOW, 0, own.get, lambda _: ()), **changes)


def says(document: dict[str, Any], case: Facts, *debits: Debit) -> str:
    """The rule that allows, or the code that denies."""
    opinion = decide(document, case, History(debits))
    return opinion.code or opinion.rule


def debit(time: int, amount: int = 10, **changes: Any) -> Debit:
    """What a transfer like that of `facts` took."""
    return replace(Debit(time, "alice", "hot", "hot", PAYEE, "", TOKEN, amount, COIN, 0, 0, 0), **changes)


def calling(method: str, *words: int, to: str = CONTRACT, value: int = 0) -> dict[str, Any]:
    data = keccak256(method.encode())[:4] + b"".join(word.to_bytes(32, "big") for word in words)
    return {"call": {"to": to, "value": str(value), "data": data.hex()}}


HELD = (
    ({}, {}),
    ({"initiator": {"members": ["alice"]}}, {}),
    ({"initiator": {"members": ["carol"], "groups": ["desk"]}}, {}),
    ({"source": {"wallets": ["hot"], "tiers": ["hot"], "accounts": [HOT.account]}}, {}),
    ({"destination": {"accounts": [PAYEE]}}, {}),
    ({"destination": {"own_wallets": False}}, {}),
    ({"destination": {"listed": ["vendors"]}}, {"rows": lambda _: [Row("vendors", NOW)]}),
    ({"destination": {"listed": ["vendors"], "tags": ["a", "b"]}},
     {"rows": lambda _: [Row("vendors", 0, frozenset("b"))]}),
    ({"destination": {"listed": ["vendors"], "listed_for": 5}}, {"rows": lambda _: [Row("vendors", NOW - 5_000)]}),
    ({"destination": {"own_wallets": True}}, {"intent": {"to": COOL.account, "asset": TOKEN, "amount": "1"}}),
    ({"destination": {"one_time": True}}, {}),
    ({"destination": {"one_time": True}}, {"rows": lambda _: [Row("vendors", NOW + 1)]}),
    ({"destination": {"accounts": [CONTRACT], "one_time": True}}, {}),
    ({"asset": [TOKEN, COIN]}, {}),
    ({"asset": [TOKEN], "amount": {"min": "10", "max": "10"}}, {}),
    ({"operation": ["transfer"]}, {}),
)  # fmt: skip
FAILED = (
    ({"initiator": {"members": []}}, {}),
    ({"initiator": {"members": ["bob"]}}, {}),
    ({"source": {"wallets": ["hot"], "tiers": ["cool"]}}, {}),
    ({"source": {"accounts": [COOL.account]}}, {}),
    ({"destination": {"accounts": [CONTRACT]}}, {}),
    ({"destination": {"listed": ["vendors"]}}, {"rows": lambda _: [Row("clients", 0)]}),
    ({"destination": {"listed": ["vendors"]}}, {"rows": lambda _: [Row("vendors", NOW - 1)], "clock": NOW - 2}),
    ({"destination": {"listed": ["vendors"], "tags": ["a"]}}, {"rows": lambda _: [Row("vendors", 0, frozenset("b"))]}),
    ({"destination": {"listed": ["vendors"], "listed_for": 5}}, {"rows": lambda _: [Row("vendors", NOW - 4_999)]}),
    ({"destination": {"own_wallets": True}}, {}),
    ({"destination": {"own_wallets": True}},
     {"intent": {"to": COOL.account, "asset": TOKEN, "amount": "1"}, "time": 9_000, "clock": 4_999}),
    ({"destination": {"one_time": True}}, {"rows": lambda _: [Row("clients", NOW)]}),
    ({"destination": {"one_time": True}}, {"intent": {"to": HOT.account, "asset": TOKEN, "amount": "1"}}),
    ({"asset": [COIN]}, {}),
    ({"asset": []}, {}),
    ({"asset": [TOKEN], "amount": {"min": "11"}}, {}),
    ({"asset": [TOKEN], "amount": {"max": "9"}}, {}),
    ({"operation": [{"message": "vote"}]}, {}),
)  # fmt: skip


@pytest.mark.parametrize(("when", "changes"), HELD)
def test_a_part_holds(when: dict[str, Any], changes: dict[str, Any]) -> None:
    assert says(policy(when), facts(**changes)) == "r0"


@pytest.mark.parametrize(("when", "changes"), FAILED)
def test_a_part_does_not_hold(when: dict[str, Any], changes: dict[str, Any]) -> None:
    assert says(policy(when), facts(**changes)) == "policy.no_rule"


def test_the_first_rule_that_holds_decides() -> None:
    deny = {"name": "never", "when": {"asset": [TOKEN]}, "deny": "because"}
    assert says(policy({"asset": [COIN]}, deny, {}), facts()) == "policy.denied"
    assert says(policy({}, deny), facts()) == "r0"
    assert says(policy({}), facts(intent={"to": PAYEE, "asset": TOKEN + "b", "amount": "1"})) == "policy.asset_unknown"


def test_obligations_are_as_the_document_has_them() -> None:
    old = policy({}, fold=1)
    assert decide(old, facts(), History()).obligations == {"rule": "r0", **ALLOW}
    new = {"surface": "console", "device_bound": False, "keys": None, "screening": None}
    opinion = decide(policy({}), facts(), History())
    assert (opinion.code, opinion.rule, opinion.obligations) == ("", "r0", {"rule": "r0", **ALLOW, **new})
    assert opinion.digest == digest({"rule": "r0", **ALLOW, **new})


def test_a_wallet_of_another_key_is_denied_after_the_rule_has_matched() -> None:
    bound = {"name": "bound", "when": {}, "allow": {**ALLOW, "keys": ["key-b"]}}
    assert says(policy(bound, {}), facts()) == "policy.key_not_allowed"
    assert says(policy(bound, {}), facts(wallet=COOL)) == "bound"


APPROVE, SET = "approve(address,uint256)", "set(bool,uint8,bytes4)"
SPENDER = int(PAYEE[-40:], 16)
BARRED = (
    (calling(APPROVE, SPENDER, 2**255), "operation.allowance_unbounded"),
    (calling(APPROVE, SPENDER, 1, value=1), "operation.allowance_unbounded"),
    (calling(APPROVE, SPENDER, 1, 0), "operation.allowance_unbounded"),
    (calling(APPROVE, SPENDER + 2**160, 1), "operation.allowance_unbounded"),
    (calling("setApprovalForAll(address,bool)", 1), "operation.allowance_unbounded"),
    (calling("increaseAllowance(address,uint256)", 1, to=COOL.account), "operation.allowance_unbounded"),
    (calling("transfer(address,uint256)", 1), "operation.use_transfer"),
    (calling("safeTransferFrom(address,address,uint256,bytes)"), "operation.use_transfer"),
    (calling("ping()", to=COOL.account), "operation.not_a_contract"),
    ({"call": {"to": CONTRACT, "value": "0", "data": "aabbcc"}}, "operation.not_a_contract"),
)


@pytest.mark.parametrize(("intent", "code"), BARRED)
def test_some_operations_are_refused_before_any_rule(intent: dict[str, Any], code: str) -> None:
    anything = {"name": "no", "when": {}, "deny": "everything"}
    assert says(policy(anything), facts(intent=intent)) == code


def shape(method: str, *constraints: dict[str, Any], contract: str = CONTRACT) -> dict[str, Any]:
    return {"operation": [{"call": {"contracts": [contract], "method": method, "arguments": list(constraints)}}]}


def test_an_approve_is_about_its_spender_and_the_allowance() -> None:
    when = {**shape(APPROVE), "destination": {"accounts": [PAYEE]}, "asset": [TOKEN], "amount": {"max": "50"}}
    assert says(policy(when), facts(intent=calling(APPROVE, SPENDER, 50))) == "r0"
    assert says(policy(when), facts(intent=calling(APPROVE, SPENDER, 51))) == "policy.no_rule"
    assert says(policy(when), facts(intent=calling(APPROVE, SPENDER + 1, 50))) == "policy.no_rule"


def test_a_call_fits_word_by_word() -> None:
    word = int.from_bytes(b"\x01\x02\x03\x04".ljust(32, b"\0"), "big")
    right = calling(SET, 1, 200, word, value=3)
    for constraint in ({"index": 0, "is": ["true"]}, {"index": 1, "min": "200"}, {"index": 2, "is": ["0x01020304"]}):
        assert says(policy(shape(SET, constraint)), facts(intent=right)) == "r0"
    for constraint in ({"index": 0, "is": ["false"]}, {"index": 1, "max": "199"}, {"index": 2, "is": ["0x01020305"]}):
        assert says(policy(shape(SET, constraint)), facts(intent=right)) == "policy.no_rule"
    assert says(policy(shape(SET, contract=PAYEE)), facts(intent=right)) == "policy.no_rule"
    for wrong in ((2, 200, word), (1, 256, word), (1, 200, word + 1), (1, 200), (1, 200, word, 0)):
        assert says(policy(shape(SET)), facts(intent=calling(SET, *wrong))) == "policy.no_rule"


def test_an_allowing_rule_is_about_transfers_unless_it_says_more() -> None:
    call = facts(intent=calling("ping()"))
    assert says(policy({}), call) == "policy.no_rule"
    assert says(policy({"operation": ["transfer"]}), call) == "policy.no_rule"
    assert says(policy({"name": "no", "when": {}, "deny": "all"}), call) == "policy.denied"
    assert says(policy(shape("ping()")), facts()) == "policy.no_rule"


def test_an_argument_may_have_to_be_an_own_wallet() -> None:
    document = policy(shape("sweep(address)", {"index": 0, "own_wallet": True}))
    to_cool = facts(intent=calling("sweep(address)", int(COOL.account[-40:], 16)))
    assert says(document, to_cool) == "r0"
    assert says(document, replace(to_cool, clock=4_999)) == "policy.no_rule"
    assert says(document, facts(intent=calling("sweep(address)", SPENDER))) == "policy.no_rule"


SCHEMA: dict[str, Any] = {
    "chain": CHAIN,
    "domain": {"name": "Exchange", "chainId": "1"},
    "primary_type": "Order",
    "types": {"Order": [{"name": "size", "type": "uint8"}, {"name": "to", "type": "To"}],
              "To": [{"name": "who", "type": "address"}]},
    "fields": [{"field": "size", "max": "9"}],
}  # fmt: skip
MESSAGE = {
    "schema": "order", **{part: SCHEMA[part] for part in ("domain", "primary_type", "types")},
    "fields": {"size": "9", "to": {"who": PAYEE.rpartition(":")[2]}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "r0"),
        ({"schema": "other"}, "message.unknown_type"),
        ({"domain": {"name": "Exchange", "chainId": "5"}}, "message.unknown_type"),
        ({"primary_type": "To"}, "message.unknown_type"),
        ({"fields": {"size": "256", "to": MESSAGE["fields"]["to"]}}, "message.unknown_type"),
        ({"fields": {"size": "9", "to": {"who": "0x11"}}}, "message.unknown_type"),
        ({"fields": {"size": "9"}}, "message.unknown_type"),
        ({"fields": {"size": "10", "to": MESSAGE["fields"]["to"]}}, "message.not_allowed"),
    ],
)
def test_a_message_is_of_exactly_its_schema(changes: dict[str, Any], code: str) -> None:
    document = policy({"operation": [{"message": "order"}], "asset": [COIN]}, messages={"order": SCHEMA})
    assert says(document, facts(intent={"message": {**MESSAGE, **changes}})) == code


DAY = {"seconds": 64, "per": "initiator"}


def test_a_window_counts_whole_buckets() -> None:
    document = policy({"asset": [TOKEN], "over_time": [{**DAY, "max": "15"}]})
    start = NOW - 64_000  # a whole bucket of one second begins there
    assert says(document, facts(), debit(start - 1)) == "r0"
    assert says(document, facts(), debit(start, 6)) == "policy.no_rule"
    assert says(document, facts(time=NOW + 999, clock=NOW + 999), debit(start, 6)) == "policy.no_rule"
    assert says(document, facts(time=NOW + 1000, clock=NOW + 1000), debit(start, 6)) == "r0"


@pytest.mark.parametrize(
    ("per", "other"),
    [
        ("initiator", {"initiator": "bob"}),
        ("source", {"wallet": "cool"}),
        ("destination", {"destination": CONTRACT}),
        ("asset", {"asset": COIN}),
    ],
)
def test_a_window_counts_for_one(per: str, other: dict[str, str]) -> None:
    document = policy({"asset": [TOKEN], "over_time": [{"seconds": 64, "per": per, "max": "15"}]})
    assert says(document, facts(), debit(NOW, 6)) == "policy.no_rule"
    assert says(document, facts(), debit(NOW, 6, **other)) == "r0"


VALUATION = {"unit": "USD", "decimals": 2, "max_age": 10}
PRICES = Prices({COIN: 3 * 10**9, TOKEN: 5 * 10**9}, NOW)  # a coin: 3 cents; 100 of the token: 5 cents


def test_values_are_rounded_up_one_by_one() -> None:
    def allowed(most: int, **changes: Any) -> bool:
        document = policy({"over_time": [{**DAY, "max_value": str(most)}]}, valuation=VALUATION)
        return says(document, facts(prices=PRICES, **changes)) == "r0"

    assert allowed(1) and not allowed(0)  # 10 of the token: half a cent
    assert allowed(7, fee=2) and not allowed(6, fee=2)
    exact = {"intent": {"to": PAYEE, "asset": TOKEN, "amount": "100"}}
    assert allowed(5, **exact) and not allowed(4, **exact)


@pytest.mark.parametrize(
    ("prices", "fee", "code"),
    [
        (PRICES, 1, "r0"),
        (None, 0, "valuation.missing"),
        (Prices({TOKEN: 1}, NOW), 0, "r0"),
        (Prices({TOKEN: 1}, NOW), 1, "valuation.missing"),
        (Prices({TOKEN: 0, COIN: 1}, NOW), 1, "valuation.missing"),
        (Prices({TOKEN: 1}, 0), 1, "valuation.missing"),
        (Prices(PRICES.prices, NOW - 10_000), 1, "r0"),
        (Prices(PRICES.prices, NOW - 10_001), 1, "valuation.stale"),
    ],
)
def test_missing_or_stale_prices_deny(prices: Prices | None, fee: int, code: str) -> None:
    document = policy({"over_time": [{**DAY, "max_value": "99"}]}, {}, valuation=VALUATION)
    assert says(document, facts(prices=prices, fee=fee)) == code


def test_prices_are_looked_up_after_all_else_holds() -> None:
    document = policy({"asset": [COIN], "value": {"max": "1"}}, {"value": {"max": "0"}}, {}, valuation=VALUATION)
    assert says(document, facts()) == "valuation.missing"
    assert says(document, facts(prices=PRICES)) == "r2"
    late = policy({"value": {"max": "9"}}, valuation=VALUATION)
    assert says(late, facts(prices=replace(PRICES, observed=NOW - 10_000), clock=NOW + 1)) == "valuation.stale"


def limit(document: dict[str, Any], case: Facts, *debits: Debit) -> str:
    return decide(document, case, History(debits)).limit


def test_limits_deny_in_their_order_and_only_what_adds_to_them() -> None:
    of_coin = {"name": "coin", "asset": COIN, "seconds": 64, "per": "source", "max": "3"}
    document = policy({}, limits=[of_coin])
    assert limit(document, facts(), debit(NOW, asset=COIN)) == ""
    assert limit(document, facts(fee=1), debit(NOW, asset=COIN)) == "limit.exceeded"
    assert limit(document, facts(fee=3)) == ""
    assert limit(document, facts(fee=1001)) == "limit.exceeded"
    assert limit(policy({}), facts(fee=1001)) == "fee.window_exceeded"
    assert limit(policy({}), facts(fee=1), debit(NOW, fee=1000)) == "fee.window_exceeded"
    assert limit(policy({}), facts(fee=1), debit(NOW, fee=1000, wallet="cool")) == ""


def test_limits_of_values_count_all_assets() -> None:
    document = policy({}, limits=[{"name": "v", **DAY, "max_value": "10"}], valuation=VALUATION)
    assert limit(document, facts()) == "valuation.missing"
    assert limit(document, facts(prices=PRICES), debit(NOW, value=9, asset=COIN)) == ""
    assert limit(document, facts(prices=PRICES), debit(NOW, value=5, fee_value=5, asset=COIN)) == "limit.exceeded"
    each = policy({}, limits=[{"name": "v", "seconds": 64, "per": "asset", "max_value": "10"}], valuation=VALUATION)
    assert limit(each, facts(prices=PRICES, fee=1), debit(NOW, value=10, asset=COIN)) == "limit.exceeded"
    assert limit(each, facts(prices=PRICES), debit(NOW, value=10, asset=COIN)) == ""


def test_ceilings_count_out_of_a_tier_and_into_another() -> None:
    tiers = {"hot": {"ceiling": {"seconds": 64, "out": "10", "in": "1"}},
             "cool": {"ceiling": {"seconds": 64, "out": None, "in": "5"}}}  # fmt: skip
    document = policy({}, tiers=tiers, valuation=VALUATION)
    to_cool = {"intent": {"to": COOL.account, "asset": TOKEN, "amount": "10"}}
    assert limit(document, facts(prices=PRICES), debit(NOW, value=9, wallet="hot-2")) == ""
    assert limit(document, facts(prices=PRICES), debit(NOW, value=10, wallet="hot-2")) == "ceiling.exceeded"
    assert limit(document, facts(prices=PRICES), debit(NOW, value=10, tier="cool")) == ""
    moving = facts(prices=PRICES, **to_cool)
    assert limit(document, moving, debit(NOW, value=4, into="cool", tier="w")) == ""
    assert limit(document, moving, debit(NOW, value=5, into="cool", tier="w")) == "ceiling.exceeded"
    within = {"intent": {"to": HOT.account, "asset": TOKEN, "amount": "100"}}
    assert limit(document, facts(prices=PRICES, **within)) == ""  # out of hot; not into it


def debit_for(document: dict[str, Any], case: Facts, book: Book) -> Debit:
    taken = decide(document, case, book.history).debit
    assert taken is not None
    return taken


def test_the_first_prices_value_what_was_authorized_before_and_later_ones_nothing() -> None:
    document, book = policy({}, valuation=VALUATION), Book()
    for fee in (0, 1):
        book.history.add(debit_for(document, facts(fee=fee), book))
    assert [(each.value, each.fee_value) for each in book.history.debits] == [(UNPRICED, 0), (UNPRICED, UNPRICED)]
    book.state(document, Prices({TOKEN: 5 * 10**9}, NOW), facts().own)
    assert [(each.value, each.fee_value) for each in book.history.debits] == [(1, 0), (1, UNPRICED)]
    book.state(document, PRICES, facts().own)
    assert [(each.value, each.fee_value) for each in book.history.debits] == [(1, 0), (1, UNPRICED)]


def test_a_dearer_payload_pays_the_difference_at_its_own_time() -> None:
    document, book = policy({}, valuation=VALUATION), Book()
    book.state(document, PRICES, facts().own)
    book.history.add(first := debit_for(document, facts(fee=2, prices=PRICES), book))
    assert first.fee_value == 6
    book.state(document, Prices({COIN: 9 * 10**9}, NOW), facts().own)
    book.pay_more(document, first, PRICES, NOW + 5, 3)
    assert book.history.debits[1:] == [replace(first, time=NOW + 5, amount=0, value=0, fee=3, fee_value=9)]


YES = decide(policy({}), facts(), History())
KEY = {"kind": "ed25519", "public": "aa" * 32}
OWN_MACHINE = {"kind": "webauthn", "public": "bb" * 33, "surface": "approver", "backup_eligible": False}
SYNCED = {**OWN_MACHINE, "public": "cc" * 33, "backup_eligible": True}


def key_of(credential: dict[str, Any]) -> str:
    return hashlib.sha256(f"{credential['kind']}:{credential['public']}".encode()).hexdigest()


def lack(
    said: dict[str, Any], terms: dict[str, Any], clock: int = NOW, screened: Sequence[Screened] = (), stopped: str = ""
) -> str:
    """What lacks once people have said yes by a credential at some time, and services have screened."""
    names = ("alice", "bob", "carol", "dave")
    document = policy({}, people={name: {"keys": [KEY, OWN_MACHINE, SYNCED]} for name in names})
    document["groups"] = {"desk": ["alice", "bob"], "risk": ["bob", "carol"], "board": ["bob", "carol", "dave"]}
    asked = replace(YES, obligations={**ALLOW, "delay": 0, **terms})
    approvals = [Approval(name, key_of(key), asked.digest, time) for name, (key, time) in said.items()]
    record = Record(NOW, approvals, screened, lambda name, key: stopped in (name, key))
    return lacking(document, facts(clock=clock), asked, record)


def needs(*groups: str) -> list[dict[str, Any]]:
    return [{"group": group, "threshold": groups.count(group)} for group in dict.fromkeys(groups)]


@pytest.mark.parametrize(
    ("people", "alternatives", "code"),
    [
        ((), [], ""),
        ((), [needs("desk")], "approvals.missing"),
        (("bob",), [needs("desk")], ""),
        (("alice",), [needs("desk")], "approvals.missing"),  # she proposed it
        (("bob",), [needs("desk", "risk")], "approvals.missing"),
        (("bob", "carol"), [needs("desk", "risk")], ""),
        (("carol", "dave"), [needs("desk", "risk")], "approvals.missing"),
        (("carol", "dave"), [needs("desk", "risk"), needs("board", "board")], ""),
        (("bob", "carol"), [needs("desk", "risk", "board")], "approvals.missing"),
        (("bob", "carol", "dave"), [needs("desk", "risk", "board")], ""),
        (("bob", "dave"), [needs("risk", "risk")], "approvals.missing"),
    ],
)
def test_people_are_matched_to_places_one_to_one(people: tuple[str, ...], alternatives: list[Any], code: str) -> None:
    assert lack(dict.fromkeys(people, (KEY, NOW)), {"approvals": alternatives}) == code


@pytest.mark.parametrize(
    ("key", "terms", "code"),
    [
        (KEY, {"surface": "approver"}, "approvals.missing"),
        (SYNCED, {"surface": "approver"}, ""),
        (SYNCED, {"surface": "approver", "device_bound": True}, "approvals.missing"),
        (KEY, {"device_bound": True}, "approvals.missing"),
        (OWN_MACHINE, {"surface": "approver", "device_bound": True}, ""),
        ({**KEY, "public": "dd" * 32}, {}, "approvals.missing"),
        (KEY, {"fee_ceiling": "-1"}, "fee.over_ceiling"),
    ],
)
def test_approvals_count_by_keys_that_the_rule_asks_for(key: dict[str, Any], terms: dict[str, Any], code: str) -> None:
    assert lack({"bob": (key, NOW)}, {"approvals": [needs("desk")], **terms}) == code
    assert lack({"bob": (key, NOW)}, {"approvals": [needs("desk")], **terms}, stopped="bob") != ""


def test_an_approval_of_other_terms_does_not_count() -> None:
    document = policy({}, people={"bob": {"keys": [KEY]}})
    for said, code in ((YES.digest, "delay.not_elapsed"), ("00" * 32, "approvals.missing")):
        record = Record(NOW, [Approval("bob", key_of(KEY), said, NOW)], (), lambda *_: False)
        assert lacking(document, facts(), YES, record) == code


def test_a_delay_begins_with_the_approval_that_was_lacking() -> None:
    terms = {"approvals": [needs("desk")], "delay": 60}
    assert lack({"bob": (KEY, NOW - 60_000)}, terms) == ""
    assert lack({"bob": (KEY, NOW - 59_999)}, terms) == "delay.not_elapsed"
    assert lack({"bob": (KEY, NOW - 60_000), "carol": (KEY, NOW)}, terms) == ""
    assert lack({"bob": (KEY, NOW - 60_000)}, terms, clock=NOW - 1) == "delay.not_elapsed"


def test_a_screening_is_fresh_clear_and_flagged_by_none() -> None:
    terms = {"approvals": [], "screening": {"services": ["a", "b"], "max_age": 10}}
    clear, flagged = Screened("a", "k", True, NOW - 10_000), Screened("b", "k", False, 0)
    assert lack({}, terms) == "screening.not_signed"
    assert lack({}, terms, screened=(clear,)) == ""
    assert lack({}, terms, screened=(clear,), stopped="a") == "screening.not_signed"
    assert lack({}, terms, screened=(replace(clear, time=NOW - 10_001),)) == "screening.not_signed"
    assert lack({}, terms, screened=(replace(clear, service="c"),)) == "screening.not_signed"
    assert lack({}, terms, screened=(clear, flagged)) == "screening.flagged"


def test_words_and_texts_have_one_spelling() -> None:
    assert arguments("f()", keccak256(b"f()")[:4]) == []
    for kind, text in (("bytes", "0x"), ("string", "é\n"), ("bytes2", "0x00ff"), ("uint8", "255")):
        assert spelled(kind, text), (kind, text)
    for kind, text in (("uint8", "256"), ("uint8", "07"), ("uint8", "+7"), ("bytes2", "0xff"), ("bytes", "0xf"),
                       ("address", "0x" + "A" * 40), ("bool", "1"), ("string", 7)):  # fmt: skip
        assert not spelled(kind, text), (kind, text)
    assert satisfied({"min": "1", "max": "2"}, "2", bool) and not satisfied({"min": "3"}, "2", bool)
