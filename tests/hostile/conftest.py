"""A lab whose coordinator can be replaced by the attacker's, on a copy of its home."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from strongroom.audit.report import Report
from strongroom.audit.verify import verify_bundle
from strongroom.lab import chain, processes, roles
from strongroom.lab.actions import WALLET
from strongroom.lab.users import as_user, private_home, user_of
from tests.e2e.conftest import Lab, lab

__all__ = ["lab"]

ATTACKER = "attacker"
NODES = 4
QUORUM_BLOCKED = 2
"""With two of four witnesses refusing, three can never cosign."""


class Siege:
    """The lab while an attacker runs in the coordinator's place."""

    def __init__(self, lab: Lab, home: Path) -> None:
        self.lab, self._log = lab, lab.layout.log(ATTACKER)
        self._home = home
        self._from = 0
        self.forget()

    def forget(self) -> None:
        """Look only at what is refused from now on."""
        self._from = self._log.stat().st_size if self._log.exists() else 0

    def start(self, module: str = "tests.hostile.attacker", *arguments: str) -> None:
        """Run the attacker on the copied home, as the coordinator's own user."""
        root = Path(__file__).parents[2]
        code = f"import sys; sys.path.insert(0, {str(self._home / 'code')!r}); import runpy; "
        code += f"sys.argv = [{module!r}, {str(self._home)!r}, *{list(arguments)!r}]; "
        code += f"runpy.run_module({module!r}, run_name='__main__')"
        copied = self._home / "code/tests"
        if not copied.exists():
            shutil.copytree(root / "tests/hostile", copied / "hostile", ignore=shutil.ignore_patterns("__pycache__"))
            (copied / "__init__.py").write_text('"""The attacker\'s own copy."""\n')
            user = user_of("coordinator")
            if user is not None:
                subprocess.run(["chown", "-R", user.name, str(self._home / "code")], check=True)
        processes.start(self.lab.layout, ATTACKER, [sys.executable, "-c", code], user_of("coordinator"), self._home)
        roles.wait_for_api(self.lab.layout, self.lab.settings, ATTACKER)

    def refusals(self) -> dict[str, set[str]]:
        """code → the nodes that refused with it, since the siege began."""
        found: dict[str, set[str]] = {}
        with self._log.open() as file:
            file.seek(self._from)
            for node, code in re.findall(r"^REFUSED (\S+) \S+ (\S+)$", file.read(), re.M):
                found.setdefault(code, set()).add(node)
        return found

    def refused(self, code: str, nodes: int, patience: float = 20.0) -> set[str]:
        """The nodes that refused with `code`, once there are enough; fails when it does not come to that."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            found = self.refusals().get(code, set())
            if len(found) >= nodes:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{nodes} refusals with {code} expected, found {self.refusals()}")

    def propose(self, attack: str, *, by: str = "exchange", amount: int = 10**15, asset: str = "ETH") -> dict[str, Any]:
        """A genuine proposal, which tells the attacker what to do about it."""
        to = f"{chain.CHAIN}:0x{secrets.token_hex(20)}"
        member = self.lab.actions.member(by)
        identifier = chain.ASSETS[asset]["id"]
        return member.propose(WALLET, to, identifier, amount, f"attack: {attack}", secrets.token_hex(8))


@contextmanager
def besieged(lab: Lab, prepare: Callable[[Path], None] | None = None, *, start: bool = True) -> Iterator[Siege]:
    """Replace a lab's coordinator by the attacker within a `with`; the honest one is back afterwards."""
    processes.stop(lab.layout, ["coordinator"])
    home, user = lab.layout.home(ATTACKER), user_of("coordinator")
    if home.exists():
        shutil.rmtree(home)
    private_home(home, user)
    subprocess.run(as_user(user, ["cp", "-a", f"{lab.layout.home('coordinator')}/.", str(home)]), check=True)
    if prepare:
        prepare(home)
    under = Siege(lab, home)
    try:
        if start:
            under.start()
            roles.wait_for_nodes(lab.layout, lab.settings)
        yield under
    finally:
        processes.stop(lab.layout, [ATTACKER])
        roles.start(lab.layout, "coordinator")
        roles.wait_for_api(lab.layout, lab.settings)
        roles.wait_for_nodes(lab.layout, lab.settings)
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def besiege(lab: Lab) -> Callable[..., Any]:
    """`besieged` of the lab that these tests share."""
    return partial(besieged, lab)


def audited(lab: Lab) -> Report:
    """The log as an outsider verifies it; every node holds exactly the state that it folds to."""
    bundle = lab.directory / "hostile.bundle"
    for _ in range(20):
        size, digest = lab.actions.agreed_digest(NODES)
        with bundle.open("wb") as file:
            file.writelines(lab.actions.api.download("/v1/bundle"))
        report = verify_bundle(bundle)
        if report.state.size == size:
            assert report.digest == digest
            return report
        time.sleep(0.3)
    raise AssertionError("the log does not come to rest")


def sent(lab: Lab) -> int:
    """How many transactions have left the wallet, by the node."""
    wallet = lab.actions.wallet()
    assert wallet is not None
    return lab.actions.rpc.number("eth_getTransactionCount", wallet["address"], "latest")
