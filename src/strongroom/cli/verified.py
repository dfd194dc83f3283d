"""A log that is verified before anything is said about it: a bundle's, or the coordinator's own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.cli.output import bars
from strongroom.cli.profile import load

if TYPE_CHECKING:
    from strongroom.audit.report import Report
    from strongroom.audit.verify import Watch


def verified(bundle: Path, as_json: bool, watch: Watch | None = None) -> Report:
    """Replay a bundle under a progress bar; raises AuditFailed with the first or worst objection."""
    from strongroom.audit.verify import verify_bundle

    with bars(as_json) as shown:
        task = shown.add_task("replaying", total=None)
        return verify_bundle(bundle, lambda done, total: shown.update(task, completed=done, total=total), watch)


def verified_log(bundle: Path | None, as_json: bool, watch: Watch | None = None) -> Report:
    """The same of a bundle, or of the chosen profile's coordinator: its word is not taken for it."""
    if bundle is not None:
        return verified(bundle, as_json, watch)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "log.bundle"
        with path.open("wb") as target, bars(as_json) as shown:
            client = load().client()
            task = shown.add_task("fetching entries", total=int(client.get("/v1/entries", limit=1)["size"]))
            for piece in client.download("/v1/bundle"):
                target.write(piece)
                shown.advance(task, piece.count(b"\n"))
        return verified(path, as_json, watch)
