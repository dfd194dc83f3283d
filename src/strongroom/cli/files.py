"""JSON and TOML files that people hand to commands; strict, and with the file's name in every refusal."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Final

from strongroom.documents.canonical import encode, parse_loose
from strongroom.errors import InvalidInput, StrongroomError

_MAX_BYTES: Final = 1 << 20


def read_document(path: Path) -> dict[str, Any]:
    """The object in a .toml file, or in a JSON file; raises InvalidInput naming the file."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput("file.unreadable", f"cannot read {path}: {error.strerror}") from None
    try:
        if path.suffix == ".toml":
            found = tomllib.loads(data.decode())
            encode(found)  # dates and floats have no place in a document
            return found
        return parse_loose(data, max_bytes=_MAX_BYTES)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("file.syntax", f"{path}: {error}") from None
    except StrongroomError as error:
        raise type(error)(error.code, f"{path}: {error.message}", error.remedy) from None


def write_document(path: Path, document: dict[str, Any]) -> None:
    """A new JSON file for people to read and hand on; an existing one is never replaced."""
    text = _text(document)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InvalidInput("file.exists", f"{path} exists and is kept", "name another file") from None
    except OSError as error:
        raise InvalidInput("file.unwritable", f"cannot write {path}: {error.strerror}") from None


def replace_document(path: Path, document: dict[str, Any]) -> None:
    """The JSON file of a document that people work on, written anew as a whole."""
    try:
        replace_text(path, _text(document))
    except OSError as error:
        raise InvalidInput("file.unwritable", f"cannot write {path}: {error.strerror}") from None


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def new_home(path: Path) -> None:
    """A directory for secrets: only its user may enter it; raises InvalidInput home.open."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput("file.unwritable", f"cannot make {path}: {error.strerror}") from None
    if path.stat().st_mode & 0o077:
        raise InvalidInput("home.open", f"others may enter {path}", f"chmod 700 {path}")


def replace_text(path: Path, text: str) -> None:
    """Write a private file as a whole: a reader never sees half of it."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
