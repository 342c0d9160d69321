"""Whole answers that hold text and calls of tools alone are read in another way than others, with the same result."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from llmagg import ChatCompletionResponse, MessageRole, _gathered, _plain_answers
from llmagg.requests import messages_to_wire

ATTEMPT = {
    "route": "first/m", "provider": "first", "model": "m", "server_address": "127.0.0.1", "server_port": 8080,
    "start": 1767225600.25, "duration": 0.5, "outcome": "OK", "code": 0, "status": 200, "wait": 0, "bytes": 637,
    "usage": {"prompt_tokens": 42, "completion_tokens": 64, "total_tokens": 106},
}  # fmt: skip
MESSAGE = {"role": "assistant", "content": "a"}
CHOICE = {"index": 0, "message": MESSAGE, "finish_reason": "stop"}
USAGE = {"prompt_tokens": 42, "completion_tokens": 64, "total_tokens": 106}
ANSWER = {
    "id": "c", "object": "chat.completion", "created": 1767225600, "model": "m", "choices": [CHOICE], "usage": USAGE,
    "id_of_call": 7, "attempts": [ATTEMPT], "system_fingerprint": "fp",
}  # fmt: skip
FAILED = {**ATTEMPT, "outcome": "TIMEOUT", "message": "late", "code": 9, "error_owner": "provider", "status": 504}
COST = {"amount": 0.5, "currency": "EUR", "source": "price"}


def with_choice(**more: Any) -> dict[str, Any]:
    return {**ANSWER, "choices": [{**CHOICE, **more}]}


def with_message(**more: Any) -> dict[str, Any]:
    return with_choice(message={**MESSAGE, **more})


def with_attempt(**more: Any) -> dict[str, Any]:
    return {**ANSWER, "attempts": [{**ATTEMPT, **more}]}


PLAIN = [
    ANSWER,
    {**ANSWER, "choices": []},
    {**ANSWER, "cache": "hit", "attempts": []},
    {**ANSWER, "choices": [CHOICE, {**CHOICE, "index": 1}]},
    {**ANSWER, "service_tier": "default", "cost": COST, "extra": {"a": [1]}},
    {**ANSWER, "usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 3}, "extra": {"b": 1}}},
    {**ANSWER, "usage": {**USAGE, "completion_tokens_details": {"reasoning_tokens": 3}}},
    with_choice(finish_reason=None),
    with_choice(extra={"stop_sequence": "x"}),
    with_message(refusal="no", reasoning_content="hm", extra={"annotations": []}),
    with_message(content=None, tool_calls=[{"id": "1", "type": "function", "function": {"name": "f"}}]),
    with_attempt(cost=COST, first_token=0.1, stream=True),
    with_attempt(key="abcd", left_out=["seed"], adapted=["top_k: left out"], waited_for="rate", skipped_events=1),
    with_attempt(forced=True, hedge=True),
    {**ANSWER, "attempts": [FAILED, ATTEMPT]},
    {**ANSWER, "attempts": [{k: v for k, v in ATTEMPT.items() if k not in ("usage", "status", "server_address")}]},
]
OTHER = [
    {k: v for k, v in ANSWER.items() if k != "usage"},
    {**ANSWER, "usage": {"total_tokens": 3}},
    with_choice(logprobs={"content": []}),
    with_message(function_call={"name": "f"}),
    with_message(role="critic"),
    with_message(content=[{"type": "text", "text": "a"}]),
]


def all_of(value: Any) -> Any:
    """The value with the fields of its objects, and their types."""
    if isinstance(value, (list, tuple)):
        return [all_of(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return type(value), {name: all_of(getattr(value, name)) for name in value.__dataclass_fields__}
    return type(value), value


@pytest.mark.parametrize("answer", [*PLAIN, *OTHER])
def test_an_answer_is_what_the_classes_make_of_it(answer: dict[str, Any]) -> None:
    payload = json.dumps(answer).encode()
    read, wanted = _gathered.response(payload), _gathered._any_response(payload)
    assert all_of(read) == all_of(wanted)
    assert read == wanted and read.to_dict() == wanted.to_dict() and repr(read) == repr(wanted)
    for twin in copy.copy(read), copy.deepcopy(read), pickle.loads(pickle.dumps(read)):
        assert type(twin) is ChatCompletionResponse and twin == wanted


@pytest.mark.parametrize("answer", PLAIN)
def test_plain_answers_take_the_short_way(answer: dict[str, Any]) -> None:
    read = _plain_answers.made_of(_plain_answers.decode(json.dumps(answer).encode()))
    assert read.id_of_call == 7


def test_answers_share_no_lists_and_dicts() -> None:
    payload = json.dumps(ANSWER).encode()
    first, second = _gathered.response(payload), _gathered.response(payload)
    first.extra["a"] = first.usage.extra["a"] = first.usage.prompt_tokens_details["a"] = 1
    first.choices[0].extra["a"] = first.choices[0].message.extra["a"] = first.attempts[0].extra["a"] = 1
    first.attempts[0].left_out.append("seed")
    assert second == _gathered._any_response(payload)
    assert second.choices[0].message.role is MessageRole.ASSISTANT


KEPT = [
    ANSWER,
    {**ANSWER, "service_tier": "default", "cost": COST, "extra": {"a": [1]}},
    {**ANSWER, "usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 3}, "extra": {"b": 1}}},
    {**ANSWER, "usage": {"total_tokens": 3, "extra": {"b": 1}}},
    with_choice(extra={"stop_sequence": "x"}),
    with_choice(logprobs={"content": []}, extra={"stop_sequence": "x"}),
    with_message(extra={"annotations": []}),
    with_message(content=None, tool_calls=[{"id": "1", "type": "function"}], extra={"parts": []}),
]


@pytest.mark.parametrize("answer", KEPT)
def test_an_answer_kept_by_its_attributes_comes_back(answer: dict[str, Any]) -> None:
    read = _gathered.response(json.dumps(answer).encode())
    repr(read)
    read.to_dict()
    assert ChatCompletionResponse.from_dict(json.loads(json.dumps(read, default=vars))) == read


@pytest.mark.parametrize("answer", KEPT)
def test_the_attributes_of_an_answers_message_are_sent_as_it_is(answer: dict[str, Any]) -> None:
    message = _gathered.response(json.dumps(answer).encode()).choices[0].message
    wanted = message.to_dict()
    assert messages_to_wire([vars(message)]) == messages_to_wire([message]) == [wanted]
