"""The data types: the original's fields in their order, JSON in and out, and msgspec's traps."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
import typing
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmagg
from conftest import HELLO, aggregator_for, python
from llmagg import _gathered, _wire, params, types
from llmagg.errors import BadResponseError, InvalidArgumentError
from llmagg.faultwall import FaultWall
from llmagg.types import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    Choice,
    Function,
    Message,
    MessageRole,
    ModelConfig,
    ProviderConfig,
    StreamChoice,
    StreamResponse,
    Usage,
)

ORIGINAL_FIELDS = {
    Message: ["role", "content"],
    Function: ["name", "description", "parameters"],
    ChatCompletionRequest: ["model", "messages", "max_tokens", "temperature", "top_p", "stream", "stop", "functions"],
    Usage: ["prompt_tokens", "completion_tokens", "total_tokens"],
    Choice: ["index", "message", "finish_reason"],
    ChatCompletionResponse: ["id", "object", "created", "model", "choices", "usage"],
    StreamChoice: ["delta", "index", "finish_reason"],
    StreamResponse: ["id", "object", "created", "model", "choices"],
    ModelConfig: ["model", "provider", "api_key", "base_url", "timeout", "max_retries", "max_concurrent_calls"],
    ProviderConfig: ["provider", "models"],
}


@pytest.mark.parametrize("cls", ORIGINAL_FIELDS, ids=lambda cls: cls.__name__)
def test_original_fields_come_first(cls: Any) -> None:
    fields = dataclasses.fields(cls)
    assert [field.name for field in fields][: len(ORIGINAL_FIELDS[cls])] == ORIGINAL_FIELDS[cls]
    for field in fields[len(ORIGINAL_FIELDS[cls]) :]:
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        assert has_default, f"{cls.__name__}.{field.name} is new and needs a default"


def test_original_defaults() -> None:
    request = ChatCompletionRequest("m", [])
    assert (request.max_tokens, request.temperature, request.top_p, request.stop, request.functions) == (None,) * 5
    assert request.stream is False
    config = ModelConfig("m", "p", "k", "u")
    assert (config.timeout, config.max_retries, config.max_concurrent_calls, config.name) == (30.0, 3, 10, None)
    assert StreamChoice(Message("assistant", ""), 0).finish_reason is None
    assert MessageRole.SYSTEM == "system"
    assert [role.value for role in MessageRole][:4] == ["system", "user", "assistant", "function"]


def test_request_leaves_out_what_is_unset_and_keeps_what_is_nested() -> None:
    request = ChatCompletionRequest(
        "m", [Message(MessageRole.USER, "hi"), {"role": "assistant", "content": None, "tool_calls": []}],  # type: ignore[list-item]
        temperature=0.0, functions=[Function("f", "does", {"default": None})], extra={"x_new": {"a": None}},
    )  # fmt: skip
    assert request.to_dict() == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": []}],
        "temperature": 0.0,
        "functions": [{"name": "f", "description": "does", "parameters": {"default": None}}],
        "x_new": {"a": None},
    }
    assert ChatCompletionRequest.from_dict(request.to_dict()).to_dict()["x_new"] == {"a": None}


def test_role_is_normalized_where_known() -> None:
    assert Message("tool", "x").role is MessageRole.TOOL
    assert Message("narrator", "x").role == "narrator"
    assert Message.from_dict({"role": "user", "content": "x"}).role is MessageRole.USER
    assert Message.from_dict({"content": "x"}).role is MessageRole.ASSISTANT


def test_response_reads_null_content_and_missing_usage() -> None:
    response = ChatCompletionResponse.from_dict(
        {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}}], "usage": None}
    )
    assert response.choices[0].message.content is None
    assert response.choices[0].message.tool_calls == [{"id": "1"}]
    assert json.loads(json.dumps(response.usage.__dict__))["total_tokens"] == 0
    assert response.to_dict()["usage"] is None


def test_a_usage_that_was_not_sent_is_unknown() -> None:
    unknown = [Usage(), Usage.from_dict(None), Usage.from_dict({}), ChatCompletionResponse("", "", 0, "", []).usage]
    for usage in [
        *unknown,
        *(copy.deepcopy(one) for one in unknown),
        *(pickle.loads(pickle.dumps(u)) for u in unknown),
    ]:
        assert not usage and not usage.known
        assert usage.prompt_tokens == usage.completion_tokens == usage.total_tokens == 0
        assert json.loads(json.dumps(usage.__dict__)) == {
            "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0,
            "prompt_tokens_details": {}, "completion_tokens_details": {}, "extra": {},
        }  # fmt: skip
        assert repr(usage) == "Usage(unknown)"


def test_a_usage_of_zeros_and_a_part_of_one_are_known() -> None:
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    for usage in Usage(0, 0, 0), Usage.from_dict(zeros):
        assert usage and usage.known and usage.to_dict() == zeros
    part = Usage.from_dict({"prompt_tokens": 3, "total_tokens": None})
    assert part.known and part.total_tokens == 0
    assert part.to_dict() == {"prompt_tokens": 3, "completion_tokens": None, "total_tokens": None}


@pytest.mark.parametrize(
    ("text", "known", "total"),
    [("", False, 0), ('"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0},', True, 0),
     ('"usage":{"total_tokens":3},', True, 3)],
)  # fmt: skip
def test_a_gathered_usage_is_known_as_far_as_it_is_told(text: str, known: bool, total: int) -> None:
    response = _gathered.response(
        b'{"id":"1","object":"chat.completion","created":1,"model":"m",' + text.encode() + b'"choices":[]}'
    )
    assert (response.usage.known, response.usage.total_tokens) == (known, total)


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_bare_text_in_a_batch_is_a_chunk_like_the_last_whole_one(looked_at: bool) -> None:
    def whole(model: str, text: str, **more: Any) -> dict[str, Any]:
        delta = {"role": "assistant", "content": text, **more}
        return {"id": "1", "object": "o", "created": 1, "model": model, "system_fingerprint": "fp",
                "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}  # fmt: skip

    odd = whole("n", "d", tool_calls=[{"index": 0}])
    batches: list[list[Any]] = [[whole("m", "a"), "b"], ["c"], [odd, whole("n", "e"), "f"], ["g"]]
    told = [whole("m", "a"), whole("m", "b"), whole("m", "c"), odd, *(whole("n", text) for text in "efg")]
    wanted = [StreamResponse.from_dict(chunk) for chunk in told]

    def read(by: Any) -> list[Any]:
        reading = SimpleNamespace(looked_at=looked_at, head=None)
        items = []
        for batch in batches:
            count, made = by(json.dumps(batch).encode(), reading)
            items += made
            assert count == len(batch)
        return items

    assert read(_gathered.chunks) == wanted
    assert [event.chunk for event in read(_gathered.events)] == wanted
    assert [event.text for event in read(_gathered.events)] == read(_gathered.texts) == list("abcdefg")


def test_unknown_fields_go_to_extra_and_come_back() -> None:
    data = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m", "citations": ["u"],
        "choices": [{"index": 0, "finish_reason": "stop", "odd": 1,
                     "message": {"role": "assistant", "content": "x", "z": 2}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_cache_hit_tokens": 1},
    }  # fmt: skip
    response = ChatCompletionResponse.from_dict(data)
    assert response.extra == {"citations": ["u"]}
    assert response.choices[0].extra == {"odd": 1}
    assert response.choices[0].message.extra == {"z": 2}
    assert response.usage.extra == {"prompt_cache_hit_tokens": 1}
    assert response.to_dict() == data
    assert json.loads(response.to_json()) == data


def test_stream_response_defaults() -> None:
    chunk = StreamResponse.from_dict({"id": "1", "choices": [{"index": 0, "delta": {}}, {"delta": {"content": None}}]})
    assert [choice.delta.content for choice in chunk.choices] == ["", ""]
    assert chunk.choices[0].delta.role is MessageRole.ASSISTANT
    assert chunk.usage is None


@pytest.mark.parametrize("cls", [ChatCompletionResponse, StreamResponse])
@pytest.mark.parametrize("data", [None, [], "text", {"choices": [1]}, {"choices": [None]}])
def test_garbage_is_a_bad_response(cls: Any, data: Any) -> None:
    with pytest.raises(BadResponseError, match="must be an object"):
        cls.from_dict(data)


def test_instances_are_ordinary_dataclasses() -> None:
    response = ChatCompletionResponse.from_dict({"choices": [{"message": {"role": "assistant", "content": "x"}}]})
    assert dataclasses.asdict(response)["choices"][0]["message"]["content"] == "x"
    assert set(vars(response)) == {field.name for field in dataclasses.fields(response)}
    assert pickle.loads(pickle.dumps(response)) == response == copy.deepcopy(response)
    response.choices[0].message.content = "y"
    assert dataclasses.replace(response, model="n").model == "n"


def test_templates_are_not_shared() -> None:
    one, two = Usage.from_dict({}), Usage.from_dict({})
    one.prompt_tokens_details["a"] = 1
    one.extra["b"] = 1
    assert two.prompt_tokens_details == {} == two.extra


def test_repr_shows_no_key() -> None:
    address = "https://u:sk-fourth@h.example/v1?code=sk-fifth"
    config = ModelConfig("m", "p", "sk-secret", address, headers={"x-api-key": "sk-other"}, proxy="http://u:sk-third@h")
    shown = repr(config) + repr(ProviderConfig("p", {"m": config}))
    assert "sk-" not in shown and "https://***@h.example/v1?***" in shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"a": [{"b": float("-inf")}]}, "a[0].b is -inf"),
        ({"messages": [{"content": "x\ud800"}]}, "messages[0].content holds a lone surrogate (U+D800) at character 1"),
        ({"x\udfff": 1}, "lone surrogate"),
        ({"x": object()}, "x has the type object"),
        ({"x": {(1, 2): 3}}, "x has a key of type tuple"),
    ],
)
def test_what_json_cannot_carry_is_named(value: Any, text: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        _wire.encode(value)
    assert text in str(caught.value)


def test_cycles_and_depth_are_refused() -> None:
    cycle: dict[str, Any] = {"n": None}
    cycle["self"] = cycle
    deep: Any = "x"
    for _ in range(200_000):
        deep = [deep]
    for value in (cycle, {**cycle, "bad": object()}, deep):
        with pytest.raises(InvalidArgumentError):
            _wire.encode(value)


CHARACTERS = st.characters(exclude_categories=["Cs"])  # as Hypothesis finds out by itself, by trying a million
TEXTS = st.text(CHARACTERS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text(CHARACTERS, min_size=1, max_size=8).map(lambda name: "x_" + name)


@given(content=st.none() | TEXTS, extra=st.dictionaries(NAMES, JSON, max_size=3), name=st.none() | TEXTS)
def test_messages_survive_a_round_trip(content: Any, extra: Any, name: Any) -> None:
    message = Message(MessageRole.USER, content, name=name, extra=extra)
    assert Message.from_dict(_wire.decode(_wire.encode(message.to_dict()))) == message


@given(JSON)
def test_any_json_survives_a_round_trip(value: Any) -> None:
    assert _wire.decode(_wire.encode(value)) == value


@given(
    st.dictionaries(st.sampled_from(["id", "model", "choices", "usage", "attempts", "created", "x"]), JSON, max_size=4)
)
def test_odd_responses_raise_nothing_but_bad_response(data: Any) -> None:
    try:
        response = ChatCompletionResponse.from_dict(data)
    except BadResponseError:
        return
    assert isinstance(response, types.ChatCompletionResponse)


WHOLE = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "fp", "citations": ["u"],
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": {"content": []}, "odd": 1,
                 "message": {"role": "assistant", "content": "x", "z": 2, "extra": {"a": 1}}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "odd_tokens": 1},
}  # fmt: skip


@pytest.mark.parametrize(
    "change", [{}, {"logprobs": [1]}, {"message": {"role": "assistant", "content": [{"type": "text", "text": "x"}]}}]
)
def test_an_answer_read_through_the_core_is_what_from_dict_makes(llm_wall: FaultWall, run: Any, change: Any) -> None:
    sent = {**WHOLE, "choices": [{**WHOLE["choices"][0], **change}]}  # type: ignore[index]
    llm_wall.script({"default": {"steps": [{"body": sent}]}})
    response = run(aggregator_for(llm_wall, "gpt-a").chat(HELLO))
    assert response.attempts[0].outcome == "OK"
    response.attempts, response.id_of_call = [], 0
    assert response == ChatCompletionResponse.from_dict(sent)
    assert response.to_dict() == sent
    assert pickle.loads(pickle.dumps(response)) == response == copy.deepcopy(response)


def test_chunks_read_through_the_core_are_what_from_dict_makes(llm_wall: FaultWall, run: Any) -> None:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas = [
        {"role": "assistant", "content": ""}, {"content": "a", "obfuscation": "xyz"}, {"reasoning_content": "hm"},
        {"role": "oracle", "content": "b"},
        {"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "[1"}}]},
    ]  # fmt: skip
    sent = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    sent.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": [2]}]})
    llm_wall.script({"default": {"steps": [{"events": [{"data": json.dumps(chunk)} for chunk in sent]}]}})

    aggregator = aggregator_for(llm_wall, "gpt-a")

    async def read() -> list[StreamResponse]:
        return [event.chunk async for event in aggregator.stream(HELLO) if event.type == "chunk"]

    assert run(read()) == [StreamResponse.from_dict(chunk) for chunk in sent]


def test_details_of_a_usage_are_unknown_until_a_provider_says_them() -> None:
    details = {"cached_tokens": 0, "cache_write_tokens": 2}
    usage = Usage.from_dict({"prompt_tokens": 5, "prompt_tokens_details": details})
    assert (usage.cached_tokens, usage.cache_write_tokens, usage.reasoning_tokens) == (0, 2, None)


def test_parts_of_a_message() -> None:
    parts = [{"type": "thinking", "owner": "anthropic/m", "raw": {"signature": "x"}}, {"type": "text", "bytes": 2}]
    message = Message.from_dict({"role": "assistant", "content": "hi", "parts": parts})
    assert message.parts == parts
    assert message.to_dict()["parts"] == parts
    assert Message("user", "hi").parts == []


def test_the_hints_of_data_types_can_be_read() -> None:
    """As pydantic, FastAPI and containers of dependencies do."""
    classes = [getattr(llmagg, name) for name in llmagg.__all__]
    data = [cls for cls in classes if dataclasses.is_dataclass(cls)]
    assert len(data) >= 12
    for cls in [*data, llmagg.LLMAggregator, llmagg.Manager, llmagg.BaseProvider, llmagg.BaseLLMClient]:
        typing.get_type_hints(cls)
    public = [getattr(llmagg, name) for name in llmagg.__all__]
    methods = [each for cls in public if isinstance(cls, type) for each in vars(cls).values()]
    for function in filter(inspect.isfunction, [*public, *map(inspect.unwrap, methods)]):
        typing.get_type_hints(function)
    for name in ("chat", "stream", "parse", "run_tools", "chat_sync"):
        assert typing.get_type_hints(getattr(llmagg, name))["messages"] is not None
    assert typing.get_type_hints(params.ChatParams)["deadline"] is not None
    config = {"model": "m", "provider": "p", "api_key": "k", "base_url": "u"}
    assert pydantic.TypeAdapter(llmagg.ModelConfig).validate_python(config) == llmagg.ModelConfig(**config)


def test_data_types_are_read_by_pydantic_without_what_has_defaults() -> None:
    """Usage and Function gave their defaults away, so that derived dataclasses need none."""
    code = """
import dataclasses, pydantic
from llmagg.messages import Function
from llmagg.responses import Usage
usage = pydantic.TypeAdapter(Usage).validate_python({"prompt_tokens": 1})
function = pydantic.TypeAdapter(Function).validate_python({"name": "a"})
print(usage.prompt_tokens, usage.completion_tokens, function.parameters)
@dataclasses.dataclass
class Own(Function):
    more: int
print(Own("a", "b", {}, 7).more)
"""
    assert python(code).stdout == "1 0 None\n7\n"


def test_signatures_have_no_defaults_that_nobody_wrote() -> None:
    """Arguments that calls need are missed by mocks with autospec, and by whatever asks inspect."""
    for function in (llmagg.chat, llmagg.LLMAggregator.chat, llmagg.embed_sync, llmagg.LLMAggregator.run_tools_sync):
        first = next(p for name, p in inspect.signature(function).parameters.items() if name != "self")
        assert first.default is inspect.Parameter.empty, function
    mocked = mock.create_autospec(llmagg.LLMAggregator, instance=True)
    with pytest.raises(TypeError, match="missing a required argument: 'messages'"):
        mocked.chat_sync()
    with pytest.raises(TypeError, match="missing a required argument: 'query'"):
        mock.create_autospec(llmagg.rerank_sync)()
