"""Passkeys: an assertion counts when page, person and authenticator are those that were registered; else a code."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

from strongroom.documents.base64 import base64url, decode_base64, encode_base64
from strongroom.documents.canonical import encode, parse
from strongroom.documents.credentials import Credential
from strongroom.documents.passkey import Passkey, challenge_of, p256_key
from strongroom.errors import InvalidInput, Refused
from tests.passkeys import SoftPasskey

ORIGIN = "http://localhost:8420"
KEY = SoftPasskey(ORIGIN, seed="alice")
assert KEY.credential.passkey
PASSKEY = KEY.credential.passkey
LONG = p256_key(KEY.credential.public).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
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
        return encode({**evidence, "signature": encode_base64(data)})

    KEY.credential.verify(MESSAGE, with_signature(encode_dss_signature(r, ORDER - s)))
    der = encode_dss_signature(r, s)
    for wrong in (der + b"\x00", der[:-1], b"\x30\x81" + der[1:], b"", bytes(64), encode_dss_signature(r, s + ORDER)):
        assert refused(with_signature(wrong)) == "credential.bad_signature"


@given(st.binary(max_size=200))
def test_any_evidence_is_refused_with_a_code(evidence: bytes) -> None:
    assert refused(evidence) == "webauthn.malformed"


@given(st.data())
def test_evidence_with_any_byte_changed_is_refused_with_a_code(data: st.DataObject) -> None:
    parts = {name: decode_base64(text) for name, text in parse(KEY.sign(MESSAGE)).items()}
    name = data.draw(st.sampled_from(sorted(parts)))
    at = data.draw(st.integers(0, len(parts[name]) - 1))
    changed = bytearray(parts[name])
    changed[at] ^= data.draw(st.integers(1, 255))
    assert refused(encode({**parse(KEY.sign(MESSAGE)), name: encode_base64(bytes(changed))}))


@pytest.mark.parametrize("change", [{"x": ""}, {"signature": "!"}, {"signature": 1}, {"client_data": None}])
def test_evidence_has_three_texts_in_base64(change: dict[str, Any]) -> None:
    assert refused(encode({**parse(KEY.sign(MESSAGE)), **change})) == "webauthn.malformed"
    assert refused(KEY.sign(MESSAGE) + b"\n") == "webauthn.malformed"


@given(st.sampled_from([2, 3]), st.integers(0, 2**256 - 1))
def test_a_key_is_a_reduced_compressed_point(sign: int, x: int) -> None:
    public = bytes([sign]) + x.to_bytes(32, "big")
    right = pow(x**3 - 3 * x + 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B, (P - 1) // 2, P) < 2
    if right and x < P:
        numbers = p256_key(public).public_numbers()
        assert (numbers.x, numbers.y % 2) == (x, sign % 2)
    else:
        with pytest.raises(InvalidInput, match=r"credential\.public"):
            p256_key(public)


@pytest.mark.parametrize("x", [P, P + 1, P + 5, 2**256 - 1])
def test_an_unreduced_point_is_refused(x: int) -> None:
    for sign in (2, 3):
        with pytest.raises(InvalidInput, match=r"credential\.public"):
            p256_key(bytes([sign]) + x.to_bytes(32, "big"))


def test_other_forms_of_the_point_are_refused() -> None:
    EllipticCurvePublicKey.from_encoded_point(SECP256R1(), LONG)  # the library takes it
    for public in (LONG, bytes([6 + LONG[64] % 2]) + LONG[1:], b"\x00", b"", KEY.credential.public + b"\x00"):
        with pytest.raises(InvalidInput, match=r"credential\.public"):
            p256_key(public)


def library_takes(evidence: bytes, passkey: Passkey) -> bool:
    """What the library says that reads registrations."""
    parts = {name: decode_base64(text) for name, text in parse(evidence).items()}
    response = AuthenticatorAssertionResponse(parts["client_data"], parts["authenticator_data"], parts["signature"])
    try:
        verify_authentication_response(
            credential=AuthenticationCredential(base64url(passkey.id), passkey.id, response),
            expected_challenge=challenge_of(MESSAGE), expected_rp_id=passkey.rp_id, expected_origin=passkey.origin,
            credential_public_key=LONG, credential_current_sign_count=0, require_user_verification=True,
        )  # fmt: skip
    except WebAuthnException:
        return False
    return True


LIES = st.fixed_dictionaries(
    {},
    optional={
        "uv": st.booleans(),
        "up": st.booleans(),
        "be": st.booleans(),
        "flags": st.sampled_from([0, 0x02, 0x10, 0x18, 0x20, 0x40, 0x80]),
        "more": st.binary(max_size=3),
        "counter": st.integers(0, 2**32 - 1),
        "rp_id": st.sampled_from(["localhost", "evil.example"]),
        "type": st.sampled_from(["webauthn.get", "webauthn.create", None, 1]),
        "challenge": st.sampled_from([challenge_of(MESSAGE), b"", b"x"]),
        "origin": st.sampled_from([ORIGIN, ORIGIN + "/", None]),
        "cross_origin": st.sampled_from([False, True, None, 0]),
        "members": st.dictionaries(st.sampled_from(["topOrigin", "tokenBinding", "androidPackageName"]), st.text()),
    },
)


@given(LIES)
def test_what_is_taken_here_the_library_takes_too(lies: dict[str, Any]) -> None:
    evidence = KEY.sign(MESSAGE, **lies)
    try:
        KEY.credential.verify(MESSAGE, evidence)
    except Refused as refused:
        left_to_us = ("webauthn.cross_origin", "webauthn.malformed", "credential.backup_eligible")
        assert refused.code in left_to_us or not library_takes(evidence, PASSKEY), refused.code
    else:
        assert library_takes(evidence, PASSKEY)


@given(st.integers(0, 71), st.integers(1, 255))
def test_a_changed_signature_is_refused_here_as_there(at: int, change: int) -> None:
    evidence = parse(KEY.sign(MESSAGE))
    signature = bytearray(decode_base64(evidence["signature"]))
    signature[at % len(signature)] ^= change
    changed = encode({**evidence, "signature": encode_base64(bytes(signature))})
    assert refused(changed) == "credential.bad_signature" and not library_takes(changed, PASSKEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"rp_id": "Localhost"},
        {"rp_id": ""},
        {"rp_id": "", "origin": "https://example."},
        {"rp_id": "ex ample.org", "origin": "https://ex ample.org"},
        {"origin": "https://example.org"},
        {"origin": "https://evillocalhost"},
        {"origin": "http://localhost:8420/"},
        {"origin": "http://localhost:08420"},
        {"origin": "http://a.localhost"},
        {"origin": "http://localhost.example.org", "rp_id": "example.org"},
        {"origin": "android:apk-key-hash:x"},
        {"rp_id": "example.org", "origin": "http://example.org"},
        {"rp_id": "example.org", "origin": "https://user@example.org"},
        {"rp_id": "example.org", "origin": "https://example.org.evil.example"},
        {"rp_id": "\u202egro", "origin": "https://\u202egro"},
    ],
)
def test_where_a_passkey_cannot_have_been_made(changes: dict[str, Any]) -> None:
    usual = {"id": b"1", "rp_id": "localhost", "origin": ORIGIN, "backup_eligible": False}
    with pytest.raises(InvalidInput, match=r"credential\.origin"):
        Passkey(**{**usual, **changes})


def test_a_passkey_may_serve_a_subdomain_of_its_relying_party() -> None:
    Passkey(b"1", "example.org", "https://rooms.example.org:8443", False)
