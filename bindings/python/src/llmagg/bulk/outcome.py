"""What a row came to: its entry in the ledger, from an answer or an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from .. import _gathered
from .._native.queue import Payload
from .._wire import encode
from ..attempt import Attempt
from ..cost import Cost
from ..errors import InvalidArgumentError, LLMError, to_payload
from ..responses import ChatCompletionResponse, usage_to_dict
from .ledger import FAILED, OK, Entry
from .rows import id_of


class Asked(NamedTuple):
    """A row on its way: ``error`` if it cannot be asked."""

    n: int
    row: Any
    key: bytes
    messages: Any
    params: Mapping[str, Any]
    error: LLMError | None = None


class _Message(Struct, gc=False):
    content: str
    tool_calls: Any = None
    refusal: Any = None


class _Choice(Struct, gc=False):
    message: _Message
    finish_reason: str | None = None


class _Counts(Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int] | None = None
    completion_tokens_details: dict[str, int] | None = None


class _Tried(Struct, gc=False):
    route: str
    outcome: str = "OK"


class _Answer(Struct, gc=False):
    """What the ledger keeps of an answer in the core's form; the rest is not read."""

    choices: list[_Choice]
    attempts: list[_Tried]
    usage: _Counts | None = None
    cost: Cost | None = None


class _Used(Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Record(Struct, gc=False):
    answer: str
    finish_reason: str
    route: str


# Made by the import, which runs in one thread: msgspec crashes if two threads inspect types for the first time.
_decode = msgspec.json.Decoder(_Answer).decode
_decode_used = msgspec.json.Decoder(_Used).decode
_encode = msgspec.json.Encoder().encode


def read(asked: Asked, payload: Payload) -> Entry:
    """The entry of an answer in the core's form (``LLMAGG_GATHER``). One that is only a text, as nearly all are, takes
    a third of the time of :func:`answered`, which reads all others.
    """
    try:
        answer = _decode(payload)
    except (ValueError, RecursionError):
        return _read_whole(asked, payload)
    message, usage, cost = answer.choices[0].message if len(answer.choices) == 1 else None, answer.usage, answer.cost
    if message is None or message.tool_calls or message.refusal:
        return _read_whole(asked, payload)
    route = next((tried.route for tried in reversed(answer.attempts) if tried.outcome == "OK"), "")
    record = _Record(message.content, answer.choices[0].finish_reason or "", route)
    if usage is not None:
        usage.prompt_tokens_details = usage.prompt_tokens_details or None
        usage.completion_tokens_details = usage.completion_tokens_details or None
    return Entry(
        asked.n, asked.key, OK, id_text(asked.row), _encode(record).decode(),
        None if usage is None else _encode(usage).decode(), None if cost is None else cost.amount,
        None if cost is None else cost.currency, len(answer.attempts),
    )  # fmt: skip


def _read_whole(asked: Asked, payload: Payload) -> Entry:
    response = _gathered.response(payload)
    return answered(asked, response, response.attempts)


def answered(
    asked: Asked, response: ChatCompletionResponse, attempts: list[Attempt], value: Any = None, parsed: bool = False
) -> Entry:
    """The entry of an answer."""
    choice = response.choices[0] if response.choices else None
    record: dict[str, Any] = {"answer": response.text}
    if parsed:
        record["parsed"] = plain(value)
    if choice is not None:
        record["finish_reason"] = choice.finish_reason or ""
        if choice.message.tool_calls:
            record["tool_calls"] = choice.message.to_dict()["tool_calls"]
        if choice.message.refusal:
            record["refusal"] = choice.message.refusal
    if len(response.choices) > 1:
        record["choices"] = [choice.to_dict() for choice in response.choices]
    record["route"] = response.route
    cost = _cost(attempts) if parsed else response.cost
    usage = usage_to_dict(response.usage)
    return Entry(
        asked.n, asked.key, OK, id_text(asked.row), encode(record, "the answer").decode(),
        None if usage is None else encode(usage).decode(), None if cost is None else cost.amount,
        None if cost is None else cost.currency, len(attempts),
    )  # fmt: skip


def failed(asked: Asked, error: LLMError) -> Entry:
    """The entry of a failure."""
    cost = _cost(error.attempts)
    told = {key: value for key, value in to_payload(error).items() if key not in ("body", "partial")}
    told["name"] = error.name
    return Entry(
        asked.n, asked.key, FAILED, id_text(asked.row), None, None, None if cost is None else cost.amount,
        None if cost is None else cost.currency, len(error.attempts), encode(told, "the error").decode(),
    )  # fmt: skip


def id_text(row: Any) -> str | None:
    """The row's name of itself as JSON text; what JSON does not have is given back as a text."""
    name = id_of(row)
    if name is None:
        return None
    try:
        return encode(name).decode()
    except InvalidArgumentError:
        return encode(str(name).encode("utf-8", "replace").decode()).decode()


def _cost(attempts: list[Attempt]) -> Cost | None:
    """The sum of what attempts cost, as far as it is known and in the currency of the first."""
    known = [attempt.cost for attempt in attempts if attempt.cost is not None]
    if not known:
        return None
    currency = known[0].currency
    return Cost(sum(cost.amount for cost in known if cost.currency == currency), currency)


def tokens(entry: Entry) -> tuple[int, int]:
    """Prompt and completion tokens of an entry."""
    if entry.usage is None:
        return 0, 0
    used = _decode_used(entry.usage)
    return used.prompt_tokens or 0, used.completion_tokens or 0


def plain(value: Any) -> Any:
    """A parsed value in plain types."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump is not None else msgspec.to_builtins(value)
