"""A person's own machine at the command line: its home, what it follows, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from strongroom.approver.config import Config, load_config
from strongroom.approver.desk import Desk, Paths
from strongroom.approver.replica import Replica
from strongroom.approver.shelf import Shelf
from strongroom.approver.sources import Follower
from strongroom.cli.client import Client
from strongroom.cli.exits import line
from strongroom.cli.output import bars, say
from strongroom.cli.profile import Profile, directory, load, require_joined
from strongroom.cli.signing import now_ms
from strongroom.cli.trust import known_nodes
from strongroom.custody.state import CustodyState
from strongroom.documents.envelope import Envelope
from strongroom.errors import InvalidInput
from strongroom.policy.words import moment
from strongroom.wire.dialling import parse_relay

PATIENCE = 10.0  # s for a source, which may be who is not to be trusted


def profile_at(home: Path | None) -> Profile:
    """The joined profile of a home, the chosen one by default; raises InvalidInput profile.*."""
    return require_joined(load(home or directory()))


@dataclass(frozen=True, slots=True)
class Machine:
    """A home with the log that was verified in it."""

    profile: Profile
    config: Config
    follower: Follower

    @classmethod
    def at(cls, profile: Profile) -> Machine:
        """The machine of a profile; nothing is asked yet. Raises StrongroomError."""
        config = load_config(profile.directory)
        ca = profile.directory / profile.ca if profile.ca else None
        urls = dict.fromkeys((*config.mirrors, profile.api))
        sources = [Client(url, ca, PATIENCE) for url in urls if url]
        if not sources:
            raise InvalidInput("profile.not_joined", f"{profile.directory} names neither a coordinator nor a mirror")
        return cls(profile, config, Follower(Replica(profile.workspace, Shelf(profile.directory)), sources))

    @property
    def state(self) -> CustodyState:
        """The state at the newest head that was verified here."""
        return self.follower.replica.state

    def desk(self) -> Desk:
        """What its page works with."""
        profile = self.profile

        def submit(envelope: Envelope) -> dict[str, Any]:
            return profile.client(PATIENCE).post("/v1/statements", {"envelope": envelope.to_doc()})[1]

        ca = profile.directory / profile.ca if profile.ca else None
        paths = Paths(submit, profile.stop_relays, ca, known_nodes(profile))
        return Desk(profile.person, profile.directory, self.config, self.follower, paths, now_ms)

    def ports(self) -> tuple[int, ...]:
        """The ports that it dials; raises InvalidInput config.relay."""
        urls = [urlsplit(url) for url in (*self.config.mirrors, self.profile.api) if url]
        web = [url.port or (443 if url.scheme == "https" else 80) for url in urls]
        return (*web, *(parse_relay(address)[1] for address in self.profile.stop_relays))

    def look(self, *, quiet: bool) -> None:
        """Ask every source once, under a progress bar; raises StrongroomError when none can be taken at its word."""
        with bars(quiet) as shown:
            task = shown.add_task("verifying the log", total=None)
            self.follower.look(lambda done, total: shown.update(task, completed=done, total=total))
        self.follower.require_word()

    def head_document(self, now: int) -> dict[str, Any]:
        """What this machine has verified, how old that is, and what it thinks of each source."""
        head = self.follower.replica.head
        return {
            "workspace": self.profile.workspace,
            "size": head.size,
            "root": head.root.hex(),
            "since": head.since * 1000,
            "age": head.age(now),
            "fresh": head.is_fresh(now, self.config.max_age),
            "sources": [
                {
                    "url": look.url,
                    "error": {"code": look.error.code, "message": look.error.message} if look.error else None,
                }
                for look in self.follower.looks
            ],
        }

    def say_head(self) -> None:
        """The same for people."""
        head, now = self.follower.replica.head, now_ms()
        fresh = head.is_fresh(now, self.config.max_age)
        for look in self.follower.looks:
            if look.error is not None:
                say(f"{look.url} cannot be taken at its word: {line(look.error)}", "bold red")
        said = f"verified here: {head.size} entries, cosigned by a quorum at {moment(head.since * 1000)}"
        age = f"{head.age(now)} s ago by this machine's clock"
        say(f"{said}, {age}{'' if fresh else ': TOO OLD to approve by'}", "dim" if fresh else "bold red")
