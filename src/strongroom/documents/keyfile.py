"""New key files: written once, for their owner's eyes only."""

from __future__ import annotations

import os
from pathlib import Path

from strongroom.documents.credentials import SigningKey
from strongroom.errors import InvalidInput


def save_key(key: SigningKey, path: Path) -> None:
    """Write a new file with mode 0600; an existing one is never replaced (credential.file_exists)."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise InvalidInput("credential.file_exists", f"{path} exists and is kept") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.pem())
        file.flush()
        os.fsync(descriptor)
