"""What root can see of a role: its memory page by page; and the secrets of a signer that should not be there."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from coincurve import PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from strongroom._core import KeyInfo
from strongroom.keys.threshold import Vault

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
WINDOWS = 24  # places in a share's oblivious-transfer state that are looked for

Needles = Mapping[str, bytes]


@dataclass(frozen=True)
class Page:
    """A readable mapping of a process, and whether the kernel keeps it locked and out of core dumps."""

    name: str
    kept: bool
    data: bytes


def pages(pid: int) -> Iterator[Page]:
    """The process's memory as it is at one moment: it stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for low, high, name, flags in _mappings(pid):
                try:
                    memory.seek(low)
                    data = memory.read(high - low)
                except (OSError, ValueError, OverflowError):
                    continue  # a guard page, or the kernel's own
                yield Page(f"{low:x}-{high:x} {name}", {"lo", "dd"} <= flags, data)
    finally:
        os.kill(pid, signal.SIGCONT)


def _mappings(pid: int) -> list[tuple[int, int, str, set[str]]]:
    found = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            if begun := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+\s*(.*)", line):
                low, high, mode, name = int(begun[1], 16), int(begun[2], 16), begun[3], begun[4].strip()
            elif line.startswith("VmFlags:") and mode.startswith("r") and name not in ("[vvar]", "[vsyscall]"):
                found.append((low, high, name, set(line.split()[1:])))
    return found


def finds(data: bytes, needles: Needles) -> set[str]:
    """Which of them are in the data."""
    return {name for name, needle in needles.items() if needle in data}


def seen(pid: int, needles: Needles) -> tuple[set[str], dict[str, str]]:
    """The needles in pages that are kept, and those elsewhere with the place."""
    kept, elsewhere = set(), dict[str, str]()
    for page in pages(pid):
        for name in finds(page.data, needles):
            if page.kept:
                kept.add(name)
            else:
                elsewhere[name] = page.name
    return kept, elsewhere


def needles_of(home: Path, scratch: Path) -> dict[str, bytes]:
    """What a signer's home hides: its seal key; of ECDSA shares the scalar, its part in each quorum, and samples."""
    scratch.mkdir(mode=0o700)
    shutil.copyfile(home / "seal.key", scratch / "seal.key")
    (scratch / "seal.key").chmod(0o600)
    key, vault = (scratch / "seal.key").read_bytes(), Vault.open(scratch)
    found = {"seal key": key, "seal key in hex": key.hex().encode(), "seal key in base64": b64encode(key)[:40]}
    for sealed in _sealed(home):
        info = vault.inspect(sealed)
        if info.scheme == "ecdsa-dkls23":
            found |= _of_share(info, _opened(key, sealed))
    shutil.rmtree(scratch)
    return found


def _sealed(home: Path) -> list[bytes]:
    # A copy: the running node holds its database exclusively.
    with tempfile.TemporaryDirectory() as scratch:
        for path in home.glob("node.db*"):
            shutil.copyfile(path, Path(scratch, path.name))
        with sqlite3.connect(Path(scratch, "node.db")) as disk:
            rows = disk.execute("SELECT value FROM fact WHERE kind = 'share'").fetchall()
        disk.close()
    return [b64decode(json.loads(value)["sealed"]) for (value,) in rows]


def _opened(key: bytes, sealed: bytes) -> bytes:
    """XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) over the core's sealed form."""
    described = int.from_bytes(sealed[8:12], "big")
    head, rest = sealed[: 12 + described], sealed[12 + described :]
    nonce, body = rest[:24], rest[24:]
    words = Cipher(ChaCha20(key, nonce[:16]), None).encryptor().update(bytes(64))
    start = b"expand 32-byte k" + key + nonce[:16]
    less = [
        (int.from_bytes(words[at : at + 4], "little") - int.from_bytes(start[at : at + 4], "little")) % 2**32
        for at in (*range(0, 16, 4), *range(48, 64, 4))
    ]
    subkey = b"".join(word.to_bytes(4, "little") for word in less)
    return ChaCha20Poly1305(subkey).decrypt(bytes(4) + nonce[16:], body, head)


def _of_share(info: KeyInfo, plaintext: bytes) -> dict[str, bytes]:
    point = info.verifying_shares[info.index - 1]
    scalar = next(
        value
        for at in range(len(plaintext) - 31)
        for value in (int.from_bytes(plaintext[at : at + 32], "big"), int.from_bytes(plaintext[at : at + 32], "little"))
        if 0 < value < _ORDER and value >> 200 and PrivateKey(value.to_bytes(32, "big")).public_key.format() == point
    )
    name, values = info.public_key.hex()[:8], {"scalar": scalar}
    for other in set(range(1, info.n + 1)) - {info.index}:
        weight = other * pow(other - info.index, -1, _ORDER)
        values[f"scalar with {other}"] = scalar * weight % _ORDER
    found = {}
    for what, value in values.items():
        big = value.to_bytes(32, "big")
        forms = {"big-endian": big, "little-endian": big[::-1], "in hex": big.hex().encode()}
        forms["in decimal"] = str(value).encode()
        found |= {f"{name} {what} {form}": data for form, data in forms.items()}
    dice, public = random.Random(name), b"".join((info.public_key, info.chain_code or b"", *info.verifying_shares))
    while sum("state" in known for known in found) < WINDOWS:
        at = dice.randrange(len(plaintext) - 32)
        window = plaintext[at : at + 32]
        if len(set(window)) > 20 and window not in public:
            found[f"{name} state at {at}"] = window
    return found
