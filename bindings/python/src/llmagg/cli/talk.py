"""``llmagg ask`` and ``llmagg chat``: answers as they arrive, and which route gave them, and why."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Callable
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


def given(read: Callable[[], str]) -> str:
    """What ``read`` reads from standard input. Raises InvalidArgumentError."""
    try:
        text = read().removeprefix("\ufeff")
        text.encode()
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise InvalidArgumentError(
            f"standard input is not {'UTF-8' if isinstance(error, UnicodeEncodeError) else sys.stdin.encoding} at "
            f"character {error.start}; convert it, for example: iconv -f LATIN1 -t UTF-8"
        ) from None
    return text


def argument(what: str, text: str) -> str:
    """A text of the command line, which is UTF-8 also where the locale has another encoding. Raises
    InvalidArgumentError.
    """
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes that Python could not read by the locale
        try:
            return os.fsencode(text).decode()
        except UnicodeDecodeError as error:
            advice = "write it in UTF-8, or give it on standard input: iconv -f LATIN1 -t UTF-8 FILE | llmagg …"
            raise InvalidArgumentError(f"{what} is not UTF-8 at byte {error.start}; {advice}") from None
    return text


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


def ask(
    made: Callable[[], LLMAggregator], messages: Any, params: dict[str, Any], *, as_json: bool, verbose: bool
) -> int:
    """Asks once: the text as it arrives on standard output, or the response as JSON. Returns the exit code."""
    errors = Console(stderr=True)
    try:
        llm = made()
        if as_json:
            print(llm.chat_sync(messages, **params).to_json())
            return OK
        response = streamed(llm, messages, params, errors)
    except LLMError as error:
        if as_json:
            attempts = [attempt.to_dict() for attempt in error.attempts]
            failed = {**to_payload(error), "name": error.name, "attempts": attempts}
            print(json.dumps({"error": failed}, ensure_ascii=False))
        else:
            tell(errors, error)
        return exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    if verbose:
        route_told(errors, response)
    return OK


class _Printed:
    """An answer on standard output. Its last line is ended, also where the answer breaks off."""

    _open = False  # whether there is a line without an end

    def __enter__(self) -> _Printed:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt and not self._open:
            print(file=sys.stderr)  # behind the ^C of the terminal
        self.end()

    def write(self, text: str) -> None:
        """Prints a piece at once."""
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._open = not text.endswith("\n")

    def end(self) -> None:
        """Ends the last line."""
        if self._open:
            self.write("\n")


def streamed(llm: LLMAggregator, messages: Any, params: dict[str, Any], errors: Console) -> ChatCompletionResponse:
    """Prints an answer as it arrives, with a line break at its end; returns the whole response."""
    with _Printed() as printed:
        for event in llm.stream_sync(messages, **params):
            if isinstance(event, ChunkEvent):
                printed.write(event.text)
                continue
            printed.end()
            if not isinstance(event, RestartEvent):
                for call in event.response.tool_calls:
                    printed.write(f"{call.name}({call.arguments})\n")
                return event.response
            say(errors, f"{event.from_route} broke off; {event.to_route} begins again:", "yellow")
    raise AssertionError("a stream ends with its DoneEvent, or raises")


def chat(llm: LLMAggregator, system: str | None, params: dict[str, Any]) -> int:
    """A conversation: the answers on standard output, all else on standard error. Returns the exit code."""
    errors = Console(stderr=True)
    typed = sys.stdin.isatty()
    if typed and sys.stdout.isatty():
        with contextlib.suppress(ImportError):
            editor: Any = importlib.import_module("readline")  # then input() has arrow keys, and the earlier questions
            editor.parse_and_bind("set enable-bracketed-paste on")  # pasted lines are one question; Python has it off
    say(errors, f"{', '.join(llm.get_available_models())}\n{_HELP}", "dim")
    first: list[Message] = [Message("system", system)] if system else []
    messages = list(first)
    code = OK  # of the last answer
    again = False  # whether the last thing typed was Ctrl-C: one may come too late for the answer that it should stop
    while True:
        try:
            question = _question(typed)
        except (EOFError, KeyboardInterrupt) as end:
            if not typed:
                return code if isinstance(end, EOFError) else INTERRUPTED
            print(file=sys.stderr)
            if again or isinstance(end, EOFError):
                return OK
            again = True
            say(errors, "press Ctrl-C again to leave", "dim")
            continue
        except InvalidArgumentError as error:
            if not typed:
                raise
            tell(errors, error)
            continue
        again = False
        if question in ("/quit", "/exit", "quit", "exit"):
            return OK if typed else code
        if question == "/new":
            messages = list(first)
        elif question.startswith("/"):
            said = "" if question == "/help" else f"{question.split()[0]} is unknown. "
            say(errors, f"{said}{_HELP}", "dim")
        elif question:
            messages.append(Message("user", question))
            response, code = _answered(llm, messages, params, errors)
            if response is not None:
                messages.append(response.choices[0].message)
                route_told(errors, response)
            elif code == INTERRUPTED and not typed:
                return code


def _question(typed: bool) -> str:
    """The next line of standard input, with a prompt if it is typed."""
    prompt = "> " if typed else ""
    if not sys.stdout.isatty():  # input() would print it among the answers
        print(prompt, end="", file=sys.stderr, flush=True)
        prompt = ""
    return given(lambda: input(prompt)).strip()


def _answered(
    llm: LLMAggregator, messages: list[Message], params: dict[str, Any], errors: Console
) -> tuple[ChatCompletionResponse | None, int]:
    """The answer to the last message, which is taken back after a failure so that it can be asked again; and the exit
    code.
    """
    try:
        return streamed(llm, messages, params, errors), OK
    except LLMError as error:
        tell(errors, error)
        code = exit_code(error)
    except KeyboardInterrupt:
        say(errors, "stopped", "dim")
        code = INTERRUPTED
    messages.pop()
    return None, code
