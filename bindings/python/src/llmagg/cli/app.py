"""The commands and their options."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
import warnings
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmagg import LLMAggregator, LLMError, default, faultwall, settings
from llmagg._absent import extra
from llmagg._version import __version__

from . import FAILED, OK, WRONG_USE, checks, models, programs, routes, talk
from .batch import batch
from .options import HIGHEST_PORT, AsJSON, Config, Deadline, MaxTokens, Models, System, Temperature, only

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        print(f"llmagg {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")] = False,
) -> None:
    """One API for many large language models, with failover.

    Keys come from the environment (OPENAI_API_KEY, ANTHROPIC_API_KEY, …), models from --model, LLMAGG_MODELS or
    LLMAGG_CONFIG. Exit codes: 0 success, 1 failure, 2 wrong use or configuration, 3 the answer broke off,
    4 rows of a batch failed, 130 interrupted.
    """


def _params(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _piped() -> str:
    """Reads standard input if it is a pipe or a file; otherwise returns ""."""
    mode = os.fstat(sys.stdin.fileno()).st_mode if sys.stdin is not None else 0
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        return ""
    return talk.given(sys.stdin.read)


@app.command()
def ask(
    question: Annotated[
        list[str] | None, typer.Argument(metavar="QUESTION", help="the question; standard input is added below it")
    ] = None,
    model: Models = None, config: Config = None, system: System = None, deadline: Deadline = None,
    max_tokens: MaxTokens = None, temperature: Temperature = None, as_json: AsJSON = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="tell which route answered, and why")] = False,
) -> None:  # fmt: skip
    """Asks a question; the answer goes to standard output."""
    asked, system = talk.argument("QUESTION", " ".join(question or ())), talk.argument("--system", system or "")
    text = "\n\n".join(filter(None, [asked.strip(), _piped().strip()]))
    if not text:
        print('Error: there is no question; expected llmagg ask "…", or a text on standard input', file=sys.stderr)
        raise typer.Exit(WRONG_USE)
    messages: list[Any] = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": text})
    params = _params(deadline=deadline, max_tokens=max_tokens, temperature=temperature)

    def made() -> LLMAggregator:
        return default.of_command(model, config)

    raise typer.Exit(talk.ask(made, messages, params, as_json=as_json, verbose=verbose))


@app.command()
def chat(
    model: Models = None, config: Config = None, system: System = None, deadline: Deadline = None,
    max_tokens: MaxTokens = None, temperature: Temperature = None,
) -> None:  # fmt: skip
    """Talks with a model; tells which route answered, and why."""
    params = _params(deadline=deadline, max_tokens=max_tokens, temperature=temperature)
    raise typer.Exit(talk.chat(default.of_command(model, config), talk.argument("--system", system or ""), params))


app.command()(batch)
app.command("bulk", hidden=True)(batch)  # the name of the Python package


@app.command()
def serve(
    model: Models = None, config: Config = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="address to listen on; HTTP only, no TLS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=HIGHEST_PORT, metavar="N", help="the port; 0: any free")] = 8787,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="keys, one per line; default: LLMAGG_SERVE_KEY, or a new key")
    ] = None,
    max_body: Annotated[int, typer.Option(metavar="N", help="the largest request, in MiB")] = 32,
    max_calls: Annotated[int, typer.Option(metavar="N", help="the most calls at once; further calls get 503")] = 1000,
) -> None:  # fmt: skip
    """Serves OpenAI's API on this machine.

    Programs in any language can use the server. Needs llmagg[serve].
    """
    try:
        serving = import_module("llmagg.cli.serving")
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        print(f"Error: {error.name} is not installed; 'serve' needs it: {extra('serve')}", file=sys.stderr)
        raise typer.Exit(WRONG_USE) from None
    listener = serving.listen(host, port)
    keys = serving.keys(key_file)
    raise typer.Exit(serving.run(default.of_command(model, config), listener, keys, max_body, max_calls))


Process = Annotated[int | None, typer.Argument(metavar="PROCESS", help="process ID; default: the newest process")]


@app.command()
def top(
    context: typer.Context, process: Process = None, as_json: AsJSON = False,
    once: Annotated[bool, typer.Option("--once", help="print once, without a terminal")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="write one HTML page to FILE, and exit")] = None,
    fleet: Annotated[str | None, typer.Option(metavar="URL", help="show the fleet that uses this store")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="with --fleet: name of the fleet")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="with --fleet: route names and password")
    ] = None,
) -> None:  # fmt: skip
    """Shows a running process: its routes and last calls.

    Start the process with LLMAGG_TOP=1. The limits and latencies of each route are shown, too. --fleet shows
    what the processes of a fleet report to each other about routes.
    """
    shown: Any = import_module("llmagg.cli.top")
    if fleet is not None:
        only(context, "--fleet shows a fleet, not one process", "fleet", "name", "config", "once", "as_json")
        raise typer.Exit(shown.run_fleet(fleet, name, config, once=once, as_json=as_json))
    if name is not None or config is not None:
        raise typer.BadParameter("--name and --config need --fleet URL")
    if html is not None:
        only(context, "--html writes a page", "process", "html")
    raise typer.Exit(shown.run(process, once=once, as_json=as_json, html=html))


@app.command()
def dashboard(
    process: Process = None,
    port: Annotated[
        int, typer.Option(min=0, max=HIGHEST_PORT, metavar="N", help="the port on loopback; 0: any free port")
    ] = 0,
) -> None:  # fmt: skip
    """Serves a web page about a running process, on loopback.

    Start the process with LLMAGG_TOP=1.
    """
    shown: Any = import_module("llmagg.cli.dashboard")
    raise typer.Exit(shown.run(process, port))


_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@app.command()
def doctor(
    model: Models = None, config: Config = None, as_json: AsJSON = False,
    live: Annotated[bool, typer.Option("--live", help="also ask each route for one token, which costs money")] = False,
    deadline: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="with --live: time limit for each route; default: 20")
    ] = None,
) -> None:  # fmt: skip
    """Checks keys and servers, and says what to change.

    Also checks the configuration, certificates, the clock and proxies.
    """
    if deadline is not None and not live:
        raise typer.BadParameter("--deadline is for --live, which asks the routes; add --live")
    found: list[checks.Finding] = []
    path, misspelt = default.file_of_command(config), settings.misspelt()
    if path is not None:
        found += checks.permissions(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            llm = default.of_command(model, config)
            known = routes.routes(llm)
        except LLMError as error:
            llm, known = None, []
            found.append(checks.Finding("configuration", "error", error.message))
    found += [checks.Finding("configuration", "warning", str(warning.message)) for warning in caught]
    for name, near in misspelt.items():
        found.append(checks.Finding("environment", "warning", f"nothing reads {name}", f"did you mean {near}?"))
    seen: set[tuple[str, str | None, str | None]] = set()
    for route in known:
        found += checks.key(route)
        if route.base_url and (place := (route.base_url, route.proxy, route.ca_file)) not in seen:
            seen.add(place)
            found += checks.server(route)
        if live and llm is not None:
            found += checks.live(llm, route, 20 if deadline is None else deadline)
    found += checks.store()
    if as_json:
        print(json.dumps([vars(finding) for finding in found], ensure_ascii=False))
    else:
        console = Console()
        for finding in found:
            sign, style = _SIGNS[finding.level]
            told = Text.assemble((f"{sign} {finding.subject}", style), f": {finding.text}")
            console.print(told, soft_wrap=not console.is_terminal)
            if finding.advice:
                talk.say(console, f"    → {finding.advice}", "")
    raise typer.Exit(FAILED if any(finding.level == "error" for finding in found) else OK)


@app.command("models")
def list_models(
    context: typer.Context,
    vendor: Annotated[
        str | None, typer.Argument(metavar="VENDOR", help="list the models of this vendor or provider")
    ] = None,
    as_routes: Annotated[
        bool, typer.Option("--routes", help="list the routes that calls try, in order; also with --model or --config")
    ] = False,
    model: Models = None, config: Config = None, as_json: AsJSON = False,
) -> None:  # fmt: skip
    """Lists known vendors, the routes, or the models of a vendor."""
    if vendor is not None:
        only(context, "VENDOR lists the models that its server has", "vendor", "config", "as_json")
        file = default.file_of_command(config)
        own = models.of_provider(vendor, default.of_command(None, file)) if file is not None else None
        names = models.of_vendor(vendor) if own is None else own
        if not names and not as_json:
            talk.say(Console(stderr=True), f"{vendor} lists no models", "")
            return
        print(json.dumps(names) if as_json else "\n".join(names))
    elif as_routes or model or config:
        known = routes.routes(default.of_command(model, config))
        if as_json:
            print(json.dumps([{"route": route.name, "base_url": route.address} for route in known]))
        else:
            _table(["route", "address"], [[route.name, route.address] for route in known])
    elif as_json:
        print(json.dumps(models.vendors()))
    else:
        rows = [
            [row["vendor"], row["key_from"] or "", ", ".join(row["keys"]), row.get("error") or row["base_url"]]
            for row in models.vendors()
        ]
        _table(["vendor", "key found", "key variables", "address"], rows)


_SCRIPT = faultwall.SCRIPT.replace("\n\n  ", "\n\n\b\n  ")  # typer keeps the lines of a paragraph after \b

app.command(epilog=_SCRIPT)(programs.wall)
app.command()(programs.dropin)
app.command()(programs.prices)
app.command("serve-metrics", context_settings={"allow_interspersed_args": False})(programs.serve_metrics)
app.command("c-library")(programs.c_library)


def _table(head: list[str], rows: list[list[str]]) -> None:
    """Prints a table; if the terminal is too narrow, prints each cell of a row on its own line."""
    console = Console(width=None if sys.stdout.isatty() else 200)
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    if sum(widths) + 2 * len(widths) > console.width:
        for row in rows:
            print(row[0])
            for name, cell in zip(head[1:], row[1:]):
                if cell:
                    print(f"  {name}: {cell}")
        return
    table = Table(box=None, pad_edge=False)
    for name in head:
        table.add_column(name, no_wrap=name in ("vendor", "route"), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    del category, filename, lineno, file, line
    talk.say(Console(stderr=True), f"warning: {message}", "yellow")


_SERVERS = {"serve", "wall", "dashboard", "serve-metrics"}


def _open_streams() -> None:
    """Opens the standard streams that the caller closed, so that no connection takes their file descriptors."""
    closed = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None]
    for name in closed:
        setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w"))  # noqa: SIM115 - for the process


def _misplaced(arguments: list[str]) -> str:
    """What to write where something else stands in the place of a command: a question, or an option."""
    text = next(iter(arguments), "")
    if " " in text.strip() and not text.startswith("-"):
        return f"a text is no command; to ask it: llmagg ask {shlex.quote(text)}"
    first = text.partition("=")[0]
    if first in ("help", "version"):
        return f"{first} is no command; write: llmagg --{first}"
    commands = typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
    if first in ("-h", "--help", "--version"):
        return ""
    of = [name for name, command in commands if any(first in param.opts for param in command.params)]
    if not first.startswith("-") or not of:
        return ""
    named = next((name for name in arguments if name in of), of[0])
    return f"{first} stands behind the command: llmagg {named} {first} …"


def main(arguments: list[str]) -> int:
    """Runs a command; returns the exit code."""
    warnings.showwarning = _warn
    lost = sys.stdout is None
    _open_streams()
    if lost and not _SERVERS & set(arguments[:1]):
        talk.tell(Console(stderr=True), OSError("standard output is closed; what the command prints would be lost"))
        return FAILED
    for stream in (sys.stdout, sys.stderr):
        # Print "?" for a character that the encoding lacks, unless another error handler was chosen.
        if isinstance(stream, TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")
    try:
        if advice := _misplaced(arguments):
            talk.say(Console(stderr=True), f"Error: {advice}", "red")
            return WRONG_USE
        app(arguments, prog_name="llmagg")
    except (LLMError, OSError) as error:
        talk.tell(Console(stderr=True), error)
        return talk.exit_code(error)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else OK
    return OK
