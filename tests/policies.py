"""Policies, histories and requests by chance: small worlds in which rules overlap and limits are nearly met.

Everything is drawn from one `random.Random`: seeded for samples, hypothesis's own where a difference is to shrink.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Any, Final

from strongroom.documents.keccak import keccak256
from strongroom.errors import InvalidInput
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy
from tests.workspace import CHAIN, ETH, START, TOKEN, TOKEN_CONTRACT, Workspace, seeded

MAINNET: Final = "eip155:1"
COINS: Final = {CHAIN: ETH, MAINNET: f"{MAINNET}/slip44:60"}
ART: Final = f"{CHAIN}/erc721:{TOKEN_CONTRACT}/7"
DUST: Final = f"{CHAIN}/erc20:0x{'d5' * 20}"
UNNAMED: Final = f"{CHAIN}/erc20:0x{'ee' * 20}"
ASSETS: Final = {ETH: 18, TOKEN: 6, ART: 0, DUST: 2, COINS[MAINNET]: 18}
CONTRACTS: Final = (f"{CHAIN}:{TOKEN_CONTRACT}", f"{CHAIN}:0x{'c1' * 20}", f"{CHAIN}:0x{'c2' * 20}")
PAYEES: Final = tuple(f"0x{digit * 40}" for digit in "123")
INITIATORS: Final = ("alice", "bob", "dave", "exchange", "robot")
GROUPS: Final = {"treasury": ["alice", "bob", "carol"], "desk": ["bob", "dave"], "machines": ["exchange", "robot"]}
LISTS: Final = ("vendors", "clients")
TAGS: Final = ("checked", "swiss")
KEYS: Final = ("key-a", "key-b")
METHODS: Final = {
    "approve(address,uint256)": ("address", "uint256"),
    "deposit(uint256,address)": ("uint256", "address"),
    "set(bool,uint8,bytes4)": ("bool", "uint8", "bytes4"),
    "ping()": (),
}
REFUSED: Final = (
    "setApprovalForAll(address,bool)",
    "increaseAllowance(address,uint256)",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    "approve(address,address,uint160,uint48)",
    "transfer(address,uint256)",
    "safeTransferFrom(address,address,uint256,bytes)",
)
AMOUNTS: Final = (1, 2, 5, 9, 10, 11, 50, 99, 100, 101, 10**6, 10**18, 2**255 - 1, 2**255, 2**256 - 1)
SECONDS: Final = (1, 60, 3600, 86_400, 777)


@dataclass(frozen=True, slots=True)
class House:
    """An own wallet of the world."""

    name: str
    chain: str
    address: str
    tier: str
    key: str
    usable: int
    closed: bool

    @property
    def account(self) -> str:
        """By CAIP-10."""
        return f"{self.chain}:{self.address}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A destination on a list."""

    account: str
    list: str
    usable: int
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """An intent by somebody, at a log time and an own clock (ms), with a worst-case fee."""

    intent: dict[str, Any]
    initiator: str
    time: int
    clock: int
    fee: int


@dataclass(frozen=True, slots=True)
class Stated:
    """Prices stated, seen at a time (ms)."""

    prices: dict[str, str]
    observed: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world, then what happened in it in order: a policy in force, prices, authorizations; then what is asked."""

    wallets: tuple[House, ...]
    listed: tuple[Listing, ...]
    past: tuple[dict[str, Any] | Stated | Ask, ...]
    asked: tuple[Ask, ...]
    """Of the policy and the prices that came last."""


def scenario(random: Random, asks: int = 10, fold: int | None = None) -> Scenario:
    """One world with so many asks; it begins with version 1 or 2 of the rules."""
    return _World(random, fold or random.choice((1, 2, 2, 2))).scenario(asks)


def encoded(kind: str, value: int) -> bytes:
    """One word of a call, right for its type if the value is."""
    word = value.to_bytes(32, "big")
    return word[-int(kind[5:]) :].ljust(32, b"\0") if kind.startswith("bytes") else word


def written(kind: str, value: int) -> str:
    """The same as the policy writes it."""
    if kind == "address":
        return f"0x{value:040x}"
    if kind == "bool":
        return "true" if value else "false"
    return f"0x{value:0{2 * int(kind[5:])}x}" if kind.startswith("bytes") else str(value)


@lru_cache(maxsize=1)
def _foundation() -> dict[str, Any]:
    document = Workspace().policy
    for name in ("dave", "robot"):
        role = "service" if name == "robot" else "person"
        document["people"][name] = {"role": role, "keys": [seeded(name).credential.to_doc()]}
    document["groups"] = GROUPS
    document["chains"][MAINNET] = {**document["chains"][CHAIN], "native": COINS[MAINNET]}
    document["assets"] = {asset: {"symbol": "X", "decimals": decimals} for asset, decimals in ASSETS.items()}
    document["address_groups"] = {name: {"group": "treasury", "threshold": 1, "age": 60} for name in LISTS}
    document["tiers"]["cool"] = copy.deepcopy(document["tiers"]["hot"])
    return document


class _World:
    """Draws one scenario; `now` is the newest log time."""

    def __init__(self, random: Random, fold: int) -> None:
        self.random, self.fold, self.now = random, fold, START
        self.wallets = tuple(self._wallets())
        self.listed = tuple(self._listings())
        self.valued = False

    # -- chance

    def maybe(self, share: float) -> bool:
        return self.random.random() < share

    def some(self, items: tuple[str, ...] | list[str], most: int = 2) -> list[str]:
        return self.random.sample(list(items), self.random.randint(1, min(most, len(items))))

    def amount(self) -> int:
        return self.random.choice(AMOUNTS[:11]) if self.maybe(0.9) else self.random.choice(AMOUNTS)

    # -- the world

    def _wallets(self) -> Iterator[House]:
        for index, (name, chain) in enumerate((("w-1", CHAIN), ("w-2", CHAIN), ("w-3", CHAIN), ("w-4", MAINNET))):
            tier, key = self.random.choice(("hot", "cool")), self.random.choice(KEYS)
            usable = START + (self.random.choice((0, 30_000, 10**9)) if self.maybe(0.3) else 0)
            yield House(name, chain, f"0x{index + 10:040x}", tier, key, usable, self.maybe(0.15))

    def _listings(self) -> Iterator[Listing]:
        for payee in PAYEES[:2]:
            for name in LISTS:
                if self.maybe(0.5):
                    tags = tuple(sorted(self.some(TAGS))) if self.fold == 2 and self.maybe(0.6) else ()
                    usable = START + self.random.choice((-86_400_000, -60_000, 0, 1_000, 60_000, 10**9))
                    yield Listing(f"{CHAIN}:{payee}", name, usable, tags)

    def scenario(self, asks: int) -> Scenario:
        policy = self.policy()
        past: list[dict[str, Any] | Stated | Ask] = [policy]
        if self.valued and self.maybe(0.7):
            past.append(self.stated())
        for _ in range(self.random.choice((0, 2, 6, 15))):
            self.now += self.random.choice((0, 1, 15, 999, 1_000, 60_000, 1_000_000))
            if self.valued and self.maybe(0.2):
                past.append(self.stated())
            elif self.maybe(0.1):
                self.fold = 2 if self.maybe(0.5) else self.fold
                past.append(policy := self.policy())
            else:
                past.append(self.ask(policy))
        return Scenario(self.wallets, self.listed, tuple(past), tuple(self.ask(policy) for _ in range(asks)))

    def stated(self) -> Stated:
        named = [asset for asset in ASSETS if self.maybe(0.95)]
        # A unit of account for each base unit, for many, or hardly anything.
        prices = {asset: str(10 ** (ASSETS[asset] + 9) * self.random.choice((1, 1, 3)) // self.random.choice((1, 2, 7)))
                  for asset in named}  # fmt: skip
        return Stated(prices, self.now - self.random.choice((0, 0, 1_000, 50_000)))

    # -- the policy

    def policy(self) -> dict[str, Any]:
        """A document that loads: rules that cannot match are left out."""
        document = copy.deepcopy(_foundation())
        document["fold"] = self.fold
        for chain in document["chains"].values():
            most = self.random.choice((5, 30, 10**18))
            chain["fee_window"] = {"seconds": self.random.choice(SECONDS), "max": str(most)}
        if self.fold == 2:
            self._fold_2(document)
        limits = [self._limit(index, "valuation" in document) for index in range(self.random.choice((0, 1, 2, 3)))]
        document["limits"] = limits
        last = {"name": "rebalance", "when": {"source": {"wallets": ["w-0"]}}, "allow": self._allow()}
        rules = [self._rule(f"rule {index}", document) for index in range(self.random.randint(1, 7))]
        document["rules"] = [*rules, last]
        if loads(document):
            return document
        document["rules"] = [last]
        assert loads(document)
        for rule in rules:
            document["rules"].insert(-1, rule)
            if not loads(document):
                document["rules"].remove(rule)
        return document

    def _fold_2(self, document: dict[str, Any]) -> None:
        self.valued = self.valued or self.maybe(0.8)
        if self.valued:
            document["valuation"] = {"unit": "USD", "decimals": 2, "group": "machines", "threshold": 1,
                                     "max_age": self.random.choice((10, 3600, 10**7))}  # fmt: skip
            for tier in document["tiers"].values():
                if self.maybe(0.4):
                    seconds = self.random.choice(SECONDS)
                    tier["ceiling"] = {"seconds": seconds, "out": self._ceiling(), "in": self._ceiling()}
        if self.maybe(0.5):
            document["messages"] = {name: self._schema(name) for name in ("order", "vote")}

    def _ceiling(self) -> str | None:
        return self._sum() if self.maybe(0.7) else None

    def _schema(self, name: str) -> dict[str, Any]:
        types = {
            "Order": [{"name": "maker", "type": "address"}, {"name": "size", "type": "uint128"},
                      {"name": "part", "type": "Part"}],
            "Part": [{"name": "final", "type": "bool"}, {"name": "note", "type": "string"}],
        }  # fmt: skip
        constraints = (
            {"field": "size", "max": "50"},
            {"field": "maker", "own_wallet": True},
            {"field": "part.note", "is": ["yes", "no"]},
            {"field": "part.final", "is": ["true"]},
        )
        return {
            "chain": CHAIN,
            "domain": {"name": name, "chainId": CHAIN.partition(":")[2]},
            "primary_type": "Order",
            "types": types,
            "fields": self.random.sample(constraints, self.random.randint(0, 2)),
        }

    def _limit(self, index: int, valued: bool) -> dict[str, Any]:
        bare = {"name": f"limit {index}", **self._window()}
        if valued and self.maybe(0.5):
            return {**bare, "max_value": self._sum()}
        return {**bare, "asset": self.random.choice(list(ASSETS)), "max": self._sum()}

    def _window(self) -> dict[str, Any]:
        per = self.random.choice(("initiator", "source", "destination", "asset"))
        return {"seconds": self.random.choice(SECONDS), "per": per}

    def _sum(self) -> str:
        return str(min(2**256 - 1, self.random.choice((1, 3, 10)) * self.amount()))

    def _rule(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        when = self._when(document)
        if self.maybe(0.2):
            return {"name": name, "when": when, "deny": "for a reason"}
        return {"name": name, "when": when, "allow": self._allow()}

    def _allow(self) -> dict[str, Any]:
        quorums = ([], [[{"group": "treasury", "threshold": 2}]], [[{"group": "desk", "threshold": 1}],
                   [{"group": "treasury", "threshold": 1}, {"group": "desk", "threshold": 1}]])  # fmt: skip
        allow: dict[str, Any] = {
            "approvals": self.random.choice(quorums),
            "initiator_may_approve": self.maybe(0.3),
            "delay": self.random.choice((0, 600)),
            "expiry": 86_400,
            "fee_ceiling": str(10**16),
        }
        if self.fold == 2:
            terms = {
                "surface": self.random.choice(("console", "approver")),
                "device_bound": self.maybe(0.5),
                "keys": self.random.choice((None, [KEYS[0]], [KEYS[1], KEYS[0]])),
                "screening": self.random.choice((None, {"services": ["robot"], "max_age": 60})),
            }
            allow |= {term: value for term, value in terms.items() if self.maybe(0.25)}
        return allow

    def _when(self, document: dict[str, Any]) -> dict[str, Any]:
        when: dict[str, Any] = {}
        if self.maybe(0.5):
            when["initiator"] = self._parts(
                members=lambda: self.some(INITIATORS), groups=lambda: self.some([*GROUPS], 1)
            )
        if self.maybe(0.3):
            more: dict[str, Callable[[], Any]] = {"accounts": self._accounts} if self.fold == 2 else {}
            names = [wallet.name for wallet in self.wallets]
            when["source"] = self._parts(
                wallets=lambda: self.some(names, 3), tiers=lambda: self.some(["hot", "cool"]), **more
            )
        if self.maybe(0.4):
            when["destination"] = self._destination()
        if self.fold == 2 and self.maybe(0.4):
            when["operation"] = [self._operation(document) for _ in range(self.random.randint(1, 2))]
        if "operation" in when and self.maybe(0.9):
            when["asset"] = self.random.choice(([ETH], [TOKEN], [ETH, TOKEN]))
        elif self.maybe(0.6):
            when["asset"] = [self.random.choice(list(ASSETS))] if self.maybe(0.7) else self.some([*ASSETS], 3)
        if len(when.get("asset", ())) == 1:
            if self.maybe(0.4):
                when["amount"] = self._bounds()
            if self.maybe(0.5):
                when["over_time"] = [{**self._window(), "max": self._sum()} for _ in range(self.random.randint(1, 2))]
        if "valuation" in document:
            if self.maybe(0.25):
                when["value"] = self._bounds()
            if self.maybe(0.25):
                window = {**self._window(), "max_value": self._sum()}
                when["over_time"] = [*when.get("over_time", ()), window]
        return when

    def _parts(self, **parts: Callable[[], Any]) -> dict[str, Any]:
        """One of the parts or more."""
        chosen = self.some(list(parts), len(parts)) if self.maybe(0.3) else self.some(list(parts), 1)
        return {name: parts[name]() for name in chosen}

    def _accounts(self) -> list[str]:
        return self.some([wallet.account for wallet in self.wallets])

    def _bounds(self) -> dict[str, str]:
        low, high = sorted((self.amount(), self.amount()))
        return self.random.choice(({"min": str(low)}, {"max": str(high)}, {"min": str(low), "max": str(high)}))

    def _destination(self) -> dict[str, Any]:
        part = self._parts(
            accounts=lambda: self.some([*(f"{CHAIN}:{payee}" for payee in PAYEES), *CONTRACTS]),
            listed=lambda: self.some(LISTS),
            own_wallets=lambda: True,
            **({"one_time": lambda: True} if self.fold == 2 else {}),
        )
        if self.fold == 2 and "listed" in part:
            part |= {"tags": self.some(TAGS)} if self.maybe(0.4) else {}
            part |= {"listed_for": self.random.choice((1, 60, 86_400))} if self.maybe(0.3) else {}
        return part

    def _operation(self, document: dict[str, Any]) -> Any:
        kind = self.random.random()
        if kind < 0.3:
            return "transfer"
        if kind < 0.5 and "messages" in document:
            return {"message": self.random.choice(list(document["messages"]))}
        method = self.random.choice(list(METHODS))
        shape: dict[str, Any] = {"contracts": self.some(CONTRACTS), "method": method}
        constraints = [self._constraint(index, kind) for index, kind in enumerate(METHODS[method]) if self.maybe(0.5)]
        if constraints or self.maybe(0.5):
            shape["arguments"] = constraints
        return {"call": shape}

    def _constraint(self, index: int, kind: str) -> dict[str, Any]:
        if kind.startswith("uint") and self.maybe(0.7):
            most = 2 ** int(kind[4:]) - 1
            return {"index": index, **{name: str(min(int(bound), most)) for name, bound in self._bounds().items()}}
        if kind == "address" and self.maybe(0.4):
            return {"index": index, "own_wallet": True}
        return {"index": index, "is": sorted({written(kind, self._argument(kind)) for _ in range(2)})}

    # -- what is asked

    def ask(self, policy: dict[str, Any]) -> Ask:
        """Mostly what some rule is about, so that many parts of it hold."""
        when = self.random.choice(policy["rules"])["when"] if self.maybe(0.8) else {}
        wallet = self._source(when.get("source", {}))
        shape = self._shape(when, policy)
        if wallet.chain != CHAIN or shape == "transfer":
            intent = self._transfer(wallet, when)
        elif "call" in shape:
            intent = {"call": self._call(shape["call"])}
        else:
            intent = {"message": self._message(policy, shape["message"])}
        intent |= {"from": wallet.name, "why": "", "until": self.now + 1000, "idempotency": "x"}
        own = self.now + (self.random.choice((-20_000, -1, 1, 20_000)) if self.maybe(0.3) else 0)
        fee = 0 if self.maybe(0.2) else self.amount()
        return Ask(intent, self._initiator(when.get("initiator", {})), self.now, own, fee)

    def _initiator(self, part: dict[str, Any]) -> str:
        named = [*part.get("members", ()), *(name for group in part.get("groups", ()) for name in GROUPS[group])]
        return self.random.choice(named or list(INITIATORS))

    def _source(self, part: dict[str, Any]) -> House:
        fitting = [
            wallet
            for wallet in self.wallets
            if wallet.name in part.get("wallets", (wallet.name,))
            and wallet.tier in part.get("tiers", (wallet.tier,))
            and wallet.account in part.get("accounts", (wallet.account,))
        ]
        return self.random.choice(fitting or self.wallets)

    def _shape(self, when: dict[str, Any], policy: dict[str, Any]) -> Any:
        if "operation" in when:
            return self.random.choice(when["operation"])
        return "transfer" if self.fold == 1 or self.maybe(0.8) else self._operation(policy)

    def _transfer(self, wallet: House, when: dict[str, Any]) -> dict[str, Any]:
        known = [asset for asset in when.get("asset", ASSETS) if asset.startswith(f"{wallet.chain}/")]
        amount = self.random.choice(list(when["amount"].values())) if "amount" in when and self.maybe(0.5) else None
        return {
            "to": self._payee(wallet.chain, when.get("destination", {})),
            "asset": UNNAMED if self.maybe(0.03) else self.random.choice(known or [COINS[wallet.chain]]),
            "amount": amount if amount not in (None, "0") else str(self.amount()),
        }

    def _payee(self, chain: str, part: dict[str, Any]) -> str:
        if "accounts" in part and chain == CHAIN and self.maybe(0.7):
            return self.random.choice(part["accounts"])
        return self._account(chain)

    def _account(self, chain: str) -> str:
        return self.random.choice(
            [wallet.account for wallet in self.wallets if wallet.chain == chain]
            + [f"{chain}:{payee}" for payee in PAYEES]
        )

    def _argument(self, kind: str) -> int:
        if kind == "address":
            return int(self.random.choice([*PAYEES, *(wallet.address for wallet in self.wallets)]), 16)
        size = {"bool": 1}.get(kind) or (8 * int(kind[5:]) if kind.startswith("bytes") else int(kind[4:]))
        return self.amount() % 2**size

    def _call(self, shape: dict[str, Any]) -> dict[str, str]:
        contract, method = self.random.choice(shape["contracts"]), shape["method"]
        if self.maybe(0.1):
            contract = self._account(CHAIN) if self.maybe(0.5) else self.random.choice(CONTRACTS)
        if self.maybe(0.05):
            method = self.random.choice(REFUSED)
        data = keccak256(method.encode())[:4]
        for index, kind in enumerate(METHODS.get(method, ())):
            data += encoded(kind, self._argument_for(index, kind, shape))
        if self.maybe(0.07):
            bad = (data[:-1], data + b"\0", data + bytes(32), data[:3], data[:4] + b"\1" + data[5:])
            data = self.random.choice(bad)
        value = 0 if self.maybe(0.95 if method.startswith("approve") else 0.4) else self.amount()
        return {"to": contract, "value": str(value), "data": data.hex()}

    def _argument_for(self, index: int, kind: str, shape: dict[str, Any]) -> int:
        for each in shape.get("arguments", ()):
            if each["index"] == index and "is" in each and self.maybe(0.8):
                text = self.random.choice(each["is"])
                return {"true": 1, "false": 0}[text] if kind == "bool" else int(text, 0)
        return self._argument(kind)

    def _message(self, policy: dict[str, Any], name: str) -> dict[str, Any]:
        schema = copy.deepcopy(policy["messages"][name])
        fields: dict[str, Any] = {
            "maker": written("address", self._argument("address")),
            "size": str(self.amount() % 2**128),
            "part": {"final": self.random.choice(("true", "false")), "note": self.random.choice(("yes", "maybe"))},
        }
        if self.maybe(0.1):
            self.random.choice((
                lambda: schema["domain"].update(name="another"),
                schema["types"]["Part"].reverse,
                lambda: schema.update(primary_type="Part"),
                lambda: fields["part"].pop("note"),
                lambda: fields.update(size=str(2**128)),
                lambda: fields.update(more="x"),
            ))()  # fmt: skip
        same = {part: schema[part] for part in ("domain", "primary_type", "types")}
        return {"schema": name if self.maybe(0.97) else "unknown", **same, "fields": fields}


def thinned(world: Scenario, keep: Callable[[], bool]) -> Scenario:
    """The same world without what is not kept of its past, requests, rules, parts of rules, and limits."""
    first, *rest = world.past
    past = [each for each in (*rest, first) if keep() or each is first]
    asked = [each for each in world.asked[1:] if keep()]
    thin = [_thinner(each, keep) if isinstance(each, dict) else each for each in (past[-1], *past[:-1])]
    return replace(world, past=tuple(thin), asked=(world.asked[0], *asked))


def _thinner(document: dict[str, Any], keep: Callable[[], bool]) -> dict[str, Any]:
    rules = [
        {**rule, "when": {part: terms for part, terms in rule["when"].items() if keep()}}
        for rule in document["rules"]
        if keep()
    ]
    return {**document, "rules": rules, "limits": [limit for limit in document["limits"] if keep()]}


def loads(document: dict[str, Any]) -> bool:
    """Whether the loader takes it."""
    return loaded(document) is not None


def loaded(document: dict[str, Any]) -> Policy | None:
    """What the loader makes of it, None where it refuses."""
    return _loaded(json.dumps(document))


@lru_cache(maxsize=64)  # each is asked about when it is drawn, and again by the evaluator
def _loaded(text: str) -> Policy | None:
    try:
        return load_policy(json.loads(text))
    except InvalidInput:
        return None
