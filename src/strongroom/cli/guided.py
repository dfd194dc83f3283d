"""The questions of a guided draft."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from strongroom.chains.evm.checksum import parse_address
from strongroom.cli.draft import Answers, Token, credential
from strongroom.cli.output import say
from strongroom.documents.decimal import parse_decimal
from strongroom.documents.names import parse_chain
from strongroom.errors import InvalidInput


def ask() -> Answers:
    """Every answer has to be given by a person; raises InvalidInput on what cannot be."""
    say("The first policy of a new workspace. Keys are named by their credential files.", "bold")
    label = typer.prompt("What the workspace is called")
    people = _files("Credential files of the administrators (person new), with spaces between")
    services = _files("Credential files of services (service new), if any", default="")
    nodes = _files("Credential files of signers and guardians (signer init, guardian init)")
    coordinator = credential(Path(typer.prompt("Credential file of the coordinator (coordinator init)")))
    threshold = typer.prompt("How many administrators must agree", type=int, default=len(people) // 2 + 1)
    chain = parse_chain(typer.prompt("Chain (CAIP-2)", default="eip155:1"))
    symbol = typer.prompt("Its coin is called", default="ETH")
    small = _coin(f"A service moves alone at most ({symbol})", "0.1") if services else 0
    a_day = _coin(f"A wallet moves in 24 hours at most ({symbol})", "10")
    ceiling = _coin(f"The fee of one transfer is at most ({symbol})", "0.01")
    return Answers(
        label=label,
        people=people,
        services=services,
        nodes=nodes,
        coordinator=coordinator,
        threshold=threshold,
        chain=chain,
        symbol=symbol,
        small=small,
        a_day=a_day,
        fee_ceiling=ceiling,
        tokens=tuple(_tokens()),
    )


def _files(question: str, default: str | None = None) -> dict[str, dict[str, Any]]:
    paths = typer.prompt(question, default=default, show_default=False).split()
    found = [credential(Path(path)) for path in paths]
    names = [spec["name"] for spec in found]
    if len(set(names)) != len(names):
        raise InvalidInput("draft.name_twice", "two of these files have the same name")
    return dict(zip(names, found, strict=True))


def _coin(question: str, default: str) -> int:
    return parse_decimal(typer.prompt(question, default=default), 18)


def _tokens() -> list[Token]:
    tokens = []
    while text := typer.prompt("A token as SYMBOL CONTRACT DECIMALS (empty: no more)", default="", show_default=False):
        parts = text.split()
        if len(parts) != 3 or not parts[2].isdecimal():
            raise InvalidInput("draft.token", "a token is three words, such as USDC 0xa0b8…eb48 6")
        tokens.append(Token(parse_address(parts[1]), parts[0], int(parts[2])))
    return tokens
