"""Options that several commands have, and how they read in ``--help``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Models = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", metavar="PROVIDER/MODEL", help="a model; for failover repeat it, or use commas"),
]
Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="a configuration instead of the environment")
]
System = Annotated[str | None, typer.Option("--system", "-s", metavar="TEXT", help="a system message")]
Deadline = Annotated[float | None, typer.Option(metavar="SECONDS", help="time limit of the whole call")]
MaxTokens = Annotated[int | None, typer.Option(metavar="N", help="the most tokens of an answer")]
Temperature = Annotated[float | None, typer.Option(metavar="NUMBER", help="from 0 to 2")]
AsJSON = Annotated[bool, typer.Option("--json", help="print JSON")]
