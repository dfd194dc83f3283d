"""`strongroom lab …`: start, stop, look at and demonstrate the lab of the current directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from strongroom.lab.layout import locate, prepare

app = typer.Typer(help="LAB: a whole installation on this machine, for trying out.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@app.command("up")
def up_command(json_: Json = False) -> None:
    """Start the lab of this directory, or go on where it was stopped."""
    from strongroom.lab.up import up

    layout = prepare(Path.cwd())
    with layout.locked():
        settings = up(layout, lambda line: typer.echo(f"  {line}", err=json_))
    if json_:
        typer.echo(layout.lab_json.read_text(), nl=False)
    else:
        typer.echo(f"LAB is up. Console {settings.console}/console, API {settings.api}, chain {settings.node_url}")
        typer.echo("Details are in .lab/lab.json; enrol a passkey at the console, then: strongroom lab enrol FILE")


@app.command("down")
def down_command(
    erase_: Annotated[bool, typer.Option("--erase", help="Delete the lab as well: keys, log, chain.")] = False,
    json_: Json = False,
) -> None:
    """Stop the lab; its state stays in .lab."""
    from strongroom.lab.down import down, erase

    layout = locate(Path.cwd())
    with layout.locked():
        stopped, killed = down(layout)
        if erase_:
            erase(Path.cwd(), layout)
    after = "Nothing of it is left." if erase_ else "`strongroom lab up` continues it."
    if json_:
        typer.echo(json.dumps({"stopped": stopped, "killed": killed, "erased": erase_}))
    else:
        typer.echo(f"LAB is down: {', '.join(stopped) or 'nothing was running'}. {after}")


@app.command("status")
def status_command(json_: Json = False) -> None:
    """Show the lab's processes and what the coordinator says about them."""
    from strongroom.lab.status import lines, status

    doc = status(locate(Path.cwd()))
    typer.echo(json.dumps(doc, indent=2, ensure_ascii=False) if json_ else "\n".join(lines(doc)))


@app.command("faucet")
def faucet_command(
    to: Annotated[str, typer.Argument(help="A wallet's name, or an address.")],
    amount: Annotated[str, typer.Option(help="Decimal text, such as 1.5.")] = "10",
    asset: Annotated[str, typer.Option(help="ETH or LUSD.")] = "ETH",
) -> None:
    """Give a wallet or an address some of the lab's worthless money."""
    from strongroom.lab.faucet import give

    given, address = give(locate(Path.cwd()), to, asset, amount)
    typer.echo(f"LAB: {given} for {address}")


@app.command("enrol")
def enrol_command(
    files: Annotated[list[Path], typer.Argument(help="Enrolment files, as the console gives them.")],
    json_: Json = False,
) -> None:
    """Let the lab's administrators adopt a policy with the keys of enrolment files.

    For example: strongroom lab enrol dora.enrolment.json
    """
    from strongroom.lab.enrol import enrol

    done = enrol(locate(Path.cwd()), files, lambda line: typer.echo(f"  {line}", err=json_))
    text = f"LAB: policy version {done['version']} is in force, with the keys of {', '.join(done['people'])}"
    typer.echo(json.dumps(done) if json_ else text)


@app.command("demo")
def demo_command() -> None:
    """Bring the lab up and show it: a key, transfers, a refusal, a lying coordinator, an audit."""
    from strongroom.lab.demo import demo

    layout = prepare(Path.cwd())
    with layout.locked():
        demo(layout, typer.echo)
