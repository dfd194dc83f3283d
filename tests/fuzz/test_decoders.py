"""Every decoder, on anything: a value or a coded refusal, in bounded time, and never another exception (I17).

`make fuzz` asks each of them many more questions than a run of all tests does.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.rawtx import parse_sent
from strongroom.chains.evm import checksum, transaction
from strongroom.custody import snapshot
from strongroom.custody.digest import state_digest
from strongroom.custody.intents import parse_intent
from strongroom.documents import (
    abi,
    amount,
    base64,
    canonical,
    credentials,
    decimal,
    envelope,
    names,
    request,
    statement,
    typed,
)
from strongroom.errors import StrongroomError
from strongroom.log import accept, batch, checkpoint, entry
from strongroom.pages.answers import read_answer
from strongroom.pages.forms import read_fields
from strongroom.passkeys.enrolment import Enrolment, enrolment_statement, read_enrolment
from strongroom.policy import terms
from strongroom.policy.calls import parse_shape
from strongroom.policy.loader import load_policy
from strongroom.policy.rules import parse_rule
from strongroom.policy.schemas import parse_schema
from strongroom.wire import frame
from strongroom.wire.dialling import parse_relay
from strongroom.wire.frame import join_entries, split_entries
from strongroom.wire.listening import parse_listen
from tests.passkeys import SoftPasskey
from tests.tokens import SoftService
from tests.unit.audit.test_verify import note_of
from tests.unit.documents.test_typed import MAIL
from tests.unit.policy.test_calls import SHAPE
from tests.unit.policy.test_schemas import MAIL_SCHEMA
from tests.workspace import CHAIN, ETH, PAYEE, Workspace

ROOMS = (
    "documents", "log", "wire", "passkeys", "chains", "policy", "custody", "signer", "coordinator", "relay", "audit",
    "approver", "pages",
)  # fmt: skip
NAMES = ("parse", "decode", "load", "split", "unpack", "from_", "read")
ELSEWHERE = {
    "SigningKey.load",  # a key file of one's own
    "read_frame",  # decode_frame over a stream
    "read_body",  # bytes, bounded
    "read_document",  # parse_loose over them
    "read_form",  # read_fields over them
    "read_query",  # read_fields
    "load_config",  # an own file
    "load_receivers",  # a part of it
    "read_settings",
    "read_ahead",  # parse_entries on a thread
    "History.load",  # parse_entry over the own store
    "House.load",
    "Sealed.load",  # read, of the own shelf
    "Mark.from_doc",  # the own disk
}

HOME = Workspace().ready()
HOME.authorize(HOME.propose())
PROPOSED = HOME.entries[-2]
NOTE = note_of(HOME)
ACCEPT = accept.sign_accept(HOME.state.workspace, "signer-1", 1, bytes(32), 0, HOME.keys["signer-1"]).to_doc()
STATEMENT = HOME.statement("alice", "transfer.approve", {"transfer": "00" * 32})
SNAPSHOT, DIGEST = snapshot.write(HOME.state), state_digest(HOME.state)
PAGES: dict[str, bytes] = {}  # a state as small as this one has no full page
SENT = (
    Account.create()
    .sign_transaction(
        {
            "chainId": 1,
            "nonce": 0,
            "gas": 21000,
            "maxFeePerGas": 9,
            "maxPriorityFeePerGas": 1,
            "to": "0x" + "11" * 20,
            "value": 1,
        }
    )
    .raw_transaction
)
WIDE = HOME.second_fold()
GROUPS = load_policy(WIDE).groups
LIST = WIDE["address_groups"]["vendors"]
LIMIT = {"name": "a day", "seconds": 86400, "per": "asset", "max_value": "1000000"}
PASSKEY = SoftPasskey("http://localhost:8420", seed="alice")
ENROLS = enrolment_statement("alice", PASSKEY.credential, HOME.state.workspace)
ENROLMENT = Enrolment("alice", PASSKEY.credential, statement.sign_statement(ENROLS, PASSKEY)).to_doc()
FRAME = frame.encode_frame(frame.Frame("append", "coordinator", "signer-1", {"from": 1}, b"entries"))


@dataclass(frozen=True, slots=True)
class Decoder:
    """A function that reads what somebody else wrote, and an input that it accepts."""

    name: str
    read: Callable[[Any], Any]
    specimen: Any


def framed(data: bytes) -> frame.Frame:
    head = int.from_bytes(data[:4], "big")
    return frame.decode_frame(data[8 : 8 + head], data[8 + head :])


DECODERS = (
    Decoder("parse_amount", amount.parse_amount, "115792089237316195423570985008687907853269984665640564039457584007"),
    Decoder("parse_decimal", lambda text: decimal.parse_decimal(text, 18), "1.000000000000000001"),
    Decoder("parse", canonical.parse, PROPOSED.raw),
    Decoder("parse_explained", canonical.parse_explained, PROPOSED.raw),
    Decoder("parse_loose", canonical.parse_loose, PROPOSED.raw),
    Decoder("Credential.from_doc", credentials.Credential.from_doc, HOME.keys["alice"].credential.to_doc()),
    Decoder("Credential.from_doc", credentials.Credential.from_doc, PASSKEY.credential.to_doc()),
    Decoder("Credential.from_doc", credentials.Credential.from_doc, SoftService().credential.to_doc()),
    Decoder("decode_base64", base64.decode_base64, "AAECAwQ="),
    Decoder("decode_base64url", base64.decode_base64url, "AAECAw"),
    Decoder("read_token", request.read_token, SoftService().token(b"{}", HOME.state.workspace, HOME.time)),
    Decoder("Envelope.from_doc", envelope.Envelope.from_doc, STATEMENT.to_doc()),
    Decoder("parse_chain", names.parse_chain, "eip155:1"),
    Decoder("parse_asset", names.parse_asset, ETH),
    Decoder("split_asset", lambda text: names.split_asset(names.parse_asset(text)), ETH),
    Decoder("parse_account", names.parse_account, PAYEE),
    Decoder("split_account", lambda text: names.split_account(names.parse_account(text)), PAYEE),
    Decoder("parse_slug", names.parse_slug, "signer-1"),
    Decoder("parse_hash", names.parse_hash, "ab" * 32),
    Decoder("parse_hex", names.parse_hex, "00ff"),
    Decoder("parse_label", names.parse_label, "A label, in NFC: é"),
    Decoder("Statement.from_doc", statement.Statement.from_doc, canonical.parse(STATEMENT.payload)),
    Decoder(
        "from_envelope",
        lambda data: statement.from_envelope(envelope.Envelope(data, STATEMENT.payload_type, STATEMENT.signatures)),
        STATEMENT.payload,
    ),
    Decoder("Accept.from_doc", accept.Accept.from_doc, ACCEPT),
    Decoder("parse_listen", lambda text: parse_listen(text, None), "127.0.0.1:7700"),
    Decoder("read_answer", read_answer, '{"id":"AA","response":{}}'),
    Decoder("read_fields", read_fields, b"subject=%7B%7D&answer=x"),
    Decoder("parse_accepts", accept.parse_accepts, [ACCEPT]),
    Decoder("parse_checkpoint", checkpoint.parse_checkpoint, NOTE.split("\n\n")[0] + "\n"),
    Decoder("parse_signature_line", checkpoint.parse_signature_line, NOTE.split("\n\n")[1].splitlines()[0]),
    Decoder("parse_note", checkpoint.parse_note, NOTE),
    Decoder("parse_entry", entry.parse_entry, PROPOSED.raw),
    Decoder("parse_entries", lambda raw: batch.parse_entries([raw] * 9, {}), PROPOSED.raw),
    Decoder("parse_ahead", lambda raw: list(batch.parse_ahead([raw] * 9, dict)), PROPOSED.raw),
    Decoder("read", lambda text: snapshot.read(text, DIGEST, PAGES.__getitem__), SNAPSHOT),
    Decoder("decode_frame", framed, FRAME),
    Decoder("parse_address", checksum.parse_address, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    Decoder("decode", transaction.decode, next(iter(HOME.state.transfers.values())).payloads[0].raw),
    Decoder("parse_sent", parse_sent, SENT),
    Decoder("parse_method", abi.parse_method, "approve(address,uint256)"),
    Decoder("parse_message", typed.parse_message, canonical.encode(MAIL)),
    Decoder("parse_shape", lambda doc: parse_shape("rule 1", doc), SHAPE),
    Decoder("parse_schema", lambda doc: parse_schema("messages.mail", doc), MAIL_SCHEMA),
    Decoder("load_policy", load_policy, WIDE),
    Decoder("parse_rule", lambda doc: parse_rule(0, doc, 2), WIDE["rules"][-1]),
    Decoder("parse_tier", lambda doc: terms.parse_tier("hot", doc, 2), WIDE["tiers"]["hot"]),
    Decoder("parse_chain_terms", lambda doc: terms.parse_chain_terms(CHAIN, doc), WIDE["chains"][CHAIN]),
    Decoder("parse_asset_terms", lambda doc: terms.parse_asset_terms(ETH, doc), WIDE["assets"][ETH]),
    Decoder("parse_address_group", lambda doc: terms.parse_address_group("v", doc, GROUPS), LIST),
    Decoder("parse_valuation", lambda doc: terms.parse_valuation(doc, GROUPS), WIDE["valuation"]),
    Decoder("parse_limit", lambda doc: terms.parse_limit("limit 1", doc, 2), LIMIT),
    Decoder("parse_intent", lambda doc: parse_intent(doc, HOME.state), HOME.intent()),
    Decoder("split_entries", split_entries, join_entries([PROPOSED.raw, b"x"])),
    Decoder("read_enrolment", lambda doc: read_enrolment(doc, HOME.state.workspace), ENROLMENT),
    Decoder("parse_relay", parse_relay, "127.0.0.1:7701"),
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
ANYTHING = {bytes: st.binary(max_size=300), str: st.text(max_size=120)}
TEXTS = st.text(max_size=4) | st.sampled_from(["0", "-", "٣", "\x00", "\u202e", "e", ".", "\n", '"', "é", "\ud800"])


def answers(decoder: Decoder, data: Any) -> bool:
    """Whether the decoder accepts; any exception but a coded refusal is a failure."""
    try:
        decoder.read(data)
    except StrongroomError as refused:
        assert refused.code and refused.message and len(refused.message) < 600
        return False
    return True


@st.composite
def mutated(draw: st.DrawFn, specimen: Any) -> Any:
    """The specimen with one to three places changed: bytes, characters, or parts of the document."""
    for _ in range(draw(st.integers(1, 3))):
        specimen = draw(_changed(specimen))
    return specimen


@st.composite
def _changed(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict | list) and value and draw(st.integers(0, 3)):
        value = copy.copy(value)
        keys: list[Any] = sorted(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        match draw(st.integers(0, 4)):
            case 0:
                del value[key]
            case 1 if isinstance(value, dict):
                value[draw(st.text(max_size=8))] = value[key]
            case _:
                value[key] = draw(_changed(value[key]))
        return value
    if isinstance(value, bytes | str) and value and draw(st.integers(0, 3)):
        start = draw(st.integers(0, len(value)))
        end = draw(st.integers(start, min(len(value), start + 8)))
        if isinstance(value, bytes):
            return value[:start] + draw(st.binary(max_size=8)) + value[end:]
        return value[:start] + draw(TEXTS) + value[end:]
    return draw(ANYTHING.get(type(value), JSON))


def every_decoder() -> Iterator[str]:
    """The names of all functions and class methods that read what others wrote, found in the packages themselves."""
    for room in ROOMS:
        package = importlib.import_module(f"strongroom.{room}")
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                if getattr(value, "__module__", None) != found.name:
                    continue
                if callable(value) and not inspect.isclass(value) and name.startswith(NAMES):
                    yield name
                if inspect.isclass(value):
                    yield from (f"{name}.{method}" for method in vars(value) if method.startswith(("from_", "load")))


def test_every_decoder_is_in_the_table() -> None:
    names = [name for name in every_decoder() if not name.startswith("_")]
    found = set(names)
    assert {name for name in found if names.count(name) > 1} == {"load_config"}, (
        "a table of names cannot tell them apart"
    )
    assert found - ELSEWHERE <= {decoder.name for decoder in DECODERS}
    assert found >= {decoder.name for decoder in DECODERS} | ELSEWHERE


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda d: d.name)
def test_the_specimen_is_accepted(decoder: Decoder) -> None:
    assert answers(decoder, decoder.specimen)


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda d: d.name)
def test_anything_gives_a_value_or_a_coded_refusal(decoder: Decoder) -> None:
    @given(ANYTHING.get(type(decoder.specimen), JSON))
    def ask(data: Any) -> None:
        answers(decoder, data)

    ask()


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda d: d.name)
def test_a_changed_specimen_gives_a_value_or_a_coded_refusal(decoder: Decoder) -> None:
    @given(mutated(decoder.specimen))
    def ask(data: Any) -> None:
        answers(decoder, data)

    ask()


@pytest.mark.parametrize("decoder", [d for d in DECODERS if isinstance(d.specimen, bytes)], ids=lambda d: d.name)
def test_a_document_deeper_or_longer_than_allowed_is_refused_at_once(decoder: Decoder) -> None:
    for data in (b"[" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" + b"1," * 10**6 + b"1]", b'"' + b"\\" * 10**6):
        answers(decoder, data)
