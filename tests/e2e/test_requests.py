"""A service whose programs know RSA only: its key comes by the command line, its requests go all the way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from strongroom.documents.credentials import Credential
from strongroom.lab.chain import CHAIN
from tests.e2e.conftest import Lab

PAGE = Path(__file__).resolve().parents[2] / "docs/protocols/requests.md"
TO = f"{CHAIN}:0x90f79bf6eb2c4f870365e785982e1f101e93b906"


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def till(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The key and client id of a service that openssl signs for, once the administrators have adopted it."""
    base = tmp_path_factory.mktemp("till")
    key, public, file, draft = (base / name for name in ("key.pem", "public.pem", "till.json", "next.json"))
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    words = ("service", "token-key", "till", str(public), "--file", str(file), "--json")
    made = told(lab.command(*words, profile="alice"))
    told(lab.command("service", "enrol", str(file), str(draft), "--json", profile="alice"))
    document = json.loads(draft.read_text())
    document["tiers"]["hot"]["requests"] = True
    for rule in document["rules"]:
        if "exchange" in rule["when"].get("initiator", {}).get("members", []):
            rule["when"]["initiator"]["members"].append("till")
    draft.write_text(json.dumps(document))
    assert lab.command("policy", "propose", str(draft), profile="alice").returncode == 3, "waits for another"
    told(lab.command("policy", "propose", str(draft), "--json", profile="bob"))
    deadline = time.monotonic() + 60
    while lab.actions.api.get("/v1/policy")["version"] < document["version"]:
        assert time.monotonic() < deadline, "the policy is not adopted"
        time.sleep(0.2)
    return {"KEY": str(key), "CLIENT": made["client_id"], "TO": TO, "API": lab.settings.api}


def sent(till: dict[str, str]) -> Any:
    """The answer to the request that the page makes."""
    (code,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run(["sh", "-c", code], env={**os.environ, **till}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_page_s_request_is_paid(lab: Lab, till: dict[str, str]) -> None:
    answer = sent(till)
    assert answer.get("initiator") == "till", answer
    done = told(lab.command("transfer", "show", answer["id"], "--wait", "--json"))
    assert done["status"] == "completed" and done["to"]["account"] == TO


def test_a_key_for_another_workspace_proposes_nothing(lab: Lab, till: dict[str, str]) -> None:
    answer = sent({**till, "CLIENT": "00" * 32})
    assert answer["error"]["code"] == "statement.other_workspace"


def test_a_revoked_key_proposes_nothing_from_then_on(lab: Lab, till: dict[str, str]) -> None:
    people = lab.actions.api.get("/v1/policy")["policy"]["people"]
    key = Credential.from_doc(people["till"]["keys"][0]).key_id
    assert lab.command("person", "lost", "till", "--key", key, profile="carol").returncode == 0
    time.sleep(1)  # another second, another idempotency key
    assert sent(till)["error"]["code"] == "credential.revoked"
