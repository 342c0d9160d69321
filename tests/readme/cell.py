"""Runs a program as a cell of a notebook: ``await`` may stand outside of functions."""

import ast
import asyncio
import inspect
import sys
from pathlib import Path

code = compile(Path(sys.argv[1]).read_text("utf-8"), sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
names = {"__name__": "__main__"}
cell = eval(code, names)
if inspect.iscoroutine(cell):

    async def run() -> None:
        """The cell, in a running loop."""
        await cell

    asyncio.run(run())
