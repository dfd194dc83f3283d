"""`strongroom address …`: listed destinations."""

from __future__ import annotations

from typing import Annotated

import typer

from strongroom.cli.output import Json, brief, emit, example, table
from strongroom.cli.profile import joined, load
from strongroom.cli.stopping import Out, Relays, stop

app = typer.Typer(help="Listed destinations: list, add, remove.", no_args_is_help=True)

Group = Annotated[str, typer.Option(help="The address group of the policy.")]
Chain = Annotated[str, typer.Option(help="CAIP-2, for a 0x… address; left out: the policy's only chain.")]


@app.command("list", epilog=example("strongroom address list"))
def list_addresses(as_json: Json = False) -> None:
    """Every listed destination, and from when on it may be paid."""
    from strongroom.cli.timeline import clock

    found = load().client().get("/v1/addresses")
    rows = [
        (a["label"], a["group"], brief(a["address"]), brief(a["account"]), clock(a["usable"]))
        for a in found["addresses"]
    ]
    headings = ("label", "group", "address", "account", "usable from (UTC)")
    emit(found, as_json, lambda: table(headings, rows, "no listed addresses"))


@app.command(epilog=example('strongroom address add 0x7099… --group vendors --label "Acme Ltd"'))
def add(
    address: Annotated[str, typer.Argument()],
    group: Group,
    label: Annotated[str, typer.Option(help="Who it is; the same for everybody who signs.")],
    chain: Chain = "",
    tag: Annotated[list[str] | None, typer.Option(help="What rules may ask of it, such as: exchange.")] = None,
    as_json: Json = False,
) -> None:
    """List a destination: takes the threshold of its group; it may be paid once the group's age has passed."""
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in

    profile = joined()
    client = profile.client()
    account, tags = _account(client.get("/v1/policy")["policy"], address, chain), {"tags": tag} if tag else {}
    subject = {"account": account, "group": group, "label": label, **tags}
    settle(hand_in(profile, client, "address.list", subject), as_json, f"{label} is listed in {group}")


@app.command(epilog=example("strongroom address remove 0x7099… --group vendors"))
def remove(
    address: Annotated[str, typer.Argument()],
    group: Group,
    chain: Chain = "",
    relay: Relays = None,
    file: Out = None,
    as_json: Json = False,
) -> None:
    """Take a destination off a list at once: takes one administrator."""
    profile = joined()
    ask = address.startswith("0x") and not chain  # else nobody has to be asked first
    policy = profile.client().get("/v1/policy")["policy"] if ask else {"chains": {}}
    subject = {"account": _account(policy, address, chain), "group": group}
    done = f"{subject['account']} is off {group}"
    stop(profile, "address.delist", subject, done, relays=relay, out=file, as_json=as_json)


def _account(policy: dict[str, dict[str, object]], text: str, chain: str) -> str:
    from strongroom.cli.resolve import account_of
    from strongroom.errors import InvalidInput

    chains = sorted(policy["chains"])
    if text.startswith("0x") and not chain and len(chains) != 1:
        raise InvalidInput("chain.missing", "the policy has several chains", f"give --chain: {', '.join(chains)}")
    prefix = chain or (chains[0] if text.startswith("0x") else text.rpartition(":")[0])
    return account_of(text, prefix, [])
