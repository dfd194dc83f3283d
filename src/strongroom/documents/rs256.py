"""RS256 keys: RSA public keys of services whose requests are signed as tokens."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from strongroom.errors import InvalidInput, Refused

_FORM: Final = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@lru_cache(maxsize=1024)
def rsa_key(public: bytes) -> RSAPublicKey:
    """The key in a DER SubjectPublicKeyInfo, in its one spelling; raises InvalidInput credential.public."""
    try:
        key = load_der_public_key(public)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or not 2048 <= key.key_size <= 4096 or key.public_bytes(*_FORM) != public:
        raise InvalidInput("credential.public", "an RS256 key is an RSA key of 2048 to 4096 bits in its one DER form")
    return key


def verify_rs256(public: bytes, message: bytes, signature: bytes) -> None:
    """Raises Refused credential.bad_signature unless it is the key's RSASSA-PKCS1-v1_5 over SHA-256."""
    try:
        rsa_key(public).verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise Refused("credential.bad_signature", "no valid signature of the RS256 key") from None
