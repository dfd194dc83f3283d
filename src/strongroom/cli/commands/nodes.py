"""`strongroom node …`: who witnesses, changed one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from strongroom.cli.output import Json, example, pairs
from strongroom.cli.profile import joined

app = typer.Typer(help="Nodes: enrol one, replace one, retire one.", no_args_is_help=True)

Timeout = Annotated[float, typer.Option(help="Give up after so many seconds.")]
Faults = Annotated[int | None, typer.Option(help="How many may be bad from then on; as before when left out.")]
_DONE = "is in the log; the new set goes on alone once both quorums have cosigned it; see: strongroom status"


@app.command(epilog=example("strongroom node enrol signer-4.join.json --replacing signer-3"))
def enrol(
    file: Annotated[Path, typer.Argument(metavar="JOIN", help="What `signer join` or `guardian join` wrote.")],
    replacing: Annotated[str, typer.Option(help="The node that leaves for it.")] = "",
    faults: Faults = None,
    timeout: Timeout = 60,
    as_json: Json = False,
) -> None:
    """Let a node join, for another or beside the others: takes the administrators' threshold and both quorums."""
    from strongroom.cli.files import read_document
    from strongroom.documents.envelope import Envelope
    from strongroom.documents.statement import from_envelope

    envelope = Envelope.from_doc(read_document(file))
    spec = dict(from_envelope(envelope).subject)
    _change("signer.enrol", spec, replacing, faults, {"join": envelope.to_doc()}, timeout, as_json)


@app.command(epilog=example("strongroom node retire guardian-1"))
def retire(
    name: Annotated[str, typer.Argument(help="The node that leaves.")],
    faults: Faults = None,
    timeout: Timeout = 60,
    as_json: Json = False,
) -> None:
    """Let a node leave: takes the administrators' threshold and both quorums, the leaver not counted."""
    _change("signer.retire", {}, name, faults, {}, timeout, as_json)


def _change(
    kind: str, joins: dict[str, Any], leaves: str, faults: int | None, attached: dict[str, Any], timeout: float,
    as_json: bool,
) -> None:  # fmt: skip
    from strongroom.cli.draft import summary
    from strongroom.cli.orders import order
    from strongroom.errors import InvalidInput
    from strongroom.policy.loader import load_policy

    profile = joined()
    document = profile.client().get("/v1/policy")["policy"]
    witnesses = document["witnesses"]
    if leaves and leaves not in witnesses["nodes"]:
        raise InvalidInput("node.unknown", f"the policy lists no node '{leaves}'")
    if joins:
        name = str(joins.pop("name", ""))
        if name in witnesses["nodes"]:
            raise InvalidInput("node.name_taken", f"a node '{name}' is enrolled already", "give it another name")
        witnesses["nodes"][name] = joins
    witnesses["nodes"].pop(leaves, None)
    witnesses["faults"] = witnesses["faults"] if faults is None else faults
    document["version"] += 1
    policy = load_policy(document)
    if not as_json:
        pairs(summary(document))
    subject, attachment = {"policy": policy.digest, "version": policy.version}, {"policy": document, **attached}
    order(profile, kind, subject, attachment, f"policy version {policy.version} {_DONE}", timeout, as_json)
