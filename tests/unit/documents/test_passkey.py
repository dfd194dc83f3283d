"""Passkeys: an assertion counts when page, person and authenticator are those that were registered; else a code."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.base64 import decode_base64
from strongroom.documents.canonical import encode, parse
from strongroom.documents.credentials import Credential
from strongroom.documents.passkey import Passkey, base64url, uncompressed
from strongroom.errors import InvalidInput, Refused
from tests.passkeys import SoftPasskey

ORIGIN = "http://localhost:8420"
KEY = SoftPasskey(ORIGIN, seed="alice")
MESSAGE = b"a statement's pre-authentication encoding"
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def refused(evidence: bytes, by: Credential = KEY.credential, message: bytes = MESSAGE) -> str:
    with pytest.raises(Refused) as caught:
        by.verify(message, evidence)
    return caught.value.code


def test_an_assertion_over_the_message_is_its_holder_s_signature() -> None:
    KEY.credential.verify(MESSAGE, KEY.sign(MESSAGE))
    assert refused(KEY.sign(MESSAGE), message=MESSAGE + b".") == "webauthn.challenge"
    other = SoftPasskey(ORIGIN, seed="bob")
    assert refused(other.sign(MESSAGE)) == "credential.bad_signature"


@pytest.mark.parametrize(
    ("lies", "code"),
    [
        ({"uv": False}, "webauthn.user_not_verified"),
        ({"up": False}, "webauthn.user_not_present"),
        ({"type": "webauthn.create"}, "webauthn.type"),
        ({"type": "payment.get"}, "webauthn.type"),
        ({"type": None}, "webauthn.type"),
        ({"challenge": hashlib.sha256(b"other").digest()}, "webauthn.challenge"),
        ({"challenge": MESSAGE}, "webauthn.challenge"),
        ({"origin": "http://localhost:8421"}, "webauthn.origin"),
        ({"origin": "https://localhost:8420"}, "webauthn.origin"),
        ({"origin": ORIGIN + "/"}, "webauthn.origin"),
        ({"origin": [ORIGIN]}, "webauthn.origin"),
        ({"cross_origin": True}, "webauthn.cross_origin"),
        ({"cross_origin": "false"}, "webauthn.cross_origin"),
        ({"cross_origin": 0}, "webauthn.cross_origin"),
        ({"cross_origin": None}, "webauthn.cross_origin"),
        ({"members": {"topOrigin": "https://evil.example"}}, "webauthn.cross_origin"),
        ({"members": {"topOrigin": None}}, "webauthn.cross_origin"),
        ({"rp_id": "evil.example"}, "webauthn.relying_party"),
        ({"be": True}, "credential.backup_eligible"),
        ({"flags": 0x10}, "webauthn.malformed"),  # synced, though it cannot be
        ({"flags": 0x40}, "webauthn.malformed"),  # a key would follow
        ({"flags": 0x80, "more": b"\xa0"}, "webauthn.malformed"),  # extensions, which nobody asked for
        ({"more": b"\x00"}, "webauthn.malformed"),
        ({"client_data": b"[]"}, "webauthn.malformed"),
        ({"client_data": b"\xff"}, "webauthn.malformed"),
    ],
)
def test_what_an_assertion_may_not_say(lies: dict[str, Any], code: str) -> None:
    assert refused(KEY.sign(MESSAGE, **lies)) == code


def client_data(**changes: Any) -> dict[str, Any]:
    challenge = base64url(hashlib.sha256(MESSAGE).digest())
    return {"type": "webauthn.get", "challenge": challenge, "origin": ORIGIN, "crossOrigin": False, **changes}


def test_client_data_with_two_meanings_are_refused() -> None:
    text = json.dumps(client_data())
    twice = text[:-1] + ', "origin": "https://evil.example"}'
    assert refused(KEY.sign(MESSAGE, client_data=twice.encode())) == "webauthn.malformed"
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):  # the library reads them all
        assert refused(KEY.sign(MESSAGE, client_data=text.encode(encoding))) == "webauthn.malformed"
    del_cross = {name: value for name, value in client_data().items() if name != "crossOrigin"}
    for honest in (del_cross, client_data(other_keys_can_be_added_here="do not compare with a template")):
        KEY.credential.verify(MESSAGE, KEY.sign(MESSAGE, client_data=json.dumps(honest).encode()))


def test_a_synced_passkey_says_so_each_time() -> None:
    synced = SoftPasskey(ORIGIN, backup_eligible=True, seed="alice")
    synced.credential.verify(MESSAGE, synced.sign(MESSAGE))
    synced.credential.verify(MESSAGE, synced.sign(MESSAGE, flags=0x10))
    assert refused(synced.sign(MESSAGE, be=False), synced.credential) == "credential.backup_eligible"
    assert not synced.credential.device_bound and KEY.credential.device_bound


def test_counters_decide_nothing() -> None:
    for counter in (7, 3, 2**32 - 1, 0):
        KEY.credential.verify(MESSAGE, KEY.sign(MESSAGE, counter=counter))


def test_a_signature_s_twin_is_as_good_and_other_encodings_are_not() -> None:
    evidence = parse(KEY.sign(MESSAGE))
    r, s = decode_dss_signature(decode_base64(evidence["signature"]))

    def with_signature(data: bytes) -> bytes:
        return encode({**evidence, "signature": base64url(data).replace("-", "+").replace("_", "/") + padding(data)})

    def padding(data: bytes) -> str:
        return "=" * (-len(data) % 3)

    KEY.credential.verify(MESSAGE, with_signature(encode_dss_signature(r, ORDER - s)))
    der = encode_dss_signature(r, s)
    for wrong in (der + b"\x00", der[:-1], b"\x30\x81" + der[1:], b"", bytes(64), encode_dss_signature(r, s + ORDER)):
        assert refused(with_signature(wrong)) == "credential.bad_signature"


@given(st.binary(max_size=200))
def test_any_evidence_is_refused_with_a_code(evidence: bytes) -> None:
    assert refused(evidence) == "webauthn.malformed"


@pytest.mark.parametrize("change", [{"x": ""}, {"signature": "!"}, {"signature": 1}, {"client_data": None}])
def test_evidence_has_three_texts_in_base64(change: dict[str, Any]) -> None:
    assert refused(encode({**parse(KEY.sign(MESSAGE)), **change})) == "webauthn.malformed"
    assert refused(KEY.sign(MESSAGE) + b"\n") == "webauthn.malformed"


@given(st.sampled_from([2, 3]), st.integers(0, 2**256 - 1))
def test_a_key_is_a_reduced_compressed_point(sign: int, x: int) -> None:
    public = bytes([sign]) + x.to_bytes(32, "big")
    right = pow(x**3 - 3 * x + 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B, (P - 1) // 2, P) < 2
    if right and x < P:
        assert uncompressed(public)[:33] == b"\x04" + public[1:] and uncompressed(public)[64] % 2 == sign % 2
    else:
        with pytest.raises(InvalidInput, match=r"credential\.public"):
            uncompressed(public)


@pytest.mark.parametrize("x", [P, P + 1, P + 5, 2**256 - 1])
def test_an_unreduced_point_is_refused(x: int) -> None:
    for sign in (2, 3):
        with pytest.raises(InvalidInput, match=r"credential\.public"):
            uncompressed(bytes([sign]) + x.to_bytes(32, "big"))


def test_other_forms_of_the_point_are_refused() -> None:
    long = uncompressed(KEY.credential.public)
    EllipticCurvePublicKey.from_encoded_point(SECP256R1(), long)  # the library takes it
    for public in (long, bytes([6 + long[64] % 2]) + long[1:], b"\x00", b"", KEY.credential.public + b"\x00"):
        with pytest.raises(InvalidInput, match=r"credential\.public"):
            uncompressed(public)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": b""}, "credential.id"),
        ({"id": bytes(1024)}, "credential.id"),
        ({"rp_id": "Localhost"}, "credential.rp_id"),
        ({"rp_id": ""}, "credential.rp_id"),
        ({"rp_id": "a" * 254}, "credential.rp_id"),
        ({"rp_id": "ex ample.org", "origin": "https://example.org"}, "credential.rp_id"),
        ({"origin": "https://example.org"}, "credential.origin"),
        ({"origin": "https://evillocalhost"}, "credential.origin"),
        ({"origin": "http://localhost:8420/"}, "credential.origin"),
        ({"origin": "http://a.localhost"}, "credential.origin"),
        ({"origin": "android:apk-key-hash:x"}, "credential.origin"),
        ({"rp_id": "example.org", "origin": "http://example.org"}, "credential.origin"),
        ({"rp_id": "example.org", "origin": "https://user@example.org"}, "credential.origin"),
        ({"rp_id": "example.org", "origin": "https://example.org.evil.example"}, "credential.origin"),
    ],
)
def test_where_a_passkey_cannot_have_been_made(changes: dict[str, Any], code: str) -> None:
    usual = {"id": b"1", "rp_id": "localhost", "origin": ORIGIN, "backup_eligible": False}
    with pytest.raises(InvalidInput) as caught:
        Passkey(**{**usual, **changes})
    assert caught.value.code == code


def test_a_passkey_may_serve_a_subdomain_of_its_relying_party() -> None:
    Passkey(b"1", "example.org", "https://rooms.example.org:8443", False)


@given(st.binary(max_size=80))
def test_base64url_has_one_spelling(data: bytes) -> None:
    import base64

    assert base64url(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
