"""A draft of the policy: written from a template, and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.exits import Exit
from strongroom.cli.output import Json, emit, pairs, say

if TYPE_CHECKING:
    from strongroom.policy.check import House

File = Annotated[Path, typer.Argument(metavar="FILE", help="A whole policy in JSON or TOML.")]
Files = list[Path] | None


def new(
    template: Annotated[str, typer.Option(help="exchange, fintech, fund, dao or solo.")] = "",
    like: Annotated[Path | None, typer.Option(help="A policy whose people, nodes, chains and assets are kept.")] = None,
    person: Annotated[Files, typer.Option(help="A person's credential file; again for each.")] = None,
    service: Annotated[Files, typer.Option(help="A service's credential file; again for each.")] = None,
    node: Annotated[Files, typer.Option(help="A signer's or guardian's credential file; again for each.")] = None,
    coordinator: Annotated[Path | None, typer.Option(help="The coordinator's credential file.")] = None,
    label: Annotated[str, typer.Option(help="What the workspace is called.")] = "Strongroom",
    chain: Annotated[str, typer.Option(help="CAIP-2.")] = "eip155:1",
    coin: Annotated[str, typer.Option(help="What the chain's coin is called.")] = "ETH",
    token: Annotated[list[str] | None, typer.Option(help="SYMBOL:CONTRACT:DECIMALS; again for each.")] = None,
    unit: Annotated[str, typer.Option(help="The unit of account of a template that has values.")] = "USD",
    group: Annotated[list[str] | None, typer.Option(help="NAME=PERSON,PERSON; all people when left out.")] = None,
    out: Annotated[Path, typer.Option(help="Where the draft goes.")] = Path("policy.json"),
    as_json: Json = False,
) -> None:
    """Write a policy from a template: for a new workspace, or as the next version of one (--like)."""
    from strongroom.cli.draft import Answers, base_of, credential, credentials, next_base, token_of
    from strongroom.cli.files import read_document, write_document
    from strongroom.cli.findings import stopping, tell_findings
    from strongroom.cli.guided import ask, ask_template
    from strongroom.cli.signing import now_ms
    from strongroom.cli.template import Cast, grouped, written
    from strongroom.documents.names import parse_chain
    from strongroom.policy.check import check as findings_of
    from strongroom.policy.loader import load_policy

    name = template or ask_template()
    if like is not None:
        base = next_base(read_document(like))
    elif not person or coordinator is None:
        base = base_of(ask())
    else:
        tokens = tuple(map(token_of, token or ()))
        people, services, nodes = (credentials(paths or ()) for paths in (person, service, node))
        told = Answers(label, people, services, nodes, credential(coordinator), parse_chain(chain), coin, tokens)
        base = base_of(told)
    made = written(name, Cast(base, unit, grouped(group or ())), now_ms())
    findings = findings_of(load_policy(made.document), now_ms())
    good = not stopping(findings)
    if good:
        write_document(out, made.document)

    def human() -> None:
        tell_findings(findings)
        for left in made.left_out:
            say(f"left out: {left}", "yellow")
        if good:
            say(f"written to {out}; read it with: strongroom policy explain {out}", "green")

    written_to = {"file": str(out) if good else None, "left_out": list(made.left_out)}
    emit({**written_to, "findings": [each.to_doc() for each in findings]}, as_json, human)
    if not good:
        raise typer.Exit(Exit.BAD_INPUT)


def check(
    file: File,
    live: Annotated[
        bool | None,
        typer.Option("--live/--offline", help="Against the workspace's wallets and keys, too; if it can be reached."),
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="The same against those of an exported log.")] = None,
    as_json: Json = False,
) -> None:
    """What is wrong with a draft: malformed, never met, never matched, unbounded. Exit 2 for errors, 0 for warnings.

    A malformed draft is refused with the log's own reason; what is well-formed is looked at as a whole.
    """
    from strongroom.cli.draft import summary
    from strongroom.cli.files import read_document
    from strongroom.cli.findings import stopping, tell_findings
    from strongroom.cli.signing import now_ms
    from strongroom.policy.check import check as findings_of
    from strongroom.policy.loader import load_policy

    document = read_document(file)
    policy = load_policy(document)
    house = _house(live, bundle, as_json)
    findings = findings_of(policy, now_ms(), house)
    good = not stopping(findings)

    def human() -> None:
        verdict = "well-formed and satisfiable" if good else "not fit to be adopted"
        held = "the workspace's wallets and keys" if house else "nothing but itself"
        pairs([*summary(document), ("held against", held), ("verdict", verdict)])
        tell_findings(findings)

    answer = {"ok": good, "version": policy.version, "digest": policy.digest, "held_against_log": house is not None}
    emit({**answer, "findings": [each.to_doc() for each in findings]}, as_json, human)
    if not good:
        raise typer.Exit(Exit.BAD_INPUT)


def _house(live: bool | None, bundle: Path | None, as_json: bool) -> House | None:
    """What the log holds; None where nobody asked for it and it is not at hand."""
    from strongroom.cli.verified import verified_log
    from strongroom.custody.holdings import house_of
    from strongroom.errors import InvalidInput, Unreachable

    if live is False and bundle is None:
        return None
    try:
        return house_of(verified_log(bundle, as_json).state)
    except (InvalidInput, Unreachable):
        if live or bundle:
            raise
        return None  # no profile, not joined, or the coordinator does not answer
