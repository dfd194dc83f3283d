"""Public keys that other tools have written in PEM."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from strongroom.documents.credentials import Credential, Kind
from strongroom.errors import InvalidInput


def rsa_credential(path: Path) -> Credential:
    """The RS256 credential of a public key file; raises InvalidInput file.unreadable, credential.public."""
    try:
        der = load_pem_public_key(path.read_bytes()).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except OSError as error:
        raise InvalidInput("file.unreadable", f"cannot read {path}: {error.strerror}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInput("credential.public", f"{path} holds no public key in PEM") from None
    return Credential(der, Kind.RS256)
