"""`strongroom policy …`."""

import typer

from strongroom.cli.commands.policy.drafts import check, new
from strongroom.cli.commands.policy.history import replay
from strongroom.cli.commands.policy.reading import diff, explain
from strongroom.cli.commands.policy.versions import adopt, propose, show, withdraw
from strongroom.cli.output import example

app = typer.Typer(
    help="The policy: write, check, compare and explain a draft; propose, adopt, withdraw it.", no_args_is_help=True
)
app.command(epilog=example("strongroom policy show --json > policy.json"))(show)
app.command(
    epilog=example(
        "strongroom policy new --template exchange --person alice.json --person bob.json --service pay.json …",
        "strongroom policy new --template fund --like now.json --out next.json",
    )
)(new)
app.command(epilog=example("strongroom policy check next.json", "strongroom policy check next.json --offline"))(check)
app.command(epilog=example("strongroom policy diff next.json", "strongroom policy diff now.json next.json"))(diff)
app.command(
    epilog=example(
        "strongroom policy explain next.json",
        "strongroom policy explain --by exchange --from hot-eth --to 0x7099…79c8 --asset ETH --amount 2",
        "strongroom policy explain next.json --transfer 4f1c2a9b77e0",
    )
)(explain)
app.command(
    epilog=example("strongroom policy replay next.json", "strongroom policy replay next.json --bundle log.bundle")
)(replay)
app.command(epilog=example("strongroom policy propose next.json"))(propose)
app.command(epilog=example("strongroom policy adopt"))(adopt)
app.command(epilog=example("strongroom policy withdraw"))(withdraw)
