"""What a confined process can no longer do; each question is asked in a process of its own: there is no way back."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

ALLOWED, OTHER = "allowed", "other"

SCRIPT = """
import sys
from pathlib import Path
from strongroom.confinement import confine
home, listens, dials = Path(sys.argv[1]), eval(sys.argv[2]), eval(sys.argv[3])
print(confine([home], listens=listens, dials=dials))
try:
    exec(sys.argv[4])
except OSError as error:
    print('refused', error.errno)
else:
    print('done')
"""


def ask(home: Path, code: str, *, listens: list[int] | None = None, dials: list[int] | None = None) -> str:
    """`done` or `refused ERRNO`: what the code came to after the process confined itself to its home."""
    command = [sys.executable, "-c", SCRIPT, str(home), repr(listens), repr(dials), code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    said, answer = result.stdout.splitlines()
    assert said.startswith("confined: no new privileges, no core dumps, Landlock version ")
    assert said.endswith(", seccomp")
    return answer


def test_it_writes_in_its_home_and_nowhere_else(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    assert ask(home, "(home / 'a').write_text('a'); (home / 'a').rename(home / 'b')") == "done"
    assert ask(home, f"Path('{elsewhere}/a').write_text('a')") == "refused 13"
    assert ask(home, f"Path('{elsewhere}/d').mkdir()") == "refused 13"
    (elsewhere / "kept").write_text("kept")
    assert ask(home, f"Path('{elsewhere}/kept').unlink()") == "refused 13"
    assert ask(home, f"Path('{elsewhere}/kept').open('r+')") == "refused 13"
    assert (elsewhere / "kept").read_text() == "kept"


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.execv('/bin/true', ['true'])",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.setuid(os.getuid())",
        "import os; os.chroot('/')",
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.ptrace(0, 0, 0, 0): raise OSError(ctypes.get_errno(), '')",
    ],
)
def test_it_starts_no_program_and_takes_no_other_identity(tmp_path: Path, code: str) -> None:
    assert ask(tmp_path, code) == "refused 1"


def test_it_dials_the_ports_that_it_was_given(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as allowed, socket.create_server(("127.0.0.1", 0)) as other:
        for server, answer in ((allowed, "done"), (other, "refused 13")):
            dial = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
            assert ask(tmp_path, dial, dials=[allowed.getsockname()[1]]) == answer


def test_a_role_that_dials_out_only_cannot_listen(tmp_path: Path) -> None:
    listen = "import socket; s = socket.socket(); s.listen()"
    assert ask(tmp_path, listen) == "refused 1"
    assert ask(tmp_path, "import socket; socket.create_server(('127.0.0.1', 0))").startswith("refused")


def test_a_listener_binds_its_own_ports_only(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    bind = f"import socket; socket.create_server(('127.0.0.1', {free}))"
    assert ask(tmp_path, bind, listens=[free]) == "done"
    assert ask(tmp_path, bind, listens=[free + 1]) == "refused 13"


def test_it_leaves_no_core_and_its_memory_is_not_its_users_to_read(tmp_path: Path) -> None:
    code = (
        "import resource, os;"
        "assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0);"
        "assert 'NoNewPrivs:\\t1' in open('/proc/self/status').read();"
        "import ctypes; assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0"
    )
    assert ask(tmp_path, code) == "done"
