"""The Python door of the contract cases: calls the installed package and tells what came back.

Commands come on standard input, events go to standard output; ../../door_process.go describes both.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import sys
import threading
import warnings
from typing import Any, BinaryIO

import custom
import tokens

import llmagg
from llmagg import LLMError
from llmagg._native import load, route
from llmagg.aggregator import LLMAggregator
from llmagg.manager import Manager
from llmagg.requests import ChatCompletionRequest


class Registry(Manager):
    """A registry of a session's own."""


class Session:
    """An aggregator of its own, as an application would make it."""

    def __init__(self, options: dict[str, Any], manager: Manager) -> None:
        cache = options.pop("cache") if not isinstance(options.get("cache", ""), str) else None
        self.aggregator = LLMAggregator(options.pop("models", None), cache=cache)
        self.aggregator.manager = manager
        self.defaults = options
        self.observing: Any = None


class Command:
    """One command, and the telling of its events."""

    def __init__(self, source: BinaryIO, line: bytes) -> None:
        fields = line.split()
        self.id, self.verb, self.session = int(fields[0]), fields[1].decode(), int(fields[2])
        self.args = dict(field.decode().split("=", 1) for field in fields[3:-2])
        self.first = source.read(int(fields[-2]))
        self.second = source.read(int(fields[-1]))

    def tell(self, kind: str, data: Any) -> None:
        """Writes an event; from any thread."""
        text = json.dumps(data).encode()
        with _output:
            sys.stdout.buffer.write(b"%d %s %d\n%s\n" % (self.id, kind.encode(), len(text), text))
            sys.stdout.buffer.flush()

    def number(self, name: str) -> float:
        """A numeric argument, 0 if it was not given."""
        return float(self.args.get(name, 0))


_output = threading.Lock()
_budgets: dict[str, llmagg.Budget] = {}
_registries: dict[int, Registry] = {}
"""Of sessions that are not open yet."""
_sessions: dict[int, Session] = {}
_tasks: dict[int, asyncio.Task[None]] = {}


def error_document(error: BaseException) -> dict[str, Any]:
    """An exception with everything that the judge may ask about."""
    document: dict[str, Any] = {
        "classes": [cls.__name__ for cls in type(error).__mro__],
        "name": getattr(error, "name", type(error).__name__),
        "message": str(error) or type(error).__name__,
        "repr": repr(error),
    }
    if isinstance(error, LLMError):
        for key in (
            "message", "code", "error_owner", "provider", "model", "status", "provider_message", "type", "provider_code", "request_id",
            "retry_after", "body",
        ):  # fmt: skip
            if (value := getattr(error, key)) is not None:
                document[key] = value
        document["text"] = str(error)
        document["partial"] = error.partial_text
        if error.id_of_call:
            document["id_of_call"] = error.id_of_call
        document["attempts"] = [attempt.to_dict() for attempt in error.attempts]
    if error.__cause__ is not None:
        document["cause"] = error_document(error.__cause__)
    return document


async def perform(command: Command) -> None:
    """Carries a command out and tells its terminal event."""
    try:
        kind, data = await _VERBS[command.verb](command)
    except asyncio.CancelledError:
        kind, data = "error", {"name": "CANCELED", "code": -40, "message": "asyncio cancelled the task"}
    except Exception as error:
        kind, data = "error", error_document(error)
    _tasks.pop(command.id, None)
    command.tell(kind, data)


async def provide(command: Command) -> tuple[str, Any]:
    [(name, entry)] = json.loads(command.first).items()
    provider = custom.Provider(name, entry["models"], command.args["does"].split(","))
    await provider.initialize_all_models()
    _registries.setdefault(command.session, Registry()).register_provider(provider)
    return "done", None


async def open_session(command: Command) -> tuple[str, Any]:
    warnings.simplefilter("ignore", UserWarning)  # of the configuration; tests/python looks at them
    session = Session(json.loads(command.second or b"{}"), _registries.pop(command.session, None) or Registry())
    await session.aggregator.initialize(tokens.with_functions(json.loads(command.first)))
    _sessions[command.session] = session
    return "done", None


async def close_session(command: Command) -> tuple[str, Any]:
    aggregator = _sessions.pop(command.session).aggregator
    await aggregator.close()
    await aggregator.manager.close_all()
    return "done", None


async def cancel(command: Command) -> tuple[str, Any]:
    if task := _tasks.get(int(command.args["of"])):
        task.cancel()
    return "done", None


async def setenv(command: Command) -> tuple[str, Any]:
    if "value" in command.args:
        os.environ[command.args["name"]] = command.args["value"]
    else:
        os.environ.pop(command.args["name"], None)
    return "done", None


async def set_budget(command: Command) -> tuple[str, Any]:
    limit, name = json.loads(command.first), command.args.get("what")
    amount, hard = (limit["amount"], limit.get("hard", False)) if isinstance(limit, dict) else (limit, False)
    if name is None:
        llmagg.process_budget(amount, hard=hard)
    elif amount is None:
        _budgets.pop(name, None)
    else:
        _budgets[name] = llmagg.Budget(amount, hard=hard)
    return "done", None


def with_budgets(options: dict[str, Any]) -> dict[str, Any]:
    """The options with the budgets that they name."""
    if "budgets" in options:
        options["budgets"] = [_budgets.get(name, name) for name in options["budgets"]]
    if options.get("accept") == "ask":
        options["accept"] = lambda response: "yes" in response.text or "there is no yes in it"
    return options


async def available(command: Command) -> tuple[str, Any]:
    client_of(command).set_available(command.args["on"] == "1")
    return "done", None


def client_of(command: Command) -> Any:
    provider, _, model = command.args["route"].partition("/")
    return _sessions[command.session].aggregator.manager.get_llm_client(provider, model)


def request_of(command: Command) -> tuple[Any, dict[str, Any]]:
    """The messages and the keyword parameters of a call."""
    request = json.loads(command.first)
    options = with_budgets({**_sessions[command.session].defaults, **json.loads(command.second or b"{}")})
    if "headers" in options:
        options["extra_headers"] = options.pop("headers")
    known = {row["name"] for row in route.tables()["request"]} - {"stream"}
    if request.keys() - known:  # what is no keyword parameter belongs into a request object
        return ChatCompletionRequest.from_dict(request), options
    return request.pop("messages", None), {**request, **options}


async def chat(command: Command) -> tuple[str, Any]:
    aggregator = _sessions[command.session].aggregator
    if "route" in command.args:
        request = ChatCompletionRequest.from_dict(json.loads(command.first))
        client = client_of(command)
        if "blocking" in command.args:
            return "done", (await asyncio.to_thread(client.chat_completion_sync, request)).to_dict()
        return "done", (await client.chat_completion(request)).to_dict()
    messages, params = request_of(command)
    if "blocking" in command.args:
        return "done", (await asyncio.to_thread(aggregator.chat_sync, messages, **params)).to_dict()
    return "done", (await aggregator.chat(messages, **params)).to_dict()


def tell_event(command: Command, event: Any) -> Any:
    """Tells a chunk or a restart; gives the response of the last event."""
    if event.type == "chunk":
        command.tell("chunk", event.chunk.to_dict())
    elif event.type == "restart":
        reason = event.reason and error_document(event.reason)
        command.tell("restart", {"from": event.from_route, "to": event.to_route, "reason": reason})
    else:
        return event.response
    return None


async def stream(command: Command) -> tuple[str, Any]:
    if "route" in command.args:
        return await client_stream(command)
    aggregator = _sessions[command.session].aggregator
    messages, params = request_of(command)
    if "blocking" in command.args:
        return await asyncio.to_thread(stream_sync, command, aggregator.stream_sync(messages, **params))
    chunks = 0
    response = None
    async for event in aggregator.stream(messages, **params):
        response = tell_event(command, event) or response
        chunks += event.type == "chunk"
        if chunks == command.number("leave_after"):
            return "left", None
        if event.type == "chunk" and chunks == command.number("pause_after"):
            await asyncio.sleep(command.number("pause_s"))
    return "done", response.to_dict()


def stream_sync(command: Command, events: Any) -> tuple[str, Any]:
    response = None
    for event in events:
        response = tell_event(command, event) or response
    return "done", response.to_dict()


async def client_stream(command: Command) -> tuple[str, Any]:
    """The original's generator of bare chunks, whose normal end means complete."""
    request = ChatCompletionRequest.from_dict(json.loads(command.first))
    chunks = 0
    async for chunk in client_of(command).chat_completion_stream(request):
        command.tell("chunk", chunk.to_dict())
        chunks += 1
        if chunks == command.number("leave_after"):
            return "left", None
    return "done", None


async def embed(command: Command) -> tuple[str, Any]:
    aggregator = _sessions[command.session].aggregator
    request = json.loads(command.first)
    options = with_budgets({**_sessions[command.session].defaults, **json.loads(command.second or b"{}")})
    params = {**request, **options}
    texts = params.pop("input", None)
    if "blocking" in command.args:
        answer = await asyncio.to_thread(aggregator.embed_sync, texts, **params)
    else:
        answer = await aggregator.embed(texts, **params)
    document = answer.to_dict()
    document["embeddings"] = answer.embeddings
    return "done", document


async def rerank(command: Command) -> tuple[str, Any]:
    aggregator = _sessions[command.session].aggregator
    params = {**json.loads(command.first), **_sessions[command.session].defaults, **json.loads(command.second or b"{}")}
    query, documents = params.pop("query", None), params.pop("documents", None)
    if "blocking" in command.args:
        return "done", (await asyncio.to_thread(aggregator.rerank_sync, query, documents, **params)).to_dict()
    return "done", (await aggregator.rerank(query, documents, **params)).to_dict()


async def health(command: Command) -> tuple[str, Any]:
    return "done", await _sessions[command.session].aggregator.health_check()


async def report(command: Command) -> tuple[str, Any]:
    return "done", _sessions[command.session].aggregator.health_report()


async def fleet(command: Command) -> tuple[str, Any]:
    return "done", _sessions[command.session].aggregator.manager.fleet_report()


async def models(command: Command) -> tuple[str, Any]:
    return "done", _sessions[command.session].aggregator.get_available_models()


async def asked(command: Command) -> tuple[str, Any]:
    return "done", _sessions[command.session].aggregator.manager.get_provider(command.args["route"]).asked()


async def observe(command: Command) -> tuple[str, Any]:
    from llmagg import observe_sync

    _sessions[command.session].observing = observe_sync().__enter__()
    return "done", None


async def observed(command: Command) -> tuple[str, Any]:
    observing = _sessions[command.session].observing
    observing.close()
    return "done", [observation.to_dict() for observation in observing]


async def misuse(command: Command) -> tuple[str, Any]:
    """Python has objects, no handles; this is what it makes of a handle that the native library refuses."""
    foreign = ctypes.create_string_buffer(64)
    load.call_for_json("llmagg_client_report", None if command.args["what"] == "null" else foreign)
    return "done", None


async def fork(command: Command) -> tuple[str, Any]:
    return "error", await asyncio.to_thread(use_in_child, _sessions[command.session].aggregator)


def use_in_child(aggregator: LLMAggregator) -> Any:
    """Begins a stream, goes on with it in a forked child, and gives the error from there."""
    events: Any = aggregator.stream_sync([{"role": "user", "content": "hi"}])
    next(events)
    receiver, sender = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about threads
        child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            try:
                document = {"name": "OK", "message": str(next(events))}
            except Exception as error:
                document = error_document(error)
            os.write(sender, json.dumps(document).encode())
        os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    events.close()
    return json.loads(text)


_VERBS = {
    "provide": provide, "asked": asked, "observe": observe, "observed": observed, "misuse": misuse, "fork": fork,
    "open": open_session, "close": close_session, "cancel": cancel, "available": available, "setenv": setenv, "budget": set_budget,
    "chat": chat, "embed": embed, "rerank": rerank,
    "stream": stream, "health": health, "report": report, "fleet": fleet, "models": models,
}  # fmt: skip


async def serve() -> None:
    """Begins a task for each command until the input ends."""
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 30  # seconds; the development mode's default is for other programs
    commands: asyncio.Queue[Command | None] = asyncio.Queue()

    def listen() -> None:
        source = sys.stdin.buffer
        while line := source.readline():
            loop.call_soon_threadsafe(commands.put_nowait, Command(source, line))
        loop.call_soon_threadsafe(commands.put_nowait, None)

    threading.Thread(target=listen, daemon=True).start()
    while command := await commands.get():
        _tasks[command.id] = asyncio.create_task(perform(command))
    if _tasks:
        raise SystemExit(f"{len(_tasks)} tasks are left")


if __name__ == "__main__":
    sys.setrecursionlimit(20_000)  # for requests that are nested deeply
    asyncio.run(serve())
