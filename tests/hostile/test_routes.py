"""Every route of API and console by every role: what a stolen cookie can do, and who has a part in what."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from starlette.routing import BaseRoute, Mount, Route

from strongroom.api.app import create_app
from strongroom.documents.base64 import encode_base64
from strongroom.documents.canonical import encode
from strongroom.documents.envelope import Envelope
from strongroom.documents.passkey import challenge_of
from strongroom.documents.statement import Seen, Statement, payload_type
from strongroom.pages.acts import ACTS, obligations_of
from strongroom.policy.loader import load_policy
from tests.passkeys import SoftPasskey
from tests.unit.api.coordinator import Coordinator
from tests.unit.console.browser import ORIGIN, Forms, Person
from tests.workspace import HOUR, OTHER, PAYEE, WEI, Workspace

ROLES = ("anonymous", "stolen cookie", "member", "operator", "approver", "freezer", "administrator", "auditor")
PLAYED_BY = dict(zip(ROLES[1:], ("alice", "mary", "oscar", "erin", "fred", "alice", "audrey"), strict=True))
PASSKEYS = {name: SoftPasskey(ORIGIN, seed=name) for name in (*PLAYED_BY.values(), "fay", "sam")}

READ = (303, 200, 200, 200, 200, 200, 200, 200)
"""A page: whoever is not signed in is sent to sign in; a cookie reads, whoever has it."""
PUBLIC = (200,) * 8
UNKNOWN = (404,) * 8
BAD = (400,) * 8
"""The API knows no sessions: what is not signed is malformed, whoever sends it."""
UNSIGNED = (401,) * 8
LEAVE = (401, 303, 303, 303, 303, 303, 303, 303)


def only(*roles: str, yes: int, no: int = 403, anonymous: int = 401, stolen: int = 401) -> tuple[int, ...]:
    """What those with a part in it get, and what the others get."""
    return (anonymous, stolen, *(yes if role in roles else no for role in ROLES[2:]))


def looks(*roles: str) -> tuple[int, ...]:
    """The page of an act: a cookie shows what its owner could see."""
    return only(*roles, yes=200, anonymous=303, stolen=200 if "administrator" in roles else 403)


ADMINISTRATORS = ("administrator",)
PARTS = {
    **dict.fromkeys(ACTS, ADMINISTRATORS),
    "transfer.propose": ("operator",),
    "transfer.approve": ("approver",),
    "transfer.reject": ("approver", "administrator"),
    "transfer.cancel": ("operator",),
    "workspace.freeze": ("freezer",),
}
OWN_PAGE = (303,) * 8
"""These acts have pages of their own: everybody is sent there."""

CONSOLE: dict[str, tuple[int, ...]] = {
    **{f"GET {path}": READ for path in (
        "/", "/transfers", "/transfers/{transfer:str}", "/wallets", "/people", "/policy", "/audit",
        "/audit/{index:str}", "/propose", "/propose/answer", "/propose/review",
    )},
    **{f"GET /static/{name}": PUBLIC for name in ("pages.css", "console.js", "signing.js", "passkeys.js", "icon.svg")},
    "GET /sign-in": PUBLIC,
    "POST /sign-in": UNSIGNED,
    "POST /sign-out": LEAVE,
    "GET /enrol": PUBLIC,
    "POST /enrol": UNSIGNED,
    "POST /enrol/prove": UNSIGNED,
    "GET /enrol/{name:str}": BAD,
    "GET /enrol/{name:str}/file": BAD,
    "GET /policy/draft": looks(*ADMINISTRATORS),
    "POST /policy/draft": only(*ADMINISTRATORS, yes=200, stolen=200),  # it checks, compares and keeps nothing
    **{f"GET /acts/{kind}": OWN_PAGE if act.page else looks(*PARTS[kind]) for kind, act in ACTS.items()},
    **{f"POST /acts/{kind}": only(*PARTS[kind], yes=303) for kind in ACTS},
}  # fmt: skip
API: dict[str, tuple[int, ...]] = {
    "GET /openapi.json": PUBLIC,
    "GET /": (307,) * 8,
    **{f"GET /v1/{name}": PUBLIC for name in (
        "workspace", "checkpoint", "entries", "status", "policy", "keys", "keygens", "repair", "orders", "wallets",
        "addresses", "freezes", "bundle", "transfers", "transfers/{transfer}",
        "transfers/{transfer}/proposal",
    )},
    "POST /v1/transfers": BAD,
    "POST /v1/requests/transfers": UNSIGNED,
    "POST /v1/statements": BAD,
    "POST /v1/seals": PUBLIC,
    "GET /v1/notices/key": UNKNOWN,  # this coordinator tells nobody
}  # fmt: skip
TABLE = {**API, **{f"{name[:name.index('/')]}/console{name[name.index('/'):]}": row for name, row in CONSOLE.items()}}


def policy() -> dict[str, Any]:
    """One role for each person; administrators are approvers of nothing, but may reject."""
    document = Workspace().policy_document()
    for name in ("mary", "oscar", "erin", "fred", "fay", "audrey", "sam"):
        document["people"][name] = {"role": "person", "keys": []}
    for name, passkey in PASSKEYS.items():
        document["people"][name]["keys"].append(passkey.credential.to_doc())
    document["groups"] |= {"operators": ["oscar"], "risk": ["erin"], "guards": ["fred", "fay"]}
    document["freezers"] = "guards"
    larger = next(rule for rule in document["rules"] if rule["name"] == "larger ETH")
    larger["when"]["initiator"] = {"groups": ["operators"]}
    larger["allow"]["approvals"] = [[{"group": "risk", "threshold": 1}]]
    return {**document, "fold": 2}


def next_policy(log: Workspace) -> dict[str, Any]:
    """The next version, which loosens a limit."""
    document = copy.deepcopy(log.policy)
    document["limits"][0]["max"] = str(60 * WEI)
    return {**document, "version": 2}


@pytest.fixture(scope="module")
def world() -> Workspace:
    """Something is there for each act: a transfer, a listed destination, a freeze, a suspension, a proposed policy."""
    log = Workspace(policy=policy())
    log.keys |= {name: PASSKEYS[name] for name in ("oscar", "fay")}  # type: ignore[dict-item]
    log.ready()
    log.granted("address.listed", "address.list", {"account": PAYEE, "group": "vendors", "label": "one"}, ["alice"])
    log.propose(by="oscar", amount=str(2 * WEI))
    odd = {"scope": "person", "target": "exchange", "reason": "odd"}
    log.stopped("workspace.frozen", "workspace.freeze", odd, ["fay"])
    log.stopped("person.suspended", "person.suspend", {"person": "sam"}, ["carol"])
    document = next_policy(log)
    subject = {"policy": load_policy(document).digest, "version": 2}
    signed = [log.statement(name, "policy.propose", subject) for name in ("bob", "carol")]
    log.add("policy.proposed", {"policy": document}, signed)
    return log


def subjects(log: Workspace) -> dict[str, dict[str, Any]]:
    """What each act is about in this world."""
    (transfer,), (freeze,) = log.state.open, log.state.freezes
    document = next_policy(log)
    wallet = {"name": "second", "chain": "eip155:31337", "key": "hot-ecdsa", "path": [1], "tier": "hot"}
    return {
        "transfer.propose": log.intent(amount=str(2 * WEI)),
        **{kind: {"transfer": transfer} for kind in ("transfer.approve", "transfer.reject", "transfer.cancel")},
        "workspace.freeze": {"scope": "wallet", "target": "hot-eth", "reason": "odd"},
        "workspace.unfreeze": {"freeze": freeze},
        "person.suspend": {"person": "mary"},
        "person.reinstate": {"person": "sam"},
        "key.revoke": {"key": log.keys["exchange"].key_id},
        "wallet.open": {**wallet, "routes": [{"route": "key", "key": "hot-ecdsa"}]},
        "wallet.close": {"wallet": "hot-eth"},
        "address.list": {"account": OTHER, "group": "vendors", "label": "another"},
        "address.delist": {"account": PAYEE, "group": "vendors"},
        "policy.propose": {"policy": load_policy(document).digest, "version": 2},
        "policy.withdraw": {"version": 2},
    }


def every_route(routes: list[BaseRoute], before: str = "") -> list[str]:
    """`METHOD path` of each route, those of mounted applications too."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += every_route(list(route.routes), before + route.path)
        elif isinstance(route, Route):
            found += [f"{method} {before}{route.path}" for method in route.methods or () if method != "HEAD"]
        elif included := getattr(route, "original_router", None):
            found += every_route(included.routes, before)
        else:
            raise AssertionError(f"a route of an unknown kind: {route}")
    return found


def statement(log: Workspace, kind: str, person: str) -> dict[str, str]:
    """The form of an act as this person's own browser would send it, whatever the page would have offered."""
    subject, passkey, state = subjects(log)[kind], PASSKEYS[person], log.state
    found = None
    if kind == "transfer.approve":
        owed = obligations_of(state, state.transfers[subject["transfer"]], log.time)
        found = owed.digest if owed else None
    seen = Seen(state.size, state.root.hex())
    said = Statement(state.workspace, kind, subject, found, seen, person, passkey.key_id, log.time + HOUR)
    payload = encode(said.to_doc())
    challenge = challenge_of(Envelope(payload, payload_type(kind), ()).pae())
    form = {"payload": encode_base64(payload), "answer": json.dumps(passkey.assertion(challenge))}
    return form | ({"attachment": encode(next_policy(log)).decode()} if kind == "policy.propose" else {})


async def ask(person: Person, log: Workspace, name: str, role: str) -> int:
    """The status of one request of a route by one role; a thief has the cookie and all that it reads."""
    method, path = name.split(" ", 1)
    (transfer,) = log.state.open
    path = path.replace("{transfer:str}", transfer).replace("{transfer}", transfer)
    path = path.replace("{index:str}", "1").replace("{name:str}", "ab" * 32)
    if method == "GET":
        query = {}
        kind = path.rpartition("/acts/")[2]
        if kind in ACTS and not ACTS[kind].page:
            query = {"subject": json.dumps(subjects(log)[kind])}
        if path.endswith("/review"):
            to = {"from": "hot-eth", "to": PAYEE, "hours": "1", "idempotency": "k"}
            query = {**to, "asset": subjects(log)["transfer.propose"]["asset"], "amount": "2"}
        return (await person.http.get(path, params=query or None)).status_code
    fields: dict[str, str] = {}
    if role != "anonymous":
        fields = {"csrf": Forms((await person.get("/propose")).text).to("/console/sign-out")[0]["csrf"]}
    if role not in ("anonymous", "stolen cookie") and "/acts/" in path:
        fields |= statement(log, path.rpartition("/")[2], PLAYED_BY[role])
    if path.endswith("/draft"):
        fields["draft"] = encode(next_policy(log)).decode()
    return (await person.http.post(path, data=fields)).status_code


async def visit(world: Workspace, role: str) -> tuple[Workspace, Person]:
    """A copy of the world, and somebody of the role at its pages."""
    log = world.clone()
    app = create_app(Coordinator(log), clock=lambda: log.time, console=ORIGIN)
    person = Person(app, PASSKEYS[PLAYED_BY.get(role, "alice")])
    if role != "anonymous":
        await person.sign_in()
    return log, person


@pytest.mark.parametrize("role", ROLES)
async def test_every_route_answers_every_role_as_the_table_says(world: Workspace, role: str) -> None:
    """Each that may change something on a world of its own, so that no request prepares the next."""
    wrong = {}
    log, person = await visit(world, role)
    for name, row in TABLE.items():
        if name.startswith("POST"):
            log, person = await visit(world, role)
        before = log.state.size
        status = await ask(person, log, name, role)
        if status != row[ROLES.index(role)]:
            wrong[name] = (status, row[ROLES.index(role)])
        if role in ("anonymous", "stolen cookie") and name != "POST /v1/seals":
            assert log.state.size == before, f"{name} changed the log without a signature"
    assert wrong == {}


def test_the_table_lists_every_route(world: Workspace) -> None:
    """A new route has to say here who may use it."""
    app = create_app(Coordinator(world.clone()), console=ORIGIN)
    assert sorted(every_route(app.routes)) == sorted(TABLE)
