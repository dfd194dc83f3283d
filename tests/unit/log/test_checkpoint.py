"""Checkpoints and cosignatures: published notes of other implementations, round trips, strict parsing."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.credentials import Credential, SigningKey
from strongroom.errors import InvalidInput, Refused
from strongroom.log.checkpoint import (
    Checkpoint,
    Note,
    SignatureLine,
    cosign,
    note_key_id,
    origin_of,
    parse_checkpoint,
    parse_note,
    parse_signature_line,
    quorum,
    verify_cosignature,
)
from strongroom.log.signature import sign_checkpoint, verify_log_signature

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "c2sp-notes.json").read_text())
LOG, ONE, TWO = SigningKey.generate(), SigningKey.generate(), SigningKey.generate()
CHECKPOINT = Checkpoint(origin_of("ab" * 32), 42, bytes(range(32)))
TIME = 1_800_000_000


def verifier(text: str, kind: int) -> tuple[str, Credential]:
    """A verifier key `name+id+base64(type || key)`, whose id must be what note_key_id says."""
    name, key, encoded = text.split("+", 2)
    material = base64.b64decode(encoded)
    assert material[0] == kind and note_key_id(name, material[:1], material[1:]).hex() == key
    return name, Credential(material[1:])


def refusal(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_note(text)
    return caught.value.code


def test_signed_note_of_the_go_library() -> None:
    vector = VECTORS["signed_note"]
    name, credential = verifier(vector["verifier"], 1)
    line = parse_signature_line(vector["line"])
    assert (line.name, line.key) == (name, note_key_id(name, b"\x01", credential.public))
    credential.verify(vector["text"].encode(), line.signature)
    with pytest.raises(Refused):
        credential.verify(vector["text"].encode() + b"\n", line.signature)
    assert refusal(f"{vector['text']}\n{vector['line']}\n") == "checkpoint.syntax"  # signed, but no checkpoint


def test_example_of_the_specification() -> None:
    vector = VECTORS["specification_example"]
    note = parse_note(vector["note"])
    assert note.text() == vector["note"]
    assert (note.checkpoint.origin, note.checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert [line.name for line in note.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert int.from_bytes(note.signatures[1].signature[:8], "big") == vector["time"]
    assert [len(line.signature) for line in note.signatures] == [64, 72]


def test_checkpoint_of_a_public_log_with_public_witnesses() -> None:
    vector = VECTORS["public_checkpoint"]
    note = parse_note(vector["note"])
    assert note.text() == vector["note"]
    log, witness = verifier(vector["log"], 1), verifier(vector["witness"], 4)
    assert log[0] == note.checkpoint.origin
    verify_log_signature(note, log[1])
    assert verify_cosignature(note, *witness) == vector["time"]
    assert quorum(note, dict([witness])) == {witness[0]: vector["time"]}
    other = dataclasses.replace(note, checkpoint=dataclasses.replace(note.checkpoint, size=42))
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        verify_log_signature(other, log[1])
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        verify_cosignature(other, *witness)


names = st.from_regex(r"[!-*,-~]{1,40}", fullmatch=True)
checkpoints = st.builds(Checkpoint, names, st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32))
lines = st.builds(SignatureLine, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=100))


@given(st.builds(Note, checkpoints, st.lists(lines, min_size=1, max_size=8).map(tuple)))
def test_round_trip(note: Note) -> None:
    assert parse_note(note.text()) == note
    assert parse_checkpoint(note.checkpoint.body().decode()) == note.checkpoint


@given(checkpoints, st.integers(1, 2**53 - 1))
def test_what_is_signed_verifies(checkpoint: Checkpoint, time_s: int) -> None:
    note = Note(checkpoint, (sign_checkpoint(checkpoint, LOG), cosign(checkpoint, ONE, "one", time_s)))
    note = parse_note(note.text())
    verify_log_signature(note, LOG.credential)
    assert quorum(note, {"one": ONE.credential, "two": TWO.credential}) == {"one": time_s}


def test_the_cosigned_message_is_that_of_the_specification() -> None:
    line = cosign(CHECKPOINT, ONE, "one", TIME)
    body = "strongroom.log/" + "ab" * 32 + "\n42\n" + base64.b64encode(bytes(range(32))).decode() + "\n"
    assert line.signature[:8] == TIME.to_bytes(8, "big")
    ONE.credential.verify(f"cosignature/v1\ntime {TIME}\n{body}".encode(), line.signature[8:])
    LOG.credential.verify(body.encode(), sign_checkpoint(CHECKPOINT, LOG).signature)


def noted(*signatures: SignatureLine) -> Note:
    return Note(CHECKPOINT, signatures)


@pytest.mark.parametrize(
    "change",
    [{"origin": origin_of("ac" * 32)}, {"size": 43}, {"root": bytes(32)}],
    ids=lambda change: next(iter(change)),
)
def test_a_cosignature_is_for_one_head_of_one_log(change: dict[str, object]) -> None:
    note = Note(dataclasses.replace(CHECKPOINT, **change), (cosign(CHECKPOINT, ONE, "one", TIME),))  # type: ignore[arg-type]
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        verify_cosignature(note, "one", ONE.credential)
    assert quorum(note, {"one": ONE.credential}) == {}


def test_the_time_is_signed() -> None:
    line = cosign(CHECKPOINT, ONE, "one", TIME)
    later = dataclasses.replace(line, signature=(TIME + 60).to_bytes(8, "big") + line.signature[8:])
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        verify_cosignature(noted(later), "one", ONE.credential)
    assert verify_cosignature(noted(later, line), "one", ONE.credential) == TIME
    newer = cosign(CHECKPOINT, ONE, "one", TIME + 30)
    for order in ((line, newer), (newer, line)):
        assert verify_cosignature(noted(*order), "one", ONE.credential) == TIME + 30


@pytest.mark.parametrize("time_s", [0, -1, 2**53])
def test_a_time_out_of_range_is_not_signed(time_s: int) -> None:
    with pytest.raises(InvalidInput, match=r"checkpoint\.time"):
        cosign(CHECKPOINT, ONE, "one", time_s)


def test_signatures_of_another_kind_or_name_do_not_count() -> None:
    with pytest.raises(Refused, match=r"cosignature\.missing"):
        verify_cosignature(noted(sign_checkpoint(CHECKPOINT, ONE)), CHECKPOINT.origin, ONE.credential)
    with pytest.raises(Refused, match=r"checkpoint\.not_signed"):
        verify_log_signature(noted(cosign(CHECKPOINT, LOG, "log", TIME)), LOG.credential)
    with pytest.raises(Refused, match=r"cosignature\.missing"):
        verify_cosignature(noted(cosign(CHECKPOINT, ONE, "one", TIME)), "two", ONE.credential)
    with pytest.raises(Refused, match=r"cosignature\.missing"):
        verify_cosignature(noted(cosign(CHECKPOINT, ONE, "one", TIME)), "one", TWO.credential)
    truncated = dataclasses.replace(cosign(CHECKPOINT, ONE, "one", TIME), signature=b"\x00")
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        verify_cosignature(noted(truncated), "one", ONE.credential)


def test_a_key_counts_once_in_a_quorum_whatever_names_it_has() -> None:
    note = noted(cosign(CHECKPOINT, ONE, "one", TIME), cosign(CHECKPOINT, ONE, "again", TIME))
    assert quorum(note, {"one": ONE.credential, "again": ONE.credential}) == {"one": TIME}
    assert quorum(noted(note.signatures[1]), {"one": ONE.credential, "again": ONE.credential}) == {"again": TIME}


def test_junk_beside_a_cosignature_does_not_hide_it() -> None:
    good = cosign(CHECKPOINT, ONE, "one", TIME)
    junk = dataclasses.replace(good, signature=bytes(72))
    assert quorum(noted(junk, good, junk), {"one": ONE.credential}) == {"one": TIME}


GOOD = noted(cosign(CHECKPOINT, ONE, "one", TIME)).text()
ROOT = base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "checkpoint.syntax"),
        (GOOD[:-1], "checkpoint.syntax"),
        (GOOD + "\n", "checkpoint.signature_line"),
        ("\n" + GOOD, "checkpoint.syntax"),
        (GOOD.split("\n\n")[0] + "\n\n", "checkpoint.syntax"),
        (GOOD.replace("\n42\n", "\n042\n"), "checkpoint.syntax"),
        (GOOD.replace("\n42\n", "\n+42\n"), "checkpoint.syntax"),
        (GOOD.replace("\n42\n", "\n٤٢\n"), "checkpoint.syntax"),
        (GOOD.replace("\n42\n", "\n\n"), "checkpoint.syntax"),
        (GOOD.replace("\n42\n", f"\n{2**53}\n"), "checkpoint.syntax"),
        (GOOD.replace("\n42\n", f"\n{'9' * 5000}\n"), "checkpoint.syntax"),
        (GOOD.replace(ROOT, ROOT[:-1]), "checkpoint.syntax"),
        (GOOD.replace(ROOT, ROOT[:-2] + "9="), "base64.syntax"),
        (GOOD.replace(ROOT, base64.b64encode(bytes(31)).decode()), "checkpoint.syntax"),
        (GOOD.replace(ROOT + "\n", ROOT + "\nextension\n"), "checkpoint.syntax"),
        (GOOD.replace("strongroom.log", "strong room.log"), "checkpoint.syntax"),
        (GOOD.replace("\n", "\r\n"), "checkpoint.syntax"),
        (GOOD.replace("—", "-"), "checkpoint.signature_line"),
        (GOOD.replace("— one", "—  one"), "checkpoint.signature_line"),
        (GOOD.replace("— one", "— o+ne"), "checkpoint.signature_line"),
        (GOOD.replace("— one", "— öne"), "checkpoint.signature_line"),
        (GOOD.replace("— one", "— one one"), "checkpoint.signature_line"),
        (GOOD.replace("\n— one", "\n\n— one"), "checkpoint.signature_line"),
        (GOOD.split("— ")[0] + "— one AAAA\n", "checkpoint.signature_line"),
        (GOOD.split("— ")[0] + "— one AAAAAA==\n", "checkpoint.signature_line"),
        (GOOD.split("— ")[0] + "— one AAAAAAB=\n", "base64.syntax"),
        (GOOD + "— two AAAAAAA=\n" * 64, "checkpoint.syntax"),
        (GOOD + "— two " + "A" * 40000 + "\n", "checkpoint.too_large"),
    ],
    ids=range(28),
)
def test_refused_notes(text: str, code: str) -> None:
    assert text != GOOD and refusal(text) == code


def test_sixty_four_signatures_are_read() -> None:
    assert len(parse_note(GOOD + "— two AAAAAAA=\n" * 63).signatures) == 64


@given(st.text(max_size=200) | st.text("—\n 0123onelogAB=+/", max_size=200))
def test_any_text_is_a_note_or_a_coded_refusal(text: str) -> None:
    try:
        assert parse_note(text).text() == text
    except InvalidInput as error:
        assert error.code.startswith(("checkpoint.", "base64."))


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_any_changed_character_is_refused_or_ends_the_cosignature(position: int, character: str) -> None:
    text = GOOD[:position] + character + GOOD[position + 1 :]
    try:
        found = quorum(parse_note(text), {"one": ONE.credential})
    except InvalidInput as error:
        assert error.code.startswith(("checkpoint.", "base64."))
    else:
        assert found == ({"one": TIME} if text == GOOD else {})


def test_witness_names_and_origins_are_checked() -> None:
    with pytest.raises(InvalidInput, match=r"slug\.syntax"):
        cosign(CHECKPOINT, ONE, "One One", TIME)
    with pytest.raises(InvalidInput, match=r"hash\.syntax"):
        origin_of("lab")
