"""What a coordinator says, checked against the pinned workspace: its first entry, and its witnesses' cosignatures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from strongroom.cli.client import Client
from strongroom.cli.files import replace_text
from strongroom.cli.profile import Profile, save
from strongroom.documents.canonical import fields
from strongroom.documents.credentials import Credential
from strongroom.documents.names import parse_hash
from strongroom.documents.statement import Seen
from strongroom.errors import InvalidInput, Refused
from strongroom.log.checkpoint import origin_of, parse_note, quorum
from strongroom.log.entry import leaf_hash, parse_entry
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy

GENESIS: Final = "genesis.json"
"""The file of a profile or a home with the raw first entry."""


def first_policy(client: Client, workspace: str) -> Policy:
    """The policy that the workspace was created with: the hash of its entry is the pinned id.

    Raises Refused workspace.not_created_here.
    """
    return _created(first_entry(client, workspace))


def join(profile: Profile, workspace: str) -> Policy:
    """Pin the workspace in a profile that names a coordinator, with the first entry that it shows; raises Refused."""
    if profile.workspace and profile.workspace != workspace:
        raise InvalidInput("workspace.pinned", f"this profile belongs to workspace {profile.workspace[:12]}")
    raw = first_entry(profile.client(), parse_hash(workspace))
    replace_text(profile.directory / GENESIS, raw.decode())
    save(replace(profile, workspace=workspace))
    return _created(raw)


def first_entry(client: Client, workspace: str) -> bytes:
    """The raw entry whose hash is the pinned id, as the coordinator has it; raises Refused."""
    raw = _first_raw(client.get("/v1/entries", **{"from": 0, "limit": 1}).get("entries"))
    return _pinned(raw, workspace, f"the coordinator at {client.url}")


def read_first_entry(path: Path, workspace: str) -> bytes:
    """The same from a file; raises Refused, OSError."""
    return _pinned(path.read_bytes(), workspace, str(path))


def first_nodes(raw: bytes) -> dict[str, Credential]:
    """The keys of the nodes that the first entry enrols."""
    return {name: node.credential for name, node in _created(raw).nodes.items()}


def known_nodes(profile: Profile) -> dict[str, Credential]:
    """The keys that this person knows nodes by, from what `workspace join` kept; the coordinator is not asked."""
    try:
        return first_nodes(read_first_entry(profile.directory / GENESIS, profile.workspace))
    except OSError:
        return {}


def _pinned(raw: bytes, workspace: str, where: str) -> bytes:
    if leaf_hash(raw).hex() != workspace:
        raise Refused(
            "workspace.not_created_here",
            f"{where} has another workspace than the pinned {workspace[:12]}",
            "check the address, and the workspace's id with your administrators",
        )
    return raw


def _created(raw: bytes) -> Policy:
    body = fields(parse_entry(raw).body, "workspace.created", {"policy": dict, "salt": str})
    return load_policy(body["policy"])


def seen_head(client: Client, workspace: str) -> Seen:
    """The newest head that a quorum of the workspace's witnesses has cosigned; raises Refused checkpoint.*.

    The witnesses are those of the first policy: no later one can change them by itself.
    """
    policy = first_policy(client, workspace)
    text = client.get("/v1/checkpoint").get("note")
    note = parse_note(text if isinstance(text, str) else "")
    if note.checkpoint.origin != origin_of(workspace):
        raise Refused("checkpoint.other_log", "the coordinator shows the checkpoint of another workspace")
    witnesses = {name: node.credential for name, node in policy.nodes.items()}
    have = quorum(note, witnesses)
    if len(have) < policy.witness_quorum:
        raise Refused(
            "checkpoint.quorum", f"only {len(have)} of {policy.witness_quorum} witnesses have cosigned its checkpoint"
        )
    return Seen(note.checkpoint.size, note.checkpoint.root.hex())


def _first_raw(rows: Any) -> bytes:
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and isinstance(rows[0].get("raw"), str):
        raw: str = rows[0]["raw"]
        return raw.encode()
    raise InvalidInput("api.answer", "the coordinator does not show its first entry")
