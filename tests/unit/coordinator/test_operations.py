"""Calls and messages on their way through the coordinator: a call to the chain, a message to its signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from strongroom.chains.evm.transaction import decode
from strongroom.coordinator.stages import sign
from strongroom.custody.state import Phase
from strongroom.errors import Refused, StrongroomError
from tests.operations import DEPOSIT, FIVE, ROUTER, approve, call, letter, with_operations
from tests.unit.coordinator.doubles import Coordinator
from tests.unit.coordinator.test_transfer import ended, propose, ready, transfer
from tests.workspace import TOKEN_CONTRACT, WEI, Workspace


@pytest.fixture
async def coordinator(tmp_path: Path) -> Any:
    """Not started yet; its policy allows some calls and messages."""
    made = Coordinator(tmp_path, Workspace(policy=with_operations(Workspace().policy_document())).ready())
    yield made
    await made.close()


async def test_an_approve_reaches_the_chain_as_it_was_asked(coordinator: Coordinator) -> None:
    await ready(coordinator)
    name = await propose(coordinator, call=approve())
    await ended(coordinator, name, Phase.COMPLETED)
    sent = decode(transfer(coordinator, name).payloads[0].raw)
    assert (sent.to, sent.value, sent.data.hex()) == (TOKEN_CONTRACT, 0, approve()["data"])


async def test_an_allowance_needs_no_balance_and_a_payable_call_does(coordinator: Coordinator) -> None:
    """What is only allowed has not left: a wallet without tokens may approve, one without coins may not send them."""
    coordinator.chain.token, coordinator.chain.balance, coordinator.chain.auto = 0, WEI // 10, False
    await ready(coordinator)
    await propose(coordinator, call=approve(FIVE))
    own = coordinator.house.desk.state.wallets["hot-eth"].address
    rich = call(ROUTER, DEPOSIT, own, "7", value=WEI)
    with pytest.raises(Refused, match=r"balance\.insufficient"):
        await propose(coordinator, call=rich, idempotency="rich")


async def test_gas_is_asked_for_each_call_alike(coordinator: Coordinator) -> None:
    """Two calls of one contract with other arguments may cost differently: neither's gas is the other's."""
    asked: list[str] = []
    honest = coordinator.chain.simulate

    async def counting(sender: str, made: Any) -> int:
        asked.append(made.data.hex())
        return await honest(sender, made)

    coordinator.chain.simulate = counting  # type: ignore[method-assign]
    await ready(coordinator)
    own = coordinator.house.desk.state.wallets["hot-eth"].address
    for number in ("7", "8", "8"):
        await propose(coordinator, call=call(ROUTER, DEPOSIT, own, number), idempotency=f"n{len(asked)}{number}")
    assert len(asked) == len(set(asked)) == 2


async def test_a_message_is_complete_with_its_signature(coordinator: Coordinator) -> None:
    """No chain hears of it, and it goes on while the chain is away."""
    await ready(coordinator)
    coordinator.chain.down = True
    name = await propose(coordinator, message=letter())
    await coordinator.until(lambda: transfer(coordinator, name).phase is Phase.COMPLETED)
    done = transfer(coordinator, name)
    row = coordinator.house.desk.records.signatures_of(name)[0]
    assert done.signature == row.raw.hex() and len(row.raw) == 65
    assert done.txid == row.txid == f"0x{done.payloads[0].digest}"
    stages = [event.stage for event in coordinator.house.service.activity(name).events]
    assert stages == ["proposed", "authorized", "signed", "completed"] and not coordinator.chain.sent


async def test_a_message_that_is_cancelled_before_it_is_signed_has_failed(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to give back: it ends without a signature, and nobody is asked for one again."""
    from strongroom.coordinator.timeline import Wait

    async def later(*_: Any) -> Wait:
        return Wait("quorum.unreachable", "the signers", None)

    monkeypatch.setattr(sign, "step", later)
    await ready(coordinator)
    name = await propose(coordinator, message=letter())
    await coordinator.until(lambda: "quorum.unreachable" in coordinator.house.service.activity(name).awaiting_code)
    stop = coordinator.desk.statement("exchange", "transfer.cancel", {"transfer": name}, bare=True)
    await coordinator.house.service.submit(stop)
    await coordinator.until(lambda: transfer(coordinator, name).phase is Phase.FAILED)
    assert not transfer(coordinator, name).signature and name not in coordinator.house.desk.state.open


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"call": approve(2**256 - 1)}, "operation.allowance_unbounded"),
        ({"call": approve(11 * FIVE)}, "policy.no_rule"),
        ({"message": letter(to="0x" + "11" * 20)}, "message.not_allowed"),
        ({"message": {**letter(), "schema": "other"}}, "message.unknown_type"),
        ({"message": letter(), "wallet": "nowhere"}, "wallet.unknown"),
    ],
)
async def test_what_is_refused_appends_nothing(coordinator: Coordinator, changes: dict[str, Any], code: str) -> None:
    await ready(coordinator)
    size = coordinator.house.desk.state.size
    with pytest.raises(StrongroomError) as caught:
        await propose(coordinator, **changes)
    assert caught.value.code == code and coordinator.house.desk.state.size == size
