"""Who stands in a policy document: drafts with another key, without a lost one, without somebody who leaves."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from strongroom.documents.credentials import Credential, Kind, Surface
from strongroom.errors import InvalidInput
from strongroom.policy.model import Role

Document = dict[str, Any]


def next_version(document: Mapping[str, Any]) -> Document:
    """A copy of the document as the version after it, to be changed."""
    return {**copy.deepcopy(dict(document)), "version": document["version"] + 1}


def with_key(
    document: Mapping[str, Any], name: str, key: Credential, groups: Iterable[str] = (), *, role: Role = Role.PERSON
) -> Document:
    """The document with the key under the name, which is somebody new where nobody has it, and joins the groups.

    A key of another kind than plain Ed25519 asks for fold rules 2. Raises InvalidInput policy.group_unknown.
    """
    draft = copy.deepcopy(dict(document))
    held = draft["people"].setdefault(name, {"role": role.value, "keys": []})["keys"]
    if key.to_doc() not in held:
        held.append(key.to_doc())
    if key.kind is not Kind.ED25519 or key.surface is not Surface.CONSOLE:
        draft["fold"] = max(draft["fold"], 2)
    for group in groups:
        if group not in draft["groups"]:
            raise InvalidInput("policy.group_unknown", f"the policy has no group '{group}'")
        if name not in draft["groups"][group]:
            draft["groups"][group].append(name)
    return draft


def without_keys(document: Mapping[str, Any], name: str, keys: Collection[str]) -> Document:
    """The document without these keys (ids) of somebody; raises InvalidInput person.unknown."""
    draft = copy.deepcopy(dict(document))
    member = _member(draft, name)
    member["keys"] = [key for key in member["keys"] if Credential.from_doc(key).key_id not in keys]
    return draft


def without_person(document: Mapping[str, Any], name: str) -> Document:
    """The document without somebody, wherever it names them; a rule that nobody else could use goes with them.

    Thresholds stay: the loader refuses what too few are left for. Raises InvalidInput person.unknown.
    """
    draft = copy.deepcopy(dict(document))
    _member(draft, name)
    del draft["people"][name]
    named = [*draft["groups"].values(), draft["administrators"]["members"]]
    for rule in draft["rules"]:
        named.append(rule["when"].get("initiator", {}).get("members", []))
        named.append((rule.get("allow", {}).get("screening") or {}).get("services", []))
    rules = [rule for rule in draft["rules"] if not _only(rule["when"].get("initiator"), name)]
    for names in named:
        if name in names:
            names.remove(name)
    return {**draft, "rules": rules}


def _member(draft: Document, name: str) -> Document:
    if name not in draft["people"]:
        raise InvalidInput("person.unknown", f"the policy lists nobody called '{name}'")
    member: Document = draft["people"][name]
    return member


def _only(initiator: Mapping[str, Any] | None, name: str) -> bool:
    """Whether a condition is about this initiator and about nobody else."""
    return bool(initiator) and initiator == {"members": [name]}
