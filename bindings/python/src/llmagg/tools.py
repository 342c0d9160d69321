"""Tools from functions, and the loop that calls them: ``run_tools(messages, tools=[weather])``.

A function's signature and docstring become the tool that the model sees: the annotations give the schema of the
arguments, the first paragraph of the docstring describes the tool, and what the docstring or an ``Annotated`` says of a
parameter describes the argument. Functions may be coroutines; the calls of one answer run at the same time, plain
functions in threads. If a function raises an exception, the model is told, and may try something else.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import re
import typing
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from . import _absent, _again, _called, _docstring, _misspelt, _rules, _streamed, _values, parsing
from ._bounds import Bounds
from ._frames import brief
from ._patience import within
from ._shown import shown
from ._wire import is_suspect
from .attempt import Attempt
from .errors import APITimeoutError, BadResponseError, InvalidArgumentError, LLMError
from .messages import Message, ToolCall
from .requests import ChatCompletionRequest, bytes_in, messages_to_wire
from .responses import ChatCompletionResponse

Function = Callable[..., Any]
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # as vendors take it


@_absent.told({"answer": "its text is 'text'", "output": "its text is 'text'", "content": "its text is 'text'"})
@dataclass(frozen=True)
class ToolRun:
    """How a run of tools ended. ``response`` is the last answer; ``stopped`` says why the run ended: "answer",
    "rounds", "tokens" or "cost". ``messages`` is the whole conversation with all calls and results, to go on with;
    ``attempts`` lists the attempts of all rounds; ``tokens`` and ``cost`` are what they used and cost as far as it is
    known.
    """

    response: ChatCompletionResponse
    messages: list[Any] = field(repr=False)
    attempts: list[Attempt] = field(repr=False)
    rounds: int
    tokens: int
    cost: float
    stopped: str

    @property
    def text(self) -> str:
        """The text of the last answer."""
        return self.response.text


class Tool:
    """A function as a tool. ``schema`` is what a request has in its ``tools``."""

    def __init__(self, function: Function) -> None:
        if not callable(function):
            raise InvalidArgumentError(
                f"a tool is a {type(function).__name__}; run_tools() takes functions, which it calls itself (a schema "
                "of your own goes to chat(tools=[…]))"
            )
        inner = function.func if isinstance(function, partial) else function
        self.name: str = getattr(inner, "__name__", type(inner).__name__)
        if not _NAME.fullmatch(self.name):
            raise InvalidArgumentError(
                f"the tool {self.name!r} has no name that a model can call; expected a function made by 'def' whose "
                "name has at most 64 letters, digits, _ or -"
            )
        self._function = function
        #: The parameters whose default is pydantic's Field(…), which the function itself does not read.
        self._fields = {one.name for one in _signature(function, self.name) if _rules.is_field(one.default)}
        self._form: parsing.Form[Any] = parsing.Form(_arguments(function, self.name), "run_tools()")
        text, arguments = _docstring.read(inspect.cleandoc(_doc(inner)))
        properties = self._form.schema.get("properties", {})
        _describe(properties, {**arguments, **_annotated(inner)})
        _default(properties, function)
        told = {"name": self.name, **({"description": text} if text else {}), "parameters": self._form.schema}
        self.schema: dict[str, Any] = {"type": "function", "function": told}

    async def call(self, call: ToolCall) -> str:
        """The result of a call as a text for the model; an error as a text, too."""
        none = not call.arguments.strip()  # the core writes {} where a finish reason says that the model was done
        if none and self._form.schema.get("properties"):
            return "error: the arguments do not fit: there are none; the answer may have been cut off before them"
        try:
            parsed = {} if none else call.parsed()
            read = self._form.of(msgspec.json.encode(parsed))
            known = [field.name for field in dataclasses.fields(read)]
            if unknown := ", ".join(sorted(parsed.keys() - set(known))):
                return f"error: there is no argument {unknown}; known are {', '.join(known) or 'none'}"
            given = {name: getattr(read, name) for name in known if name in parsed or name in self._fields}
        except (LLMError, ValueError, msgspec.MsgspecError) as error:
            _again.pass_on(error)
            return f"error: the arguments do not fit: {_rules.told(error)}"
        try:
            if inspect.iscoroutinefunction(self._function):
                result = await self._function(**given)
            else:
                result = await asyncio.to_thread(self._function, **given)
                if inspect.isawaitable(result):
                    result = await result
            if isinstance(result, AsyncIterable):  # a function with yield: the model is told all that it gives
                result = [one async for one in result]
            elif isinstance(result, Iterator):
                result = await asyncio.to_thread(list, result)
            return _told(result)
        except (Exception, SystemExit) as error:
            if _again.of_handler(error):
                raise
            return f"error: {type(error).__name__}: {error}"


def _told(result: Any) -> str:
    """A result for the model: a text as it stands, anything else as JSON with the values that requests have."""
    if isinstance(result, (bytes, bytearray, memoryview)):
        return bytes(result).decode()  # the model is told of bytes that are no text
    if _values.is_text(result):
        return result if isinstance(result, str) else str(result)
    if (found := bytes_in(result)) is not None:
        raise TypeError(f"the result{found[0]} is {found[1]}; expected a str")
    try:
        data = _encode(result)
        if not is_suspect(data) or not (place := _values.blame(result, numbers=True)):
            return data.decode()
    except ValueError as error:  # from msgspec 0.23 on, for a Decimal that is no number
        place = _values.blame(result, numbers=True) or str(error)
    raise ValueError(f"the result has no form in JSON: {place}")


def _plain(value: Any) -> Any:
    """What JSON says of an object that msgspec does not know."""
    if hasattr(type(value), "model_dump"):
        return value.model_dump()  # with the fields that are None
    try:
        return _values.plain(value)
    except TypeError:
        return str(value)


_encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode


def _forces(choice: Any) -> bool:
    """Whether a tool_choice makes each answer call a tool."""
    if isinstance(choice, Mapping):
        allowed = choice.get("allowed_tools") or choice
        return choice.get("type") != "allowed_tools" or allowed.get("mode") == "required"
    return choice in ("required", "any")


def _hints(inner: Function) -> dict[str, Any]:
    hinted = inner if inspect.isroutine(inner) or inspect.isclass(inner) else type(inner).__call__
    return typing.get_type_hints(hinted, include_extras=True)


def _annotated(inner: Function) -> dict[str, str]:
    """What the annotations say of the parameters: a text in Annotated, or the description of pydantic's Field."""
    said = {}
    for name, hint in _hints(inner).items():
        notes = getattr(hint, "__metadata__", ())
        texts = [one if isinstance(one, str) else getattr(one, "description", None) for one in notes]
        if text := next((text for text in texts if isinstance(text, str) and text), None):
            said[name] = text
    return said


def _describe(properties: dict[str, Any], texts: Mapping[str, str]) -> None:
    """Enters the descriptions of arguments that have none yet."""
    for name in properties.keys() & texts.keys():
        schema = properties[name]
        if "$ref" in schema:  # beside it, nothing may stand in a strict schema
            schema["anyOf"] = [{"$ref": schema.pop("$ref")}]
        schema.setdefault("description", texts[name])


def _doc(inner: Function) -> str:
    """The docstring that the application wrote. Classes inherit those of their libraries, and @dataclass writes one."""
    if inspect.isroutine(inner):
        return inspect.getdoc(inner) or ""
    kind = inner if isinstance(inner, type) else type(inner)
    own = vars(kind).get("__doc__") or ""
    if dataclasses.is_dataclass(kind) and own.startswith(f"{kind.__name__}("):
        own = ""
    return own or (kind.__call__.__doc__ if kind is not inner else "") or ""


def _default(properties: dict[str, Any], function: Function) -> None:
    """Enters what arguments are where the model leaves them out, as far as JSON can say it."""
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in properties or parameter.default is parameter.empty:
            continue
        try:
            plain = msgspec.json.decode(msgspec.json.encode(parameter.default))
        except (TypeError, ValueError, msgspec.MsgspecError):
            continue  # an object of the application's, or pydantic's Field, of which the schema knows it
        schema = properties[name]
        if "$ref" in schema:
            schema["anyOf"] = [{"$ref": schema.pop("$ref")}]
        schema.setdefault("default", plain)


def _signature(function: Function, name: str) -> list[inspect.Parameter]:
    """The parameters that the model sees: all but those that a partial binds by name."""
    bound = function.keywords if isinstance(function, partial) else {}
    try:
        return [one for one in inspect.signature(function).parameters.values() if one.name not in bound]
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"the tool {name} cannot be described: {error}") from None


def _arguments(function: Function, name: str) -> Any:
    """A dataclass of a function's parameters. Its defaults are never used: the function has its own."""
    parameters = _signature(function, name)
    try:
        hints = _hints(function.func if isinstance(function, partial) else function)
    except (TypeError, NameError) as error:
        raise InvalidArgumentError(f"the tool {name} cannot be described: {_rules.of_names(error)}") from None
    fields: list[Any] = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise InvalidArgumentError(f"the tool {name} has the parameter {parameter}; expected plain parameters only")
        if parameter.name == "self" and not fields and "self" not in hints:
            raise InvalidArgumentError(
                f"the tool {name} is a method without its object; give that of an object, as in tools=[mine.{name}]"
            )
        hint = hints.get(parameter.name, Any)
        if _rules.is_field(parameter.default):
            fields.append((parameter.name, typing.Annotated[hint, parameter.default]))
        elif parameter.default is parameter.empty:
            fields.append((parameter.name, hint))
        else:
            fields.append((parameter.name, hint, dataclasses.field(default_factory=type(None))))
    return dataclasses.make_dataclass(name, fields, kw_only=True)


async def run_tools(
    user: Any, messages: Any, tools: Sequence[Function], params: Mapping[str, Any],
    *, max_rounds: int = 10, max_total_tokens: int | None = None,
) -> ToolRun:  # fmt: skip
    """Asks and calls until an answer calls no tool, or a limit is reached; one deadline and one cost for all rounds."""
    with brief:
        return await _run_tools(user, messages, tools, params, max_rounds, max_total_tokens)


async def _run_tools(
    user: Any, messages: Any, tools: Sequence[Function], params: Mapping[str, Any], max_rounds: int,
    max_total_tokens: int | None,
) -> ToolRun:  # fmt: skip
    _called.refuse(params, messages, tools)
    if isinstance(messages, ChatCompletionRequest):
        raise InvalidArgumentError("run_tools() takes messages; give the fields of the request as keyword parameters")
    _streamed.refuse("run_tools", params)
    if callable(tools) or not isinstance(tools, Iterable):
        raise InvalidArgumentError(f"tools must be a list of functions, got {type(tools).__name__}; write tools=[…]")
    tools = list(tools)
    if not tools:
        raise InvalidArgumentError("run_tools() needs at least one function")
    for name, value in (("max_rounds", max_rounds), ("max_total_tokens", max_total_tokens)):
        if (value is not None or name == "max_rounds") and (type(value) is not int or value < 1):
            raise InvalidArgumentError(f"{name} is {shown(value)}; expected a whole number of at least 1")
    known = {tool.name: tool for tool in map(Tool, tools)}
    if len(known) < len(tools):
        raise InvalidArgumentError("two tools have the same name; the model could not tell them apart")
    _misspelt.refuse("run_tools", ("max_rounds", "max_total_tokens"), params, _misspelt.OTHERS["run_tools"])
    rest = {**params, "tools": [tool.schema for tool in known.values()]}
    bounds = Bounds(rest)
    said: list[Any] = list(messages_to_wire(messages))
    attempts: list[Attempt] = []
    tokens = 0
    for done in range(1, max_rounds + 1):
        if bounds.late():
            raise APITimeoutError("the deadline passed between two rounds of tools", attempts=attempts)
        try:
            response: ChatCompletionResponse = await user.chat(said, **rest, **bounds.options())
        except LLMError as error:
            error.attempts = [*attempts, *error.attempts]
            raise
        attempts += response.attempts
        tokens += response.usage.total_tokens
        bounds.count(response.attempts)
        if not response.choices:
            raise BadResponseError("the answer has no choices", attempts=attempts)
        said.append(response.choices[0].message)
        calls = response.tool_calls
        if not calls:
            return ToolRun(response, said, attempts, done, tokens, bounds.cost, "answer")
        if _forces(rest.get("tool_choice")):
            del rest["tool_choice"]  # else the run could not end
        bounds.refuse_unknown(response.cost, attempts)
        said += await _results(calls, known, bounds.seconds(), attempts)
        if max_total_tokens is not None and tokens >= max_total_tokens:
            return ToolRun(response, said, attempts, done, tokens, bounds.cost, "tokens")
        if bounds.is_spent():
            return ToolRun(response, said, attempts, done, tokens, bounds.cost, "cost")
    return ToolRun(response, said, attempts, max_rounds, tokens, bounds.cost, "rounds")


async def _results(
    calls: list[ToolCall], known: dict[str, Tool], left: float | None, attempts: list[Attempt]
) -> list[Message]:
    """A message for each call, in the order of the calls."""

    async def result(call: ToolCall) -> str:
        if call.name not in known:
            return f"error: there is no tool {call.name}; known are {', '.join(known)}"
        return await known[call.name].call(call)

    tasks, late = [asyncio.ensure_future(result(call)) for call in calls], False
    try:
        await within(asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION), left)
    except (TimeoutError, asyncio.TimeoutError):
        late = True
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raised = [error for task in tasks if not task.cancelled() and (error := task.exception())]
    if raised:  # by a signal's handler, which has ended the other tools, too
        raise raised[0]
    if late:
        raise APITimeoutError("the deadline passed while tools ran", attempts=attempts)
    texts = ["error: the tool was cancelled" if task.cancelled() else task.result() for task in tasks]
    return [Message("tool", str(text), tool_call_id=call.id) for call, text in zip(calls, texts)]
