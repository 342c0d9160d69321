"""Prints everything that the Python package lets a program see: see ../printed_test.go.

The configuration comes on standard input, the routes to ask as arguments.
"""

from __future__ import annotations

import asyncio
import json
import logging
import pprint
import sys
import traceback
import warnings
from typing import Any

import llmagg
from llmagg.manager import get_manager

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
logging.captureWarnings(True)
warnings.simplefilter("always")


def show(what: str, value: Any) -> None:
    """Prints a value in every way in which Python programs print values."""
    print(f"{what}: {value} {value!r}")
    pprint.pprint(value)
    for view in (getattr(value, "to_dict", None), getattr(value, "model_dump", None)):
        if callable(view):
            print(view())
    if hasattr(value, "__dict__"):
        print(vars(value))


def show_error(what: str, error: BaseException) -> None:
    """An exception as tracebacks show it, with the variables of every frame of the package's."""
    show(what, error)
    for captured in (False, True):
        told = traceback.TracebackException.from_exception(error, capture_locals=captured)
        for frame in told.stack:
            if frame.filename == __file__:
                frame.locals = None  # ours hold the configuration
        print("".join(told.format()))
    if error.__cause__:
        show_error("cause", error.__cause__)


async def ask(llm: llmagg.LLMAggregator, route: str) -> None:
    request = {"model": route, "messages": [{"role": "user", "content": "hi"}]}
    try:
        show("response", await llm.chat(llmagg.ChatCompletionRequest.from_dict(request)))
    except llmagg.LLMError as error:
        show_error("chat", error)
    try:
        async for event in llm.stream(llmagg.ChatCompletionRequest.from_dict(request)):
            show("event", event)
    except llmagg.LLMError as error:
        show_error("stream", error)


async def main() -> None:
    config = json.load(sys.stdin)
    async with llmagg.observe() as events:
        llm = llmagg.LLMAggregator()
        await llm.initialize(config)
        for route in sys.argv[1:]:
            await ask(llm, route)
        show("health", await llm.health_check())
        for provider in get_manager().providers.values():
            show("provider", provider)
            for client in provider.clients.values():
                show("client", client)
                show("its configuration", repr(client.config))
        show("aggregator", llm)
        show("manager", get_manager())
        await llm.close()
        first = next(iter(config.values()))
        name, model = next(iter(first["models"].items()))
        for wrong in (
            {"api_key": model["api_key"] + "\n"},
            {"timeout": -1},
            {"base_url": "x://y"},
            {"headers": {"a b": model["api_key"]}},
        ):
            try:
                await llmagg.LLMAggregator().initialize({"openai": {"models": {name: {**model, **wrong}}}})
            except llmagg.LLMError as error:
                show("wrong configuration", error)
                traceback.print_exc()
    async for event in events:
        show("observation", event)
    print("done")


asyncio.run(main())
