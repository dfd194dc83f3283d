"""Wallets with their balances, listed destinations, and the people who hold keys."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from strongroom.api.views import addresses_document, wallets_document
from strongroom.console.console import Console
from strongroom.custody.words import money
from strongroom.documents.credentials import Credential, Kind, Surface
from strongroom.documents.names import AssetId
from strongroom.pages.acts import ACTS, link
from strongroom.policy.model import Role


def routes(console: Console) -> list[Route]:
    """The pages of wallets and people."""

    async def wallets(request: Request) -> Response:
        visitor = console.visitor(request)
        state, health = console.state, console.service.health()
        rows = wallets_document(state, console.service.balances())["wallets"]
        for row in rows:
            key = state.keys[row["key"]]
            held = sorted(row["balances"].items(), key=coins_first)
            row["balances"] = [money(console.policy, AssetId(asset), int(units)) for asset, units in held]
            row["signers"] = health.quorums.get(row["key"], (0, key.threshold))
            row["of"] = len(key.participants)
        return console.page(
            "wallets.html", "wallets", visitor, wallets=rows, keys=len(state.keys),
            addresses=addresses_document(state)["addresses"], chains=health.chains,
            may=_may(console, visitor.person, "wallet.close", "address.list", "address.delist"), link=link,
        )  # fmt: skip

    async def people(request: Request) -> Response:
        visitor = console.visitor(request)
        return console.page(
            "people.html", "people", visitor,
            members=[_member(console, name) for name in sorted(console.policy.members)],
            enrolments=console.enrolments.waiting(frozenset(console.policy.credentials)), link=link,
            may=_may(console, visitor.person, "person.suspend", "person.reinstate", "key.revoke", "policy.propose"),
        )  # fmt: skip

    return [Route("/wallets", wallets), Route("/people", people)]


def coins_first(row: tuple[str, Any]) -> tuple[bool, str]:
    """Sorts assets: a chain's own coin before its tokens."""
    return "/slip44:" not in row[0], row[0]


def _may(console: Console, person: str, *kinds: str) -> dict[str, bool]:
    return {kind: ACTS[kind].part(console.state, person, {}) for kind in kinds}


def _member(console: Console, name: str) -> dict[str, Any]:
    state, policy = console.state, console.policy
    member = policy.members[name]
    parts = [f"group {group}" for group in sorted(policy.groups_of(name))]
    parts += ["administrator"] if name in policy.administrators.members else []
    parts += ["may freeze"] if name in policy.freezers else []
    keys = [
        {"id": key.key_id, "what": _kind(key), "revoked": key.key_id in state.revoked}
        for key in member.credentials.values()
    ]
    return {
        "name": name,
        "service": member.role is Role.SERVICE,
        "parts": parts,
        "keys": keys,
        "suspended": name in state.suspended,
        "administrator": name in policy.administrators.members,
    }


def _kind(key: Credential) -> str:
    """A key in a few words: what it is, and where it is used."""
    if key.kind is Kind.RS256:
        return "RSA key for requests"
    where = "on an approver's own machine" if key.surface is Surface.APPROVER else "on the console"
    if key.passkey is None:
        return f"Ed25519 key, {where if key.surface is Surface.APPROVER else 'on the command line'}"
    return f"{'device-bound' if key.device_bound else 'synced'} passkey, {where}"
