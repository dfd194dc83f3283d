"""Threshold signatures are ordinary ones: other libraries verify them (coincurve, cryptography)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from itertools import combinations
from pathlib import Path

import pytest
from coincurve import PublicKey, PublicKeyXOnly
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from strongroom.keys.threshold import Scheme, Signature
from tests.unit.keys.group import Group

VECTORS = Path(__file__).parents[2] / "vectors"
HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2


def verifies(scheme: Scheme, public_key: bytes, signature: Signature, digest: bytes) -> bool:
    if scheme is Scheme.ECDSA_DKLS23:
        assert int.from_bytes(signature.data[32:], "big") <= HALF_ORDER
        assert signature.recovery_id is not None
        recoverable = signature.data + bytes([signature.recovery_id])
        recovered = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
        return recovered.format() == public_key
    assert signature.recovery_id is None
    if scheme is Scheme.BIP340_FROST:
        return PublicKeyXOnly(public_key).verify(signature.data, digest)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature.data, digest)
    except InvalidSignature:
        return False
    return True


def child(public_key: bytes, chain_code: bytes, path: tuple[int, ...]) -> bytes:
    """BIP-32 CKDpub."""
    for step in path:
        tweak = hmac.digest(chain_code, public_key + step.to_bytes(4, "big"), hashlib.sha512)
        public_key, chain_code = PublicKey(public_key).add(tweak[:32]).format(), tweak[32:]
    return public_key


@pytest.mark.parametrize("scheme", Scheme)
def test_every_pair_of_three_signs(two_of_three: dict[Scheme, Group], scheme: Scheme) -> None:
    group = two_of_three[scheme]
    for pair in combinations((1, 2, 3), 2):
        digest = secrets.token_bytes(32)
        signature = group.sign(pair, digest)
        assert verifies(scheme, group.key.public_key, signature, digest)
        assert not verifies(scheme, group.key.public_key, signature, hashlib.sha256(digest).digest())


@pytest.mark.parametrize("scheme", Scheme)
def test_every_three_of_five_sign(three_of_five: dict[Scheme, Group], scheme: Scheme) -> None:
    group = three_of_five[scheme]
    for signers in combinations((1, 2, 3, 4, 5), 3):
        digest = secrets.token_bytes(32)
        assert verifies(scheme, group.key.public_key, group.sign(signers, digest), digest)


@pytest.mark.parametrize("path", [(0,), (44, 60, 0, 0, 7), (2**31 - 1, 1)])
def test_children_sign_for_the_addresses_that_everybody_derives(
    two_of_three: dict[Scheme, Group], path: tuple[int, ...]
) -> None:
    group, digest = two_of_three[Scheme.ECDSA_DKLS23], secrets.token_bytes(32)
    assert group.key.chain_code is not None
    address_key = child(group.key.public_key, group.key.chain_code, path)
    assert verifies(group.scheme, address_key, group.sign((1, 3), digest, path), digest)


def test_a_refreshed_key_signs_for_the_same_addresses(two_of_three: dict[Scheme, Group]) -> None:
    group, digest, path = two_of_three[Scheme.ECDSA_DKLS23], secrets.token_bytes(32), (44, 60, 0, 0, 7)
    fresh = group.refreshed()
    assert fresh.key.transcript != group.key.transcript
    assert group.key.chain_code is not None
    address_key = child(group.key.public_key, group.key.chain_code, path)
    for signers in combinations((1, 2, 3), 2):
        assert verifies(group.scheme, group.key.public_key, fresh.sign(signers, digest), digest)
        assert verifies(group.scheme, address_key, fresh.sign(signers, digest, path), digest)


def test_the_oracle_derives_as_bip_32_does() -> None:
    vector = json.loads((VECTORS / "bip32.json").read_text())
    parent, step = vector["parent"], vector["child_number"]
    derived = child(bytes.fromhex(parent["public_key"]), bytes.fromhex(parent["chain_code"]), (step,))
    assert derived.hex() == vector["child"]["public_key"]


def test_the_oracle_verifies_as_bip_340_does() -> None:
    for vector in json.loads((VECTORS / "bip340.json").read_text())["vectors"]:
        key, message, signature = (bytes.fromhex(vector[name]) for name in ("public_key", "message", "signature"))
        try:
            verdict = PublicKeyXOnly(key).verify(signature, message)
        except ValueError:  # the key is on no curve point
            verdict = False
        assert verdict is vector["valid"], vector["index"]


def test_the_oracle_accepts_rfc_9591_appendix_e1() -> None:
    vector = json.loads((VECTORS / "rfc9591-ed25519.json").read_text())
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vector["inputs"]["verifying_key_key"]))
    key.verify(bytes.fromhex(vector["final_output"]["sig"]), bytes.fromhex(vector["inputs"]["message"]))


def test_ed25519_signs_whole_messages(two_of_three: dict[Scheme, Group]) -> None:
    group, message = two_of_three[Scheme.ED25519_FROST], secrets.token_bytes(1232)
    assert verifies(group.scheme, group.key.public_key, group.sign((2, 3), message), message)


@pytest.mark.parametrize("scheme", Scheme)
def test_parties_agree_on_the_whole_key(two_of_three: dict[Scheme, Group], scheme: Scheme) -> None:
    group = two_of_three[scheme]
    views = {(key.public_key, key.verifying_shares, key.chain_code, key.transcript) for key in group.keys.values()}
    assert len(views) == 1
    lengths = {
        Scheme.ECDSA_DKLS23: (33, 33, 32),
        Scheme.ED25519_FROST: (32, 32, None),
        Scheme.BIP340_FROST: (32, 33, None),
    }
    code = group.key.chain_code
    shape = (len(group.key.public_key), len(group.key.verifying_shares[0]), None if code is None else len(code))
    assert shape == lengths[scheme]


def test_verifying_shares_interpolate_to_the_key(two_of_three: dict[Scheme, Group]) -> None:
    """2·X_1 - X_2 is the key: f(0) of the line through f(1) and f(2)."""
    key = two_of_three[Scheme.ECDSA_DKLS23].key
    first, second = (PublicKey(share) for share in key.verifying_shares[:2])
    minus_one = (2 * HALF_ORDER).to_bytes(32, "big")
    summed = PublicKey.combine_keys([first.multiply((2).to_bytes(32, "big")), second.multiply(minus_one)])
    assert summed.format() == key.public_key
