"""``llmagg ask`` and ``llmagg chat``: answers as they arrive, and which route gave them, and why."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from llmagg import (
    ChatCompletionResponse,
    ChunkEvent,
    InvalidArgumentError,
    LLMAggregator,
    LLMError,
    Message,
    ModelNotFoundError,
    NotInitializedError,
    ProviderNotFoundError,
    RestartEvent,
    StreamInterruptedError,
    _notebook,
)
from llmagg._shown import shown_path
from llmagg.errors import to_payload

from . import BROKEN_OFF, FAILED, INTERRUPTED, OK, WRONG_USE

_WRONG = (InvalidArgumentError, NotInitializedError, ModelNotFoundError, ProviderNotFoundError)
_HELP = "/new begins a new conversation, /quit or Ctrl-D ends, Ctrl-C stops an answer."


def exit_code(error: LLMError | OSError) -> int:
    """The exit code for a failure."""
    if isinstance(error, StreamInterruptedError) and error.partial_text:
        return BROKEN_OFF
    return WRONG_USE if isinstance(error, _WRONG) and not error.attempts else FAILED


def say(console: Console, text: str, style: str) -> None:
    """Prints a text; a terminal's lines end between words, and a file gets lines as they are."""
    console.print(Text(text, style=style), soft_wrap=not console.is_terminal)


def tell(errors: Console, error: LLMError | OSError) -> None:
    """Prints an error and its attempts."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        place = shown_path(error.filename) if error.filename else "what the command prints cannot be written"
        text = f"{place}: {error.strerror}"
    say(errors, f"Error: {text}", "red")


def route_told(console: Console, response: ChatCompletionResponse) -> None:
    """Prints which route answered, and why the routes before it did not."""
    for attempt in response.attempts:
        if attempt.outcome != "OK":
            say(console, f"  {attempt}", "yellow")
    say(console, _notebook.facts(response), "dim")


def ask(llm: LLMAggregator, messages: Any, params: dict[str, Any], *, as_json: bool, verbose: bool) -> int:
    """Asks once: the text as it arrives on standard output, or the response as JSON. Returns the exit code."""
    errors = Console(stderr=True)
    try:
        if as_json:
            print(llm.chat_sync(messages, **params).to_json())
            return OK
        response = streamed(llm, messages, params, errors)
    except LLMError as error:
        if as_json:
            failed = {**to_payload(error), "attempts": [attempt.to_dict() for attempt in error.attempts]}
            print(json.dumps({"error": failed}, ensure_ascii=False))
        else:
            if getattr(error, "partial_text", ""):
                print(flush=True)
            tell(errors, error)
        return exit_code(error)
    except KeyboardInterrupt:
        print(flush=True)
        return INTERRUPTED
    if verbose:
        route_told(errors, response)
    return OK


def streamed(llm: LLMAggregator, messages: Any, params: dict[str, Any], errors: Console) -> ChatCompletionResponse:
    """Prints an answer as it arrives, with a line break at its end; returns the whole response."""
    ended = True
    for event in llm.stream_sync(messages, **params):
        if isinstance(event, ChunkEvent):
            if event.text:
                sys.stdout.write(event.text)
                sys.stdout.flush()
                ended = event.text.endswith("\n")
        elif isinstance(event, RestartEvent):
            print(flush=True)
            say(errors, f"{event.from_route} broke off; {event.to_route} begins again:", "yellow")
        else:
            for call in event.response.tool_calls:
                print(f"{call.name}({call.arguments})")
            if not ended:
                print(flush=True)
            return event.response
    raise AssertionError("a stream ends with its DoneEvent, or raises")


def chat(llm: LLMAggregator, system: str | None, params: dict[str, Any]) -> int:
    """A conversation. Returns the exit code."""
    console, errors = Console(), Console(stderr=True)
    with contextlib.suppress(ImportError):
        editor: Any = importlib.import_module("readline")  # then input() has arrow keys, and the earlier questions
        editor.parse_and_bind("set enable-bracketed-paste on")  # pasted lines are one question; Python switches it off
    say(console, f"{', '.join(llm.get_available_models())}\n{_HELP}", "dim")
    first: list[Message] = [Message("system", system)] if system else []
    messages = list(first)
    again = False  # whether the last thing typed was Ctrl-C: one may come too late for the answer that it should stop
    while True:
        try:
            question = input("> ").strip()
        except (EOFError, KeyboardInterrupt) as end:
            print()
            if again or isinstance(end, EOFError) or not sys.stdin.isatty():
                return OK
            again = True
            say(console, "press Ctrl-C again to leave", "dim")
            continue
        again = False
        if question in ("/quit", "/exit", "quit", "exit"):
            return OK
        if question == "/new":
            messages = list(first)
        elif question.startswith("/"):
            said = "" if question == "/help" else f"{question.split()[0]} is unknown. "
            say(console, f"{said}{_HELP}", "dim")
        elif question:
            messages.append(Message("user", question))
            if (response := _answered(llm, messages, params, errors)) is not None:
                messages.append(response.choices[0].message)
                route_told(console, response)


def _answered(
    llm: LLMAggregator, messages: list[Message], params: dict[str, Any], errors: Console
) -> ChatCompletionResponse | None:
    """The answer to the last message, which is taken back after a failure so that it can be asked again."""
    try:
        return streamed(llm, messages, params, errors)
    except LLMError as error:
        print(flush=True)
        tell(errors, error)
    except KeyboardInterrupt:
        print(flush=True)
        say(errors, "stopped", "dim")
    messages.pop()
    return None
