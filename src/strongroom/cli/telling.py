"""What the policy commands print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.cli.output import say
from strongroom.documents.canonical import digest
from strongroom.policy.chapters import chapters
from strongroom.policy.difference import Change
from strongroom.policy.evaluate import Denied, Verdict
from strongroom.policy.words import terms


def tell(policy: Mapping[str, Any]) -> None:
    """The whole document in words."""
    say(f"{policy['label']}, policy version {policy['version']}", "bold")
    say(f"digest {digest(dict(policy))}", "dim")
    for title, lines in chapters(policy):
        say(title, "bold")
        for line in lines:
            say(f"  {line}")


def tell_changes(changes: list[Change]) -> None:
    """Each in a line, with what it is by itself."""
    for change in changes:
        word, style = ("tightens", "green") if change.tightens else ("loosens ", "yellow")
        say(f"{word}  {change.text()}", style)
    if not changes:
        say("nothing changes", "dim")


def answer_document(answer: Verdict) -> dict[str, Any]:
    """A verdict as JSON."""
    if isinstance(answer, Denied):
        return {"verdict": "denied", "code": answer.code, "reason": answer.reason}
    return {"verdict": "allowed", "obligations": answer.obligations.to_doc()}


def answer_phrases(answer: Verdict, assets: Mapping[str, Any]) -> list[str]:
    """A denial in one phrase; an allowance in several: its rule, then its terms."""
    if isinstance(answer, Denied):
        return [f"denied [{answer.code}]: {answer.reason}"]
    return [f"by rule '{answer.obligations.rule}'", *terms(answer.obligations.to_doc(), {}, assets)]
