"""The commands that ask no model: what they take, and which part of the library does it."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from llmagg import clibrary, faultwall
from llmagg import dropin as files_of_dropin
from llmagg import prices as tables
from llmagg._shown import shown_path

from . import FAILED, WRONG_USE
from .options import HIGHEST_PORT, only


def wall(
    port: Annotated[
        int, typer.Option(min=0, max=HIGHEST_PORT, metavar="N", help="the loopback port; 0: any free port")
    ] = 0,
    script: Annotated[Path | None, typer.Option(metavar="FILE", help="see below; default: all calls succeed")] = None,
) -> None:  # fmt: skip
    """Runs a test server that fails in the ways of providers."""
    faultwall.serve(script, port)


def dropin(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="an application's folder pkg/core/llm; with --check its sources")
    ],
    replace: Annotated[bool, typer.Option("--replace", help="first move an existing folder to a backup")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="change nothing: list the names that the sources use and llmagg lacks")
    ] = False,
) -> None:
    """Puts llmagg in the place of pkg.core.llm, or checks for it."""
    if check:
        only(context, "--check changes nothing", "path", "check")
        raise typer.Exit(import_module("llmagg.dropin_check").run(path))
    print("\n".join(files_of_dropin.write(path, replace=replace)))


def prices(
    context: typer.Context,
    rest: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="provider/model; default: all; with --from, FILE first")
    ] = None,
    kind: Annotated[
        Literal["litellm", "genai-prices"] | None, typer.Option("--from", help="convert FILE, a table of that library")
    ] = None,
    path: Annotated[bool, typer.Option("--path", help="print the path of the table that comes with llmagg")] = False,
) -> None:
    """Prints a table of prices, or converts a foreign table.

    LLMAGG_PRICES names a file with such a table; a model's "price" in a configuration is a row of the table.
    """
    if path:
        only(context, "--path prints a path", "path")
        print(tables.SHIPPED)
        return
    names = list(rest or ())
    if kind and not names:
        raise typer.BadParameter("--from needs the FILE of the table")
    file = Path(names.pop(0)) if kind else tables.SHIPPED
    found = tables.table(kind, file)
    if kind == "litellm" and (fields := tables.unread(file)):
        why = "what goes to the address of a region, or names its cache, has the usual cost here"
        print(f"Not read: {', '.join(fields)}; {why}", file=sys.stderr)
    if missing := [name for name in names if name not in found]:
        print(f"Error: {shown_path(file)} has no usable price of {', '.join(missing)}", file=sys.stderr)
        raise typer.Exit(FAILED)
    print(json.dumps({name: found[name] for name in names or found}, indent=1))


def serve_metrics(
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="a file, or with -m a module")],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="ARGUMENT", help="arguments of the program")] = None,
    port: Annotated[int, typer.Option(min=0, max=HIGHEST_PORT, metavar="N", help="the port of /metrics")] = 9464,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="where to listen")] = "127.0.0.1",
    module: Annotated[bool, typer.Option("-m", help="the program is the name of a module")] = False,
) -> None:
    """Runs a Python program and serves its metrics.

    Needs llmagg[metrics].
    """
    try:
        metrics = import_module("llmagg.metrics")
    except ImportError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise typer.Exit(WRONG_USE) from None
    metrics.run(program, arguments or [], host, port, module=module)


def c_library(
    prefix: Annotated[
        Path | None, typer.Argument(metavar="PREFIX", help="the folder that gets include/ and lib/")
    ] = None,
    include: Annotated[bool, typer.Option("--include", help="print the folder of llmagg.h and llmagg.hpp")] = False,
    library: Annotated[bool, typer.Option("--library", help="print the path of libllmagg.so, for dlopen")] = False,
) -> None:  # fmt: skip
    """Gives the C library of this package to C and C++ programs.

    \b
      llmagg c-library ~/llmagg
      cc hello.c -I$HOME/llmagg/include -L$HOME/llmagg/lib -lllmagg -Wl,-rpath,$HOME/llmagg/lib
    """
    if (prefix is not None) + include + library != 1:
        raise typer.BadParameter("expected one of PREFIX, --include and --library")
    if prefix is None:
        print(clibrary.get_include() if include else clibrary.get_library())
    else:
        print("\n".join(map(str, clibrary.install(prefix.expanduser()))))
