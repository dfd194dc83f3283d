"""The questions of a guided draft."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from strongroom.cli.draft import Answers, Token, credential, credentials, token_of
from strongroom.cli.output import say
from strongroom.cli.template import NAMES
from strongroom.documents.names import parse_chain


def ask() -> Answers:
    """Every answer has to be given by a person; raises InvalidInput on what cannot be."""
    say("The first policy of a new workspace. Keys are named by their credential files.", "bold")
    label = typer.prompt("What the workspace is called")
    people = _files("Credential files of the administrators (person new), with spaces between")
    services = _files("Credential files of services (service new), if any", default="")
    nodes = _files("Credential files of signers and guardians (signer init, guardian init)")
    coordinator = credential(Path(typer.prompt("Credential file of the coordinator (coordinator init)")))
    chain = parse_chain(typer.prompt("Chain (CAIP-2)", default="eip155:1"))
    symbol = typer.prompt("Its coin is called", default="ETH")
    return Answers(
        label=label,
        people=people,
        services=services,
        nodes=nodes,
        coordinator=coordinator,
        chain=chain,
        symbol=symbol,
        tokens=tuple(_tokens()),
    )


def ask_template() -> str:
    """Which template to begin with."""
    return str(typer.prompt(f"Template: {', '.join(NAMES)}", default="exchange"))


def _files(question: str, default: str | None = None) -> dict[str, dict[str, Any]]:
    return credentials(map(Path, typer.prompt(question, default=default, show_default=False).split()))


def _tokens() -> list[Token]:
    tokens = []
    while text := typer.prompt("A token as SYMBOL:CONTRACT:DECIMALS (empty: no more)", default="", show_default=False):
        tokens.append(token_of(text))
    return tokens
