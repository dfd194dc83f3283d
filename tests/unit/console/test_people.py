"""From a newcomer's browser to a policy that lists their passkey, by the pages alone."""

from __future__ import annotations

import json
from typing import Any

from webauthn.helpers import base64url_to_bytes

from strongroom.passkeys.enrolment import read_enrolment
from tests.passkeys import SoftPasskey
from tests.unit.api.coordinator import Coordinator
from tests.unit.console.browser import ORIGIN, Forms, Person
from tests.unit.console.conftest import PASSKEYS


async def enrolled(app: object, name: str, passkey: SoftPasskey) -> str:
    """Enrol a passkey under a name; the path of the page that says so."""
    person = Person(app, passkey)
    fields, options = Forms((await person.get("/enrol", name=name)).text).to("/console/enrol")
    made = passkey.registration(base64url_to_bytes(options["challenge"]))
    page = await person.post("/enrol", fields | {"answer": json.dumps(made)})
    assert page.status_code == 200, page.text
    fields, options = Forms(page.text).to("/console/enrol/prove")
    done = await person.post("/enrol/prove", fields | {"answer": person.answer(options)})
    return done.headers["location"].removeprefix("/console")


async def test_a_newcomer_is_taken_in_by_two_administrators(
    app: object, alice: Person, bob: Person, coordinator: Coordinator
) -> None:
    """The file proves the key; both administrators see the same change before they sign; then it is proposed."""
    passkey = SoftPasskey(ORIGIN)
    path = await enrolled(app, "frank", passkey)
    file = json.loads((await alice.get(f"{path}/file")).text)
    found = read_enrolment(file, coordinator.workspace)
    assert (found.person, found.credential) == ("frank", passkey.credential)
    people = (await alice.get("/people")).text
    assert passkey.key_id in people
    name = path.rpartition("/")[2]
    page = await alice.get("/policy/draft", enrolment=name)
    assert "frank" in page.text and "1 hour" not in page.text.partition("What exactly")[2]
    fields, options = Forms(page.text).to("/console/acts/policy.propose")
    assert (await alice.post("/acts/policy.propose", fields | {"answer": alice.answer(options)})).status_code == 303
    assert coordinator.state.proposal is None and "Signed, and kept until" in (await alice.get("/policy")).text
    waiting = next(row for row in coordinator.collected() if row.kind == "policy.propose")
    assert "Sign the next policy" in (await bob.get("/")).text
    page = await bob.get("/policy/draft", subject=json.dumps(dict(waiting.subject)))
    assert "frank" in page.text
    fields, options = Forms(page.text).to("/console/acts/policy.propose")
    await bob.post("/acts/policy.propose", fields | {"answer": bob.answer(options)})
    assert coordinator.state.proposal is not None
    assert passkey.key_id in coordinator.state.proposal.policy.credentials
    assert "waits out its cool-down" in (await bob.get("/policy")).text


async def test_a_forged_proof_enrols_nobody(app: object) -> None:
    """The key itself must say for whom it is."""
    person = Person(app, SoftPasskey(ORIGIN))
    fields, options = Forms((await person.get("/enrol", name="frank")).text).to("/console/enrol")
    made = person.passkey.registration(base64url_to_bytes(options["challenge"]))
    fields, options = Forms((await person.post("/enrol", fields | {"answer": json.dumps(made)})).text).to(
        "/console/enrol/prove"
    )
    for changes in ({"name": "alice"}, {"answer": SoftPasskey(ORIGIN)}):
        signer: Any = changes.pop("answer", person.passkey)
        answer = json.dumps(signer.assertion(base64url_to_bytes(options["challenge"])))
        refused = await person.post("/enrol/prove", fields | changes | {"answer": answer})
        assert 400 <= refused.status_code < 500, refused.text


async def test_a_draft_is_checked_before_anybody_signs(alice: Person, coordinator: Coordinator) -> None:
    """What the log would refuse is refused here; what it would take is compared and judged."""
    page = await alice.get("/policy/draft")
    fields, _ = Forms(page.text).to("/console/policy/draft")
    document = json.loads(json.dumps(dict(coordinator.state.policy.document)))  # type: ignore[union-attr]
    for draft, code in ((document, "policy.version"), ({**document, "version": 2, "x": 1}, "document.unknown_field")):
        refused = await alice.post("/policy/draft", fields | {"draft": json.dumps(draft)})
        assert refused.status_code in (400, 409) and code in refused.text
    document |= {"version": 2, "limits": []}
    page = await alice.post("/policy/draft", fields | {"draft": json.dumps(document)})
    assert "ETH a day" in page.text and "loosens" in page.text and "check." in page.text


async def test_a_person_s_own_key_can_be_revoked_by_them(app: object, coordinator: Coordinator) -> None:
    """From the page, and from then on it signs nobody in."""
    dora = Person(app, PASSKEYS["dora"])
    await dora.sign_in()
    assert (await dora.act("key.revoke", key=dora.passkey.key_id)).status_code == 303
    assert dora.passkey.key_id in coordinator.state.revoked
    assert (await dora.get("/")).status_code == 303
