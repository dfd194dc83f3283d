"""`strongroom wallet …`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from strongroom.cli.output import Json, brief, emit, example, say, table
from strongroom.cli.profile import joined, load
from strongroom.cli.stopping import Out, Relays, stop

app = typer.Typer(help="Wallets: open, list, show an address, close.", no_args_is_help=True)


@app.command("open", epilog=example("strongroom wallet open hot-eth --chain eip155:1 --key hot-ecdsa"))
def open_wallet(
    name: Annotated[str, typer.Argument()],
    chain: Annotated[str, typer.Option(help="CAIP-2, such as eip155:1.")],
    key: Annotated[str, typer.Option(help="The threshold key that spends from it.")],
    path: Annotated[str, typer.Option(help="Non-hardened steps below the key, such as 0/7.")] = "",
    as_json: Json = False,
) -> None:
    """Open a wallet with the complete list of ways to spend from it: takes the administrators' threshold."""
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in
    from strongroom.errors import InvalidInput

    profile = joined()
    client = profile.client()
    found = next((row for row in client.get("/v1/keys")["keys"] if row["name"] == key), None)
    if found is None:
        raise InvalidInput("key.unknown", f"there is no key '{key}'", "see: strongroom key list")
    steps = path.split("/") if path else []
    if not all(step.isascii() and step.isdecimal() and len(step) <= 10 for step in steps):
        raise InvalidInput("wallet.path", "a path is numbers with slashes between them, such as 0/7")
    subject: dict[str, Any] = {
        "name": name,
        "chain": chain,
        "key": key,
        "path": [int(step) for step in steps],
        "tier": found["tier"],
        "routes": [{"route": "key", "key": key}],
    }
    answer = hand_in(profile, client, "wallet.open", subject)
    settle(answer, as_json, f"wallet {name} is open; its address: strongroom wallet address {name}")


@app.command("list", epilog=example("strongroom wallet list"))
def list_wallets(as_json: Json = False) -> None:
    """Every wallet, with balances as far as the coordinator knows them."""
    from strongroom.documents.amount import parse_amount
    from strongroom.documents.decimal import show

    client = load().client()
    found = client.get("/v1/wallets")
    assets = client.get("/v1/policy")["policy"]["assets"]

    def balance(asset: str, units: str) -> str:
        unit = assets.get(asset)
        return f"{show(parse_amount(units), unit['decimals'])} {unit['symbol']}" if unit else f"{units} of {asset}"

    def human() -> None:
        rows = [
            (
                wallet["name"],
                wallet["chain"],
                wallet["tier"],
                wallet["key"],
                brief(wallet["address"]),
                ", ".join(balance(*item) for item in wallet["balances"].items()) or "–",
                "closed" if wallet["closed"] else "open",
            )
            for wallet in found["wallets"]
        ]
        table(
            ("wallet", "chain", "tier", "key", "address", "balances", "is"),
            rows,
            "no wallets yet: strongroom wallet open",
        )

    emit(found, as_json, human)


@app.command(epilog=example("strongroom wallet address hot-eth"))
def address(name: Annotated[str, typer.Argument()], as_json: Json = False) -> None:
    """The address alone, to pay in to."""
    from strongroom.cli.resolve import wallet_of

    wallet = wallet_of(load().client().get("/v1/wallets")["wallets"], name)
    document = {name: wallet[name] for name in ("name", "chain", "account", "address")}
    emit(document, as_json, lambda: say(wallet["address"]))


@app.command(epilog=example("strongroom wallet close hot-eth"))
def close(
    name: Annotated[str, typer.Argument()], relay: Relays = None, file: Out = None, as_json: Json = False
) -> None:
    """Close a wallet to all spending at once: takes one administrator."""
    subject = {"wallet": name}
    stop(joined(), "wallet.close", subject, f"wallet {name} is closed", relays=relay, out=file, as_json=as_json)
