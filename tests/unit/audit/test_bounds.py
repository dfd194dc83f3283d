"""The attacks that are only bounded (ATTACKS a to g, I23): every bound is computed from the state."""

from __future__ import annotations

from strongroom.audit.allowances import Allowances
from strongroom.audit.bounds import Bounds, bounds
from strongroom.chains.evm.transaction import assemble
from strongroom.custody.state import TransferId
from tests.operations import FIVE, approve, with_operations
from tests.workspace import ETH, OTHER, PAYEE, TOKEN, WEI, Workspace

FEE = 21000 * 3 * 10**9


def signed(workspace: Workspace, name: TransferId) -> None:
    """Note the transfer as signed, by the key that the test holds."""
    payload = workspace.state.transfers[name].payloads[-1]
    signature = workspace.sign(bytes.fromhex(payload.digest))
    address = workspace.state.wallets["hot-eth"].address
    txid = assemble(payload.raw, int.from_bytes(signature[:32]), int.from_bytes(signature[32:]), address).txid
    body = {"transfer": name, "digest": payload.digest, "signature": signature.hex(), "txid": txid}
    workspace.add("transfer.signed", body)


def exposed(found: Bounds) -> dict[str, tuple[int, int]]:
    return {row.asset: (row.noted, row.possible) for row in found.exposure}


def test_bound_a_what_is_authorized_and_not_final_is_exposed_with_its_fee() -> None:
    workspace = Workspace().ready()
    assert bounds(workspace.state).exposure == ()
    name = workspace.propose()
    assert bounds(workspace.state).exposure == ()
    workspace.authorize(name)
    assert exposed(bounds(workspace.state)) == {ETH: (0, WEI // 2 + FEE)}
    signed(workspace, name)
    assert exposed(bounds(workspace.state)) == {ETH: (WEI // 2 + FEE, WEI // 2 + FEE)}


def test_bound_a_a_freeze_does_not_end_the_exposure_and_finality_does() -> None:
    workspace = Workspace().ready()
    name = workspace.propose()
    workspace.authorize(name)
    freeze = {"scope": "workspace", "target": "", "reason": ""}
    workspace.stopped("workspace.frozen", "workspace.freeze", freeze, ["bob"])
    assert exposed(bounds(workspace.state)) == {ETH: (0, WEI // 2 + FEE)}
    body = {"transfer": name, "txid": "0x" + "00" * 32, "block": 1, "result": "confirmed"}
    workspace.add("transfer.completed", body, [workspace.statement("coordinator", "transfer.observe", body)])
    assert bounds(workspace.state).exposure == ()


def test_bound_a_a_token_transfer_exposes_the_token_and_the_native_fee() -> None:
    workspace = Workspace().ready()
    workspace.authorize(workspace.propose(asset=TOKEN, amount="5"))
    assert exposed(bounds(workspace.state)) == {TOKEN: (0, 5), ETH: (0, 80000 * 3 * 10**9)}


def test_bound_a_an_allowance_can_be_drawn_until_it_is_taken_back() -> None:
    workspace, seen = Workspace(policy=with_operations(Workspace().policy_document())).ready(), Allowances()
    for amount in (FIVE, FIVE - 1, 0):
        name = workspace.propose(call=approve(amount))
        workspace.authorize(name)
        before, body = workspace.state, {"transfer": name, "txid": "0x" + "00" * 32, "block": 1, "result": "confirmed"}
        noted = workspace.statement("coordinator", "transfer.observe", body)
        seen.watch(before, workspace.add("transfer.completed", body, [noted]), workspace.state)
        held = [(row.wallet, row.asset, row.spender, row.amount) for row in seen.granted]
        assert held == ([("hot-eth", TOKEN, OTHER, amount)] if amount else [])
        assert bounds(workspace.state, seen.granted).allowances == seen.granted


def test_bound_b_the_coordinator_chooses_the_moment_until_the_last_open_transfer_ends() -> None:
    workspace = Workspace().ready()
    assert bounds(workspace.state).last_until == 0
    workspace.propose(until=workspace.time + 5000)
    workspace.propose(until=workspace.time + 9000, to=OTHER)
    assert bounds(workspace.state).last_until == workspace.time + 9000
    assert bounds(workspace.state).longest_wait == 86400


def test_bound_c_fees_and_the_hot_limit_are_capped_and_counted() -> None:
    workspace = Workspace().ready()
    workspace.authorize(workspace.propose())
    found = bounds(workspace.state)
    [fees] = found.fees
    assert (fees.subject, fees.used, fees.maximum) == ("hot-eth", FEE, WEI)
    [limit] = found.limits
    assert (limit.subject, limit.used, limit.maximum) == ("hot-eth", WEI // 2 + FEE, 50 * WEI)


def test_bound_c_values_are_capped_by_limits_and_by_the_ceilings_of_tiers() -> None:
    workspace = Workspace()
    workspace.policy = workspace.second_fold()
    workspace.policy["limits"] = [{"name": "values", "seconds": 86400, "per": "asset", "max_value": "7000000"}]
    workspace.ready().state_prices()
    workspace.authorize(workspace.propose(asset=TOKEN, amount="5000000"))
    found = {(cap.name, cap.subject): (cap.asset, cap.used, cap.maximum) for cap in bounds(workspace.state).limits}
    assert found == {
        ("values", ETH): ("", 48, 7_000_000),
        ("values", TOKEN): ("", 450, 7_000_000),
        ("out of tier hot", "hot"): ("", 498, 10_000_000),
    }


def test_bounds_d_to_g_are_figures_of_this_log() -> None:
    workspace = Workspace().ready()
    found = bounds(workspace.state)
    assert (found.deposit_addresses, found.one_library, found.listed) == (0, ("hot-ecdsa",), 0)
    assert found.routes_without_the_log == {"hot-eth": ()}
    workspace.granted("address.listed", "address.list", {"account": PAYEE, "group": "vendors", "label": "v"}, ["alice"])
    assert bounds(workspace.state).listed == 1
