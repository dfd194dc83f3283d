"""`strongroom transfer …`: propose, approve, reject, cancel, look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strongroom.cli.output import Json, brief, emit, example, say, table
from strongroom.cli.profile import joined, load
from strongroom.cli.stopping import Out, Relays, stop

if TYPE_CHECKING:
    from strongroom.cli.client import Client
    from strongroom.cli.profile import Profile

app = typer.Typer(help="Move assets: propose, approve, reject, look.", no_args_is_help=True)

Wait = Annotated[bool, typer.Option("--wait", help="Follow it until it ends or waits for somebody.")]
Timeout = Annotated[float, typer.Option(help="With --wait: give up after so many seconds.")]
Name = Annotated[str, typer.Argument(metavar="TRANSFER", help="Its id, or the first characters of it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Source = Annotated[str, typer.Option("--from", help="The wallet that does it.")]
Why = Annotated[str, typer.Option(help="For the people who approve and audit.")]
Idempotency = Annotated[str, typer.Option(help="The same key never makes two transfers.")]
Expires = Annotated[int, typer.Option(min=1, help="Seconds until it may no longer be signed.")]


@app.command(
    epilog=example("strongroom transfer propose --from hot-eth --to 0x7099… --asset ETH --amount 1.5 --why rent --wait")
)
def propose(
    source: Source,
    to: Annotated[str, typer.Option(help="Address, account (CAIP-10) or the name of an own wallet.")],
    asset: Annotated[str, typer.Option(help="Symbol in the policy, or CAIP-19.")],
    amount: Annotated[str, typer.Option(help="Decimal text, such as 1.5.")],
    why: Why = "",
    idempotency: Idempotency = "",
    base_units: Annotated[bool, typer.Option("--base-units", help="The amount is in base units (wei).")] = False,
    expires: Expires = 3600,
    wait: Wait = False,
    timeout: Timeout = 300,
    as_json: Json = False,
) -> None:
    """Propose a transfer; the policy says at once whether it may go and who has to approve."""
    from strongroom.cli.resolve import account_of, amount_of, asset_of, wallet_of
    from strongroom.documents.amount import format_amount

    profile = joined()
    client = profile.client()
    wallets = client.get("/v1/wallets")["wallets"]
    assets = client.get("/v1/policy")["policy"]["assets"]
    wallet = wallet_of(wallets, source)
    named = asset_of(assets, asset, wallet["chain"])
    about = {
        "from": source,
        "to": account_of(to, wallet["chain"], wallets),
        "asset": named,
        "amount": format_amount(amount_of(amount, assets[named]["decimals"], base_units=base_units)),
    }
    finish(client, proposed(profile, client, about, why, expires, idempotency), wait, timeout, as_json)


def proposed(
    profile: Profile, client: Client, about: dict[str, Any], why: str, expires: int, idempotency: str
) -> dict[str, Any]:
    """The transfer that a signed intent about something has opened."""
    import secrets

    from strongroom.cli.signing import now_ms, signed

    until = now_ms() + expires * 1000
    subject = {**about, "why": why, "until": until, "idempotency": idempotency or secrets.token_hex(16)}
    return client.post("/v1/transfers", signed(profile, client, "transfer.propose", subject).to_doc())[1]


@app.command(epilog=example("strongroom transfer show 4f1c2a9b77e0"))
def show(
    transfer: Name,
    wait: Wait = False,
    timeout: Timeout = 300,
    as_json: Json = False,
) -> None:
    """The timeline of a transfer: what was asked, decoded, by which rule, what is awaited, why it was refused."""
    client = load().client()
    document = client.get(f"/v1/transfers/{_found(client, transfer)}")
    finish(client, document, wait, timeout, as_json)


@app.command("list", epilog=example("strongroom transfer list --open"))
def list_transfers(
    open_only: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """The newest transfers."""
    from strongroom.cli.timeline import clock

    found = load().client().get("/v1/transfers", open=int(open_only), limit=limit)

    def human() -> None:
        rows = [
            (
                row["id"][:12],
                clock(row["proposed"])[:-3],
                row["initiator"],
                row["amount"]["text"] if row["operation"] == "transfer" else f"a {row['operation']}",
                row["to"]["wallet"] or brief(row["to"]["address"]),
                row["closed"] or row["phase"],
            )
            for row in found["transfers"]
        ]
        headings = ("transfer", "UTC", "by", "amount", "to", "phase")
        table(headings, rows, "no transfers")

    emit(found, as_json, human)


@app.command(epilog=example("strongroom transfer approve 4f1c2a9b77e0"))
def approve(
    transfer: Name,
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = 300,
    as_json: Json = False,
) -> None:
    """Approve a transfer, after its initiator's own signed words and the obligations were shown."""
    from strongroom.cli.approval import confirm_approval
    from strongroom.cli.signing import hand_in

    profile = joined()
    client = profile.client()
    name = _found(client, transfer)
    digest = confirm_approval(client, profile.workspace, name, yes=yes, as_json=as_json)
    hand_in(profile, client, "transfer.approve", {"transfer": name}, obligations=digest)
    if not as_json:
        say(f"{profile.person} approved", "green")
    finish(client, client.get(f"/v1/transfers/{name}"), wait, timeout, as_json)


@app.command(epilog=example("strongroom transfer screen 4f1c2a9b77e0 clear --reference case-1417"))
def screen(
    transfer: Name,
    result: Annotated[str, typer.Argument(help="clear or flagged.")],
    reference: Annotated[str, typer.Option(help="Where the service's own record of it is found.")] = "",
    as_json: Json = False,
) -> None:
    """Say as a screening service that a transfer is clear, or flag it; the newest word of each service counts."""
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in

    profile = joined()
    client = profile.client()
    name = _found(client, transfer)
    subject = {"transfer": name, "result": result, "reference": reference}
    settle(hand_in(profile, client, "transfer.screen", subject), as_json, f"transfer {name[:12]} is {result}")


@app.command(epilog=example("strongroom transfer reject 4f1c2a9b77e0"))
def reject(transfer: Name, relay: Relays = None, file: Out = None, as_json: Json = False) -> None:
    """Reject a transfer as one of its approvers: it ends at once; its whole id asks the coordinator nothing."""
    _stop(transfer, "transfer.reject", relay, file, as_json)


@app.command(epilog=example("strongroom transfer cancel 4f1c2a9b77e0"))
def cancel(transfer: Name, relay: Relays = None, file: Out = None, as_json: Json = False) -> None:
    """Take back a transfer of your own; its whole id asks the coordinator nothing."""
    _stop(transfer, "transfer.cancel", relay, file, as_json)


def _stop(transfer: str, kind: str, relays: list[str] | None, out: Path | None, as_json: bool) -> None:
    profile = joined()
    name = _found(profile.client(), transfer)
    verb = {"transfer.reject": "rejected", "transfer.cancel": "cancelled"}[kind]
    done = f"transfer {name[:12]} is {verb}"
    stop(profile, kind, {"transfer": name}, done, relays=relays, out=out, as_json=as_json)


def _found(client: Client, text: str) -> str:
    from strongroom.cli.resolve import transfer_id

    listed = client.get("/v1/transfers", limit=1000)["transfers"] if len(text) != 64 else []
    return transfer_id(listed, text)


def finish(client: Client, document: dict[str, Any], wait: bool, timeout: float, as_json: bool) -> None:
    """Show the transfer; with --wait follow it first, and end with the exit code of what it waits for."""
    from strongroom.cli.timeline import render

    if wait:
        from strongroom.cli.waiting import follow_visibly

        document = follow_visibly(client, document, timeout, quiet=as_json)
    emit(document, as_json, lambda: render(document))
    if wait:
        from strongroom.cli.follow import exit_of

        raise typer.Exit(exit_of(document["status"]))
