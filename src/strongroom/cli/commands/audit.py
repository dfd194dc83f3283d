"""`strongroom audit`: export the log, and verify it offline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.output import Json, emit, example, say
from strongroom.cli.profile import load

if TYPE_CHECKING:
    from strongroom.audit.report import Report


def audit(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE|export", help="A bundle to verify, or the word export.")],
    file: Annotated[Path | None, typer.Argument(help="With export: where the bundle goes.")] = None,
    as_json: Json = False,
) -> None:
    """Replay a log offline: every entry's authority, the Merkle root, the witnesses' cosignatures."""
    if file is None:
        return _verify(bundle, as_json)
    from strongroom.errors import InvalidInput

    if str(bundle) != "export":
        raise InvalidInput("audit.usage", "one bundle at a time", "strongroom audit BUNDLE, or audit export FILE")
    return _export(file, as_json)


def _export(file: Path, as_json: bool) -> None:
    from strongroom.errors import InvalidInput

    client, size = load().client(), 0
    try:
        with file.open("xb") as target:
            for chunk in client.download("/v1/bundle"):
                size += target.write(chunk)
    except FileExistsError:
        raise InvalidInput("file.exists", f"{file} exists and is kept", "name another file") from None
    except OSError as error:
        raise InvalidInput("file.unwritable", f"cannot write {file}: {error.strerror}") from None
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    document = {"bundle": str(file), "bytes": size}
    emit(document, as_json, lambda: say(f"{size} bytes; verify them: strongroom audit {file}", "green"))


def verified(bundle: Path, as_json: bool) -> Report:
    """Replay a bundle under a progress bar; raises AuditFailed with the first objection."""
    from rich.progress import Progress

    from strongroom.audit.verify import verify_bundle
    from strongroom.cli.output import console

    with Progress(console=console(error=True), disable=as_json or not sys.stderr.isatty(), transient=True) as bars:
        task = bars.add_task("replaying", total=None)
        return verify_bundle(bundle, lambda done, total: bars.update(task, completed=done, total=total))


def _verify(bundle: Path, as_json: bool) -> None:
    report = verified(bundle, as_json)

    def human() -> None:
        for line in report.to_lines():
            say(line)

    emit(report.to_doc(), as_json, human)


def register(app: typer.Typer) -> None:
    """The command at the top level."""
    lines = ("strongroom audit export log.bundle", "strongroom audit log.bundle")
    app.command("audit", epilog=example(*lines))(audit)
