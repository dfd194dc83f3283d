"""Homes of roles: made once by their own user, pinned once to a workspace."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from strongroom.cli.files import new_home, read_document, replace_text, write_document
from strongroom.cli.toml import flat, rows
from strongroom.cli.trust import first_nodes
from strongroom.documents.canonical import fields
from strongroom.documents.credentials import SigningKey
from strongroom.documents.keyfile import save_key
from strongroom.documents.names import parse_chain, parse_hash, parse_label, parse_slug
from strongroom.errors import InvalidInput
from strongroom.log.entry import leaf_hash


def new_node(home: Path, name: str, duty: str, placement: dict[str, str]) -> dict[str, Any]:
    """Make a node's home with its key; returns the credential document for the draft."""
    parse_slug(name)
    for value in placement.values():
        parse_label(value)
    new_home(home)
    key = SigningKey.generate()
    save_key(key, home / "node.key")
    replace_text(home / "node.toml", flat({"name": name, "duty": duty, "relay": "", "workspace": ""}))
    document = {"name": name, "duty": duty, "key": key.credential.to_doc(), "placement": placement}
    write_document(home / f"{name}.json", document)
    return document


def chains_of(given: Iterable[str]) -> dict[str, str]:
    """Chain to URL, as `CAIP-2=URL` options give them; raises InvalidInput chain.syntax."""
    chains: dict[str, str] = {}
    for item in given:
        name, equals, url = item.partition("=")
        if not equals or not url.startswith(("http://", "https://")):
            raise InvalidInput("chain.syntax", "a chain is given as eip155:1=http://127.0.0.1:8545")
        chains[parse_chain(name)] = url
    return chains


def new_coordinator(
    home: Path, api: str, relay: str, chains: dict[str, str], key: SigningKey, console: str = ""
) -> dict[str, Any]:
    """Make the coordinator's home with the log's key; returns the credential document for the draft.

    Without an origin for the console it is at `localhost` when the API listens on this machine alone.
    """
    host, _, port = api.rpartition(":")
    origin = console or (f"http://localhost:{port}" if host in ("127.0.0.1", "localhost") else "")
    new_home(home)
    save_key(key, home / "log.key")
    text = flat({"workspace": "", "api": api, "relay": relay})
    if origin:
        text += "\n[console]\n" + flat({"origin": origin})
    for chain, url in chains.items():
        text += f'\n[chains."{chain}"]\n' + flat({"url": url})
    replace_text(home / "coordinator.toml", text)
    document = {"name": "coordinator", "key": key.credential.to_doc()}
    write_document(home / "coordinator.json", document)
    return document


def new_relay(home: Path, entry: bytes, listen: str, address: str) -> dict[str, str]:
    """Make a home for a relay of stops; returns the document by which nodes dial it."""
    workspace = leaf_hash(entry).hex()
    new_home(home)
    key = SigningKey.generate()
    save_key(key, home / "relay.key")
    replace_text(home / "relay.toml", flat({"workspace": workspace, "listen": listen}))
    (home / "nodes").mkdir(mode=0o700, exist_ok=True)
    for name, credential in first_nodes(entry).items():
        write_document(home / "nodes" / f"{name}.json", {"name": name, "key": credential.to_doc()})
    document = {"address": address or listen, "key": key.credential.public.hex()}
    write_document(home / "relay.json", document)
    return document


def node_settings(home: Path) -> dict[str, Any]:
    """What node.toml says: strings, and the list `stop_relays`; raises InvalidInput config.*."""
    path = home / "node.toml"
    try:
        found = tomllib.loads(path.read_text())
    except OSError as error:
        remedy = "make the home first: strongroom signer init --home DIR …"
        raise InvalidInput("config.file", f"cannot read {path}: {error.strerror}", remedy) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise InvalidInput("config.syntax", f"{path} is not TOML") from None
    relays = found.setdefault("stop_relays", [])
    tables = isinstance(relays, list) and all(isinstance(relay, dict) for relay in relays)
    if not tables or not all(isinstance(value, str) for name, value in found.items() if name != "stop_relays"):
        raise InvalidInput("config.syntax", f"{path} holds strings, and stop_relays")
    return found


def pin_node(home: Path, workspace: str, relay: str, stop_relays: list[Path]) -> None:
    """Write workspace and relays into node.toml; a workspace that is pinned stays. Raises InvalidInput."""
    settings = node_settings(home)
    known = {row.get("address"): row for row in settings["stop_relays"]}
    known |= {row["address"]: row for row in map(_stop_relay, stop_relays)}
    pinned = settings.get("workspace", "")
    if workspace and pinned and parse_hash(workspace) != pinned:
        raise InvalidInput(
            "workspace.pinned",
            f"this node belongs to workspace {pinned[:12]} and cannot join another",
            "a node of another workspace needs a home of its own",
        )
    wanted = {
        **settings,
        "workspace": parse_hash(workspace) if workspace else pinned,
        "relay": relay or settings.get("relay", ""),
        "stop_relays": list(known.values()),
    }
    if not wanted["workspace"] or not wanted["relay"]:
        raise InvalidInput(
            "workspace.not_pinned",
            "the node does not know its workspace and relay yet",
            "give --workspace ID (printed by workspace create) and --relay HOST:PORT",
        )
    if wanted != settings:
        tables = wanted.pop("stop_relays")
        replace_text(home / "node.toml", flat(wanted) + rows("stop_relays", tables))


def _stop_relay(path: Path) -> dict[str, str]:
    """The document that `relay init` wrote, and perhaps `ca` beside it."""
    return dict(fields(read_document(path), str(path), {"address": str, "key": str}, {"ca": str}))


def pin_coordinator(home: Path, workspace: str) -> None:
    """Write the new workspace's id into coordinator.toml; raises InvalidInput when it has one."""
    path = home / "coordinator.toml"
    try:
        text = path.read_text()
        pinned = tomllib.loads(text).get("workspace")
    except OSError as error:
        remedy = "make the home first: strongroom coordinator init --home DIR"
        raise InvalidInput("config.file", f"cannot read {path}: {error.strerror}", remedy) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise InvalidInput("config.syntax", f"{path} is not TOML") from None
    if pinned:
        raise InvalidInput("workspace.created_twice", f"{home} holds a workspace already", "take another home")
    replace_text(path, text.replace('workspace = ""', f'workspace = "{parse_hash(workspace)}"', 1))
