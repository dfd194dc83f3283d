"""Credentials: a key has one name, bad keys and signatures are refused, secrets stay out of text."""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_private_rsa
from hypothesis import given
from hypothesis import strategies as st

from strongroom import _core
from strongroom.documents.canonical import encode as canonical
from strongroom.documents.credentials import Credential, SigningKey, Surface, key_id, plain_key
from strongroom.documents.envelope import Envelope
from strongroom.documents.keyfile import save_key
from strongroom.errors import InvalidInput, Refused, StrongroomError
from tests.passkeys import SoftPasskey
from tests.unit.documents.edwards import BASE, EIGHTH, ORDER, add, challenge, encode, times

FIELD = 2**255 - 19
# RFC 8032 §7.1, TEST 2
RFC_PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
RFC_SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_rfc8032_vector() -> None:
    credential = Credential(RFC_PUBLIC)
    credential.verify(b"\x72", RFC_SIGNATURE)
    for message, signature in (
        (b"\x73", RFC_SIGNATURE),
        (b"\x72", RFC_SIGNATURE[:63]),
        (b"\x72", bytes(64)),
        (b"", b""),
    ):
        with pytest.raises(Refused, match=r"credential\.bad_signature"):
            credential.verify(message, signature)


def test_a_signature_cannot_be_restated_with_a_larger_scalar() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    larger = int.from_bytes(RFC_SIGNATURE[32:], "little") + order
    with pytest.raises(Refused):
        Credential(RFC_PUBLIC).verify(b"\x72", RFC_SIGNATURE[:32] + larger.to_bytes(32, "little"))


def test_key_id_is_the_hash_of_kind_and_key() -> None:
    expected = hashlib.sha256(("ed25519:" + RFC_PUBLIC.hex()).encode()).hexdigest()
    assert key_id(RFC_PUBLIC) == Credential(RFC_PUBLIC).key_id == expected


@given(st.binary(max_size=64))
def test_any_bytes_are_a_credential_or_refused(public: bytes) -> None:
    try:
        assert Credential.from_doc(Credential(public).to_doc()) == Credential(public)
    except InvalidInput as error:
        assert error.code == "credential.public"


ORDER_8 = int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little")


@pytest.mark.parametrize("y", [0, 1, FIELD - 1, ORDER_8, FIELD - ORDER_8])
@pytest.mark.parametrize("sign", [0, 1])
def test_keys_of_small_order_are_refused_because_the_library_takes_them(y: int, sign: int) -> None:
    public = (y | sign << 255).to_bytes(32, "little")
    with pytest.raises(InvalidInput, match=r"credential\.public"):
        Credential(public)
    if y in (1, FIELD - 1) and sign:
        return  # x is 0: there is no point with this sign
    identity_and_zero = (1).to_bytes(32, "little") + bytes(32)
    forged = 0
    for number in range(200):
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(identity_and_zero, b"message %d" % number)
            forged += 1
        except InvalidSignature:
            continue
    assert forged > 0  # nobody signed this


@pytest.mark.parametrize("excess", range(19))
def test_unreduced_keys_are_refused(excess: int) -> None:
    for sign in (0, 1):
        with pytest.raises(InvalidInput, match=r"credential\.public"):
            Credential(((FIELD + excess) | sign << 255).to_bytes(32, "little"))


@pytest.mark.parametrize(
    "doc",
    [
        {"kind": "ed25519", "public": RFC_PUBLIC.hex().upper()},
        {"kind": "ed25519", "public": RFC_PUBLIC.hex()[:-2]},
        {"kind": "ed25519", "public": " " + RFC_PUBLIC.hex()},
        {"kind": "ed25519", "public": "zz" * 32},
        {"kind": "rsa", "public": RFC_PUBLIC.hex()},
        {"kind": "ed25519"},
        {"kind": "ed25519", "public": RFC_PUBLIC.hex(), "key_id": "x"},
        None,
    ],
)
def test_refused_credential_documents(doc: object) -> None:
    with pytest.raises(InvalidInput):
        Credential.from_doc(doc)


def test_a_saved_key_is_private_and_loads_again(tmp_path: Path) -> None:
    key, path = SigningKey.generate(), tmp_path / "key"
    save_key(key, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = SigningKey.load(path)
    assert loaded.credential == key.credential
    key.credential.verify(b"message", loaded.sign(b"message"))
    with pytest.raises(InvalidInput, match=r"credential\.file_exists"):
        save_key(SigningKey.generate(), path)
    assert SigningKey.load(path).key_id == key.key_id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o677])
def test_a_key_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    save_key(SigningKey.generate(), path)
    path.chmod(mode)
    with pytest.raises(InvalidInput, match=r"credential\.file_mode"):
        SigningKey.load(path)


def test_the_mode_is_that_of_the_file_behind_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "key", tmp_path / "link"
    save_key(SigningKey.generate(), path)
    link.symlink_to(path)
    assert SigningKey.load(link).key_id == SigningKey.load(path).key_id
    path.chmod(0o644)
    with pytest.raises(InvalidInput, match=r"credential\.file_mode"):
        SigningKey.load(link)
    with pytest.raises(InvalidInput, match=r"credential\.file_exists"):
        save_key(SigningKey.generate(), link)


def test_other_files_are_refused_without_quoting_them(tmp_path: Path) -> None:
    other = generate_private_key(SECP256K1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for content in (
        b"",
        b"secret words",
        other,
        b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
    ):
        path = tmp_path / "key"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(InvalidInput, match=r"credential\.file: ") as caught:
            SigningKey.load(path)
        assert "secret" not in str(caught.value) and caught.value.__cause__ is None
    with pytest.raises(InvalidInput, match=r"credential\.file: "):
        SigningKey.load(tmp_path / "absent")
    with pytest.raises(InvalidInput, match=r"credential\.file: "):
        SigningKey.load(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(InvalidInput, match=r"credential\.file: "):
        SigningKey.load(tmp_path / "pipe")


def test_a_signing_key_shows_its_id_only() -> None:
    key = SigningKey.generate()
    assert repr(key) == str(key) == f"SigningKey({key.credential.key_id})"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_errors_survive_pickling_and_name_their_code() -> None:
    error = Refused("a.b", "why", "do this")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, StrongroomError) and (again.code, again.message, again.remedy) == (
        "a.b",
        "why",
        "do this",
    )
    assert str(again) == "a.b: why (do this)" and str(InvalidInput("a.b", "why")) == "a.b: why"


def odd_signatures() -> Iterator[tuple[str, bytes, bytes, bytes]]:
    """(what, public key, payload, signature over its envelope's encoding) at the edges where verifiers differ."""
    secret, nonce = 7, 11
    key, point = times(secret, BASE), times(nonce, BASE)
    public, commitment, torsion = encode(key), encode(point), [times(twist, EIGHTH) for twist in range(8)]

    def made(what: str, payload: bytes, by: bytes, head: bytes, *, nonce: int = nonce, more: int = 0) -> Any:
        k = challenge(head, by, Envelope(payload, "text/plain", ()).pae())
        return what, by, payload, head + ((nonce + k * secret) % ORDER + more).to_bytes(32, "little")

    for payload in (b"one", b"two", b"three", b"four", b"five", b"six", b"seven", b"eight"):
        yield made("honest", payload, public, commitment)
        yield made("S + L", payload, public, commitment, more=ORDER)
        yield made("R is the neutral point, not reduced", payload, public, (FIELD + 1).to_bytes(32, "little"), nonce=0)
        yield "A not reduced", (FIELD + 1).to_bytes(32, "little"), payload, commitment + nonce.to_bytes(32, "little")
        yield "A is no point", (2).to_bytes(32, "little"), payload, commitment + nonce.to_bytes(32, "little")
        for small in map(encode, torsion):
            yield made("R of small order", payload, public, small, nonce=0)
            yield "A of small order", small, payload, commitment + nonce.to_bytes(32, "little")
            yield "A and R of small order", small, payload, small + bytes(32)
        for one, other in product(torsion, torsion[:3]):
            yield made("A and R of mixed order", payload, encode(add(key, one)), encode(add(point, other)))


def test_the_core_proves_no_signature_that_the_library_refuses() -> None:
    proven, accepted = set(), set()
    for what, public, payload, signature in odd_signatures():
        envelope = Envelope(payload, "text/plain", (("0" * 64, signature),))
        _, proofs = _core.prepare([canonical({"evidence": [envelope.to_doc()]})], {"0" * 64: public}, set())
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, envelope.pae())
            accepted.add(what)
        except InvalidSignature:
            assert not proofs, what
        if proofs:
            assert proofs == [hashlib.sha256(b"ed25519\0" + public + signature + envelope.pae()).digest()]
            proven.add(what)
    assert proven == {"honest", "A and R of mixed order"}  # the latter only where the equation holds exactly
    by_odd_keys = {"A of small order", "A and R of small order", "A not reduced"}  # which no Credential has
    assert accepted - proven == {"R of small order", *by_odd_keys}


PASSKEY = SoftPasskey("https://rooms.example:8443", "rooms.example", "approver", seed="alice").credential


def test_each_kind_has_a_form_and_a_name_of_its_own() -> None:
    for credential in (PASSKEY, Credential(RFC_PUBLIC), Credential(RFC_PUBLIC, surface=Surface.APPROVER)):
        assert Credential.from_doc(credential.to_doc()) == credential
        assert credential.key_id == hashlib.sha256(f"{credential.kind}:{credential.public.hex()}".encode()).hexdigest()
    assert "surface" not in Credential(RFC_PUBLIC).to_doc()
    assert Credential.from_doc({**Credential(RFC_PUBLIC).to_doc(), "surface": "console"}) == Credential(RFC_PUBLIC)
    assert not Credential(RFC_PUBLIC, surface=Surface.APPROVER).device_bound


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"surface": "signer"}, "credential.surface"),
        ({"surface": None}, "document.type"),
        ({"kind": "ed25519"}, "document.unknown_field"),
        ({"kind": ["webauthn"]}, "credential.kind"),
        ({"public": PASSKEY.public.hex()[:-2]}, "credential.public"),
        ({"public": "04" + PASSKEY.public.hex()[2:]}, "credential.public"),
        ({"id": "AB"}, "credential.id"),
        ({"backup_eligible": 0}, "document.type"),
        ({"counter": 1}, "document.unknown_field"),
        ({"rp_id": "other.example"}, "credential.origin"),
    ],
)
def test_refused_passkey_documents(change: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Credential.from_doc({**PASSKEY.to_doc(), **change})
    assert caught.value.code == code


def test_machines_have_ed25519_keys_without_a_surface() -> None:
    assert plain_key(Credential(RFC_PUBLIC).to_doc()) == Credential(RFC_PUBLIC)
    for doc in (PASSKEY.to_doc(), Credential(RFC_PUBLIC, surface=Surface.APPROVER).to_doc(), None):
        with pytest.raises(InvalidInput):
            plain_key(doc)
    rsa = generate_private_rsa(65537, 2048).public_key()
    der = rsa.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(InvalidInput, match=r"credential\.kind"):
        plain_key({"kind": "rs256", "public": der.hex()})
