"""Enrolment files: a person's new credential with a proof that its holder made it for this workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from strongroom.documents.canonical import encode, fields
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_slug
from strongroom.documents.statement import Statement, verify_statement
from strongroom.errors import Refused
from strongroom.passkeys.statements import answered

KIND = "credential.enrol"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who asks to have which credential adopted, and the new key's own statement of it; it grants nothing yet."""

    person: str
    credential: Credential
    proof: Envelope

    def to_doc(self) -> dict[str, Any]:
        """The enrolment file: `{"person", "credential", "proof"}`."""
        return {"person": self.person, "credential": self.credential.to_doc(), "proof": self.proof.to_doc()}


def enrolment_statement(person: str, credential: Credential, workspace: str) -> Statement:
    """What the new key signs: it is to speak for this person, in this workspace only."""
    subject = {"credential": credential.to_doc()}
    return Statement(workspace, KIND, subject, None, None, person, credential.key_id, None)


def prove(person: str, credential: Credential, workspace: str, assertion: object) -> Enrolment:
    """The enrolment of a passkey that has just signed `enrolment_statement`; raises InvalidInput, Refused."""
    proof = answered(encode(enrolment_statement(person, credential, workspace).to_doc()), assertion)
    return read_enrolment(Enrolment(person, credential, proof).to_doc(), workspace)


def read_enrolment(doc: object, workspace: str) -> Enrolment:
    """An enrolment file once its proof is found valid for this workspace; raises InvalidInput, Refused."""
    found = fields(doc, "enrolment", {"person": str, "credential": dict, "proof": dict})
    person, credential = parse_slug(found["person"]), Credential.from_doc(found["credential"])
    proof = Envelope.from_doc(found["proof"])
    statement = verify_statement(proof, credential)
    statement.require(KIND, workspace, 0)
    if statement != enrolment_statement(person, credential, workspace):
        raise Refused("enrolment.other_proof", "the proof was made for another person or another credential")
    return Enrolment(person, credential, proof)
