"""A real development chain for tests: npm's anvil, on a port of its own, ended with the test."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]


def _resource(installed: str, built: str) -> Path:
    """Where set-up has put a thing; in a checkout without set-up, where npm and the compiler leave it."""
    found = Path(sys.prefix) / installed
    return found if found.exists() else ROOT / built


BINARY = _resource("libexec/anvil", "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
ARTIFACT = _resource("share/strongroom/NoReturnToken.json", "contracts/build/NoReturnToken.json")
CHAIN_NUMBER = 31337
# anvil's published test mnemonic funds this account, and anvil signs for it when asked by eth_sendTransaction.
FAUCET = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


class Anvil:
    """One running chain; `url` is its JSON-RPC address on 127.0.0.1."""

    def __init__(self, *flags: str, port: int = 0, chain: int = CHAIN_NUMBER) -> None:
        if not BINARY.exists():
            raise FileNotFoundError(f"{BINARY} is missing: run `make setup-dev`")
        # Port 0: the system chooses a free one, and anvil says which; no other process can take it in between.
        command = [str(BINARY), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain), *flags]
        # Old states go to disk, by default under the user's home.
        self._cache = TemporaryDirectory(prefix="anvil-", ignore_cleanup_errors=True)
        command += ["--cache-path", self._cache.name]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ports: Queue[int] = Queue()
        self._reader = threading.Thread(target=self._read, args=(ports,), daemon=True)
        self._reader.start()
        try:
            self.port = ports.get(timeout=30)
        except Empty:
            self.kill()
            raise RuntimeError("anvil did not say where it listens") from None
        self.url = f"http://127.0.0.1:{self.port}"

    def _read(self, ports: Queue[int]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:  # to the end, so that a full pipe never blocks the chain
            if found := re.match(r"Listening on 127\.0\.0\.1:([0-9]+)", line):
                ports.put(int(found.group(1)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it in order: it writes its state file, if it has one."""
        self.process.terminate()
        self._wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self._wait()

    def _wait(self) -> None:
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(timeout=30)
        self._cache.cleanup()
        if self.process.stdout is not None:
            self.process.stdout.close()


def compile_contracts() -> None:
    """Compile the test contracts with npm's solc."""
    if not ARTIFACT.exists():
        subprocess.run(["node", "contracts/compile.mjs"], cwd=ROOT, check=True, timeout=120)


def token_bytecode(supply: int) -> str:
    """Creation code of the token that returns nothing, its whole supply for the creator."""
    artifact: dict[str, Any] = json.loads(ARTIFACT.read_text())
    return str(artifact["bytecode"]) + f"{supply:064x}"
