"""`strongroom`: one command line for people, services' operators and the roles' own machines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated, NoReturn

import typer
from typer.exceptions import Abort, TyperException

from strongroom import __version__
from strongroom.cli import profile
from strongroom.cli.commands import (
    addresses,
    approver,
    audit,
    keys,
    log,
    members,
    nodes,
    operations,
    policy,
    posture,
    prices,
    restore,
    roles,
    status,
    stops,
    transfers,
    wallets,
    workspace,
)
from strongroom.cli.exits import Exit, error_document, exit_code, line
from strongroom.errors import InvalidInput, StrongroomError

app = typer.Typer(
    name="strongroom",
    help="Self-hosted custody: the log decides, every signer checks for itself.",
    epilog="Exit codes: 0 done, 2 bad input, 3 waits for people, 4 denied by policy, 5 refused by a signer, "
    "6 a component is unreachable.",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def entry(
    context: typer.Context,
    named: Annotated[
        str | None,
        typer.Option("--profile", help="Profile directory, or a name in the lab; or STRONGROOM_PROFILE."),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Self-hosted custody: the log decides, every signer checks for itself."""
    profile.choose(named)
    if version:
        typer.echo(__version__)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.add_typer(workspace.app, name="workspace")
app.add_typer(members.people, name="person")
app.add_typer(members.services, name="service")
app.add_typer(keys.app, name="key")
app.add_typer(log.app, name="log")
app.add_typer(nodes.app, name="node")
app.add_typer(wallets.app, name="wallet")
app.add_typer(addresses.app, name="address")
app.add_typer(policy.app, name="policy")
app.add_typer(prices.app, name="price")
app.add_typer(transfers.app, name="transfer")
app.add_typer(approver.app, name="approver")
operations.register(transfers.app)
stops.register(app)
status.register(app)
audit.register(app)
posture.register(app)
roles.register(app)
restore.register(app)
if find_spec("strongroom.lab") is not None and find_spec("strongroom.lab.cli") is not None:
    from strongroom.lab.cli import app as lab

    app.add_typer(lab, name="lab")


def run(arguments: Sequence[str]) -> int:
    """Run one command line; every failure is one line and an exit code, with --json one document."""
    as_json = "--json" in arguments
    try:
        return int(app(list(arguments), prog_name="strongroom", standalone_mode=False) or 0)
    except StrongroomError as error:
        return _failed(error, as_json)
    except TyperException as error:
        return _usage(error, as_json)
    except (Abort, KeyboardInterrupt):
        return _failed(InvalidInput("input.aborted", "nothing was done"), as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read it has enough
        return int(Exit.DONE)
    except Exception as error:
        return _fault(error, as_json)


def main() -> NoReturn:
    """The console script."""
    raise SystemExit(run(sys.argv[1:]))


def _failed(error: StrongroomError, as_json: bool) -> int:
    from strongroom.cli.output import plain

    if as_json:
        typer.echo(json.dumps(error_document(error), ensure_ascii=False))
    else:
        typer.echo(plain(line(error)), err=True)
    return int(exit_code(error))


def _usage(error: TyperException, as_json: bool) -> int:
    """What was typed is no command, or lacks something; a bare group shows its help."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message())
        return int(Exit.BAD_INPUT)
    path = context.command_path if context is not None else "strongroom"
    return _failed(InvalidInput("usage", error.format_message(), f"see: {path} --help"), as_json)


def _fault(error: Exception, as_json: bool) -> int:
    """A fault of this program: where it happened, but not its text, which could quote a secret."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place, trace = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}", trace.tb_next
    return _failed(StrongroomError("internal.error", f"{type(error).__name__} at {place}"), as_json)
