"""Stops: few people, at once; and what undoes them."""

from __future__ import annotations

import pytest

from strongroom.custody.permission import may_sign
from strongroom.custody.stops import DAY_MS, latched
from strongroom.errors import Denied, Refused
from tests.workspace import CHAIN, HOUR, PAYEE, WEI, Workspace

FREEZE = {"scope": "workspace", "target": "", "reason": "drill"}


@pytest.fixture
def home() -> Workspace:
    return Workspace().ready()


def freeze(home: Workspace, *people: str, **changes: str) -> str:
    entry = home.stopped("workspace.frozen", "workspace.freeze", {**FREEZE, **changes}, people)
    return next(iter(name for name in home.state.freezes if home.state.freezes[name].time == entry.time))


@pytest.mark.parametrize(
    ("scope", "target"), [("workspace", ""), ("tier", "hot"), ("wallet", "hot-eth"), ("person", "exchange")]
)
def test_a_freeze_stops_what_it_covers(home: Workspace, scope: str, target: str) -> None:
    name = home.propose()
    freeze(home, "bob", scope=scope, target=target)
    with pytest.raises(Refused, match=r"workspace\.frozen"):
        home.authorize(name)


def test_a_freeze_of_something_else_stops_nothing(home: Workspace) -> None:
    name = home.propose()
    freeze(home, "bob", scope="wallet", target="warm-eth")
    home.authorize(name)


def test_a_freeze_stops_a_signature_that_was_authorized_before(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    digest = home.state.transfers[name].payloads[0].digest
    assert may_sign(home.state, name, digest, home.time)
    freeze(home, "bob")
    with pytest.raises(Refused, match=r"workspace\.frozen"):
        may_sign(home.state, name, digest, home.time)


def test_a_latched_freeze_binds_before_it_is_logged(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    stop = home.statement("bob", "workspace.freeze", FREEZE, bare=True)
    held, _ = latched(home.state, [stop], home.time)
    with pytest.raises(Refused, match=r"workspace\.frozen"):
        may_sign(held, name, home.state.transfers[name].payloads[0].digest, home.time)


def test_one_person_freezes_for_a_day_once_a_week_and_two_without_end(home: Workspace) -> None:
    freeze(home, "bob")
    with pytest.raises(Refused, match=r"freeze\.weekly"):
        freeze(home, "bob", reason="again")
    home.time += DAY_MS + 1
    name = home.propose()
    home.authorize(name)
    freeze(home, "bob", "carol", reason="for good")
    home.time += 30 * DAY_MS
    with pytest.raises(Denied, match=r"workspace\.frozen"):
        home.propose()


def test_i18_a_fast_own_clock_does_not_end_a_freeze() -> None:
    home = Workspace()
    home.policy["rules"][0]["allow"]["expiry"] = 10 * 86400
    home.ready()
    name = home.propose(until=home.time + 9 * DAY_MS)
    home.authorize(name)
    freeze(home, "bob")
    with pytest.raises(Refused, match=r"workspace\.frozen"):
        may_sign(home.state, name, home.state.transfers[name].payloads[0].digest, home.time + 2 * DAY_MS)


def test_a_freeze_takes_members_of_the_freeze_group_and_its_end_the_administrators(home: Workspace) -> None:
    with pytest.raises(Refused, match=r"authority\.threshold"):
        freeze(home, "exchange")
    name = home.propose()
    body = {"freeze": freeze(home, "bob")}
    with pytest.raises(Refused, match=r"authority\.threshold"):
        home.granted("workspace.unfrozen", "workspace.unfreeze", body, ["bob"])
    home.granted("workspace.unfrozen", "workspace.unfreeze", body, ["alice", "bob"])
    home.authorize(name)


def test_a_stop_counts_once(home: Workspace) -> None:
    stop = home.statement("bob", "workspace.freeze", FREEZE, bare=True)
    home.add("workspace.frozen", FREEZE, [stop])
    home.granted(
        "workspace.unfrozen", "workspace.unfreeze", {"freeze": next(iter(home.state.freezes))}, ["alice", "bob"]
    )
    home.time += 8 * DAY_MS
    with pytest.raises(Refused, match=r"statement\.already_counted"):
        home.add("workspace.frozen", FREEZE, [stop])


def test_a_stop_whose_body_differs_from_what_was_signed_is_refused(home: Workspace) -> None:
    stop = home.statement("bob", "workspace.freeze", FREEZE, bare=True)
    with pytest.raises(Refused, match=r"statement\.other_subject"):
        home.add("workspace.frozen", {**FREEZE, "reason": "other"}, [stop])


def test_a_closed_wallet_and_a_delisted_address_are_gone_at_once(home: Workspace) -> None:
    account = "eip155:31337:0x" + "ab" * 20
    row = {"account": account, "group": "vendors"}
    home.granted("address.listed", "address.list", {**row, "label": "v"}, ["bob"])
    home.stopped("address.delisted", "address.delist", row, ["alice"])
    assert not home.state.addresses
    name = home.propose()
    with pytest.raises(Refused, match=r"authority\.threshold"):
        home.stopped("wallet.closed", "wallet.close", {"wallet": "hot-eth"}, ["exchange"])
    home.stopped("wallet.closed", "wallet.close", {"wallet": "hot-eth"}, ["carol"])
    with pytest.raises(Refused, match=r"wallet\.closed"):
        home.authorize(name)


def test_only_its_initiator_cancels(home: Workspace) -> None:
    name = home.propose()
    with pytest.raises(Refused, match=r"authority\.not_the_initiator"):
        home.stopped("transfer.cancelled", "transfer.cancel", {"transfer": name}, ["alice"])


def test_i7_what_the_coordinator_notes_takes_no_stop_away(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    body = {"transfer": name, "txid": "0x" + "00" * 32, "block": 1, "result": "ok"}
    home.add("transfer.completed", body, [home.statement("coordinator", "transfer.observe", body)])
    home.stopped("transfer.cancelled", "transfer.cancel", {"transfer": name}, ["exchange"])
    with pytest.raises(Refused, match=r"intent\.closed"):
        may_sign(home.state, name, home.state.transfers[name].payloads[0].digest, home.time)


def test_a_delisted_address_does_not_come_back_by_its_old_statement(home: Workspace) -> None:
    row = {"account": "eip155:31337:0x" + "ab" * 20, "group": "vendors"}
    listing = {**row, "label": "v"}
    evidence = [home.statement("bob", "address.list", listing)]
    home.add("address.listed", listing, evidence)
    home.stopped("address.delisted", "address.delist", row, ["alice"])
    with pytest.raises(Refused, match=r"statement\.already_counted"):
        home.add("address.listed", listing, evidence)


def test_a_spare_statement_does_not_list_a_delisted_address_again(home: Workspace) -> None:
    row = {"account": "eip155:31337:0x" + "ab" * 20, "group": "vendors"}
    listing = {**row, "label": "v"}
    first, spare = (home.statement(person, "address.list", listing) for person in ("bob", "carol"))
    home.add("address.listed", listing, [first])
    home.stopped("address.delisted", "address.delist", row, ["alice"])
    with pytest.raises(Refused, match=r"statement\.before_stop"):
        home.add("address.listed", listing, [spare])
    home.granted("address.listed", "address.list", listing, ["carol"])


def test_a_freeze_by_two_that_is_logged_one_by_one_does_not_end(home: Workspace) -> None:
    both = [home.statement(person, "workspace.freeze", FREEZE, bare=True) for person in ("bob", "carol")]
    for stop in both:
        home.add("workspace.frozen", FREEZE, [stop])
    home.time += 2 * DAY_MS
    with pytest.raises(Denied, match=r"workspace\.frozen"):
        home.propose()


def test_whoever_froze_this_week_still_counts_beside_another(home: Workspace) -> None:
    freeze(home, "bob")
    home.time += DAY_MS + 1
    home.propose()
    for person in ("carol", "bob"):
        freeze(home, person, reason="again")
    with pytest.raises(Refused, match=r"freeze\.in_force"):
        freeze(home, "bob", reason="and again")
    home.time += 2 * DAY_MS
    with pytest.raises(Denied, match=r"workspace\.frozen"):
        home.propose()


def test_a_rejection_counts_also_while_a_full_window_denies_the_transfer() -> None:
    home = Workspace()
    for member in ("dave", "erin"):
        home.keys[member] = home.keys["exchange"].generate()
        home.policy["people"][member] = {"role": "person", "keys": [home.keys[member].credential.to_doc()]}
    home.policy["groups"]["desk"] = ["alice", "dave", "erin"]
    rule = home.policy["rules"][2]
    rule["when"]["over_time"] = [{"seconds": 86400, "per": "asset", "max": str(10 * WEI)}]
    rule["allow"]["approvals"] = [[{"group": "desk", "threshold": 1}]]
    home.ready()
    name = home.propose(by="bob", amount=str(10 * WEI), until=home.time + HOUR * 23)
    home.authorize(home.propose())
    home.stopped("transfer.rejected", "transfer.reject", {"transfer": name}, ["dave"])
    assert home.state.transfers[name].closed


def test_a_closed_wallet_is_no_own_wallet_to_pay_to() -> None:
    home = Workspace()
    to_own = {"when": {"destination": {"own_wallets": True}}, "name": "own", "allow": home.policy["rules"][0]["allow"]}
    home.policy["rules"] = [to_own]
    home.ready()
    home.open("second", path=(1,))
    second = f"{CHAIN}:{home.state.wallets['second'].address}"
    name = home.propose(to=second)
    home.authorize(name)
    home.stopped("wallet.closed", "wallet.close", {"wallet": "second"}, ["carol"])
    with pytest.raises(Refused, match=r"policy\.no_rule"):
        may_sign(home.state, name, home.state.transfers[name].payloads[0].digest, home.time)
    with pytest.raises(Denied, match=r"policy\.no_rule"):
        home.propose(to=second)


def test_a_stop_that_changes_nothing_is_refused(home: Workspace) -> None:
    for kind, statement, body in (
        ("person.suspended", "person.suspend", {"person": "carol"}),
        ("key.revoked", "key.revoke", {"key": home.keys["exchange"].key_id}),
        ("wallet.closed", "wallet.close", {"wallet": "hot-eth"}),
    ):
        home.stopped(kind, statement, body, ["alice"])
        home.time += 1
        with pytest.raises(Refused, match=r"unknown"):
            home.add(kind, body, [home.statement("alice", statement, body)])


def test_a_pair_is_barred_in_the_keys_own_epoch_only(home: Workspace) -> None:
    body = {"key": "hot-ecdsa", "epoch": 7, "accuser": "signer-1", "peer": "signer-2", "session": "s", "reason": "r"}
    with pytest.raises(Refused, match=r"signer\.barred"):
        home.stopped("signer.barred", "signer.bar", body, ["signer-1"])


def test_one_administrator_cannot_lock_out_the_others(home: Workspace) -> None:
    for person in ("bob", "carol"):
        home.stopped("person.suspended", "person.suspend", {"person": person}, ["alice"])
        with pytest.raises(Refused, match=r"credential\.administrators"):
            home.stopped("key.revoked", "key.revoke", {"key": home.keys[person].key_id}, ["alice"])
    body = {"person": "bob"}
    with pytest.raises(Refused, match=r"authority\.threshold"):
        home.granted("person.reinstated", "person.reinstate", body, ["bob"])
    spare = [home.statement(person, "person.reinstate", body) for person in ("alice", "carol")]
    home.time += 1  # so that the statements that count are others than the spare ones
    home.granted("person.reinstated", "person.reinstate", body, ["bob", "carol"])
    assert home.state.suspended == {"carol"}
    home.add("person.suspended", body, [home.statement("alice", "person.suspend", body)])  # another hash than before
    with pytest.raises(Refused, match=r"statement\.before_stop"):
        home.add("person.reinstated", body, spare)


def test_what_the_coordinator_authors_carries_no_statement(home: Workspace) -> None:
    name = home.propose()
    entry = {"transfer": name, "payload": home.payload(name).hex()}
    with pytest.raises(Refused, match=r"evidence\.count"):
        home.add("transfer.authorized", entry, [home.statement("bob", "workspace.freeze", FREEZE, bare=True)])


def test_i1_a_stop_s_statement_is_of_its_kind_and_workspace_too(home: Workspace) -> None:
    another_kind = home.statement("alice", "wallet.close", FREEZE, bare=True)
    another_log = home.statement("alice", "workspace.freeze", FREEZE, bare=True, workspace="ab" * 32)
    for statement, code in ((another_kind, "statement.wrong_kind"), (another_log, "statement.other_workspace")):
        with pytest.raises(Refused, match=code):
            home.add("workspace.frozen", FREEZE, [statement])


@pytest.mark.parametrize("subject", [{"scope": "everything", "target": ""}, {"scope": "workspace", "target": "hot-eth"},
                                     {"scope": "wallet", "target": ""}])  # fmt: skip
def test_a_freeze_is_of_one_thing(home: Workspace, subject: dict[str, str]) -> None:
    with pytest.raises(Refused, match=r"freeze\.scope"):
        home.stopped("workspace.frozen", "workspace.freeze", {**subject, "reason": ""}, ["alice"])


def test_what_is_closed_is_not_closed_again(home: Workspace) -> None:
    name = home.propose()
    home.stopped("transfer.cancelled", "transfer.cancel", {"transfer": name}, ["exchange"])
    home.time += 1
    with pytest.raises(Refused, match=r"intent\.closed"):
        home.stopped("transfer.rejected", "transfer.reject", {"transfer": name}, ["alice"])


def test_a_stop_or_its_end_names_something_that_is_there(home: Workspace) -> None:
    for kind, statement, body, code in (
        ("address.delisted", "address.delist", {"account": PAYEE, "group": "vendors"}, r"address\.unknown"),
        ("policy.withdrawn", "policy.withdraw", {"version": 2}, r"policy\.no_proposal"),
    ):
        with pytest.raises(Refused, match=code):
            home.stopped(kind, statement, body, ["alice", "bob"])
    for kind, statement, body, code in (
        ("person.reinstated", "person.reinstate", {"person": "exchange"}, r"person\.unknown"),
        ("workspace.unfrozen", "workspace.unfreeze", {"freeze": "ab" * 32}, r"freeze\.unknown"),
    ):
        with pytest.raises(Refused, match=code):
            home.granted(kind, statement, body, ["alice", "bob"])


def test_a_stop_carries_statements_which_agree(home: Workspace) -> None:
    body = {"scope": "workspace", "target": "", "reason": "one"}
    with pytest.raises(Refused, match=r"evidence\.count"):
        home.add("workspace.frozen", body)
    other = home.statement("bob", "workspace.freeze", {**body, "reason": "another"}, bare=True)
    with pytest.raises(Refused, match=r"statement\.other_subject"):
        home.add("workspace.frozen", body, [home.statement("alice", "workspace.freeze", body, bare=True), other])
