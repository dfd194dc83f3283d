"""The lab's role processes: which command each one is, and when it is ready."""

from __future__ import annotations

from typing import Any, Final

from strongroom.errors import StrongroomError
from strongroom.lab import processes
from strongroom.lab.client import Api
from strongroom.lab.layout import GUARDIANS, NODES, Layout
from strongroom.lab.users import user_of
from strongroom.lab.workspace import Settings

ROLES: Final = ("coordinator", "relay", *NODES)
ALL: Final = ("chain", *ROLES)


def command(layout: Layout, role: str) -> list[str]:
    """What starts a role on its home."""
    home = str(layout.home(role))
    if role == "coordinator":
        return [*processes.program(), "serve", "--home", home]
    if role == "relay":
        return [*processes.program(), "relay", "run", "--home", home]
    return [*processes.program(), "guardian" if role in GUARDIANS else "signer", "run", "--home", home]


def start(layout: Layout, role: str) -> None:
    """Start a role that is not running."""
    if processes.running(layout, role) is None:
        processes.start(layout, role, command(layout, role), user_of(role), layout.home(role))


def wait_for_api(layout: Layout, settings: Settings, role: str = "coordinator") -> None:
    """Until the API answers, which the role's process serves."""
    api = Api(settings.api)
    processes.wait_until(layout, role, lambda: api.answers(settings.workspace))


def wait_for_nodes(layout: Layout, settings: Settings, nodes: tuple[str, ...] = NODES) -> None:
    """Until the nodes witness and, if they are signers, may sign."""
    api = Api(settings.api)
    for name in nodes:
        processes.wait_until(layout, name, lambda name=name: is_ready(api, name))  # type: ignore[misc]


def is_ready(api: Api, name: str) -> bool:
    """Whether the coordinator sees the node connected, rejoined and (a signer) started."""
    try:
        rows: list[dict[str, Any]] = api.get("/v1/status")["nodes"]
    except StrongroomError:
        return False
    row = next((row for row in rows if row["name"] == name), {})
    needed = ["connected", "rejoined"] + ([] if name in GUARDIANS else ["started"])
    return all(row.get(what) for what in needed)
