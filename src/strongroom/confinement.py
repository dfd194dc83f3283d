"""What a role's process gives up at its start: privileges, core dumps, other programs, other files, other ports.

Landlock (kernel 5.13 and later) and seccomp are used as far as this kernel has them; the line that comes back says so.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from strongroom.errors import StrongroomError

_SET_DUMPABLE: Final = 4  # prctl(2)
_SET_NO_NEW_PRIVS: Final = 38

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # landlock(7), the same on every architecture
_VERSION: Final = 1  # flag: ask for the kernel's version
_BENEATH, _PORT = 1, 2  # kinds of rule
_EXECUTE, _WRITE_FILE = 1 << 0, 1 << 1
_MAKE_OR_REMOVE: Final = sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14  # since versions 2 and 3
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1  # since version 4

REFUSED: Final = (
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "setuid", "setgid",
    "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "mount", "umount2", "pivot_root", "chroot", "setns",
    "unshare", "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "open_by_handle_at", "swapon", "reboot",
)  # fmt: skip
"""System calls that no role has a use for, and an intruder has."""
LISTENING: Final = ("listen", "accept", "accept4")
"""What a role that only dials out refuses itself as well."""

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def confine(
    writable: Iterable[Path], *, listens: Sequence[int] | None = None, dials: Sequence[int] | None = None
) -> str:
    """Confine this process for good, to be called before it starts threads; one line that says how far.

    Files are written and made beneath `writable` only, and no program is started. `listens`: the TCP ports that it may
    bind, None for a role that only dials out; `dials`: those that it may connect to, None for any. Raises
    StrongroomError confinement.failed when the kernel offers a protection and then refuses it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for option, value in ((_SET_DUMPABLE, 0), (_SET_NO_NEW_PRIVS, 1)):
        if _LIBC.prctl(option, value, 0, 0, 0):
            raise _failed(f"prctl {option}")
    roots = list(writable)
    os.environ["SQLITE_TMPDIR"] = str(roots[0])
    calls = _seccomp(listens is None)  # first: finding its library starts a program
    return f"confined: no new privileges, no core dumps, {_landlock(roots, listens, dials)}, {calls}"


def _landlock(writable: Iterable[Path], listens: Sequence[int] | None, dials: Sequence[int] | None) -> str:
    version = _LIBC.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return "no Landlock in this kernel"
    files = (
        _EXECUTE | _WRITE_FILE | _MAKE_OR_REMOVE | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    )
    ports = 0 if version < 4 else _BIND_TCP | (0 if dials is None else _CONNECT_TCP)
    attributes = struct.pack("=QQ", files, ports) if version >= 4 else struct.pack("=Q", files)
    ruleset = _LIBC.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        raise _failed("landlock_create_ruleset")
    for path, allowed in [(Path(os.devnull), _WRITE_FILE), *((path, files & ~_EXECUTE) for path in writable)]:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        _rule(ruleset, _BENEATH, struct.pack("=Qi", allowed, handle))
        os.close(handle)
    for access, chosen in ((_BIND_TCP, listens or ()), (_CONNECT_TCP, dials or ())):
        for port in chosen if ports & access else ():
            _rule(ruleset, _PORT, struct.pack("=QQ", access, port))
    if _LIBC.syscall(_RESTRICT_SELF, ruleset, 0):
        raise _failed("landlock_restrict_self")
    os.close(ruleset)
    return f"Landlock version {version}"


def _rule(ruleset: int, kind: int, attributes: bytes) -> None:
    if _LIBC.syscall(_ADD_RULE, ruleset, kind, attributes, 0):
        raise _failed("landlock_add_rule")


def _seccomp(dials_only: bool) -> str:
    try:
        import pyseccomp  # type: ignore[import-untyped]
    except (ImportError, OSError, RuntimeError):
        return "no seccomp: libseccomp is missing"
    filter_ = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in (*REFUSED, *(LISTENING if dials_only else ())):
        with suppress(ValueError, RuntimeError):  # this architecture has no such call
            filter_.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
    try:
        filter_.load()
    except OSError as error:
        raise _failed("seccomp", error.errno) from None
    return "seccomp"


def _failed(what: str, number: int | None = None) -> StrongroomError:
    reason = os.strerror(ctypes.get_errno() if number is None else number)
    return StrongroomError("confinement.failed", f"this kernel offers {what} and then refuses it: {reason}")
