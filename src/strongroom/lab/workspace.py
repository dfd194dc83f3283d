"""The lab's workspace: keys made by their own users, the first policy signed by all, the roles' configuration."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.keyfile import save_key
from strongroom.errors import Refused
from strongroom.lab import chain
from strongroom.lab.keyholder import creation
from strongroom.lab.layout import GUARDIANS, NODES, PEOPLE, SERVICES, Layout, read_json, write_json
from strongroom.lab.policy import policy_document
from strongroom.lab.processes import environment
from strongroom.lab.users import as_user, private_home, user_of, write_private
from strongroom.log.entry import Entry, new_entry, parse_entry
from strongroom.policy.loader import load_policy


@dataclass(frozen=True, slots=True)
class Settings:
    """What the lab remembers of itself: its workspace (hex, "" before it is made) and its ports."""

    workspace: str
    ports: dict[str, int]

    @property
    def api(self) -> str:
        """The address of the coordinator's API."""
        return f"http://127.0.0.1:{self.ports['api']}"

    @property
    def console(self) -> str:
        """Where people find the console: passkeys are for `localhost`, not for an address in figures."""
        return f"http://localhost:{self.ports['api']}"

    @property
    def relay(self) -> str:
        """Where nodes dial."""
        return f"127.0.0.1:{self.ports['relay']}"

    @property
    def stop_relay(self) -> str:
        """Where nodes and people dial the relay of stops."""
        return f"127.0.0.1:{self.ports['stops']}"

    @property
    def node_url(self) -> str:
        """The address of the chain's node."""
        return chain.url(self.ports["chain"])


def load(layout: Layout) -> Settings:
    """The settings on disk; empty ones for a new lab."""
    doc = read_json(layout.base / "settings.json")
    return Settings(doc.get("workspace", ""), doc.get("ports", {}))


def save(layout: Layout, settings: Settings) -> None:
    """Remember the settings."""
    write_json(layout.base / "settings.json", {"workspace": settings.workspace, "ports": settings.ports})


def key_file(layout: Layout, name: str) -> Path:
    """The private key of a member, a node, the coordinator or the relay of stops."""
    if name in (*PEOPLE, *SERVICES):
        return layout.member(name) / "key.pem"
    return layout.home(name) / {"coordinator": "log.key", "relay": "relay.key"}.get(name, "node.key")


def create(layout: Layout) -> Entry:
    """The first entry of the log, agreed to by every administrator and every node."""
    keys: dict[str, dict[str, Any]] = {}
    for name in (*PEOPLE, *SERVICES):
        private_home(layout.member(name), None)
        file = key_file(layout, name)
        if not file.exists():
            save_key(SigningKey.generate(), file)
        keys[name] = SigningKey.load(file).credential.to_doc()
    for name in ("coordinator", *NODES):
        private_home(layout.home(name), user_of(name))
    with ThreadPoolExecutor() as pool:
        made = pool.map(lambda name: _by_the_role(layout, name, "key", key_file(layout, name)), ("coordinator", *NODES))
        keys |= zip(("coordinator", *NODES), made, strict=True)
    policy = policy_document(keys, time.time_ns() // 1_000_000)
    salt = secrets.token_hex(16)
    asked = json.dumps({"policy": policy, "salt": salt})
    evidence = [creation(SigningKey.load(key_file(layout, name)), name, policy, salt) for name in PEOPLE]
    with ThreadPoolExecutor() as pool:
        evidence += pool.map(lambda name: _by_the_role(layout, name, "create", key_file(layout, name), asked), NODES)
    body = {"policy": policy, "salt": salt}
    return new_entry("workspace.created", time.time_ns() // 1_000_000, body, map(Envelope.from_doc, evidence))


def found(layout: Layout, entry: Entry) -> None:
    """Leave the first entry where the coordinator begins its log with it; it must be one that the fold accepts."""
    apply(EMPTY, entry)
    home = layout.home("coordinator")
    for path in home.glob("strongroom.db*"):  # of a beginning that was interrupted: nothing has run on it
        path.unlink()
    write_private(home / "genesis.json", entry.raw.decode(), user_of("coordinator"))


def _by_the_role(layout: Layout, role: str, step: str, path: Path, said: str = "") -> dict[str, Any]:
    """Let the role's own user take a step, such as one with the role's own key."""
    home = layout.home(role)
    done = subprocess.run(
        as_user(user_of(role), [sys.executable, "-m", "strongroom.lab.keyholder", step, str(path), role]),
        input=said, cwd=home, env=environment(home), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Refused("lab.role", f"{role}: {done.stderr.strip()[-300:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def configure(layout: Layout, settings: Settings) -> None:
    """Write every role's and member's configuration anew: the ports may have changed."""
    write_private(
        layout.home("coordinator") / "coordinator.toml",
        f'workspace = "{settings.workspace}"\napi = "127.0.0.1:{settings.ports["api"]}"\n'
        f'relay = "{settings.relay}"\nstop_relays = ["{settings.stop_relay}"]\n\n'
        f'[console]\norigin = "{settings.console}"\n\n[chains."{chain.CHAIN}"]\nurl = "{settings.node_url}"\n',
        user_of("coordinator"),
    )
    key = _configure_relay(layout, settings)
    for name in NODES:
        duty = "guardian" if name in GUARDIANS else "signer"
        write_private(
            layout.home(name) / "node.toml",
            f'name = "{name}"\nduty = "{duty}"\nrelay = "{settings.relay}"\nworkspace = "{settings.workspace}"\n\n'
            f'[[stop_relays]]\naddress = "{settings.stop_relay}"\nkey = "{key}"\n',
            user_of(name),
        )
    genesis = (layout.home("coordinator") / "genesis.json").read_text()
    for name in (*PEOPLE, *SERVICES):
        write_private(
            layout.member(name) / "profile.toml",
            f'api = "{settings.api}"\nworkspace = "{settings.workspace}"\nperson = "{name}"\n'
            f'stop_relays = ["{settings.stop_relay}"]\n',
            None,
        )
        write_private(layout.member(name) / "genesis.json", genesis, None)


def _configure_relay(layout: Layout, settings: Settings) -> str:
    """The relay of stops, with the keys of the nodes that it admits; returns its own public key in hex."""
    home, user = layout.home("relay"), user_of("relay")
    private_home(home, user)
    text = f'workspace = "{settings.workspace}"\nlisten = "{settings.stop_relay}"\n'
    write_private(home / "relay.toml", text, user)
    private_home(home / "nodes", user)
    genesis = parse_entry((layout.home("coordinator") / "genesis.json").read_bytes())
    for name, node in load_policy(genesis.body["policy"]).nodes.items():
        admitted = {"name": name, "key": node.credential.to_doc()}
        write_private(home / "nodes" / f"{name}.json", json.dumps(admitted), user)
    public: str = _by_the_role(layout, "relay", "key", key_file(layout, "relay"))["public"]
    return public
