"""`strongroom transfer call|message`: what a wallet does beside paying."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strongroom.cli.commands.transfers import Expires, Idempotency, Source, Timeout, Wait, Why, finish, proposed
from strongroom.cli.output import Json, example
from strongroom.cli.profile import joined


def call(
    method: Annotated[str, typer.Argument(help="Its signature: name(type,…).")],
    source: Source,
    to: Annotated[str, typer.Option(help="The contract: its address or account (CAIP-10).")],
    arguments: Annotated[list[str] | None, typer.Argument(help="One for each type; amounts in base units.")] = None,
    value: Annotated[str, typer.Option(help="Base units of the native coin that go with it.")] = "0",
    why: Why = "",
    idempotency: Idempotency = "",
    expires: Expires = 3600,
    wait: Wait = False,
    timeout: Timeout = 300,
    as_json: Json = False,
) -> None:
    """Propose a call of a contract; an approve counts as a transfer of the whole allowance to its spender."""
    from strongroom.chains.evm.calldata import calldata
    from strongroom.cli.resolve import account_of, wallet_of
    from strongroom.documents.abi import parse_method
    from strongroom.documents.amount import format_amount, parse_amount
    from strongroom.documents.names import split_account

    profile = joined()
    client, signature = profile.client(), parse_method(method)
    wallets = client.get("/v1/wallets")["wallets"]
    chain = wallet_of(wallets, source)["chain"]
    given = list(arguments or ())
    for index, kind in enumerate(signature.types[: len(given)]):
        if kind == "address":
            given[index] = split_account(account_of(given[index], chain, wallets))[1]
    made = {
        "to": account_of(to, chain, wallets),
        "value": format_amount(parse_amount(value)),
        "data": calldata(signature, given).hex(),
    }
    document = proposed(profile, client, {"from": source, "call": made}, why, expires, idempotency)
    finish(client, document, wait, timeout, as_json)


def message(
    file: Annotated[Path, typer.Argument(help="JSON as of eth_signTypedData_v4.")],
    source: Source,
    why: Why = "",
    idempotency: Idempotency = "",
    expires: Expires = 3600,
    wait: Wait = False,
    timeout: Timeout = 300,
    as_json: Json = False,
) -> None:
    """Propose that a wallet signs a typed message of a kind that the policy knows; `show` gives its signature."""
    from strongroom.cli.files import read_document
    from strongroom.cli.typed_data import message_of

    profile = joined()
    client, given = profile.client(), read_document(file)
    schemas = client.get("/v1/policy")["policy"].get("messages", {})
    subject = {"from": source, "message": message_of(given, schemas)}
    document = proposed(profile, client, subject, why, expires, idempotency)
    finish(client, document, wait, timeout, as_json)


def register(app: typer.Typer) -> None:
    """Add the commands to the transfers."""
    approve = "strongroom transfer call 'approve(address,uint256)' 0x7099… 5000000 --from hot-eth --to 0x5fbd… --wait"
    app.command(epilog=example(approve))(call)
    app.command(epilog=example("strongroom transfer message order.json --from hot-eth --why 'order 17' --wait"))(
        message
    )
