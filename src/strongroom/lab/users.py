"""Unix users of the roles: as root every role runs as its own, otherwise all run as the caller."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.errors import Refused


@dataclass(frozen=True, slots=True)
class User:
    """The Unix user of one role."""

    name: str
    uid: int
    gid: int


def user_of(role: str) -> User | None:
    """The role's own user (made when missing), or None when the lab is not root's."""
    if os.geteuid() != 0:
        return None
    name = f"strongroom-{role}"
    found = _lookup(name) or _created(name)
    return User(name, found.pw_uid, found.pw_gid)


def _lookup(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _created(name: str) -> pwd.struct_passwd:
    command = ["useradd", "-r", "-M", "-U", "-d", "/nonexistent", "-s", "/usr/sbin/nologin", name]
    said = ""
    for _ in range(50):  # another lab may hold the lock on the user database, or make the same user
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
        if found := _lookup(name):
            return found
        time.sleep(0.1)
    raise Refused("lab.user", f"cannot make the user {name}: {said.strip()[:200]}")


def as_user(user: User | None, command: Sequence[str]) -> list[str]:
    """The command run as that user, without privileges, capabilities or core dumps; each step is an exec."""
    plain = ["prlimit", "--core=0", "--", *command]
    if user is None:
        return plain
    drop = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    return ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", *drop, "--", *plain]


def private_home(path: Path, user: User | None) -> Path:
    """A directory that only the role's user can enter."""
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    if user is not None:
        os.chown(path, user.uid, user.gid)
    return path


def write_private(path: Path, text: str, user: User | None) -> None:
    """Replace a file of a role's home, readable by its user alone."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        if user is not None:
            os.fchown(descriptor, user.uid, user.gid)
    part.replace(path)
