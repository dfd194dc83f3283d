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

_BITS: Final = (2048, 4096)
_EXPONENT: Final = 65537  # one for all: a large one would make verifying slow


@lru_cache(maxsize=1024)
def rsa_key(public: bytes) -> RSAPublicKey:
    """The key in a DER SubjectPublicKeyInfo, in its one spelling; raises InvalidInput credential.public."""
    try:
        key = load_der_public_key(public)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or not _BITS[0] <= key.key_size <= _BITS[1]:
        raise InvalidInput("credential.public", f"an RS256 key is an RSA key of {_BITS[0]} to {_BITS[1]} bits")
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != public:
        raise InvalidInput("credential.public", "the RSA key is not written in its one DER form")
    if key.public_numbers().e != _EXPONENT:
        raise InvalidInput("credential.public", f"the exponent of an RS256 key is {_EXPONENT}")
    return key


def verify_rs256(public: bytes, message: bytes, signature: bytes) -> None:
    """Raises Refused credential.bad_signature unless it is the key's RSASSA-PKCS1-v1_5 over SHA-256."""
    try:
        rsa_key(public).verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise Refused("credential.bad_signature", "no valid signature of the RS256 key") from None
