"""What the state says about one transfer now: blocked, denied, waiting for whom, or ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from strongroom.custody.authority import in_force
from strongroom.custody.intents import barred, usable_wallets
from strongroom.custody.limits import usage, usage_before, valued
from strongroom.custody.moment import Moment
from strongroom.custody.record import replace
from strongroom.custody.state import CustodyState, Freeze, Intent, Prices, Transfer, Wallet
from strongroom.documents.credentials import Credential, Kind, Surface
from strongroom.documents.names import AccountId, split_account
from strongroom.documents.typed import parse_message
from strongroom.errors import Refused
from strongroom.policy.evaluate import Allowed, Denied, Listing, Request, Usage, Verdict, evaluate, exceeded
from strongroom.policy.model import Allowance, ApprovalNeed
from strongroom.policy.obligations import Obligations, missing


@dataclass(frozen=True, slots=True)
class Awaiting:
    """Approvals still lacking (an OR of ANDs), and the log time (ms) before which the delay holds it.

    `screening`: the services of which one has still to find it clear.
    """

    approvals: tuple[tuple[ApprovalNeed, ...], ...]
    not_before: int
    screening: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """Nothing is owed any more under these obligations."""

    obligations: Obligations


Standing = Denied | Awaiting | Ready
Found = TypeVar("Found")


def request_of(
    state: CustodyState, intent: Intent, initiator: str, moment: Moment, fee: int = 0, kept: Prices | None = None
) -> Request:
    """The facts that the policy's rules look at, from the state alone; `kept`: the prices of its authorization."""
    policy, wallet, prices = in_force(state), state.wallets[intent.wallet], kept or state.prices
    own, is_own = state.wallets.get(state.accounts.get(intent.to, "")), usable_wallets(state, wallet.chain, moment)
    rows = [state.addresses.get((intent.to, group)) for group in policy.address_groups]
    request = Request(
        initiator=initiator,
        wallet=wallet.name,
        tier=wallet.tier,
        destination=intent.to,
        listed={
            row.group: Listing(row.tags, moment.earliest - row.usable)
            for row in rows
            if row is not None and row.usable <= moment.earliest
        },
        own_wallet=is_own(split_account(intent.to)[1]),
        asset=intent.asset,
        amount=intent.amount,
        native=policy.chains[wallet.chain].native,
        fee=fee,
        own_tier=own.tier if own else "",
        account=AccountId(f"{wallet.chain}:{wallet.address}"),
        key=wallet.key,
        call=intent.call,
        message=parse_message(intent.message).schema if intent.message else None,
        is_own=is_own,
    )
    if policy.valuation is None or prices is None:
        return request
    stale = kept is None and moment.latest > prices.observed + policy.valuation.max_age * 1000
    return replace(valued(policy, prices, request), stale=stale)


def sums_for(state: CustodyState, transfer: Transfer) -> Usage:
    """The window sums that count against a transfer: what was authorized before it, in order of authorization."""
    authorized = transfer.authorization
    if authorized is None:
        return usage(state, state.time)
    recorded = dict(authorized.sums)
    before = usage_before(state, authorized.index, authorized.time)
    if authorized.policy_version != in_force(state).version:
        return before
    return lambda window: recorded[window] if window in recorded else before(window)


def verdict(state: CustodyState, transfer: Transfer, moment: Moment, used: Usage | None = None) -> Verdict:
    """The newest policy's answer for this intent: its rules, and its limits where an older version's were kept."""
    fee = max((payload.fee for payload in transfer.payloads), default=0)
    policy, sums, decided = in_force(state), used or sums_for(state, transfer), transfer.authorization
    kept = decided.prices if decided else None
    request = request_of(state, transfer.intent, transfer.initiator, moment, fee, kept)
    older = decided is not None and decided.policy_version != policy.version
    refused = barred(state, transfer.intent, moment) or (exceeded(policy, request, sums) if older else None)
    return refused or evaluate(policy, request, sums)


def standing(state: CustodyState, transfer: Transfer, moment: Moment, used: Usage | None = None) -> Standing:
    """Denied with the reason, waiting for approvals or a delay, or ready."""
    blocked = block(state, transfer, moment)
    if blocked:
        return blocked
    answer = verdict(state, transfer, moment, used)
    if isinstance(answer, Denied):
        return answer
    return owed(state, transfer, answer, moment)


def require(found: Found | Denied) -> Found:
    """What was found, unless it is a denial: then raises Refused with its reason."""
    if isinstance(found, Denied):
        raise Refused(found.code, found.reason)
    return found


def permitted(state: CustodyState, transfer: Transfer, moment: Moment, used: Usage | None = None) -> Obligations:
    """What was owed and is met; raises Refused with what denies the transfer or what it still awaits."""
    found = standing(state, transfer, moment, used)
    if isinstance(found, Awaiting):
        if found.approvals:
            raise Refused("approvals.missing", "approvals are missing: " + describe(found))
        if found.screening:
            raise Refused("screening.not_signed", f"none of {', '.join(found.screening)} has found it clear of late")
        raise Refused("delay.not_elapsed", f"the rule's delay ends at {found.not_before}, by this clock and the log's")
    return require(found).obligations


def describe(awaiting: Awaiting) -> str:
    """The approvals still lacking, in words: `2 of treasury and 1 of risk, or 3 of board`."""
    return ", or ".join(" and ".join(f"{n.threshold} of {n.group}" for n in each) for each in awaiting.approvals)


def owed(state: CustodyState, transfer: Transfer, answer: Allowed, moment: Moment) -> Standing:
    """What the obligations still lack: an approval counts under equal obligations, from a fit and usable credential."""
    policy, obligations = in_force(state), answer.obligations
    counted: list[str] = []
    since = transfer.proposed
    lacking = missing(obligations, counted, policy.groups)
    for approval in transfer.approvals:
        if not lacking:
            break
        credential = usable(state, approval.person, approval.key)
        if credential is None or unfit(credential, obligations.terms) or approval.obligations != obligations.digest:
            continue
        if approval.person == transfer.initiator and not obligations.terms.initiator_may_approve:
            continue
        counted.append(approval.person)
        since = max(since, approval.time)
        lacking = missing(obligations, counted, policy.groups)
    services = screening(state, transfer, obligations.terms, moment)
    if isinstance(services, Denied):
        return services
    ready_at = since + obligations.terms.delay * 1000
    if lacking or services or ready_at > moment.earliest:
        return Awaiting(lacking, ready_at, services)
    return Ready(obligations)


def usable(state: CustodyState, name: str, key: str) -> Credential | None:
    """The credential `key` of `name`, unless it is revoked or they are suspended."""
    stopped = key in state.revoked or name in state.suspended
    return None if stopped else in_force(state).credential(name, key)


def unfit(credential: Credential, terms: Allowance) -> Denied | None:
    """Why approvals by this credential do not count under these terms, whoever gives them."""
    if terms.surface is Surface.APPROVER and credential.surface is not Surface.APPROVER:
        return Denied("approval.surface_is_the_credentials", "the rule asks for keys of approvers' own machines")
    if terms.device_bound and not credential.device_bound:
        synced = credential.kind is Kind.WEBAUTHN
        code = "credential.backup_eligible" if synced else "credential.not_device_bound"
        return Denied(code, "the rule asks for passkeys that cannot leave their device")
    return None


def screening(state: CustodyState, transfer: Transfer, terms: Allowance, moment: Moment) -> tuple[str, ...] | Denied:
    """The services of which one has still to find the transfer clear; denied while the newest word of one flags it."""
    if terms.screening is None:
        return ()
    services, decided = terms.screening.services, transfer.authorization
    words = [word for word in transfer.screenings if word.service in services]
    for word in words:
        if not word.clear:
            return Denied("screening.flagged", f"'{word.service}' has flagged it")
    since = (decided.time if decided else moment.latest) - terms.screening.max_age * 1000
    clear = any(word.time >= since and usable(state, word.service, word.key) for word in words)
    return () if clear else services


def block(state: CustodyState, transfer: Transfer, moment: Moment) -> Denied | None:
    """Why nothing new may be authorized or signed for this transfer, whatever the rules say; None when open."""
    policy, wallet = in_force(state), state.wallets[transfer.intent.wallet]
    if transfer.closed:
        return Denied("intent.closed", f"the transfer was closed: {transfer.closed}")
    if transfer.intent.until <= moment.latest:
        return Denied("intent.expired", "the time that its initiator set has passed")
    if policy.expires <= moment.latest:
        return Denied("policy.expired", f"version {policy.version} of the policy has expired")
    frozen = freeze_on(state, transfer, wallet, moment)
    if frozen:
        return Denied(
            "workspace.frozen", f"frozen ({frozen.scope} {frozen.target}): {frozen.reason}".replace(" )", ")")
        )
    if transfer.initiator in state.suspended:
        return Denied("person.suspended", f"its initiator '{transfer.initiator}' is suspended")
    if transfer.key in state.revoked or policy.credential(transfer.initiator, transfer.key) is None:
        return Denied("credential.revoked", "the key that proposed it no longer counts")
    if wallet.closed:
        return Denied("wallet.closed", f"wallet '{wallet.name}' is closed")
    if wallet.usable > moment.earliest:
        return Denied("wallet.too_young", f"wallet '{wallet.name}' is not usable yet")
    return None


def freeze_on(state: CustodyState, transfer: Transfer, wallet: Wallet, moment: Moment) -> Freeze | None:
    """The first freeze in force that covers the transfer."""
    covered = {("workspace", ""), ("wallet", wallet.name), ("tier", wallet.tier), ("person", transfer.initiator)}
    for freeze in state.freezes.values():
        if (freeze.scope, freeze.target) in covered and (freeze.ends is None or freeze.ends > moment.earliest):
            return freeze
    return None
