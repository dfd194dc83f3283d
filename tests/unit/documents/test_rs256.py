"""RS256 keys: one spelling, bounded sizes, and no statement is signed with them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.credentials import Credential, Kind
from strongroom.documents.rs256 import rsa_key, verify_rs256
from strongroom.errors import InvalidInput, Refused


def der(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


KEY = rsa.generate_private_key(65537, 2048)
PUBLIC = der(KEY)


def test_a_signature_is_the_key_s_over_the_message() -> None:
    signature = KEY.sign(b"message", PKCS1v15(), SHA256())
    verify_rs256(PUBLIC, b"message", signature)
    pss = KEY.sign(b"message", PSS(MGF1(SHA256()), 32), SHA256())
    for wrong in (signature[:-1], b"\x00" + signature, bytes(256), b"", pss, KEY.sign(b"message", PKCS1v15(), SHA1())):
        with pytest.raises(Refused, match=r"credential\.bad_signature"):
            verify_rs256(PUBLIC, b"message", wrong)
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        verify_rs256(PUBLIC, b"other", signature)


def test_it_signs_requests_and_no_statement() -> None:
    credential = Credential(PUBLIC, Kind.RS256)
    assert Credential.from_doc(credential.to_doc()) == credential and not credential.device_bound
    with pytest.raises(Refused, match=r"credential\.requests_only"):
        credential.verify(b"message", KEY.sign(b"message", PKCS1v15(), SHA256()))


def test_keys_that_are_too_small_too_large_or_something_else() -> None:
    curve = generate_private_key(SECP256R1()).public_key()
    other = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for public in (
        der(rsa.generate_private_key(65537, 1024)),
        numbers(2**4097 + 1),
        curve.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        other,
        pem,
        PUBLIC + b"\x00",
    ):
        with pytest.raises(InvalidInput, match=r"credential\.public"):
            Credential(public, Kind.RS256)


def numbers(modulus: int) -> bytes:
    key = rsa.RSAPublicNumbers(65537, modulus).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@given(st.integers(0, len(PUBLIC) - 1), st.integers(1, 255))
def test_another_spelling_is_another_key_or_none(at: int, change: int) -> None:
    changed = PUBLIC[:at] + bytes([PUBLIC[at] ^ change]) + PUBLIC[at + 1 :]
    try:
        key = rsa_key(changed)
    except InvalidInput as refused:
        assert refused.code == "credential.public"
    else:
        assert key.public_numbers() != KEY.public_key().public_numbers()
