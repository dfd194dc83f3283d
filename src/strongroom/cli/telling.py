"""What the policy commands print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.cli.output import say
from strongroom.documents.canonical import digest
from strongroom.policy.chapters import chapters


def tell(policy: Mapping[str, Any]) -> None:
    """The whole document in words."""
    say(f"{policy['label']}, policy version {policy['version']}", "bold")
    say(f"digest {digest(dict(policy))}", "dim")
    for title, lines in chapters(policy):
        say(title, "bold")
        for line in lines:
            say(f"  {line}")
