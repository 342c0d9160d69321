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
HIGHEST_PORT = 65535
AsJSON = Annotated[bool, typer.Option("--json", help="print JSON")]


def only(context: typer.Context, why: str, *names: str) -> None:
    """Refuses what was given beside the parameters ``names`` and would have no effect; ``why`` says what is done."""
    given = [
        max(param.opts, key=len) if param.opts[0].startswith("-") else str(param.metavar)
        for param in context.command.params
        if param.name and param.name not in names and _was_given(context, param.name)
    ]
    if given:
        context.fail(f"{why}; leave out {', '.join(given)}")


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
