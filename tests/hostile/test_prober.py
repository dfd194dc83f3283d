"""A patched signer among real processes: it probes whomever it meets, is barred by each, and all else goes on."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.custody.state import Bar
from strongroom.lab import processes, roles
from strongroom.lab.actions import KEY
from strongroom.lab.layout import SIGNERS
from strongroom.lab.users import user_of
from tests.e2e.conftest import Lab
from tests.hostile.conftest import audited

PROBER = SIGNERS[2]


@pytest.fixture
def besieged(tmp_path: Path) -> Iterator[Lab]:
    """A lab of its own, with a key, a wallet and money: what is barred in it stays so."""
    made = Lab(tmp_path)
    if not (Path(sys.prefix) / "libexec/anvil").exists():  # a checkout without its set-up
        for name in ("node_modules", "contracts"):
            (made.directory / name).symlink_to(Path(__file__).parents[2] / name)
    try:
        done = made.command("lab", "up", seconds=300)
        assert done.returncode == 0, done.stdout + done.stderr
        made.actions.generate_key(lambda stage, done, total: None)
        made.actions.rpc("anvil_setBalance", made.actions.open_wallet()["address"], hex(10**21))
        yield made
    finally:
        made.remove()


def corrupt(lab: Lab) -> None:
    """Start the prober on its home, as its own user."""
    home, user = lab.layout.home(PROBER), user_of(PROBER)
    tests = home / "code/tests"
    tests.mkdir(parents=True)
    (tests / "__init__.py").write_text('"""The attacker\'s own copy."""\n')
    shutil.copytree(Path(__file__).parent, tests / "hostile", ignore=shutil.ignore_patterns("__pycache__"))
    if user is not None:
        subprocess.run(["chown", "-R", user.name, str(home / "code")], check=True)
    code = f"import sys; sys.path.insert(0, {str(home / 'code')!r}); import runpy; "
    code += f"sys.argv = ['prober', {str(home)!r}]; runpy.run_module('tests.hostile.prober', run_name='__main__')"
    processes.stop(lab.layout, [PROBER])
    processes.start(lab.layout, PROBER, [sys.executable, "-c", code], user, home)
    roles.wait_for_nodes(lab.layout, lab.settings, (PROBER,))


def test_attack_41_a_signer_that_probes_is_barred_by_everyone_it_meets(besieged: Lab) -> None:
    lab = besieged
    corrupt(lab)
    payees = ["0x" + secrets.token_hex(20) for _ in range(8)]
    for to in payees:
        lab.actions.send("ETH", 10**15, to, "under attack")
    assert [lab.actions.rpc.balance(to) for to in payees] == [10**15] * len(payees)
    barred = frozenset(Bar(KEY, 0, frozenset((peer, PROBER))) for peer in SIGNERS[:2])
    report = audited(lab)  # every node holds exactly what the log folds to
    assert report.state.bars == barred

    # Honest again it stays barred, and no refresh brings it back: that takes the administrators.
    lab.kill(PROBER)
    lab.start(PROBER)
    to = "0x" + secrets.token_hex(20)
    lab.actions.send("ETH", 10**15, to, "afterwards")
    assert lab.actions.rpc.balance(to) == 10**15
    refused = lab.command("key", "refresh", KEY, profile="alice")
    assert refused.returncode != 0 and "signer.barred" in refused.stderr
    assert audited(lab).state.bars == barred
