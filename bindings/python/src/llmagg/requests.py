"""The request of a chat completion, with everything that OpenAI's API takes."""

from __future__ import annotations

import copy
import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from . import _again
from ._fields import Record, grown, later, spread
from ._parameters import nearest, told_of
from ._shown import bare, shown
from .errors import InvalidArgumentError
from .messages import Function, Message, of_fields


@grown(8)
@later
@told_of
@dataclass(repr=False, eq=False)
class ChatCompletionRequest(Record):
    """A request to a model. Fields that are None are not sent. ``extra`` is sent beside the known fields; a name in it
    that looks like a misspelt field is an error. ``extra_body`` takes any name, and replaces fields.

    ``messages`` holds :class:`Message` objects or dicts in OpenAI's shape. Lengths are in tokens.
    """

    model: str
    messages: list[Message]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stream: bool = False
    stop: list[str] | str | None = None
    functions: list[Function] | None = None
    function_call: str | dict[str, Any] | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    stream_options: dict[str, Any] | None = None
    modalities: list[str] | None = None
    audio: dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None
    service_tier: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    extra_body: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The request in OpenAI's shape, before the route makes its own changes."""
        wire: dict[str, Any] = {"model": self.model} if self.model else {}
        if type(self.messages) is not list and isinstance(self.messages, Iterator):
            self.messages = list(self.messages)  # hooks and further attempts read them again
        wire["messages"] = messages_to_wire(self.messages)
        for key in _REST:
            if (value := getattr(self, key)) is not None:
                wire[key] = value
        if self.stream:
            wire["stream"] = self.stream
        if isinstance(self.functions, (list, tuple)):
            wire["functions"] = [f.to_dict() if isinstance(f, Function) else f for f in self.functions]
        if self.extra or self.extra_body:
            return {**wire, **self.extra, **_fields_of(self.extra_body)}
        return wire

    def to_core(self) -> dict[str, Any]:
        """The request for the core, which checks the names of fields, except in ``extra_body``."""
        if self.extra_body is None and len(vars(self)) == _COUNT:
            return without_bytes(self.to_dict())
        plain, extra_body = copy.copy(self), self.extra_body
        plain.extra_body = None
        if _TRUSTED in vars(self):
            extra_body = {**self.extra, **_fields_of(extra_body)}
            plain.extra = {}
        wire = plain.to_dict()
        if extra_body is not None:
            wire["extra_body"] = extra_body
        if type(self) is ChatCompletionRequest:  # a subclass may have more attributes
            _refuse_slips([key for key in vars(self) if key not in _ATTRIBUTES and key[:1] != "_"])
        return without_bytes(wire)

    def trust_names(self) -> None:
        """Notes that the core has checked the names in ``extra``; some may come from a caller's ``extra_body``."""
        vars(self)[_TRUSTED] = True

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ChatCompletionRequest:
        """Reads a request in OpenAI's shape; unknown fields go to ``extra``."""
        data = spread(dict(data), _ATTRIBUTES)
        known = {key: data[key] for key in _FIELDS if data.get(key) is not None}
        known.setdefault("model", "")
        messages = known.get("messages", [])
        known["messages"] = [Message.from_dict(dict(m)) if isinstance(m, Mapping) else m for m in messages]
        unknown = {key: value for key, value in data.items() if key not in _FIELDS}
        extra_body = unknown.pop("extra_body", None)
        return cls(**known, extra=unknown, extra_body=extra_body)


_FIELDS = tuple(key for key in ChatCompletionRequest.__dataclass_fields__ if key not in ("extra", "extra_body"))
_TRUSTED = "_llmagg_trusted"
_ATTRIBUTES = frozenset(ChatCompletionRequest.__dataclass_fields__)
_COUNT = len(_ATTRIBUTES)
_REST = tuple(key for key in _FIELDS if key not in ("model", "messages", "stream", "functions"))


def read_request(value: Any) -> ChatCompletionRequest:
    """The request of a call on a client, which may be of another class with the same attributes, as applications and
    second copies of the package have. Raises InvalidArgumentError for all else.
    """
    if isinstance(value, ChatCompletionRequest):
        return value
    if isinstance(value, (type, Mapping)) or not hasattr(value, "messages"):
        kind = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        advice = "an aggregator's chat() takes a text or messages by themselves"
        if isinstance(value, Mapping):
            advice = "ChatCompletionRequest.from_dict() makes a request of it"
        raise InvalidArgumentError(f"the request must be a ChatCompletionRequest, got {kind}; {advice}")
    given = {name: item for name in _FIELDS if (item := getattr(value, name, None)) is not None}
    return ChatCompletionRequest(**{"model": "", **given})


def _fields_of(extra_body: Any) -> Mapping[str, Any]:
    """The fields of ``extra_body``, which may be an object of any type that is written as one."""
    if extra_body is None or isinstance(extra_body, Mapping):
        return extra_body or {}
    from ._values import as_dict

    return as_dict(extra_body)


def _refuse_slips(names: list[str]) -> None:
    """Raises an error for attributes, which are never sent, whose names look like misspelt fields."""
    for name in names:
        if near := nearest(name, _ATTRIBUTES):
            raise InvalidArgumentError(f'a request has no field "{name}"; did you mean "{near}"?')


def messages_to_wire(messages: Any) -> Any:
    """Messages, of any iterable, in a form that can be written as JSON: dicts, or objects that ``_values`` knows.

    A text is one message of the user; an empty one is refused. The core refuses other values, with their place.
    """
    if type(messages) is not list:
        if messages is None:
            raise InvalidArgumentError("messages is None; expected a text or a list of messages")
        if isinstance(messages, str) or _is_lazy(messages):
            if (text := str(messages)).isspace() or not text:
                raise InvalidArgumentError(
                    "the text of the call is empty, so nothing is asked; pass a question (a list of messages may hold "
                    'an empty one: [{"role": "user", "content": ""}])'
                )
            return [{"role": "user", "content": messages}]
        kind = _kind(messages)
        messages = messages.root if getattr(type(messages), "__pydantic_root_model__", False) is True else messages
        try:
            read = None if isinstance(messages, (*_BYTES, Mapping)) else list(messages)
            messages = None if read and type(read[0]) is tuple and _is_model(messages) else read  # pydantic's fields
        except TypeError as error:
            if _again.of_handler(error):
                raise
            messages = None
        if messages is None:
            raise InvalidArgumentError(f"messages must be a text or a list of messages, got {kind}")
    if "pydantic_ai.messages" in sys.modules:
        from ._foreign import unfolded

        messages = unfolded(messages)
    return [
        m if type(m) is dict and len(m) == 2 and type(m.get("content")) is str else _to_wire(m, messages)
        for m in messages
    ]


def model_name(value: Any) -> Any:
    """The name of a model as a str, if an object stands for a text; None for an empty text; other values themselves."""
    name = str(value) if value is not None and not isinstance(value, str) and _is_lazy(value) else value
    return None if isinstance(name, str) and not name else name


def _is_lazy(value: Any) -> bool:
    if isinstance(value, (tuple, Iterator)):
        return False
    from ._values import is_text

    return is_text(value)


def _kind(value: Any) -> str:
    """The type of what is no list of messages, and how to write it."""
    kind = type(value).__name__
    if isinstance(value, Awaitable):
        return f"{kind}; put 'await' before the call that made it"
    if isinstance(value, AsyncIterable):
        return f"{kind}; read it first: [message async for message in …]"
    if isinstance(value, Mapping) and "messages" in value:
        return f"{kind}; ChatCompletionRequest.from_dict() makes a request of it"
    one = isinstance(value, Mapping) or _is_model(value)
    return f"{kind}; put a single message into a list" if one else kind


def _is_model(value: Any) -> bool:
    """Whether a value is one object with fields: a dataclass's, as Message, or a model of pydantic 2 or 1."""
    return any(hasattr(type(value), name) for name in ("__dataclass_fields__", "model_dump", "__fields_set__"))


def is_single(value: Any) -> bool:
    """Whether a value can be iterated over and is no list: a text, an array without places, a model of pydantic."""
    return _is_lazy(value) or _is_model(value) or getattr(value, "ndim", 1) == 0


def listed(values: Any, name: str) -> Any:
    """The texts of any iterable as a list, since an iterator can be read once and a set has no places; a text, and what
    is no iterable, as it is. Raises InvalidArgumentError, which names the parameter, if the texts cannot be read.
    """
    if isinstance(values, (list, tuple, Mapping, *_BYTES)) or not isinstance(values, Iterable):
        return values
    if is_single(values):
        return values
    try:
        return list(values)
    except Exception as error:  # of the values' own code
        if _again.of_handler(error):
            raise
        raise InvalidArgumentError(f"{name} cannot be read: {type(error).__name__}: {error}") from error


def _to_wire(message: Any, messages: list[Any]) -> Any:
    wire = message.to_dict() if isinstance(message, Message) else message
    if type(wire) is dict:
        wire = of_fields(wire)
        content = wire.get("content")
        found = None if type(content) is str else _place_of_bytes(content, _bytes_in_content)
        if found is None and (len(wire) > 2 or content is None):
            found = _place_of_bytes({key: value for key, value in wire.items() if key != "content"})
        if found is not None:
            i = next(i for i, other in enumerate(messages) if other is message)
            place, kind = found
            if kind in _NAMES_OF_BYTES:
                raise InvalidArgumentError(f"messages[{i}]{place} must be a str, got {kind}; decode it first")
            if kind.endswith(_UNTYPED):
                advice = "write a data URL: 'data:image/png;base64,' + base64.b64encode(…).decode()"
                raise InvalidArgumentError(
                    f"messages[{i}]{place} must be a URL, got {kind.removesuffix(_UNTYPED)}; {advice}"
                )
            raise InvalidArgumentError(_refused(f"messages[{i}]{place}", kind))
    return wire


_BYTES = (bytes, bytearray, memoryview)
_NAMES_OF_BYTES = ("bytes", "bytearray", "memoryview")
_UNTYPED = " of an image"
_OTHERS = frozenset((str, int, float, bool, type(None)))
_TEXTS = frozenset((
    "type", "text", "detail", "format", "filename", "file_id", "id", "name", "title", "role", "tool_call_id",
    "mime_type", "mimeType", "media_type",
))  # fmt: skip
"""The fields of parts in which bytes are no data."""


def is_bytes(value: Any) -> bool:
    """Whether a value is bytes, or a member of an Enum or a scalar of numpy that stands for bytes."""
    return isinstance(_held(value), _BYTES)


def _held(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if hasattr(type(value), "dtype") and hasattr(type(value), "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    return value


def _bytes_in_content(content: Any) -> tuple[str, str] | None:
    """Bytes in the place of a text, and their place. In other fields of a part they are written in base64."""
    if is_bytes(content):
        return ".content", _name_of(content)
    if type(content) in (list, tuple):
        for i, part in enumerate(content):
            if is_bytes(part):
                return f".content[{i}]", _name_of(part)
            if type(part) is dict:
                image = _bytes_for_url(part.get("image_url"))
                found = (f".image_url{image[0]}", image[1]) if image else bytes_in(part, True)
                if found is not None:
                    return f".content[{i}]{found[0]}", found[1]
    return None


def _bytes_for_url(image: Any) -> tuple[str, str] | None:
    """Bytes where the URL of an image belongs: their base64 alone is no URL."""
    url = image.get("url") if type(image) is dict else image
    return ("" if url is image else ".url", _name_of(url) + _UNTYPED) if isinstance(url, _BYTES) else None


def _unfit_key(key: Any) -> str:
    """What a key is that msgspec writes as a name that nobody meant: base64, or a number that is none; a Decimal
    without quotes.
    """
    from decimal import Decimal  # slow to import

    key = key.value if isinstance(key, Enum) else key
    if isinstance(key, Decimal):
        return f"the key {key} of type Decimal"
    if isinstance(key, _BYTES):
        told = shown(bytes(key).decode("latin-1"))
        return f"the key b{told}" if told[0] == "'" else f"a key of {len(key)} bytes"
    return f"the key {key}" if isinstance(key, float) and key - key != 0 else ""


def bytes_in(value: Any, part: bool = False) -> tuple[str, str] | None:
    """The place of bytes inside a value, and their type. In a ``part`` of a message bytes are data, but in the fields
    that are texts.
    """
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str and (unfit := _unfit_key(key)):
                return "", unfit
            if type(item) not in _OTHERS:
                data = part and not (key in _TEXTS and is_bytes(item))
                if found := bytes_in(item, data):
                    return f".{bare(str(key))}{found[0]}", found[1]
    elif type(value) in (list, tuple):
        for i, item in enumerate(value):
            if type(item) not in _OTHERS and (found := bytes_in(item, part)):
                return f"[{i}]{found[0]}", found[1]
    elif part:
        return None
    elif is_bytes(value):
        return "", _name_of(value)
    elif not isinstance(value, (str, int, float)):
        return _bytes_in_object(value)
    return None


def _bytes_in_object(value: Any) -> tuple[str, str] | None:
    """As ``bytes_in``, for containers of other types."""
    from ._values import inside

    for place, item in inside(value):
        if item is not value and type(item) not in _OTHERS and (found := bytes_in(item)):
            return place + found[0], found[1]
    return None


def _name_of(value: Any) -> str:
    value = _held(value)
    return next(kind.__name__ for kind in _BYTES if isinstance(value, kind))


def _place_of_bytes(value: Any, look: Callable[[Any], tuple[str, str] | None] | None = None) -> tuple[str, str] | None:
    look = look or bytes_in
    try:
        return look(value)
    except Exception as error:
        _again.check(error, look, value)
        return None  # what is nested too deeply, or whose own code fails, is refused where it is written


def without_bytes(wire: dict[str, Any]) -> dict[str, Any]:
    """The request itself. Raises InvalidArgumentError for bytes in it; its messages were looked at before."""
    for key, value in wire.items():
        if type(value) not in _OTHERS and key != "messages":
            refuse_bytes(key, value)
    return wire


def refuse_bytes(name: str, value: Any) -> None:
    """Raises InvalidArgumentError for bytes in a parameter, which would be written in base64."""
    if found := _place_of_bytes(value):
        place, kind = found
        raise InvalidArgumentError(_refused(bare(name) + place, kind))


def _refused(place: str, kind: str) -> str:
    what = "decode it first, or encode it as text" if kind in _NAMES_OF_BYTES else "expected names of type str"
    return f"{place} must not hold {kind}; {what}"
