"""A lab of the benchmark's own: in its own directory, gone with it; relays may lie behind a long link."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from bench.measure import Bench
from bench.processes import Meter, Processes, free_ports
from strongroom.lab import processes, roles
from strongroom.lab.actions import Actions
from strongroom.lab.client import Member
from strongroom.lab.layout import GUARDIANS, NODES, Layout, prepare
from strongroom.lab.ports import PREFERRED
from strongroom.lab.up import up
from strongroom.lab.users import user_of, write_private
from strongroom.lab.workspace import Settings, save

FUNDS: Final = 1000 * 10**18
ROLE: Final = Path(__file__).parent / "harness" / "role.py"


class Lab:
    """A running lab with a key, a wallet and money; ended and removed with the block."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        directory = bench.scratch / "lab"
        directory.mkdir()
        self.layout: Layout = prepare(directory)
        self.settings = Settings("", {})
        self.seconds_to_key = self.seconds_up = 0.0
        self.started = 0.0
        self._links = Processes(bench.scratch)

    def __enter__(self) -> Lab:
        self.started = time.perf_counter()
        try:
            self._begin()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for role in roles.ALL:
                error.add_note(f"{role}: {self._last_lines(role)}")
        processes.stop(self.layout, roles.ALL)
        self._links.__exit__(kind, error, trace)
        shutil.rmtree(self.layout.base)

    def _begin(self) -> None:
        with self.layout.locked():
            # Ports of its own from the start: another lab may be starting, with the usual ones in mind.
            save(self.layout, Settings("", dict(zip(PREFERRED, free_ports(len(PREFERRED)), strict=True))))
            self.settings = up(self.layout, lambda line: self._bench.progress(f"lab: {line}"))
        self.seconds_up = time.perf_counter() - self.started
        actions = self.actions
        self._bench.progress("lab: a key")
        actions.generate_key(lambda stage, done, total: self._bench.progress(f"lab: key, {stage}", done, total))
        self.seconds_to_key = time.perf_counter() - self.started
        self._bench.progress("lab: a wallet with money")
        wallet = actions.open_wallet()
        actions.rpc("anvil_setBalance", wallet["address"], hex(FUNDS))

    def _last_lines(self, role: str) -> str:
        log = self.layout.log(role)
        return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else "never started"

    @property
    def actions(self) -> Actions:
        """What people do in it."""
        return Actions(self.layout, self.settings)

    @property
    def service(self) -> Member:
        """The service that proposes withdrawals."""
        return self.actions.member("exchange")

    def pids(self) -> dict[str, int]:
        """The processes of all roles and of the chain."""
        found = {role: processes.running(self.layout, role) for role in roles.ALL}
        return {role: pid for role, pid in found.items() if pid is not None}

    def meter(self) -> Meter:
        """Processor time of all of them from now on."""
        return Meter(self.pids())

    def lengthen(self, milliseconds: int) -> None:
        """Put a link that holds everything back, each way, between the relay and every node."""
        (port,) = free_ports(1)
        relay = self.settings.ports["relay"]
        self._links.python("link", "bench.harness.delay", str(port), str(relay), str(milliseconds))
        self._links.line("link")
        processes.stop(self.layout, NODES)
        for name in NODES:
            duty = "guardian" if name in GUARDIANS else "signer"
            text = f'name = "{name}"\nduty = "{duty}"\nrelay = "127.0.0.1:{port}"\n'
            text += f'workspace = "{self.settings.workspace}"\n'
            write_private(self.layout.home(name) / "node.toml", text, user_of(name))
        for name in NODES:
            roles.start(self.layout, name)
        roles.wait_for_nodes(self.layout, self.settings)

    def observe(self, what: str, names: tuple[str, ...]) -> None:
        """Restart roles so that they note their own stages (`trace`) or where their time goes (`sample`)."""
        processes.stop(self.layout, names)
        for name in names:
            home, user = self.layout.home(name), user_of(name)
            write_private(home / "role.py", ROLE.read_text(encoding="utf-8"), user)
            role = "coordinator" if name == "coordinator" else "node"
            command = [sys.executable, str(home / "role.py"), role, str(home), what, str(home / what)]
            processes.start(self.layout, name, command, user, home)
        roles.wait_for_api(self.layout, self.settings)
        roles.wait_for_nodes(self.layout, self.settings)

    def collect(self, what: str, name: str) -> Path:
        """End an observed role; the file that it wrote."""
        processes.stop(self.layout, [name])
        return self.layout.home(name) / what

    def start(self, role: str) -> None:
        """Start a role as it is meant to be."""
        roles.start(self.layout, role)
        roles.wait_for_api(self.layout, self.settings)
        roles.wait_for_nodes(self.layout, self.settings)
