"""Secrets stay where they belong: in the core's locked pages while a role runs, sealed on disk, and nowhere else."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.errors import StrongroomError
from strongroom.lab import processes, roles
from strongroom.lab.actions import FINAL
from strongroom.lab.layout import SIGNERS
from strongroom.lab.users import user_of
from tests.e2e import scan
from tests.e2e.conftest import Lab

SIGNATURES = 100
LEAKY = """
import pathlib, sys
leak = pathlib.Path(sys.argv[1], "seal.key").read_bytes()
from strongroom.signer.run import main
main(pathlib.Path(sys.argv[1]))
"""


@pytest.fixture
def needles(lab: Lab, tmp_path: Path) -> dict[str, dict[str, bytes]]:
    return {name: scan.needles_of(lab.layout.home(name), tmp_path / name) for name in SIGNERS}


@pytest.mark.root
def test_while_a_hundred_signatures_are_made_and_after_a_crash_no_secret_leaves_the_locked_pages(
    lab: Lab, needles: dict[str, dict[str, bytes]]
) -> None:
    made: list[str] = []

    def withdraw() -> None:
        while len(made) < SIGNATURES:
            try:
                made.append(lab.actions.propose("ETH", 10**12, "0x" + secrets.token_hex(20), "scanned")["id"])
            except StrongroomError:
                continue  # a signer is being killed

    working = threading.Thread(target=withdraw)
    working.start()
    known: dict[str, set[str]] = {name: set() for name in SIGNERS}
    crashed = False
    while working.is_alive() or not crashed:
        for name in SIGNERS:
            kept, elsewhere = scan.seen(lab.pid(name), needles[name])
            assert elsewhere == {}, f"{name} shows secrets"
            known[name] |= kept
        if len(made) > SIGNATURES // 2 and not crashed:
            lab.kill("signer-1")
            lab.start("signer-1")
            crashed = True
    working.join()
    for transfer in made[-5:]:
        lab.actions.watch(transfer, lambda document: document["status"] in FINAL)
    for name in SIGNERS:  # the needles are the true ones: where they belong they are found
        assert "seal key" in known[name] and any("scalar little-endian" in found for found in known[name]), name
        assert not list(Path("/").glob("core*")) and not list(lab.layout.home(name).glob("core*"))


@pytest.mark.root
def test_key_generation_leaves_no_share_outside_the_locked_pages(lab: Lab, tmp_path: Path) -> None:
    order = {
        "name": f"scanned-{secrets.token_hex(4)}", "scheme": "ecdsa-dkls23", "tier": "hot",
        "participants": list(SIGNERS), "threshold": 2, "epoch": 0,
    }  # fmt: skip
    for name in ("alice", "bob"):
        lab.actions.member(name).state("key.generate", order)
    moments: list[tuple[str, bytes]] = []
    deadline = time.monotonic() + 120
    while not any(row["name"] == order["name"] for row in lab.actions.api.get("/v1/keys")["keys"]):
        assert time.monotonic() < deadline
        for name in SIGNERS:
            moments.append((name, b"".join(page.data for page in scan.pages(lab.pid(name)) if not page.kept)))
        del moments[:-12]
        time.sleep(0.2)
    assert moments
    for name in SIGNERS:
        known = scan.needles_of(lab.layout.home(name), tmp_path / name)
        assert [scan.finds(data, known) for whose, data in moments if whose == name and scan.finds(data, known)] == []
        assert scan.seen(lab.pid(name), known)[1] == {}


@pytest.mark.root
def test_a_planted_secret_is_found(lab: Lab, needles: dict[str, dict[str, bytes]]) -> None:
    lab.kill("signer-3")
    home = lab.layout.home("signer-3")
    processes.start(lab.layout, "signer-3", [sys.executable, "-c", LEAKY, str(home)], user_of("signer-3"), home)
    roles.wait_for_nodes(lab.layout, lab.settings)
    _, elsewhere = scan.seen(lab.pid("signer-3"), needles["signer-3"])
    assert "seal key" in elsewhere
    processes.stop(lab.layout, ["signer-3"])
    lab.start("signer-3")


def written(lab: Lab) -> Iterator[Path]:
    """Every file that any role has written, but for the key files themselves."""
    for path in (*lab.layout.base.rglob("*"), *lab.directory.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix not in (".key", ".pem"):
            yield path


def test_no_file_and_no_log_of_any_role_holds_a_secret_in_the_clear(
    lab: Lab, needles: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    everything = {f"{owner}: {what}": data for owner, found in needles.items() for what, data in found.items()}
    for path in written(lab):
        assert scan.finds(path.read_bytes(), everything) == set(), path
        assert b"PRIVATE KEY" not in path.read_bytes(), path


@pytest.mark.root
def test_the_kernel_gives_no_other_user_and_no_core_dump_a_role_s_memory(lab: Lab) -> None:
    for role in roles.ROLES:
        here = Path(f"/proc/{lab.pid(role)}")
        limits = (here / "limits").read_text().splitlines()
        (core,) = (line for line in limits if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], role
        assert (here / "mem").stat().st_uid == 0, f"{role} can be dumped by its own user"
        for text in ((here / "environ").read_bytes(), (here / "cmdline").read_bytes()):
            assert b"PRIVATE" not in text and b"key=" not in text


def test_an_exception_s_text_never_quotes_what_was_read(tmp_path: Path) -> None:
    from strongroom.documents.credentials import SigningKey

    secret = secrets.token_hex(32)
    (tmp_path / "node.key").write_text(f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n")
    (tmp_path / "node.key").chmod(0o600)
    with pytest.raises(StrongroomError) as refused:
        SigningKey.load(tmp_path / "node.key")
    chain: list[BaseException | None] = [refused.value, refused.value.__cause__]
    assert all(secret not in f"{error!r} {error}" for error in chain)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
