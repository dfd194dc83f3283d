"""`python -m strongroom.cli` is the command line without its script."""

from __future__ import annotations

from strongroom.cli.main import main

main()
