"""The process around the node: its home, its relay, its end."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import signal
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.documents.keyfile import save_key
from strongroom.policy.model import Duty
from strongroom.signer import run
from strongroom.wire.frame import Frame, encode_frame, read_frame
from strongroom.wire.listener import ListenerSide
from tests.workspace import Workspace


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(start=run.now()).create()


def home(directory: Path, made: Workspace, relay: str, **changes: str) -> Path:
    config = {"name": "signer-1", "duty": "signer", "relay": relay, "workspace": made.state.workspace, **changes}
    (directory / "node.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in config.items()))
    save_key(made.keys["signer-1"], directory / "node.key")
    return directory


@pytest.mark.parametrize(
    "changes",
    [
        {"relay": "nowhere"},
        {"relay": "x:0"},
        {"relay": "relay.example:7701"},
        {"ca": "none.pem"},
        {"duty": "king"},
        {"workspace": "1"},
        {"name": "A"},
        {"more": ""},
    ],
)
def test_a_home_that_cannot_be_used_ends_with_one_line(
    tmp_path: Path, workspace: Workspace, changes: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    mask = os.umask(0o077)
    os.umask(mask)
    try:
        with pytest.raises(SystemExit) as ended:
            run.main(home(tmp_path, workspace, **{"relay": "127.0.0.1:1", **changes}))
    finally:
        os.umask(mask)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_missing_home_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(tmp_path / "none")
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("duty", list(Duty))
async def test_a_node_dials_reports_takes_entries_and_stops_and_ends_at_a_signal(
    tmp_path: Path, workspace: Workspace, duty: Duty
) -> None:
    seen: asyncio.Queue[Frame] = asyncio.Queue()
    nodes = {name: node.credential for name, node in workspace.state.policy.nodes.items()}
    connections = 0

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        side = ListenerSide(workspace.state.workspace, workspace.keys["coordinator"], "01" * 32)
        writer.write(encode_frame(side.welcome()))
        _, ready = side.on_hello(await read_frame(reader), nodes)
        writer.write(encode_frame(ready))
        raw = workspace.entries[0].raw
        body = len(raw).to_bytes(4, "big") + raw
        head = {"from": 0, "note": "", "accepts": []}
        writer.write(encode_frame(Frame("append", "coordinator", "signer-1", head, body)))
        while True:
            frame = await read_frame(reader)
            seen.put_nowait(frame)
            if frame.kind == "challenge":  # it has the entry, and now asks the others
                break
        if connections == 1:
            return writer.close()  # it comes back
        subject = {"scope": "workspace", "target": "", "reason": "drill"}
        envelope = workspace.statement("alice", "workspace.freeze", subject, bare=True)
        (tmp_path / "stops").mkdir()
        (tmp_path / "stops" / "freeze.json").write_text(json.dumps(envelope.to_doc()))
        while (frame := await read_frame(reader)).kind != "latched":
            pass
        seen.put_nowait(frame)
        os.kill(os.getpid(), signal.SIGTERM)
        return None

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    runner = run.Runner(home(tmp_path, workspace, f"127.0.0.1:{port}", duty=duty.value))
    async with asyncio.timeout(60):
        await runner.run()
    server.close()
    kinds = [seen.get_nowait().kind for _ in range(seen.qsize())]
    assert connections == 2 and "challenge" in kinds and kinds[-1] == "latched"
    assert not list((tmp_path / "stops").iterdir())
    assert (tmp_path / "seal.key").exists() == (duty is Duty.SIGNER)


def certificate(directory: Path, name: str) -> Path:
    """A self-signed certificate for one host name, its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / f"{name}.key").write_bytes(key.private_bytes(*plain))
    (directory / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return directory / f"{name}.pem"


@pytest.mark.parametrize(("host", "served"), [("localhost", "localhost"), ("localhost", "elsewhere")])
async def test_a_node_speaks_tls_with_the_relay_of_its_authority_only(
    tmp_path: Path, workspace: Workspace, host: str, served: str, capsys: pytest.CaptureFixture[str]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, served), tmp_path / f"{served}.key")
    welcomed = asyncio.Event()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        side = ListenerSide(workspace.state.workspace, workspace.keys["coordinator"], "01" * 32)
        writer.write(encode_frame(side.welcome()))
        await read_frame(reader)
        welcomed.set()
        writer.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    runner = run.Runner(home(tmp_path, workspace, f"{host}:{port}", ca=str(tmp_path / f"{served}.pem")))
    running = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(30):
            if served == host:
                await welcomed.wait()
            else:
                while "certificate" not in capsys.readouterr().err:  # noqa: ASYNC110 - it is said, not signalled
                    await asyncio.sleep(0.05)
        assert welcomed.is_set() == (served == host)
    finally:
        running.cancel()
        server.close()
