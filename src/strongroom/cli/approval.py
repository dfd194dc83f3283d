"""Before an approval is signed: what the initiator really signed, and the obligations, checked by hash and shown."""

from __future__ import annotations

from typing import Any

from strongroom.chains.evm.explain import explain_call, explain_message
from strongroom.chains.evm.transfer import Call
from strongroom.cli.client import Client
from strongroom.cli.consent import require_consent
from strongroom.cli.output import say
from strongroom.cli.timeline import clock
from strongroom.cli.trust import first_policy
from strongroom.documents.amount import parse_amount
from strongroom.documents.canonical import digest, encode, fields
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_account, parse_hex, split_account
from strongroom.documents.request import REQUEST_TYPE, proposal_hash, requested
from strongroom.documents.statement import Statement, from_envelope
from strongroom.documents.typed import parse_message
from strongroom.errors import Denied, Refused


def confirm_approval(client: Client, workspace: str, transfer: str, *, yes: bool, as_json: bool) -> str:
    """The digest of the obligations that were shown; raises Refused when the coordinator's words do not fit.

    The id of a transfer is the hash of its initiator's statement: what is read from those bytes is what is approved.
    """
    first_policy(client, workspace)
    document = client.get(f"/v1/transfers/{transfer}")
    statement = _signed_proposal(client, workspace, transfer)
    decision = document["decision"]
    if decision["obligations"] is None:
        raise Denied(str(decision["code"]), str(decision["reason"]))
    computed = digest(decision["obligations"])
    if computed != decision["digest"]:
        raise Refused("approval.other_obligations", "the coordinator shows other obligations than it hashes")
    if not as_json:
        _show(statement, document)
    require_consent("Approve exactly this?", yes=yes, as_json=as_json)
    return computed


def _signed_proposal(client: Client, workspace: str, transfer: str) -> Statement:
    envelope = Envelope.from_doc(client.get(f"/v1/transfers/{transfer}/proposal").get("envelope"))
    if envelope.payload_type == REQUEST_TYPE:
        statement = requested(envelope, f"the holder of key {envelope.signatures[0][0][:12]}", workspace)
    else:
        statement = from_envelope(envelope)
    fits = statement.kind == "transfer.propose" and statement.workspace == workspace
    if proposal_hash(envelope) != transfer or not fits:
        raise Refused("transfer.id", "the coordinator shows another proposal than the one of this id")
    return statement


def asked_beside_paying(subject: dict[str, Any]) -> list[str]:
    """What a signed intent of a call or a message does, decoded here; nothing for a transfer. Raises InvalidInput."""
    if "message" in subject:
        return explain_message(parse_message(encode(subject["message"])))
    if "call" not in subject:
        return []
    asked = fields(subject["call"], "call", {"to": str, "value": str, "data": str})
    chain, contract = split_account(parse_account(asked["to"]))
    made = Call(contract, parse_amount(asked["value"]), parse_hex(asked["data"]))
    return [*explain_call(chain, made, {}), f"data {made.data.hex()}"]


def _show(statement: Statement, document: dict[str, Any]) -> None:
    """The signed base units and account come first: symbols and decimals are the coordinator's words."""
    subject, obligations = statement.subject, document["decision"]["obligations"]
    told = asked_beside_paying(subject)
    if told:
        say(f"{statement.person} asks that wallet {subject['from']}", "bold")
        for line in told:
            say(f"  {line}")
    else:
        say(f"{statement.person} asks to move", "bold")
        say(f"  amount  {subject['amount']} base units of {subject['asset']}  ({document['amount']['text']})")
        say(f"  from    wallet {subject['from']}")
        say(f"  to      {subject['to']}")
    say(f"  why     {subject['why']}")
    say(f"  until   {clock(subject['until'])} UTC")
    say(f"rule '{obligations['rule']}'", "bold")
    needs = [" and ".join(f"{n['threshold']} of {n['group']}" for n in each) for each in obligations["approvals"]]
    say(f"  approvals by {', or '.join(needs) or 'nobody'}; delay {obligations['delay']} s")
    if document["approvals"]:
        given = ", ".join(row["person"] for row in document["approvals"] if row["counts"])
        say(f"  approved so far by {given or 'nobody'}")
