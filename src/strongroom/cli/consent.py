"""Whoever signs says so: at the question, or by `--yes`."""

from __future__ import annotations

import typer

from strongroom.errors import InvalidInput, Waiting


def require_consent(question: str, *, yes: bool, as_json: bool) -> None:
    """Ask before something is signed; raises Waiting consent.not_given, InvalidInput consent.missing for programs."""
    if yes:
        return
    if as_json:
        raise InvalidInput("consent.missing", "a program that signs has to say so", "add --yes")
    if not typer.confirm(question):
        raise Waiting("consent.not_given", "nothing was signed")
