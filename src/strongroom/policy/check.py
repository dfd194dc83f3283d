"""What is wrong with a policy that is well-formed: rules that never decide, quorums nobody meets, missing bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from strongroom.documents.names import AccountId, AssetId, ChainId
from strongroom.policy.model import Allowance, Condition, Limit, Per, Policy, Role, Rule
from strongroom.policy.quorums import approves, fewest, initiators, lacking
from strongroom.policy.shadows import hidden_by, impossible
from strongroom.policy.words import either, moment

SOON_MS: Final = 30 * 86_400_000
HOT: Final = "hot"
"""The one tier whose people may approve with passkeys that a cloud account holds, too."""


class Level(StrEnum):
    """Whether a draft should be adopted at all."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, with a stable code `check.*` and the names of the rules that it is about."""

    level: Level
    code: str
    message: str
    rules: tuple[str, ...] = ()

    def to_doc(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {"level": self.level, "code": self.code, "message": self.message, "rules": list(self.rules)}


@dataclass(frozen=True, slots=True)
class Purse:
    """A wallet of the workspace, as far as rules look at it."""

    name: str
    account: AccountId
    chain: ChainId
    tier: str
    key: str


@dataclass(frozen=True, slots=True)
class House:
    """What the log holds beside the policy: open wallets, keys with their tiers, and whom and what no longer counts."""

    wallets: tuple[Purse, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    suspended: frozenset[str] = frozenset()
    revoked: frozenset[str] = frozenset()


def check(policy: Policy, now: int, house: House | None = None) -> list[Finding]:
    """Everything that is wrong, errors first; `now` in unix ms, `house` None where no log is at hand."""
    usable = _without(policy, house) if house else policy
    found = [*_people(usable, now), *_rules(usable), *_bounds(policy), *_approvers(usable)]
    if house:
        found += _against(policy, house)
    return sorted(found, key=lambda finding: finding.level is Level.WARNING)


def _error(code: str, message: str, *rules: Rule) -> Finding:
    return Finding(Level.ERROR, f"check.{code}", message, tuple(rule.name for rule in rules))


def _warning(code: str, message: str, *rules: Rule) -> Finding:
    return Finding(Level.WARNING, f"check.{code}", message, tuple(rule.name for rule in rules))


def _without(policy: Policy, house: House) -> Policy:
    """The policy with those members' keys that still count."""
    members = {
        name: replace(member, credentials={} if name in house.suspended else {
            key: credential for key, credential in member.credentials.items() if key not in house.revoked
        })
        for name, member in policy.members.items()
    }  # fmt: skip
    return replace(policy, members=members)


def _people(policy: Policy, now: int) -> Iterator[Finding]:
    admins = policy.administrators
    if policy.expires <= now:
        yield _error("expired", f"it expired {moment(policy.expires)}: nothing would be allowed")
    elif policy.expires - now < SOON_MS:
        yield _warning("expires_soon", f"it expires {moment(policy.expires)}; after that nothing is allowed")
    if not any(policy.members[name].credentials for name in policy.freezers):
        yield _error("no_freezer", "nobody could freeze anything: the group of freezers holds no key that counts")
    standing = [name for name in admins.members if policy.members[name].credentials]
    if len(standing) < admins.threshold:
        yield _error("no_administrators", f"{len(standing)} administrators hold keys, {admins.threshold} are needed")
    if admins.threshold == 1:
        yield _warning("one_administrator", "one administrator alone changes the policy")
    elif admins.threshold == len(admins.members):
        yield _warning("every_administrator", "all administrators are needed: one lost key, and nothing changes again")
    if not policy.cool_down:
        yield _warning("no_cool_down", "a loosening comes into force at once: nobody has time to object")
    if policy.valuation and policy.valuation.quorum.threshold == 1:
        yield _warning("one_valuer", "a single member states prices, and every value with them")
    for name, group in policy.address_groups.items():
        if group.quorum.threshold == 1 and not group.age:
            yield _warning("list_at_once", f"one person alone puts addresses on list '{name}', usable at once")


def _rules(policy: Policy) -> Iterator[Finding]:
    for index, rule in enumerate(policy.rules):
        reason, hiding = impossible(policy, rule), hidden_by(policy, index)
        if reason:
            yield _error("never_matches", f"rule '{rule.name}' can never match: {reason}", rule)
        elif hiding:
            message = f"rule '{rule.name}' never decides: whatever it matches, rule '{hiding.name}' decides before it"
            yield _error("shadowed", message, hiding, rule)
        elif rule.allowance:
            yield from _quorum(policy, rule, rule.allowance)
    if not any(rule.allowance for rule in policy.rules):
        yield _warning("nothing_allowed", "no rule allows anything")


def _quorum(policy: Policy, rule: Rule, terms: Allowance) -> Iterator[Finding]:
    """Whether the approvals can be given at all, whoever proposes; one person fills one place."""
    proposing = sorted(initiators(policy, rule.condition))
    short = {name: [lacking(policy, terms, needs, name) for needs in terms.approvals] for name in proposing}
    stuck = [name for name in proposing if terms.approvals and all(short[name])]
    if stuck and len(stuck) == len(proposing):
        least = min(short[stuck[0]], key=lambda needs: sum(need.threshold for need in needs))
        missing = " and ".join(f"{need.threshold} of {need.group}" for need in least)
        why = f"rule '{rule.name}' can never be approved: at best {missing} {_asked(terms)}"
        yield _error("quorum_unmet", why + " would be lacking, counting each person once", rule)
    elif stuck:
        why = f"by rule '{rule.name}' nobody could complete what {either(stuck)} proposes"
        yield _warning("quorum_unmet_for", why, rule)
    elif any(all(short[name][place] for name in proposing) for place in range(len(terms.approvals))):
        yield _warning("alternative_unmet", f"one alternative of rule '{rule.name}' can never be met", rule)


def _asked(terms: Allowance) -> str:
    asked = ["on their own machine"] if terms.surface != "console" else []
    asked += ["with a device-bound passkey"] if terms.device_bound else []
    return " ".join(asked) and f"({' and '.join(asked)})"


def _bounds(policy: Policy) -> Iterator[Finding]:
    """Rules by which too few move too much."""
    for rule in policy.rules:
        if rule.allowance is None or _inside(rule.condition) or _capped(policy, rule.condition):
            continue
        people, _ = fewest(policy, rule.condition, rule.allowance)
        places = min((sum(need.threshold for need in needs) for needs in rule.allowance.approvals), default=0)
        why = f"no amount over time, limit or ceiling bounds what rule '{rule.name}' moves"
        if people <= 1:
            yield _error("alone_without_limits", f"one person or service is enough, and {why}", rule)
        elif places <= 1:
            yield _error("one_approval_without_limits", f"one approval is enough, and {why}", rule)
        else:
            yield _warning("no_limits", why, rule)


def _inside(c: Condition) -> bool:
    return c.own_wallets and c.accounts is None and c.listed is None and not c.one_time


def _capped(policy: Policy, c: Condition) -> bool:
    """Whether some window bounds all that can leave by a rule."""
    named = not c.one_time and (c.accounts is not None or c.listed is not None)
    tiers = policy.tiers.keys() if c.tiers is None else c.tiers
    if any(_counts(over.per, named) for over in c.over_time) or all(policy.tiers[tier].out for tier in tiers):
        return True
    limits = [limit for limit in policy.limits if _counts(limit.window.per, named)]
    return all(any(_bounds_asset(limit, asset) for limit in limits) for asset in c.assets or policy.assets)


def _counts(per: Per, named: bool) -> bool:
    """A window for each destination bounds nothing where there is always another destination."""
    return named or per is not Per.DESTINATION


def _bounds_asset(limit: Limit, asset: AssetId) -> bool:
    return limit.window.values or limit.window.asset == asset


def _approvers(policy: Policy) -> Iterator[Finding]:
    """Programs that approve; and whose passkey a cloud account could hold, where money should not move by it."""
    for rule in policy.rules:
        terms, tiers = rule.allowance, policy.tiers.keys() if rule.condition.tiers is None else rule.condition.tiers
        if terms is None:
            continue
        asked = {name for needs in terms.approvals for need in needs for name in policy.groups[need.group]}
        services = sorted(name for name in asked if policy.members[name].role is Role.SERVICE)
        if services:
            yield _warning("service_approves", f"a program, {either(services)}, approves by rule '{rule.name}'", rule)
        colder = sorted(set(tiers) - {HOT})
        synced = sorted(name for name in asked if _synced(policy, name, terms))
        if colder and synced:
            why = f"by rule '{rule.name}' {either(synced)} may approve for tier {either(colder)} with a passkey "
            yield _warning("synced_passkey", why + "that can be synced; ask for device_bound", rule)


def _synced(policy: Policy, name: str, terms: Allowance) -> bool:
    keys = policy.members[name].credentials.values()
    return any(key.passkey is not None and not key.device_bound and approves(key, terms) for key in keys)


def _against(policy: Policy, house: House) -> Iterator[Finding]:
    """What the rules say against what the log holds."""
    held, keys = {wallet.name: wallet for wallet in house.wallets}, dict(house.keys)
    lost: list[str] = [name for name in sorted({wallet.chain for wallet in house.wallets}) if name not in policy.chains]
    lost += sorted(set(keys.values()) - policy.tiers.keys())
    if lost:
        yield _error("in_use", f"it no longer names {either(lost)}, which wallets or keys are of: it cannot be adopted")
    allowing = [(rule, rule.allowance) for rule in policy.rules if rule.allowance]
    for wallet in house.wallets:
        if not any(_draws(rule.condition, wallet) for rule, _ in allowing):
            yield _warning("wallet_unruled", f"no rule lets anything leave wallet '{wallet.name}'")
    for key in sorted(keys.keys() - {wallet.key for wallet in house.wallets}):
        yield _warning("key_unused", f"no wallet is of key '{key}'")
    for rule in policy.rules:
        for name in sorted((rule.condition.wallets or frozenset()) - held.keys()):
            yield _warning("wallet_unknown", f"rule '{rule.name}' names wallet '{name}', which is not open", rule)
    for rule, terms in allowing:
        for name in sorted(set(terms.keys or ()) - keys.keys()):
            yield _warning("key_unknown", f"rule '{rule.name}' names key '{name}', which the log does not hold", rule)
        denied = [w.name for w in house.wallets if _draws(rule.condition, w) and w.key not in (terms.keys or keys)]
        if denied:
            why = f"rule '{rule.name}' lets other keys sign than that of wallet {either(denied)}"
            yield _warning("key_denies_wallet", why, rule)


def _draws(c: Condition, wallet: Purse) -> bool:
    """Whether a rule's source can be this wallet."""
    parts = ((c.wallets, wallet.name), (c.tiers, wallet.tier), (c.sources, wallet.account))
    on_chain = c.assets is None or any(asset.startswith(f"{wallet.chain}/") for asset in c.assets)
    return on_chain and all(named is None or fact in named for named, fact in parts)
