"""``parse(messages, Form)``: answers as objects of the application's own classes.

A form is a pydantic model, a dataclass, a TypedDict, a msgspec Struct, or any other type that msgspec reads, such as
``list[int]`` and ``list[Model]``. pydantic is not imported: where its models are used, the application has done so.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import re
import sys
import threading
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from . import _absent, _again, _called, _misspelt, _rules, _streamed, lookup
from ._bounds import Bounds
from ._frames import brief
from ._native.route import Plans
from .attempt import Attempt
from .errors import APITimeoutError, BadResponseError, InvalidArgumentError, LLMError
from .requests import ChatCompletionRequest, messages_to_wire
from .responses import ChatCompletionResponse

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")
_MOST = 2  # answers of one route that do not fit
_FENCE = re.compile(r"^\s*```\w*\s*\n(.*)\n\s*```\s*$", re.DOTALL)
_lock = threading.Lock()  # msgspec crashes if two threads inspect a type for the first time


@_absent.told("parsed")
@dataclass(frozen=True)
class Parsed(Generic[T]):
    """An answer as an object. ``attempts`` lists the attempts of all calls, also of those whose answers did not fit."""

    value: T
    response: ChatCompletionResponse
    attempts: list[Attempt] = field(repr=False)


class UnfitError(Exception):
    """An answer does not fit. The text is the reason, for the model and for the list of attempts."""


class Form(Generic[T]):
    """How answers of a type are asked for and read."""

    def __init__(self, form: TypeForm[T], what: str = "parse()") -> None:
        """``what`` is what an error speaks of."""
        described = hasattr(form, "model_validate_json") or dataclasses.is_dataclass(form)
        function = inspect.isroutine(form)
        made = described and not isinstance(form, type) and typing.get_origin(form) is None
        if form is None or function or isinstance(form, (str, Mapping)) or made:
            kind = "None" if form is None else "a function" if function else f"an object of {type(form).__name__}"
            more = "; a JSON schema stands in response_format of chat()" if isinstance(form, Mapping) else ""
            raise InvalidArgumentError(f"parse() takes a class, got {kind}: parse(messages, City){more}")
        self._form = form
        self._modelled = isinstance(form, type) and hasattr(form, "model_validate_json")
        self.name = re.sub(r"\W+", "_", getattr(form, "__name__", "answer"))[:64]
        self._reads: Callable[[str | bytes], T] | None = None
        try:
            schema = self._describe()
        except (TypeError, NameError) as error:
            name = getattr(form, "__name__", None) or repr(form)
            raise InvalidArgumentError(
                f"{what} cannot describe {name} by a JSON schema: {_unsupported(form, error)}"
            ) from None
        schema = _root(schema)
        self._wrapped = schema.get("type") != "object"
        if self._wrapped:
            definitions = schema.pop("$defs", None)
            schema = {"type": "object", "properties": {"value": schema}, "required": ["value"]}
            if definitions:
                schema["$defs"] = definitions
        strict = _close(schema)
        self.schema = schema
        self.response_format = {
            "type": "json_schema",
            "json_schema": {"name": self.name, "schema": schema, "strict": strict},
        }

    def _describe(self) -> dict[str, Any]:
        """The schema by msgspec; by pydantic where its models, dataclasses or rules stand in the type."""
        owners = _rules.owners(self._form)
        if "pydantic 1" in owners:
            raise TypeError("there is a model of pydantic 1; write one of pydantic 2, or @dataclass")
        if not self._modelled and not owners & _rules.OF_PYDANTIC:
            try:
                return _schema(self._form)
            except TypeError as error:
                return self._by_pydantic(owners, error)
        try:
            return self._by_pydantic(owners)
        except TypeError:
            if self._modelled or owners & _rules.CHECKED:
                raise
        return _schema(self._form)  # without the descriptions

    def _by_pydantic(self, owners: set[str], refused: TypeError | None = None) -> dict[str, Any]:
        """The schema by pydantic, which reads the answers then. ``refused`` is what msgspec said of the type."""
        pydantic = sys.modules.get("pydantic")
        form: Any = self._form
        try:
            if self._modelled:
                schema, self._reads = form.model_json_schema(), form.model_validate_json
            elif (adapts := getattr(pydantic, "TypeAdapter", None)) is not None:
                adapter = adapts(form)
                schema, self._reads = adapter.json_schema(), adapter.validate_json
            else:
                raise refused or TypeError("its rules are read by pydantic 2, which is not imported")
        except getattr(pydantic, "PydanticUserError", ()) as error:
            raise refused or TypeError(str(error).partition("\n\n")[0]) from None
        if "msgspec" in owners:
            raise TypeError("pydantic reads this type and ignores msgspec.Meta(…); write pydantic's Field(…) instead")
        return dict(schema)

    def unwrapped(self, data: Any) -> Any:
        """What an answer's plain values say of the object; None if nothing yet."""
        if self._wrapped and isinstance(data, dict) and data.keys() <= {"value"}:
            return data.get("value")
        return data

    def read(self, response: ChatCompletionResponse) -> T:
        """The object in an answer. Raises UnfitError."""
        choice = response.choices[0] if response.choices else None
        if choice is not None and choice.message.refusal:
            raise UnfitError(f"the model refused: {choice.message.refusal}")
        text = response.text
        if fenced := _FENCE.match(text):
            text = fenced[1]
        try:
            if self._wrapped:
                read = json.loads(text)
                text = json.dumps(read["value"] if isinstance(read, dict) and read.keys() == {"value"} else read)
            return self.of(text)
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            _again.pass_on(error)
            if choice is not None and choice.finish_reason == "length":
                raise UnfitError("the answer was cut off at its limit of tokens; answer more briefly") from None
            raise UnfitError(" ".join(_rules.told(error).split())[:500]) from None

    def of(self, text: str | bytes) -> T:
        """The object of a JSON text. Raises ValueError or msgspec.MsgspecError."""
        if self._reads:
            return self._reads(text)
        read: T = msgspec.json.decode(text, type=self._form)
        return read


def _schema(form: Any) -> dict[str, Any]:
    with _lock:
        schema = msgspec.json.schema(form)
        msgspec.json.Decoder(form)
    return schema


def _unsupported(form: Any, error: Exception) -> str:
    """Why a type has no schema: which of its parts has none, instead of how msgspec could be taught."""
    if "unions may not contain more than one" in str(error):
        return "nothing tells the objects of the union apart; write pydantic models, or one class with fields for all"
    found = re.search(r"type (.+) is not supported", str(error))
    if not found:
        return _rules.of_names(error)
    if found[1] == repr(form):
        return "it is a plain class; write @dataclass above it, or make it a TypedDict, a pydantic model or a Struct"
    try:
        hints = typing.get_type_hints(form, include_extras=True)
    except (TypeError, NameError):
        hints = {}
    for name, hint in hints.items():
        try:
            Form(hint)
        except InvalidArgumentError as inner:
            return f"{name!r} cannot be one ({inner.message.removeprefix('parse() cannot describe ')})"
    kind = found[1].removeprefix("<class '").removesuffix("'>")
    return f"no JSON value is a {kind}; expected types of plain values"


def _root(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its root in place, where msgspec refers to a definition."""
    definitions = schema.get("$defs", {})
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name not in definitions:
        return dict(schema)
    root = dict(definitions[name])
    if json.dumps(definitions).count(f'"#/$defs/{name}"') == 0:
        definitions = {key: value for key, value in definitions.items() if key != name}
    return {**root, "$defs": definitions} if definitions else root


_REFUSED = {"allOf", "oneOf", "not", "if", "prefixItems", "uniqueItems", "contains", "patternProperties",
                  "propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties"}  # fmt: skip
"""Keywords that vendors refuse in strict schemas."""
_TYPES = {str: "string", int: "integer", bool: "boolean"}


def _close(schema: Any) -> bool:
    """Forbids further properties everywhere; returns whether vendors take the schema as a strict one: each property is
    required, and no keyword stands in it that they refuse.
    """
    if not isinstance(schema, dict):
        return True
    if "$ref" in schema and len(schema) > 1:  # beside $ref nothing may stand in a strict schema
        schema["anyOf"] = [{"$ref": schema.pop("$ref")}]
    if "enum" in schema and "type" not in schema:  # msgspec's; strict schemas name a type everywhere
        kinds = {_TYPES.get(type(value)) for value in schema["enum"]}
        schema |= {"type": kind} if len(kinds) == 1 and (kind := kinds.pop()) else {}
    strict = not schema.keys() & _REFUSED and bool(schema.keys() & {"type", "anyOf", "$ref"})
    properties = schema.get("properties")
    if isinstance(properties, dict):
        schema.setdefault("additionalProperties", False)
        strict &= schema["additionalProperties"] is False and set(schema.get("required", ())) == properties.keys()
    elif schema.get("type") == "object" or (schema.get("type") == "array" and "items" not in schema):
        strict = False  # a dict of any names, a list of anything
    inner: list[Any] = [schema.get("items"), schema.get("additionalProperties")]
    for key in ("properties", "$defs"):
        inner += schema.get(key, {}).values()
    for key in ("anyOf", "allOf", "oneOf", "prefixItems"):
        inner += schema.get(key, ())
    return strict & (False not in [_close(part) for part in inner])


async def parse(user: Any, messages: Any, form: TypeForm[T], params: Mapping[str, Any]) -> Parsed[T]:
    """Asks until an answer fits: twice at one route, the second time with the reason, then at the next route."""
    _streamed.refuse("parse", params)
    with brief:
        return await Search(user, messages, form, params).run()


class Search(Generic[T]):
    """One ``parse`` or ``stream_parse``. A deadline and ``max_cost`` hold for all its calls together."""

    def __init__(self, user: Any, messages: Any, form: TypeForm[T], params: Mapping[str, Any]) -> None:
        _called.refuse(params, messages, form)
        _misspelt.refuse("parse", (), params, _misspelt.OTHERS["parse"])
        if params.get("response_format") is not None:
            raise InvalidArgumentError("response_format is made from the second argument; give only one of the two")
        self._user = user
        self.form = Form(form)
        self._request = copy.copy(messages) if isinstance(messages, ChatCompletionRequest) else None
        self._messages = messages_to_wire(messages.messages if self._request else messages)
        self._params = {**params, "response_format": self.form.response_format}
        self._fixed = bool(params.get("model") or (self._request and self._request.model))
        self._bounds = Bounds(self._params)
        self._attempts: list[Attempt] = []
        self._tried: list[str] = []
        self._kept: tuple[ChatCompletionResponse, T] | None = None  # an answer from the cache that fits

    async def run(self, response: ChatCompletionResponse | None = None) -> Parsed[T]:
        """Asks until an answer fits. ``response`` is the first answer, of the call that ``first`` describes."""
        if response is not None:
            self._count(response.attempts)
            if self._is_stale(response):
                response = await self._call(self._user, cache="refresh")
        while True:
            if response is None:
                response = await self._call(self._user if not self._tried else self._others())
            for again in range(1, _MOST + 1):
                try:
                    return Parsed(self._value(response), response, self._attempts)
                except UnfitError as unfit:
                    reason = str(unfit)
                self._mark(reason)
                self._bounds.refuse_unknown(response.cost, self._attempts)
                if again == _MOST:
                    break
                try:
                    response = await self._call(self._user, response, reason)
                except LLMError:
                    if self._bounds.late() or self._bounds.is_spent():
                        raise
                    break  # the next route may answer
            self._tried.append(response.route)
            if self._fixed or not response.route or not self._left():
                text = f"no answer fits {self.form.name}: {reason}"
                raise BadResponseError(text, attempts=self._attempts, body=response.text)
            response = None

    async def _call(
        self, user: Any, unfit: ChatCompletionResponse | None = None, reason: str = "", **options: Any
    ) -> ChatCompletionResponse:
        if self._bounds.late():
            raise APITimeoutError("the deadline passed before an answer fitted", attempts=self._attempts)
        self._bounds.refuse_spent(self._attempts)
        more: list[Any] = []
        if unfit is not None:
            told = f"The answer does not fit: {reason}. Answer again, with JSON only that fits the schema."
            answer = unfit.choices[0].message.to_dict() if unfit.choices else {"role": "assistant", "content": ""}
            more = [answer, {"role": "user", "content": told}]
        asked, params = self.first(more)
        params |= options
        if unfit is not None:
            params["model"] = unfit.route or None
        try:
            response: ChatCompletionResponse = await user.chat(asked, **params)
            if self._is_stale(response):  # no use to this call, as where its ``accept`` refuses what is kept
                response = await user.chat(asked, **{**params, **self._bounds.options(), "cache": "refresh"})
        except LLMError as error:
            self._count(error.attempts)
            error.attempts = list(self._attempts)
            raise
        self._count(response.attempts)
        return response

    def _is_stale(self, response: ChatCompletionResponse) -> bool:
        """Whether a cache has kept an answer that does not fit."""
        if not response.cached:
            return False
        try:
            self._kept = response, self.form.read(response)
        except UnfitError:
            return True
        return False

    def _value(self, response: ChatCompletionResponse) -> T:
        """The object of an answer, which is read once."""
        kept = self._kept
        return kept[1] if kept is not None and kept[0] is response else self.form.read(response)

    def first(self, more: Sequence[Any] = ()) -> tuple[Any, dict[str, Any]]:
        """What is asked, with further messages at its end, and the parameters of the next call."""
        asked: Any = [*self._messages, *more]
        if self._request is not None:
            asked, messages = copy.copy(self._request), asked
            asked.messages = messages
        return asked, {**self._params, **self._bounds.options()}

    def _count(self, attempts: Sequence[Attempt]) -> None:
        self._bounds.count(attempts)
        self._attempts += attempts

    def _mark(self, reason: str) -> None:
        """Tells in the list of attempts that the last answer did not fit."""
        if self._attempts:
            last = self._attempts[-1] = copy.copy(self._attempts[-1])
            last.outcome, last.code = BadResponseError.name, BadResponseError.code
            last.message = f"the answer does not fit {self.form.name}: {reason}"

    def _left(self) -> list[str]:
        routes = [f"{entry.provider}/{entry.name}" for entry in lookup.tried(self._user)]
        return [route for route in routes if route not in self._tried]

    def _others(self) -> Any:
        """The same aggregator with the routes that are left."""
        others = copy.copy(self._user)
        vars(others).pop(Plans.KEY, None)
        others.models = self._left()
        return others
