"""Exit codes, and errors as one clear line."""

from __future__ import annotations

from enum import IntEnum

from strongroom.errors import Denied, InvalidInput, Refused, StrongroomError, Unreachable, Waiting


class Exit(IntEnum):
    """What a command's end means to a script."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    WAITING = 3
    DENIED = 4
    REFUSED = 5
    UNREACHABLE = 6


_BY_CLASS: dict[type, Exit] = {
    InvalidInput: Exit.BAD_INPUT,
    Waiting: Exit.WAITING,
    Denied: Exit.DENIED,
    Refused: Exit.REFUSED,
    Unreachable: Exit.UNREACHABLE,
}


def exit_code(error: StrongroomError) -> Exit:
    """The exit code of a coded error."""
    return next((_BY_CLASS[kind] for kind in type(error).__mro__ if kind in _BY_CLASS), Exit.FAILED)


def line(error: StrongroomError) -> str:
    """`error [code] message — remedy`."""
    return f"error [{error.code}] {error.message}" + (f" — {error.remedy}" if error.remedy else "")


def error_document(error: StrongroomError) -> dict[str, dict[str, str]]:
    """The same as JSON."""
    return {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
