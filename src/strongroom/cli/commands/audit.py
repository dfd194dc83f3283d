"""`strongroom audit`: export the log, and verify it offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.exits import error_document, exit_code, line
from strongroom.cli.output import Json, bars, emit, example, plain, say
from strongroom.cli.profile import load
from strongroom.cli.verified import verified

if TYPE_CHECKING:
    from strongroom.audit.finding import AuditFailed


def audit(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE|export", help="A bundle to verify, or the word export.")],
    file: Annotated[Path | None, typer.Argument(help="With export: where the bundle goes.")] = None,
    chain: Annotated[
        bool, typer.Option(help="With export: with every transaction that the wallets have sent, from the chain.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Replay a log offline: every entry's authority, every signature, the witnesses, and the chain against the log."""
    if file is None:
        return _verify(bundle, as_json)
    from strongroom.errors import InvalidInput

    if str(bundle) != "export":
        raise InvalidInput("audit.usage", "one bundle at a time", "strongroom audit BUNDLE, or audit export FILE")
    return _export(file, chain, as_json)


def _export(file: Path, chain: bool, as_json: bool) -> None:
    from strongroom.errors import InvalidInput

    client, size = load().client(), 0
    try:
        with file.open("xb") as target, bars(as_json) as shown:
            task = shown.add_task("fetching entries", total=int(client.get("/v1/entries", limit=1)["size"]))
            for piece in client.download(f"/v1/bundle?chain={str(chain).lower()}"):
                size += target.write(piece)
                shown.advance(task, piece.count(b"\n"))
    except FileExistsError:
        raise InvalidInput("file.exists", f"{file} exists and is kept", "name another file") from None
    except OSError as error:
        raise InvalidInput("file.unwritable", f"cannot write {file}: {error.strerror}") from None
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    document = {"bundle": str(file), "bytes": size, "chain": chain}
    emit(document, as_json, lambda: say(f"{size} bytes; verify them: strongroom audit {file}", "green"))


def _verify(bundle: Path, as_json: bool) -> None:
    from strongroom.audit.finding import AuditFailed

    try:
        report = verified(bundle, as_json)
    except AuditFailed as failed:
        return _failed(failed, as_json)

    def human() -> None:
        for told in report.to_lines():
            say(told)

    return emit(report.to_doc(), as_json, human)


def _failed(failed: AuditFailed, as_json: bool) -> None:
    """Everything that was found, the worst first; ends with the exit code of a refusal."""
    found = (failed, *failed.others)
    if as_json:
        emit({**error_document(failed), **failed.to_doc()}, as_json, lambda: None)
    else:
        for each in found:
            typer.echo(plain(line(each)), err=True)
    raise typer.Exit(exit_code(failed))


def register(app: typer.Typer) -> None:
    """The command at the top level."""
    lines = ("strongroom audit export log.bundle", "strongroom audit log.bundle")
    app.command("audit", epilog=example(*lines))(audit)
