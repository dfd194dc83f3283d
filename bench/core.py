"""The threshold core alone: all parties in this process, one after another, without transport or disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.figures import Beside, Figure, Section, figure, middle
from bench.measure import Bench, Timing, rates, timed
from bench.parties import generate
from bench.tss import Peer
from strongroom.keys.threshold import Scheme

SHAPES: Final = ((2, 3), (3, 5))
WORDS: Final = {
    Scheme.ECDSA_DKLS23: "ECDSA (DKLs23)",
    Scheme.ED25519_FROST: "Ed25519 (FROST)",
    Scheme.BIP340_FROST: "BIP-340 (FROST)",
}


def run(bench: Bench) -> Section:
    """Key generation and signatures of each scheme and shape, beside tss-lib and beside one ordinary signature."""
    peers = {}
    if bench.peers:
        peers[Scheme.ECDSA_DKLS23] = Peer.measure(bench, "ecdsa", bench.sized(15, 1))
        peers[Scheme.ED25519_FROST] = Peer.measure(bench, "eddsa", bench.sized(60, 2))
    ordinary = _ordinary(0.01 if bench.quick else 0.2)
    figures: list[Figure] = []
    for scheme in Scheme:
        for t, n in SHAPES:
            peer = peers.get(scheme) if (t, n) == (2, 3) else None
            figures += _measure(bench, scheme, t, n, peer, ordinary[scheme])
    return Section(
        "core",
        "The threshold core alone: all parties in one process, one after another on one thread",
        tuple(figures),
        (
            "tss-lib: the same parties in one process, on all cores at once; keys without their pre-parameters.",
            "Every signature was verified by coincurve or cryptography, outside the measured time.",
        ),
        {"tss-lib": {scheme.value: peer.to_doc() for scheme, peer in peers.items()}},
    )


def _measure(bench: Bench, scheme: Scheme, t: int, n: int, peer: Peer | None, ordinary: float) -> list[Figure]:
    name, hard = f"{WORDS[scheme]} {t}-of-{n}", scheme is Scheme.ECDSA_DKLS23
    times, signers = bench.sized(3 if hard else 9, 1), tuple(range(1, t + 1))
    homes = [bench.scratch / f"{scheme}-{t}-{number}" for number in range(times)]
    made = [timed(generate, scheme, t, n, home) for home in bench.each(f"{name}: keys", homes, times)]
    group = made[0][1]
    group.sign(signers, hashlib.sha256(b"opens the shares").digest())
    count = bench.sized(150 if hard else 400, 4)
    signed: list[Timing] = []
    for number in bench.each(f"{name}: signatures", range(count), count):
        digest = hashlib.sha256(str(number).encode()).digest()
        timing, signature = timed(group.sign, signers, digest)
        group.verify(digest, signature)
        signed.append(timing)
    return [
        figure(
            f"{name}: key generation", "ms", [each.wall * 1e3 for each, _ in made],
            beside=[Beside("tss-lib", peer.keygen)] if peer else (),
        ),
        figure(
            f"{name}: signature", "ms", [each.wall * 1e3 for each in signed], tail=True,
            beside=[*_beside(peer.walls if peer else ()), Beside("an ordinary signature", ordinary)],
        ),
        figure(
            f"{name}: signature, CPU", "ms", [each.cpu * 1e3 for each in signed], tail=True,
            beside=_beside(peer.cpus if peer else ()),
        ),
    ]  # fmt: skip


def _beside(samples: Sequence[float]) -> list[Beside]:
    return [Beside("tss-lib", middle(samples))] if samples else []


def _ordinary(seconds: float) -> Mapping[Scheme, float]:
    """Milliseconds of one signature by one whole key."""
    whole, edwards, message = PrivateKey(), Ed25519PrivateKey.generate(), bytes(32)
    work = {
        Scheme.ECDSA_DKLS23: lambda: whole.sign(message, hasher=None),
        Scheme.ED25519_FROST: lambda: edwards.sign(message),
        Scheme.BIP340_FROST: lambda: whole.sign_schnorr(message),
    }
    found = {}
    for scheme, sign in work.items():
        found[scheme] = 1e3 / middle(rates(lambda n, sign=sign: [sign() for _ in range(n)], 5, seconds))  # type: ignore[misc]
    return found
