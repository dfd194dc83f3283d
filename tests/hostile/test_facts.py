"""What a coordinator might claim that others have said: where a person signed, what assets are worth, who is clear."""

from __future__ import annotations

from typing import Any

from strongroom.custody.decision import verdict
from strongroom.custody.moment import Moment
from strongroom.custody.state import TransferId
from strongroom.documents.statement import statement_hash
from strongroom.policy.evaluate import Allowed
from tests.hostile.replicas import Replicas
from tests.passkeys import SoftPasskey
from tests.workspace import ETH, TOKEN, WEI, Workspace


def besieged(**terms: Any) -> Replicas:
    """Four replicas of a workspace of fold rules 2: bob has a passkey of his own machine, larger ETH has terms."""
    home = Workspace()
    home.policy = home.second_fold()
    home.keys["bob's machine"] = key = SoftPasskey("http://localhost:8425", surface="approver", seed="bob")  # type: ignore[assignment]
    home.policy["people"]["bob"]["keys"].append(key.credential.to_doc())
    home.policy["rules"][2]["allow"] |= terms
    return Replicas(home.create())


def larger(replicas: Replicas) -> tuple[TransferId, str]:
    """A transfer of alice's that waits for approvals, and the digest of what it owes."""
    home = replicas.home
    replicas.add(home.state_prices)
    name = replicas.add(home.propose, by="alice", amount=str(5 * WEI))
    answer = verdict(home.state, home.state.transfers[name], Moment.at(home.time))
    assert isinstance(answer, Allowed)
    return name, answer.obligations.digest


def test_attack_6_an_approval_from_the_console_is_none_of_the_own_machine() -> None:
    replicas = besieged(surface="approver")
    name, owed = larger(replicas)
    home, body = replicas.home, {"transfer": name}
    taken = home.statement("bob", "transfer.approve", body, obligations=owed)
    wrong = "approval.surface_is_the_credentials"
    assert replicas.refused("transfer.approved", body, [taken]) == wrong
    claimed = {**body, "surface": "approver"}
    assert replicas.refused("transfer.approved", claimed, [taken]) == wrong
    signed = home.statement("bob", "transfer.approve", claimed, obligations=owed)
    assert replicas.refused("transfer.approved", claimed, [signed]) == wrong
    assert replicas.refused("transfer.approved", body, [signed]) == "statement.other_subject"
    home.keys["bob"] = home.keys["bob's machine"]
    replicas.add(home.approve, name, "bob", owed)


def test_attack_26_what_nobody_priced_lately_is_not_worth_nothing() -> None:
    replicas = besieged()
    home = replicas.home

    def proposal() -> str:
        home.time = replicas.now
        envelope = home.statement("exchange", "transfer.propose", home.intent(asset=TOKEN, amount="5"))
        return replicas.refused("transfer.proposed", {"transfer": statement_hash(envelope)}, [envelope])

    assert proposal() == "valuation.missing"
    made_up = {"prices": {ETH: "1", TOKEN: "1"}, "observed": home.time}
    own = [home.statement("coordinator", "valuation.state", made_up)]
    assert replicas.refused("valuation.stated", made_up, own) == "authority.threshold"
    one = [home.statement("oracle-1", "valuation.state", made_up)]
    assert replicas.refused("valuation.stated", made_up, one) == "authority.threshold"
    replicas.add(home.state_prices, ETH="200000000000000")
    assert proposal() == "valuation.missing"
    replicas.tick(1)
    home.time = replicas.now
    kept = {"prices": {ETH: "1", TOKEN: "1"}, "observed": home.time}
    old = [home.statement(name, "valuation.state", kept) for name in ("oracle-1", "oracle-2")]
    replicas.tick(1)
    replicas.add(home.state_prices)
    assert replicas.refused("valuation.stated", kept, old) == "valuation.not_newer"
    name = replicas.add(home.propose, asset=TOKEN, amount="5", until=home.time + 80_000_000)
    replicas.tick(3_600_001)
    assert proposal() == "valuation.stale"
    raw = home.payload(name).hex()
    assert replicas.refused("transfer.authorized", {"transfer": name, "payload": raw}) == "valuation.stale"


def test_attack_29_a_screening_is_what_an_enrolled_service_has_signed_about_this_intent() -> None:
    replicas = besieged()
    home = replicas.home
    replicas.add(home.state_prices)
    name = replicas.add(home.propose, by="alice", asset=TOKEN, amount="5000000")
    other = replicas.add(home.propose, by="alice", asset=TOKEN, amount="5000001", idempotency="other")
    raw = home.payload(name).hex()
    assert replicas.refused("transfer.authorized", {"transfer": name, "payload": raw}) == "screening.not_signed"
    body = {"transfer": name, "result": "clear", "reference": "made up"}
    assert replicas.refused("transfer.screened", body) == "screening.not_signed"
    for forger in ("coordinator", "oracle-1", "exchange"):
        forged = home.statement(forger, "transfer.screen", body)
        assert replicas.refused("transfer.screened", body, [forged]) == "screening.not_signed"
    of_another = home.statement("screener", "transfer.screen", {**body, "transfer": other})
    assert replicas.refused("transfer.screened", body, [of_another]) == "screening.other_intent"
    flagged = {**body, "result": "flagged"}
    word = home.statement("screener", "transfer.screen", flagged)
    assert replicas.refused("transfer.screened", body, [word]) == "screening.other_intent"
    kept = home.statement("screener", "transfer.screen", body)
    replicas.add(home.add, "transfer.screened", flagged, [word])
    assert replicas.refused("transfer.screened", body, [kept]) == "statement.before_stop"
    assert replicas.refused("transfer.authorized", {"transfer": name, "payload": raw}) == "screening.flagged"
