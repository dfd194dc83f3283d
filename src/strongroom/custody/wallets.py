"""Wallets and listed destinations enter the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from strongroom.chains.derivation import child_public_key
from strongroom.chains.evm.address import address_of
from strongroom.chains.verify import ECDSA_SCHEMES
from strongroom.custody.authority import in_force, people, require_administrators, require_quorum
from strongroom.custody.state import CustodyState, Listed, Wallet
from strongroom.documents.canonical import fields
from strongroom.documents.names import AccountId, parse_account, parse_chain, parse_label, parse_slug
from strongroom.errors import Refused
from strongroom.log.entry import Entry
from strongroom.policy.reading import since, strings

WALLET: Final = {"name": str, "chain": str, "key": str, "path": list, "tier": str, "routes": list}
LISTING: Final = {"account": str, "group": str, "label": str}


def public_key_of(state: CustodyState, wallet: Wallet) -> bytes:
    """The compressed public key (33 bytes) that spends from the wallet, re-derived from the logged key."""
    key = state.keys[wallet.key]
    return child_public_key(key.public_key, key.chain_code, wallet.path)


def derived(state: CustodyState, spec: dict[str, Any]) -> Wallet:
    """The wallet that an opening describes, its address re-derived; raises Refused."""
    fields(spec, "wallet.opened", WALLET)
    policy, name, chain = in_force(state), parse_slug(spec["name"]), parse_chain(spec["chain"])
    key = state.keys.get(parse_slug(spec["key"]))
    if key is None:
        raise Refused("key.unknown", f"there is no key '{spec['key']}'")
    if chain not in policy.chains or not chain.startswith("eip155:"):
        raise Refused("chain.unknown", f"the policy names no chain {chain}")
    if key.scheme not in ECDSA_SCHEMES:
        raise Refused("key.scheme", f"an account on {chain} needs an ECDSA key, '{key.name}' is {key.scheme}")
    if spec["tier"] != key.tier:
        raise Refused("wallet.tier", f"key '{key.name}' belongs to tier '{key.tier}'; derivation never crosses tiers")
    if spec["routes"] != [{"route": "key", "key": key.name}]:
        raise Refused("wallet.routes", "the routes of an account are its one key, listed as such, and nothing else")
    path = spec["path"]
    if len(path) > 5 or not all(type(step) is int and 0 <= step < 2**31 for step in path):
        raise Refused("wallet.path", "a path is at most five non-hardened steps")
    address = address_of(child_public_key(key.public_key, key.chain_code, tuple(path)))
    return Wallet(name, chain, key.name, tuple(path), spec["tier"], address, 0)


def on_opened(state: CustodyState, entry: Entry) -> CustodyState:
    """The administrators' threshold opens a wallet with its complete list of routes."""
    require_administrators(state, entry, "wallet.open")
    wallet = derived(state, entry.body)
    account = AccountId(f"{wallet.chain}:{wallet.address}")
    if wallet.name in state.wallets or account in state.accounts:
        raise Refused("wallet.exists", f"wallet '{wallet.name}' or its address {wallet.address} is open already")
    wallet = replace(wallet, usable=entry.time + in_force(state).wallet_age * 1000)
    return replace(
        state, wallets=state.wallets.set(wallet.name, wallet), accounts=state.accounts.set(account, wallet.name)
    )


def on_listed(state: CustodyState, entry: Entry) -> CustodyState:
    """The address group's threshold lists a destination, usable after its age."""
    policy = in_force(state)
    body = fields(entry.body, "address.listed", LISTING, since(policy.fold, tags=list))
    group = policy.address_groups.get(parse_slug(body["group"]))
    if group is None:
        raise Refused("address.group_unknown", f"the policy has no address group '{body['group']}'")
    require_quorum(group.quorum, people(state, entry, "address.list", body), "listing an address")
    account, label = parse_account(body["account"]), parse_label(body["label"])
    if (account, body["group"]) in state.addresses:
        raise Refused("address.exists", "that address is on that list already")
    tags = frozenset(map(parse_slug, strings("tags", body.get("tags", []))))
    row = Listed(account, body["group"], label, entry.time + group.age * 1000, tags)
    return replace(state, addresses=state.addresses.set((account, body["group"]), row))
