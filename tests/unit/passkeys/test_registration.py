"""Making passkeys: what the browser is asked for, and which answers register one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webauthn.helpers import parse_registration_options_json

from strongroom.documents.credentials import Credential, Surface
from strongroom.errors import StrongroomError
from strongroom.passkeys.registration import credential_of, registration_options
from tests.passkeys import SoftPasskey

ORIGIN = "http://localhost:8420"
KEY = SoftPasskey(ORIGIN, seed="alice")


def made(answer: object, origin: str = ORIGIN, rp_id: str = "localhost") -> Credential:
    return credential_of(answer, origin, rp_id, Surface.APPROVER)


def test_a_browser_is_asked_for_a_verified_person_and_es256() -> None:
    known = [KEY.credential, SoftPasskey(ORIGIN).credential]
    options = parse_registration_options_json(registration_options("alice", "localhost", known))
    assert [parameter.alg for parameter in options.pub_key_cred_params] == [-7]
    assert options.authenticator_selection and options.authenticator_selection.user_verification == "required"
    assert options.exclude_credentials and [each.id for each in options.exclude_credentials] == [
        key.passkey.id for key in known if key.passkey
    ]
    assert options.user.name == "alice" and options.rp.id == "localhost"
    assert registration_options("alice", "localhost")["challenge"] != registration_options("alice", "x")["challenge"]


@pytest.mark.parametrize("synced", [False, True])
def test_the_answer_holds_the_key_and_whether_it_may_be_synced(synced: bool) -> None:
    key = SoftPasskey(ORIGIN, surface="approver", backup_eligible=synced)
    assert made(key.registration()) == key.credential
    assert made(key.registration()).device_bound is not synced


@pytest.mark.parametrize(
    ("lies", "code"),
    [
        ({"uv": False}, "webauthn.registration"),
        ({"up": False}, "webauthn.registration"),
        ({"rp_id": "evil.example"}, "webauthn.registration"),
        ({"type": "webauthn.get"}, "webauthn.type"),
        ({"origin": "http://localhost:8421"}, "webauthn.origin"),
        ({"cross_origin": True}, "webauthn.cross_origin"),
        ({"members": {"topOrigin": ORIGIN}}, "webauthn.cross_origin"),
        ({"client_data": b"{"}, "document.syntax"),
        ({"client_data": b"{}"}, "webauthn.registration"),
        ({"more": b""}, "webauthn.registration"),
        ({"flags": 0, "more": b""}, "webauthn.registration"),
    ],
)
def test_answers_that_register_nothing(lies: dict[str, Any], code: str) -> None:
    with pytest.raises(StrongroomError) as caught:
        made(KEY.registration(**lies))
    assert caught.value.code == code


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(JSON, st.sampled_from(["id", "rawId", "type", "clientDataJSON", "attestationObject", ""]))
def test_any_answer_is_refused_with_a_code(value: Any, part: str) -> None:
    answer: Any = KEY.registration()
    if not part:
        answer = value
    elif part in answer:
        answer[part] = value
    else:
        answer["response"][part] = value
    try:
        made(answer)
    except StrongroomError as refused:
        assert refused.code
