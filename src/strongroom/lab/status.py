"""`lab status`: which processes run, as whom, and what the coordinator says about them."""

from __future__ import annotations

import pwd
from pathlib import Path
from typing import Any

from strongroom.errors import StrongroomError
from strongroom.lab import chain, processes, roles, workspace
from strongroom.lab.client import Api
from strongroom.lab.layout import Layout


def status(layout: Layout) -> dict[str, Any]:
    """Processes, addresses, and the coordinator's own status (None while it does not answer)."""
    settings = workspace.load(layout)
    rows = []
    for role in roles.ALL:
        pid = processes.running(layout, role)
        rows.append({"role": role, "pid": pid, "user": _user(pid), "log": str(layout.log(role))})
    told, block = None, None
    if settings.ports:
        try:
            told = Api(settings.api).get("/v1/status")
        except StrongroomError:
            told = None
        rpc = chain.Rpc(settings.node_url)
        block = rpc.number("eth_blockNumber") if rpc.answers() else None
    return {
        "label": "LAB",
        "workspace": settings.workspace,
        "directory": str(layout.base),
        "ports": settings.ports,
        "processes": rows,
        "block": block,
        "coordinator": told,
    }


def _user(pid: int | None) -> str | None:
    if pid is None:
        return None
    try:
        return pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name
    except (FileNotFoundError, KeyError):
        return None


def lines(doc: dict[str, Any]) -> list[str]:
    """The same for people."""
    said = [f"LAB in {doc['directory']}", f"workspace {doc['workspace'] or 'not made yet'}", ""]
    for row in doc["processes"]:
        running = f"runs as {row['user']}, process {row['pid']}" if row["pid"] else "does not run"
        said.append(f"  {row['role']:13} {running}")
    if doc["ports"]:
        said += ["", f"  API           http://127.0.0.1:{doc['ports']['api']}"]
        said += [f"  chain         http://127.0.0.1:{doc['ports']['chain']}, block {doc['block']}"]
    told = doc["coordinator"]
    if told is None:
        return [*said, "", "The coordinator does not answer: strongroom lab up"]
    have, need = told["witnesses"]["have"], told["witnesses"]["need"]
    said += [f"  log           {told['log']['size']} entries, {told['log']['cosigned']} of them cosigned"]
    said += [f"  witnesses     {have} of the {need} that are needed"]
    for key, quorum in told["quorums"].items():
        said.append(f"  key           {key}: {quorum['have']} signers of the {quorum['need']} that are needed")
    said += [f"  ! {finding}" for finding in told["findings"]]
    return said
