"""What a coordinator might write into the log: statements passed off, intents twice, money, other hours or pasts."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.custody.decision import verdict
from strongroom.custody.moment import Moment
from strongroom.custody.state import TransferId
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import statement_hash
from strongroom.errors import StrongroomError
from strongroom.log.accept import sign_accept
from strongroom.policy.evaluate import Allowed
from tests.hostile.replicas import Replicas
from tests.unit.signer.fleet import SIGNERS, Fleet, accepts_in, codes, listed
from tests.workspace import NODES, OTHER, START, WEI, Workspace, seeded


@pytest.fixture
def replicas() -> Replicas:
    return Replicas()


def owing(replicas: Replicas) -> tuple[TransferId, str]:
    """A transfer that waits for two of the treasury, and the digest of what it owes."""
    name = replicas.add(replicas.home.propose, by="alice", amount=str(5 * WEI))
    return name, obligations(replicas.home, name)


def obligations(home: Workspace, name: TransferId) -> str:
    answer = verdict(home.state, home.state.transfers[name], Moment.at(home.time))
    assert isinstance(answer, Allowed)
    return answer.obligations.digest


# -- statements and people


def test_attack_1_a_proposal_is_no_approval(replicas: Replicas) -> None:
    name, _ = owing(replicas)
    proposal = replicas.home.entries[-1].evidence[0]
    assert replicas.refused("transfer.approved", {"transfer": name}, [proposal]) == "statement.wrong_kind"


def test_attack_2_a_rejection_is_no_approval(replicas: Replicas) -> None:
    name, owed_now = owing(replicas)
    rejection = replicas.home.statement("bob", "transfer.reject", {"transfer": name}, obligations=owed_now)
    assert replicas.refused("transfer.approved", {"transfer": name}, [rejection]) == "statement.wrong_kind"


def test_attack_3_an_approval_from_the_staging_workspace_counts_for_nothing(replicas: Replicas) -> None:
    name, owed_now = owing(replicas)
    staging = Workspace(start=START - 1).create()
    assert staging.state.workspace != replicas.id and staging.keys["bob"].key_id == replicas.home.keys["bob"].key_id
    approval = staging.statement("bob", "transfer.approve", {"transfer": name}, obligations=owed_now)
    assert replicas.refused("transfer.approved", {"transfer": name}, [approval]) == "statement.other_workspace"


def test_attack_5_one_person_with_two_keys_counts_once() -> None:
    home = Workspace()
    home.keys["second"] = seeded("bob's second key")
    home.policy["people"]["bob"]["keys"].append(home.keys["second"].credential.to_doc())
    replicas = Replicas(home.create())
    name, owed_now = owing(replicas)
    replicas.add(home.approve, name, "bob", owed_now)
    first, home.keys["bob"] = home.keys["bob"], home.keys["second"]
    second = home.statement("bob", "transfer.approve", {"transfer": name}, obligations=owed_now)
    assert home.keys["bob"].key_id != first.key_id
    code = replicas.refused("transfer.approved", {"transfer": name}, [second])
    assert code == "approval.person_already_counted"
    raw = home.payload(name).hex()
    assert replicas.refused("transfer.authorized", {"transfer": name, "payload": raw}) == "approvals.missing"


# -- intents, payloads, money


def authorized(name: str, raw: bytes) -> dict[str, Any]:
    return {"transfer": name, "payload": raw.hex()}


def test_attack_11_an_intent_is_authorized_once(replicas: Replicas) -> None:
    name, _ = replicas.transfer()
    for nonce in (0, 1):
        raw = replicas.home.payload(name, nonce=nonce, max_fee=4 * 10**9)
        assert replicas.refused("transfer.authorized", authorized(name, raw)) == "intent.already_anchored"


def test_attack_13_a_reported_failure_opens_nothing_again_and_refunds_nothing(replicas: Replicas) -> None:
    home = replicas.home
    name, _ = replicas.transfer()
    used = home.state.windows
    body = {"transfer": name, "txid": "0x" + "00" * 32, "block": 1, "result": "failed"}
    replicas.add(home.add, "transfer.failed", body, [home.statement("coordinator", "transfer.observe", body)])
    raw = home.payload(name, nonce=1)
    assert replicas.refused("transfer.authorized", authorized(name, raw)) == "intent.closed"
    assert home.state.windows == used


def test_attack_14_two_intents_never_share_a_nonce(replicas: Replicas) -> None:
    replicas.transfer()
    second = replicas.add(replicas.home.propose, amount="7")
    raw = replicas.home.payload(second, nonce=0)
    assert replicas.refused("transfer.authorized", authorized(second, raw)) == "anchor.in_use"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": OTHER.rsplit(":", 1)[1]}, "payload.recipients_differ"),
        ({"value": WEI}, "payload.amount_differs"),
        ({"max_fee": 10**13}, "fee.over_ceiling"),
    ],
)
def test_attack_15_a_replacement_pays_the_same_within_the_ceiling(
    replicas: Replicas, changes: dict[str, Any], code: str
) -> None:
    name, _ = replicas.transfer()
    raw = replicas.home.payload(name, **{"max_fee": 4 * 10**9, **changes})
    assert replicas.refused("transfer.replaced", authorized(name, raw)) == code


def test_attack_19_a_thousand_small_transfers_feed_a_miner_no_more_than_the_fee_window(replicas: Replicas) -> None:
    home, dearest = replicas.home, 10**16 // 21_000
    home.time, size = replicas.now, len(home.entries)
    for _ in range(100):
        home.authorize(home.propose(amount="1"), max_fee=dearest)
    last = home.propose(amount="1")
    replicas.sequence(since=size)
    raw = home.payload(last, max_fee=dearest)
    assert replicas.refused("transfer.authorized", authorized(last, raw)) == "fee.window_exceeded"


APPROVE, PERMIT_ALL = bytes.fromhex("095ea7b3"), bytes.fromhex("a22cb465")
UNLIMITED = bytes(12) + b"\x66" * 20 + b"\xff" * 32


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (lambda home, name: home.payload(name, data=APPROVE + UNLIMITED, gas=80_000), "payload.data_differs"),
        (lambda home, name: home.payload(name, data=PERMIT_ALL + UNLIMITED, gas=80_000), "payload.data_differs"),
        (lambda home, name: b"\x04" + home.payload(name)[1:], "payload.tx_type"),
        (lambda home, name: b"\x01" + home.payload(name)[1:], "payload.tx_type"),
        (lambda home, name: b"\x66" * 32, "payload.raw_digest"),
    ],
    ids=["approve", "approval for all", "EIP-7702", "EIP-2930", "a bare digest"],
)
def test_attack_22_nothing_but_the_intents_own_call_is_authorized(replicas: Replicas, payload: Any, code: str) -> None:
    name = replicas.add(replicas.home.propose)
    raw = payload(replicas.home, name)
    assert replicas.refused("transfer.authorized", authorized(name, raw)) == code


@pytest.mark.parametrize("amount", ["1_000", "+5", "007", " 12\n", "\u0661\u0662\u0663", "9" * 4301, "-1", "1e3", ""])
def test_attack_24_an_amount_has_one_spelling(replicas: Replicas, amount: str) -> None:
    envelope = replicas.home.statement("exchange", "transfer.propose", replicas.home.intent(amount=amount))
    assert replicas.refused("transfer.proposed", {"transfer": statement_hash(envelope)}, [envelope]) == "amount.syntax"


# -- log, time, order


def test_attack_30_a_coordinator_from_last_week_s_backup_is_refused_by_every_witness(replicas: Replicas) -> None:
    old, since = replicas.home.clone(), len(replicas.home.entries)
    replicas.transfer()
    old.time = replicas.now
    listed(old, "cc")
    with replicas.unharmed():
        assert codes(replicas.append(since=since, entries=old.entries[since:])) == ["checkpoint.not_extending"] * 4


@pytest.mark.parametrize(
    ("leaves", "accepting"),
    [("", SIGNERS), ("signer-3", ("signer-1", "guardian-1", "signer-4")), ("signer-3", ("signer-1", "signer-2"))],
    ids=["old only", "new only", "neither"],
)
def test_attack_32_the_witnesses_change_by_both_quorums_only(
    replicas: Replicas, leaves: str, accepting: tuple[str, ...]
) -> None:
    document = replicas.home.next_policy(joins="signer-4", leaves=leaves)
    evidence = replicas.home.change_evidence(document, "signer-4", accepting=accepting)
    assert replicas.refused("signer.enrolled", {"policy": document}, evidence) == "witnesses.joint_quorum_missing"


def frozen(home: Workspace) -> Envelope:
    subject = {"scope": "workspace", "target": "", "reason": "an attack"}
    return home.statement("carol", "workspace.freeze", subject, bare=True)


def test_attack_33_a_withheld_freeze_stops_signatures_at_once_and_the_log_after_a_minute(replicas: Replicas) -> None:
    name, digest = replicas.transfer()
    replicas.tell("signer-1", "stop", envelope=frozen(replicas.home).to_doc())
    with replicas.unharmed():
        assert "workspace.frozen" in codes(replicas.sign(name, digest, nonce="dd" * 32))
    replicas.tick(61_000)
    replicas.home.time, since = replicas.now, len(replicas.home.entries)
    listed(replicas.home, "aa")
    accepts = accepts_in(replicas.append(since=since))
    with replicas.unharmed():
        assert codes(replicas.cosign(accepts, ["signer-1"])) == ["stop.pending"]


def test_attack_34_an_old_head_signs_nothing(replicas: Replicas) -> None:
    name, digest = replicas.transfer()
    replicas.now += 31_000
    with replicas.unharmed():
        assert set(codes(replicas.sign(name, digest, nonce="dd" * 32))) == {"checkpoint.stale"}


def test_attack_34_a_freeze_sequenced_after_the_authorization_stops_the_signature(replicas: Replicas) -> None:
    name, digest = replicas.transfer()
    envelope = frozen(replicas.home)
    subject = {"scope": "workspace", "target": "", "reason": "an attack"}
    replicas.add(replicas.home.add, "workspace.frozen", subject, [envelope])
    with replicas.unharmed():
        assert set(codes(replicas.sign(name, digest, nonce="dd" * 32))) == {"workspace.frozen"}


@pytest.mark.parametrize("hours", [-2, 2])
def test_attack_35_entries_of_another_hour_are_refused_by_every_witness(replicas: Replicas, hours: int) -> None:
    since = len(replicas.home.entries)
    dated = replicas.home.clone()
    dated.time = replicas.now + max(hours, 0) * 3_600_000
    if hours < 0:
        replicas.now += 2 * 3_600_000
    listed(dated, "aa")
    with replicas.unharmed():
        found = codes(replicas.append(since=since, entries=dated.entries[since:]))
    assert found == ["time.outside_skew"] * len(NODES)


def test_attack_35_a_delay_needs_log_time_and_the_own_clock() -> None:
    """The log says that ten minutes have passed; the machine of one signer says so too, that of the other does not."""
    home = Workspace()
    for rule in home.policy["rules"]:
        if "allow" in rule:
            rule["allow"] = {**rule["allow"], "delay": 100}
    replicas = Replicas(home.create())
    name = replicas.add(home.propose)
    raw = home.payload(name)
    assert replicas.refused("transfer.authorized", authorized(name, raw)) == "delay.not_elapsed"
    replicas.now += 101_000
    replicas.add(home.authorize, name)
    replicas.skew["signer-2"] = -60_000
    with replicas.unharmed():
        frames = replicas.sign(name, home.state.transfers[name].payloads[0].digest, nonce="dd" * 32)
    assert [(frame.sender, frame.head["code"]) for frame in frames if frame.kind == "refused"] == [
        ("signer-2", "delay.not_elapsed")
    ]


# -- signers


def test_attack_37_a_restored_disk_cosigns_no_other_branch(replicas: Replicas) -> None:
    older = replicas.disks["signer-1"].serialize()
    replicas.transfer()
    since = len(replicas.home.entries)
    replicas.drop = lambda frame: frame.kind == "answer"
    replicas.restore("signer-1", older)
    other = replicas.home.clone()
    with replicas.unharmed(but=["signer-1"]):
        replicas.append(["signer-1"], since=0, entries=other.entries)
        accepts = [
            sign_accept(replicas.id, name, since, other.state.root, 0, other.keys[name]) for name in NODES
        ]
        assert codes(replicas.cosign(accepts, ["signer-1"])) in (["rejoin.heads_missing"], ["share.restored"])


def test_attack_37_a_clone_beside_the_original_silences_both(replicas: Replicas) -> None:
    name, digest = replicas.transfer()
    original = replicas.nodes["signer-1"]
    replicas.restore("signer-1", replicas.disks["signer-1"].serialize())
    starts = replicas.tick(5000)
    with replicas.unharmed():
        assert codes(replicas.sign(name, digest, to=["signer-1"])) == ["session.boot_superseded"], "not yet logged"
    replicas.log_starts(starts)
    replicas.nodes["signer-1"] = original
    with replicas.unharmed():
        frames = replicas.sign(name, digest, nonce="dd" * 32)
        assert not [frame for frame in frames if frame.kind == "signed"], "its peer serves the newest boot only"
        newest = replicas.append("signer-1", since=len(replicas.home.entries) - 1, note=replicas.note)
        assert codes(newest) == ["share.restored"]


def test_attack_38_the_coordinator_enrols_no_signer_of_its_own(replicas: Replicas) -> None:
    home = replicas.home
    document = home.next_policy(joins="signer-4")
    evidence = home.change_evidence(document, "signer-4", people=("alice",), accepting=NODES)
    code = replicas.refused("signer.enrolled", {"policy": document}, evidence)
    assert code == "enrolment.not_by_administrators"
    body = {"key": "hot-ecdsa", "epoch": 1}
    assert replicas.refused("key.reshared", body) == "entry.unknown_kind"


def test_attack_38_a_man_in_the_middle_at_first_contact_shows_another_workspace() -> None:
    fleet = Fleet()
    false = Workspace(start=START + 1).create()
    assert codes(fleet.append(entries=false.entries)) == ["workspace.not_created_here"] * len(NODES)
    assert {fleet.digest(name)[0] for name in NODES} == {0}


# -- attack 44: tails, repairs and changes


def test_attack_44_a_shorter_cosigned_head_makes_nobody_drop_a_tail(replicas: Replicas) -> None:
    replicas.home.time, since = replicas.now, len(replicas.home.entries)
    left, right = replicas.home.clone(), replicas.home.clone()
    listed(left, "aa")
    listed(right, "bb")
    assert accepts_in(replicas.append(since=since, entries=left.entries[since:]))
    with replicas.unharmed():
        assert not codes(replicas.tell(NODES, "checkpoint", note=replicas.note))
        found = codes(replicas.append(since=since, entries=right.entries[since:], note=replicas.note))
    assert found == ["checkpoint.not_extending"] * len(NODES)


def test_attack_44_statements_made_for_one_repair_serve_no_other(replicas: Replicas) -> None:
    home = replicas.home
    evidence = [home.statement(person, "log.repair", {"number": 2}) for person in ("alice", "bob")]
    evidence += [home.shown(node, 2, home.accepts()) for node in NODES[:2]]
    stale = home.shown("signer-3", 1, home.accepts())
    body = {"number": 2, "base": {"size": home.state.size, "root": home.state.root.hex()}}
    assert replicas.refused("log.repaired", body, [*evidence, stale]) == "repair.stale_statement"


def test_attack_44_a_retired_and_a_bad_witness_complete_no_old_branch(replicas: Replicas) -> None:
    replicas.home.time, since = replicas.now, len(replicas.home.entries)
    home, old, stay = replicas.home, replicas.home.clone(), ("signer-1", "signer-2", "guardian-1")
    listed(old, "cc")
    home.change("signer-4", "signer-3", stay)
    replicas.sequence(stay, since=since)
    home.add("witnesses.changed", {"note": replicas.note})
    forged = [
        sign_accept(replicas.id, name, old.state.size, old.state.root, 0, home.keys[name])
        for name in ("signer-3", "signer-2")
    ]
    with replicas.unharmed():
        for shown in ({"accepts": forged}, {"note": old.note(("signer-3", "signer-2", "guardian-1"))}):
            found = codes(replicas.append(stay, since=since, entries=old.entries[since:], **shown))
            assert found == ["checkpoint.not_extending"] * len(stay)
    document = home.next_policy(joins="signer-5", leaves="guardian-1")
    evidence = home.change_evidence(document, "signer-5", accepting=("signer-2", "signer-5"))
    home.time = replicas.now
    replicas.sequence(stay, since=len(home.entries) - 1)
    with pytest.raises(StrongroomError, match=r"witnesses\.joint_quorum_missing"):
        home.add("signer.enrolled", {"policy": document}, evidence)
