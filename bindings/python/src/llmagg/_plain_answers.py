"""Whole answers that hold text and calls of tools alone, as nearly all do: read into structs and made of those.

That takes two thirds of the time that msgspec needs for the classes themselves, which have many more fields. An answer
with any other field does not fit: :mod:`llmagg._gathered` reads it into the classes, with the same result.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, json

from ._fields import whole
from .attempt import Attempt
from .cost import Cost
from .messages import Message, Role
from .responses import ChatCompletionResponse, Choice, Usage

_new = object.__new__


class _Message(Struct, gc=False, forbid_unknown_fields=True):
    role: Role
    content: str | None
    tool_calls: list[dict[str, Any]] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    extra: dict[str, Any] | None = None


class _Choice(Struct, gc=False, forbid_unknown_fields=True):
    index: int
    message: _Message
    finish_reason: str | None = None
    extra: dict[str, Any] = {}


class _Usage(Struct, gc=False, forbid_unknown_fields=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, Any] = {}
    completion_tokens_details: dict[str, Any] = {}
    extra: dict[str, Any] = {}


class _Attempt(Struct, gc=False, forbid_unknown_fields=True):
    route: str
    provider: str
    model: str
    start: float
    duration: float
    outcome: str
    code: int
    wait: float
    bytes: int
    status: int = 0
    server_address: str = ""
    server_port: int = 0
    usage: dict[str, Any] | None = None
    cost: Cost | None = None
    first_token: float | None = None
    stream: bool = False
    error_owner: str = ""
    message: str = ""
    waited_for: str = ""
    key: str = ""
    skipped_events: int = 0
    left_out: list[str] = []
    adapted: list[str] = []
    forced: bool = False
    hedge: bool = False


class _Answer(Struct, gc=False, forbid_unknown_fields=True):
    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    usage: _Usage
    id_of_call: int
    attempts: list[_Attempt]
    system_fingerprint: str | None = None
    service_tier: str | None = None
    cost: Cost | None = None
    cache: str | None = None
    extra: dict[str, Any] = {}


decode = json.Decoder(_Answer).decode
"""Reads a payload. Raises ValueError or RecursionError for an answer that does not fit."""


def made_of(read: _Answer) -> ChatCompletionResponse:
    """The answer. Fields that were not sent keep the defaults of their classes: with all of them set, an answer took
    632 bytes instead of 552.
    """
    made = _new(ChatCompletionResponse)
    made.id = read.id
    made.object = read.object
    made.created = read.created
    made.model = read.model
    made.choices = [_choice(choice) for choice in read.choices]
    used = read.usage
    made.usage = usage = _new(Usage)
    usage.prompt_tokens = used.prompt_tokens
    usage.completion_tokens = used.completion_tokens
    usage.total_tokens = used.total_tokens
    usage.prompt_tokens_details = used.prompt_tokens_details
    usage.completion_tokens_details = used.completion_tokens_details
    usage.extra = used.extra
    if read.system_fingerprint is not None:
        made.system_fingerprint = read.system_fingerprint
    if read.service_tier is not None:
        made.service_tier = read.service_tier
    if read.cost is not None:
        made.cost = read.cost
    if read.cache is not None:
        made.cache = read.cache
    made.id_of_call = read.id_of_call
    made.attempts = [_attempt(attempt) for attempt in read.attempts]
    made.extra = read.extra
    if read.extra:
        whole(made)
    return made


def _choice(read: _Choice) -> Choice:
    message = _new(Message)
    said = read.message
    message.role = said.role
    message.content = said.content
    if said.tool_calls is not None:
        message.tool_calls = said.tool_calls
    if said.refusal is not None:
        message.refusal = said.refusal
    if said.reasoning_content is not None:
        message.reasoning_content = said.reasoning_content
    if said.extra is not None:
        message.extra = said.extra
        whole(message)
    made = _new(Choice)
    made.index = read.index
    made.message = message
    made.finish_reason = read.finish_reason
    made.extra = read.extra
    if read.extra:
        whole(made)
    return made


def _attempt(read: _Attempt) -> Attempt:
    made = _new(Attempt)
    made.route = read.route
    made.provider = read.provider
    made.model = read.model
    made.start = read.start
    made.duration = read.duration
    made.outcome = read.outcome
    made.code = read.code
    made.status = read.status
    made.wait = read.wait
    made.bytes = read.bytes
    if read.first_token is not None:
        made.first_token = read.first_token
    if read.cost is not None:
        made.cost = read.cost
    if read.stream:
        made.stream = True
    if read.error_owner:
        made.error_owner = read.error_owner
    if read.message:
        made.message = read.message
    if read.waited_for:
        made.waited_for = read.waited_for
    if read.key:
        made.key = read.key
    if read.skipped_events:
        made.skipped_events = read.skipped_events
    if read.forced:
        made.forced = True
    if read.hedge:
        made.hedge = True
    made.usage = read.usage
    made.left_out = read.left_out
    made.adapted = read.adapted
    made.server_address = read.server_address
    made.server_port = read.server_port
    made.extra = {}
    return made
