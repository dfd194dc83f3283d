"""`strongroom policy …`."""

import typer

from strongroom.cli.commands.policy.drafts import check, new
from strongroom.cli.commands.policy.history import replay
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
app.command(epilog=example("strongroom policy check next.json", "strongroom policy check next.json --live"))(check)
app.command(
    epilog=example("strongroom policy replay next.json", "strongroom policy replay next.json --bundle log.bundle")
)(replay)
app.command(epilog=example("strongroom policy propose next.json"))(propose)
app.command(epilog=example("strongroom policy adopt"))(adopt)
app.command(epilog=example("strongroom policy withdraw"))(withdraw)
