"""What a form sends: bounded, in UTF-8, each field once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from strongroom.documents.canonical import MAX_BYTES
from strongroom.errors import InvalidInput
from strongroom.wire.body import read_body

MOST_BYTES: Final = 6 * MAX_BYTES  # a policy of the largest size, much of it escaped
MOST_FIELDS: Final = 40


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an urlencoded body; raises InvalidInput form.*, request.*."""
    return read_fields(await read_body(request, MOST_BYTES))


def read_query(request: Request) -> dict[str, str]:
    """The parameters of the address; raises InvalidInput form.*."""
    return read_fields(request.scope["query_string"])


def need(form: Mapping[str, str], name: str) -> str:
    """A field that must be there; raises InvalidInput form.missing_field."""
    if name not in form:
        raise InvalidInput("form.missing_field", f"the form lacks the field '{name}'", "load the page again")
    return form[name]


def read_fields(data: bytes) -> dict[str, str]:
    """The fields of urlencoded bytes; raises InvalidInput form.syntax, form.duplicate_field."""
    try:
        pairs = parse_qsl(
            data.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise InvalidInput("form.syntax", "the form is not urlencoded UTF-8, or has too many fields") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInput("form.duplicate_field", "a field of the form stands there twice")
    return {name: text.strip().replace("\r\n", "\n") for name, text in found.items()}
