"""Whole answers, and the chunks of streamed answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _absent
from ._fields import Record, brief, grown, later, spread
from ._wire import build, encode, expect_list, expect_object, template
from .attempt import Attempt
from .cost import Cost
from .messages import Message, ToolCall, delta_from_dict, text_of


class _Unknown(int):
    """The zero of a count that the provider did not send."""


_UNKNOWN = _Unknown()


def _unknown() -> int:
    return _UNKNOWN  # a factory: pydantic's JSON schemas warn of _UNKNOWN as a plain default


def is_known(count: int) -> bool:
    """Whether a provider sent this count of a :class:`Usage`."""
    return not isinstance(count, _Unknown)


@_absent.told("usage")
@grown(3, needed=True)
@later
@dataclass(repr=False, eq=False)
class Usage(Record):
    """Counted tokens. All values are ints or plain dicts.

    If the provider sent no usage, the usage is unknown: ``bool(usage)`` and ``known`` are False, and all counts are 0.
    Check ``known`` before you add up counts or costs. The details have the same names for every provider; a missing
    detail is unknown, not zero. ``prompt_tokens`` includes ``cached_tokens`` (read from a cache),
    ``cache_write_tokens`` (written to a cache) and ``audio_tokens``. ``cache_write_tokens`` includes
    ``cache_write_5m_tokens`` and ``cache_write_1h_tokens``. ``completion_tokens`` includes ``reasoning_tokens`` and
    ``audio_tokens``.
    """

    prompt_tokens: int = field(default_factory=_unknown)
    completion_tokens: int = field(default_factory=_unknown)
    total_tokens: int = field(default_factory=_unknown)
    prompt_tokens_details: dict[str, Any] = field(default_factory=dict)
    completion_tokens_details: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> Usage:
        """Reads a usage. None gives an unknown usage; a missing count becomes an unknown zero."""
        if not isinstance(data, Mapping):
            data = {}
        data = spread(dict(data), _USAGE.keys())
        usage = build(cls, {key: value for key, value in data.items() if value is not None}, _USAGE)
        for key in _DETAILS:
            value = getattr(usage, key)
            setattr(usage, key, dict(value) if isinstance(value, dict) else {})
        return usage

    @property
    def known(self) -> bool:
        """Whether the provider sent any of the counts."""
        return not all(isinstance(getattr(self, key), _Unknown) for key in _COUNTS)

    @property
    def cached_tokens(self) -> int | None:
        """The tokens of the prompt that were read from a cache; None if the provider does not say."""
        return _count_in(self.prompt_tokens_details, "cached_tokens")

    @property
    def cache_write_tokens(self) -> int | None:
        """The tokens of the prompt that were written to a cache; None if the provider does not say."""
        return _count_in(self.prompt_tokens_details, "cache_write_tokens")

    @property
    def reasoning_tokens(self) -> int | None:
        """The tokens of the completion that were thoughts; None if the provider does not say."""
        return _count_in(self.completion_tokens_details, "reasoning_tokens")

    def __bool__(self) -> bool:
        return self.known

    def __repr__(self) -> str:
        return brief(self) if self else "Usage(unknown)"

    def to_dict(self) -> dict[str, Any]:
        """The usage in OpenAI's shape; unknown counts are None; empty details are omitted."""
        wire = {key: value for key in _USAGE if (value := getattr(self, key)) or key in _COUNTS}
        unknown = {key: None for key in _COUNTS if isinstance(wire[key], _Unknown)}
        return {**wire, **unknown, **self.extra}


def usage_to_dict(usage: Usage) -> dict[str, Any] | None:
    """The usage as a dict for an answer; None if all its values are unknown."""
    wire = usage.to_dict()
    return wire if any(value is not None for value in wire.values()) else None


def _count_in(details: dict[str, Any], name: str) -> int | None:
    count = details.get(name)
    return count if isinstance(count, int) else None


_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")
_USAGE = template(Usage, **dict.fromkeys(_COUNTS, _UNKNOWN))


@_absent.told("choice")
@grown(3, needed=True)
@later
@dataclass(repr=False, eq=False)
class Choice(Record):
    """One answer of a response. ``finish_reason`` is None if the server sent no reason."""

    index: int
    message: Message
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Choice:
        """Reads a choice; a missing message becomes an empty message of the assistant."""
        choice = build(cls, expect_object(data, "a choice"), _CHOICE)
        choice.message = Message.from_dict(choice.message if choice.message is not None else {})  # type: ignore[arg-type]
        return choice

    def to_dict(self) -> dict[str, Any]:
        """The choice in OpenAI's shape."""
        return _choice_to_dict(self, "message", self.message)

    __repr__ = brief


_CHOICE = template(Choice, index=0)


def _plain(value: Any) -> Any:
    """A part of an answer as a dict; the application may have put a dict there."""
    return value.to_dict() if hasattr(value, "to_dict") else value


def _choice_to_dict(choice: Choice | StreamChoice, key: str, message: Message) -> dict[str, Any]:
    wire = {"index": choice.index, key: _plain(message), "finish_reason": choice.finish_reason}
    if choice.logprobs is not None:
        wire["logprobs"] = choice.logprobs
    return {**wire, **choice.extra}


@_absent.told("response")
@grown(6, needed=True)
@later
@dataclass(repr=False, eq=False)
class ChatCompletionResponse(Record):
    """A whole answer. ``created`` is seconds since the Unix epoch; ``attempts`` lists the attempts of the call.

    ``cost`` is the cost of all attempts, None if it is unknown. ``id_of_call`` is the number of the call in this
    process (the same as ``Observation.call``), 0 if no call made the answer. ``text`` and ``tool_calls`` are those of
    the first choice. ``cache`` is None if a server was asked, "hit" if the aggregator's cache had the answer, and
    "joined" if this is the answer to an equal call that was in flight; "hit" and "joined" answers have no ``attempts``.
    A notebook shows the text, the routes tried, the time and the tokens.
    """

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage = field(default_factory=Usage)
    system_fingerprint: str | None = None
    service_tier: str | None = None
    cost: Cost | None = None
    cache: str | None = None
    id_of_call: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ChatCompletionResponse:
        """Reads an answer in OpenAI's shape, leniently; unknown fields go to ``extra``."""
        whole = spread(expect_object(data, "the answer"), _RESPONSE.keys())
        given = {key: value for key, value in whole.items() if value is not None}
        response = build(cls, given, _RESPONSE)
        response.choices = [Choice.from_dict(choice) for choice in expect_list(given.get("choices"), "choices")]
        response.usage = Usage.from_dict(given.get("usage"))
        if "cost" in given and (cost := Cost.from_dict(given["cost"])) is not response.cost:
            response.cost = cost
            if cost is None:  # the provider's own field
                response.extra = {**response.extra, "cost": given["cost"]}
        if "cache" in given and given["cache"] not in ("hit", "joined"):  # the provider's own field
            response.cache = None
            response.extra = {**response.extra, "cache": given["cache"]}
        attempts = expect_list(given.get("attempts"), "attempts")
        response.attempts = [Attempt.from_dict(expect_object(attempt, "an attempt")) for attempt in attempts]
        return response

    @property
    def cached(self) -> bool:
        """Whether the answer comes from a cache, so that no server was asked for this call; see ``cache``."""
        return self.cache is not None

    @property
    def text(self) -> str:
        """The text of the first choice; "" if there are no choices."""
        return text_of(self.choices[0].message) if self.choices else ""

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The functions that the first choice asks the application to call; an empty list if there are none."""
        calls = self.choices[0].message.tool_calls if self.choices else None
        return [ToolCall.from_dict(call) for call in calls or ()]

    @property
    def route(self) -> str:
        """The route that answered, as "provider/model"; "" if the response lists no attempts."""
        return next((attempt.route for attempt in reversed(self.attempts) if attempt.outcome == "OK"), "")

    def __repr__(self) -> str:
        from . import _notebook

        return _notebook.line(self)

    def _repr_html_(self) -> str:
        from . import _notebook

        return _notebook.html(self)

    def _repr_markdown_(self) -> str:
        from . import _notebook

        return _notebook.markdown(self)

    def to_dict(self) -> dict[str, Any]:
        """The answer in OpenAI's shape, with ``"attempts"``; unset fields are omitted."""
        wire = _head_to_dict(self)
        wire["usage"] = usage_to_dict(self.usage) if isinstance(self.usage, Usage) else self.usage
        if self.cost is not None:
            wire["cost"] = self.cost.to_dict()
        if self.cache is not None:
            wire["cache"] = self.cache
        if self.id_of_call:
            wire["id_of_call"] = self.id_of_call
        if self.attempts:
            wire["attempts"] = [attempt.to_dict() for attempt in self.attempts]
        return {**wire, **self.extra}

    def to_json(self) -> str:
        """The answer in OpenAI's shape, as JSON text."""
        return encode(self.to_dict(), "the response").decode()


class OtherAnswer:
    """The fields that the answers of ``embed`` and ``rerank`` share."""

    def _read(self, answer: dict[str, Any]) -> None:
        self.model: str = answer["model"]
        self.usage = Usage.from_dict(answer["usage"])
        self.cost = Cost.from_dict(answer.get("cost"))
        self.id_of_call: int = answer.get("id_of_call", 0)
        self.attempts = [Attempt.from_dict(attempt) for attempt in answer["attempts"]]

    def _written(self) -> dict[str, Any]:
        made = {
            "model": self.model, "usage": usage_to_dict(self.usage), "id_of_call": self.id_of_call,
            "attempts": [attempt.to_dict() for attempt in self.attempts],
        }  # fmt: skip
        return made if self.cost is None else {**made, "cost": self.cost.to_dict()}


def answered(response: Any) -> str:
    """The text of an answer; the answer may be an object of a test instead of a ChatCompletionResponse."""
    text = response.text if isinstance(response, ChatCompletionResponse) else response.choices[0].message.content
    return text or ""


_HEAD = ("id", "object", "created", "model")
_REST = ("system_fingerprint", "service_tier")
_RESPONSE = template(ChatCompletionResponse, id="", object="chat.completion", created=0, model="", id_of_call=0)


def _head_to_dict(answer: ChatCompletionResponse | StreamResponse) -> dict[str, Any]:
    wire = {key: getattr(answer, key) for key in _HEAD}
    wire["choices"] = [_plain(choice) for choice in answer.choices]
    for key in _REST:
        if (value := getattr(answer, key)) is not None:
            wire[key] = value
    return wire


@_absent.no_dict
@grown(3)
@later
@dataclass(repr=False, eq=False)
class StreamChoice(Record):
    """A chunk's part of one choice. ``finish_reason`` is None until the choice ends."""

    delta: Message
    index: int
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StreamChoice:
        """Reads a chunk's choice."""
        choice = build(cls, expect_object(data, "a choice"), _STREAM_CHOICE)
        choice.delta = delta_from_dict(choice.delta)  # type: ignore[arg-type]
        return choice

    def to_dict(self) -> dict[str, Any]:
        """The choice in OpenAI's shape."""
        return _choice_to_dict(self, "delta", self.delta)


_STREAM_CHOICE = template(StreamChoice, index=0)


@_absent.no_dict
@grown(5, needed=True)
@later
@dataclass(repr=False, eq=False)
class StreamResponse(Record):
    """One chunk of a streamed answer. ``usage`` is None on chunks without usage."""

    id: str
    object: str
    created: int
    model: str
    choices: list[StreamChoice]
    usage: Usage | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StreamResponse:
        """Reads a chunk in OpenAI's shape: delta roles default to assistant, contents to ""."""
        chunk = build(cls, expect_object(data, "a chunk"), _CHUNK)
        chunk.choices = [StreamChoice.from_dict(choice) for choice in expect_list(data.get("choices"), "choices")]
        if chunk.usage is not None:
            chunk.usage = Usage.from_dict(data["usage"])
        return chunk

    def to_dict(self) -> dict[str, Any]:
        """The chunk in OpenAI's shape; unset fields are omitted."""
        wire = _head_to_dict(self)
        if self.usage is not None:
            wire["usage"] = _plain(self.usage)
        return {**wire, **self.extra}

    def text(self) -> str:
        """The text that the chunk adds to the first choice; some servers list this choice several times in a chunk."""
        if len(self.choices) == 1 and self.choices[0].index == 0:
            return text_of(self.choices[0].delta)
        return "".join([text_of(choice.delta) for choice in self.choices if choice.index == 0])


_CHUNK = template(StreamResponse, id="", object="chat.completion.chunk", created=0, model="")

READ_BY = {
    kind: [(vars(cls), vars(cls)["from_dict"]) for cls in (kind, part, Message, Usage)]
    for kind, part in ((ChatCompletionResponse, Choice), (StreamResponse, StreamChoice))
}
"""The attributes of each class that reads an answer, and its own ``from_dict``: an application may replace it."""
