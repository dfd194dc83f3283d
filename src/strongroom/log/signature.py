"""The log's own signature on a checkpoint: it says who wrote the note and carries no authority."""

from __future__ import annotations

from typing import Final

from strongroom.documents.credentials import Credential, SigningKey
from strongroom.errors import Refused
from strongroom.log.checkpoint import Checkpoint, Note, SignatureLine, note_key_id

_LOG_SIGNATURE: Final = b"\x01"


def sign_checkpoint(checkpoint: Checkpoint, signing_key: SigningKey) -> SignatureLine:
    """The log's own signature, under the origin as the key's name; it carries no authority."""
    key = note_key_id(checkpoint.origin, _LOG_SIGNATURE, signing_key.credential.public)
    return SignatureLine(checkpoint.origin, key, signing_key.sign(checkpoint.body()))


def verify_log_signature(note: Note, credential: Credential) -> None:
    """Raises Refused checkpoint.not_signed unless a line is the log key's valid signature."""
    name = note.checkpoint.origin
    key = note_key_id(name, _LOG_SIGNATURE, credential.public)
    for line in note.signatures:
        if (line.name, line.key) == (name, key):
            return credential.verify(note.checkpoint.body(), line.signature)
    raise Refused("checkpoint.not_signed", "the log has not signed the checkpoint")
