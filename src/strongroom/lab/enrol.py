"""`lab enrol`: two of the lab's administrators adopt a policy with the keys that people have made."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from strongroom.documents.canonical import digest
from strongroom.errors import InvalidInput, Unreachable
from strongroom.lab.client import Api, Member
from strongroom.lab.layout import Layout
from strongroom.lab.workspace import load
from strongroom.passkeys.enrolment import Enrolment, read_enrolment
from strongroom.policy.membership import next_version, with_key

ADMINISTRATORS: Final = ("alice", "bob")
GROUP: Final = "treasury"
PATIENCE_S: Final = 120.0
_MOST_BYTES: Final = 1 << 16


def enrol(layout: Layout, files: Iterable[Path], say: Callable[[str], None]) -> dict[str, Any]:
    """The policy in force once it holds these keys; somebody new joins the group that proposes and approves."""
    settings = load(layout)
    found = [enrolment_in(file, settings.workspace) for file in files]
    api = Api(settings.api)
    held = api.get("/v1/policy")["policy"]
    draft = with_keys(held, found)
    if draft == held:
        return {"version": held["version"], "people": sorted({each.person for each in found})}
    subject = {"policy": digest(draft), "version": draft["version"]}
    for name in ADMINISTRATORS:
        envelope = Member.load(layout.member(name)).sign("policy.propose", subject)
        api.post("/v1/statements", {"envelope": envelope, "attachment": draft})
    say(f"{' and '.join(ADMINISTRATORS)} have signed policy version {draft['version']}; its cool-down begins")
    deadline = time.monotonic() + PATIENCE_S
    while api.get("/v1/policy")["version"] < draft["version"]:
        if time.monotonic() > deadline:
            late = f"version {draft['version']} is not in force yet"
            raise Unreachable("lab.patience", late, "strongroom lab status")
        time.sleep(0.2)
    return {"version": draft["version"], "people": sorted({each.person for each in found})}


def with_keys(policy: Mapping[str, Any], enrolments: Iterable[Enrolment]) -> dict[str, Any]:
    """The next version of a policy document, with each key under its person; the same document when it has them."""
    draft = dict(policy)
    for each in enrolments:
        groups = () if each.person in draft["people"] else (GROUP,)
        draft = with_key(draft, each.person, each.credential, groups)
    return draft if draft == policy else next_version(draft)


def enrolment_in(file: Path, workspace: str) -> Enrolment:
    """An enrolment file; raises InvalidInput lab.enrolment, Refused when its proof is none of this workspace."""
    try:
        with file.open("rb") as opened:
            doc = json.loads(opened.read(_MOST_BYTES))
    except OSError as error:
        raise InvalidInput("lab.enrolment", f"cannot read {file}: {error.strerror}") from None
    except ValueError:
        raise InvalidInput("lab.enrolment", f"{file} is no enrolment file", "make one: /console/enrol") from None
    return read_enrolment(doc, workspace)
