"""`strongroom key …`: threshold keys."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from strongroom.cli.output import Json, brief, emit, example, plain, say, table
from strongroom.cli.profile import joined, load
from strongroom.errors import Refused

app = typer.Typer(help="Threshold keys: generate, refresh, list.", no_args_is_help=True)


@app.command(epilog=example("strongroom key generate hot-ecdsa --scheme ecdsa-dkls23 --threshold 2 --wait"))
def generate(
    name: Annotated[str, typer.Argument()],
    scheme: Annotated[str, typer.Option(help="ecdsa-dkls23, ed25519-frost or bip340-frost.")] = "ecdsa-dkls23",
    tier: Annotated[str, typer.Option(help="The tier it belongs to, for ever.")] = "hot",
    threshold: Annotated[int, typer.Option(min=2, help="How many signers it takes.")] = 2,
    signers: Annotated[str, typer.Option(help="With commas between; all of the policy when left out.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Show the generation until the key is in the log.")] = False,
    timeout: Annotated[float, typer.Option(help="With --wait: give up after so many seconds.")] = 180,
    as_json: Json = False,
) -> None:
    """Order a key from the signers: takes the administrators' threshold; no machine ever holds the whole key."""
    from strongroom.cli.keygen import ordered_by_too_few, watch
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in

    profile = joined()
    client = profile.client()
    nodes = client.get("/v1/policy")["policy"]["witnesses"]["nodes"]
    all_signers = [node for node, spec in nodes.items() if spec["duty"] == "signer"]
    order: dict[str, Any] = {
        "name": name,
        "scheme": scheme,
        "tier": tier,
        "participants": sorted(signers.split(",") if signers else all_signers),
        "threshold": threshold,
        "epoch": 0,
    }
    answer = hand_in(profile, client, "key.generate", order)
    if ordered_by_too_few(client, name):
        return settle(answer, as_json, "")
    if not wait:
        said = f"key {name} is being generated; look at it with --wait, or: strongroom key list"
        return emit(answer, as_json, lambda: say(said, "green"))

    key = watch(client, name, timeout, quiet=as_json)
    return emit(key, as_json, lambda: table(_HEADINGS, [_row(key)], ""))


@app.command(epilog=example("strongroom key refresh hot-ecdsa"))
def refresh(
    name: Annotated[str, typer.Argument()],
    wait: Annotated[bool, typer.Option(help="Show the refresh until the log has it.")] = True,
    timeout: Annotated[float, typer.Option(help="With --wait: give up after so many seconds.")] = 180,
    as_json: Json = False,
) -> None:
    """Give a key's signers fresh state for the same shares: key and addresses stay; one administrator asks."""
    from strongroom.cli.keygen import watch
    from strongroom.cli.signing import hand_in

    profile = joined()
    client = profile.client()
    key = next((row for row in client.get("/v1/keys")["keys"] if row["name"] == name), None)
    if key is None:
        raise Refused("key.unknown", f"there is no key '{plain(name)}'", "see: strongroom key list")
    epoch = key["epoch"] + 1
    answer = hand_in(profile, client, "key.refresh", {"key": name, "epoch": epoch})
    if not wait:
        said = f"key {plain(name)} is being refreshed; see: strongroom key list"
        return emit(answer, as_json, lambda: say(said, "green"))
    found = watch(client, name, timeout, quiet=as_json, epoch=epoch)
    return emit(found, as_json, lambda: table(_HEADINGS, [_row(found)], ""))


@app.command("list", epilog=example("strongroom key list"))
def list_keys(as_json: Json = False) -> None:
    """Every threshold key."""
    found = load().client().get("/v1/keys")
    emit(found, as_json, lambda: table(_HEADINGS, map(_row, found["keys"]), "no keys yet: strongroom key generate"))


_HEADINGS = ("key", "scheme", "tier", "takes", "public key", "is")


def _row(key: dict[str, Any]) -> tuple[object, ...]:
    takes = f"{key['threshold']} of {len(key['participants'])}"
    state = f"in epoch {key['epoch']}"
    return key["name"], key["scheme"], key["tier"], takes, brief(key["public_key"]), state
