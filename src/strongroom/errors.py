"""The one error base: every refusal carries a stable code, and only surfaces turn it into text for people."""

from __future__ import annotations


class StrongroomError(Exception):
    """A failure with a stable, dotted, lower-case code; its texts never hold secrets or unbounded input."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(code, message, remedy)  # all arguments, so that the error survives pickling
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" ({self.remedy})" if self.remedy else "")


class InvalidInput(StrongroomError):
    """What was given is malformed: the same bytes will never be accepted."""


class Denied(StrongroomError):
    """The policy in force does not allow it."""


class Refused(StrongroomError):
    """A verification failed: signature, proof, freshness or a signer's own rule."""


class Unreachable(StrongroomError):
    """A component did not answer; nothing is known to be wrong with the request."""


class Waiting(StrongroomError):
    """It may go on once people have acted or time has passed."""
