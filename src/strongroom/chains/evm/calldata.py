"""The data of a contract call, from a method and its arguments as people and policies spell them."""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.documents.abi import Method, word_of
from strongroom.errors import InvalidInput


def calldata(method: Method, arguments: Sequence[str]) -> bytes:
    """The data that calls a method; raises InvalidInput argument.*."""
    if len(arguments) != len(method.types):
        raise InvalidInput("argument.count", f"{method.signature} takes {len(method.types)} arguments")
    return method.selector + b"".join(map(word_of, method.types, arguments))
