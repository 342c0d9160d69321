"""Whatever an application passes in, or a server answers: an answer or an LLMError, and everything usable afterwards.

Through the real library and real sockets. In ``make test`` the same examples each time; ``LLMAGG_FUZZ=N`` tries N new
ones (``make py-fuzz-deep``). What fails is printed with the call of ``@reproduce_failure`` that repeats it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import llmagg
from conftest import HELLO, config_for
from llmagg.faultwall import FaultWall

EXAMPLES = int(os.environ.get("LLMAGG_FUZZ", "0"))
fuzz = settings(
    max_examples=EXAMPLES or 60,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

characters = st.characters(exclude_categories=["Cs"])  # as Hypothesis finds out by itself, by trying a million
texts = st.text(characters, max_size=20) | st.sampled_from(
    ["", "\0", "a\r\nX-Evil: 1", "\ud800", "世界", "${HOME}", "${", "-1", "null", "a" * 5000]
)
numbers = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 0.001, 1e308, 2**63, float("nan"), float("inf")])
leaves = st.none() | st.booleans() | numbers | texts | st.binary(max_size=5) | st.builds(object)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts | st.integers(), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=8,
)
roles = st.sampled_from(["system", "user", "assistant", "tool", "function", "developer"])
parts = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "input_audio", "file"]) | texts},
    optional={"text": values, "image_url": values, "input_audio": values, "file": values},
)
messages = st.fixed_dictionaries(
    {"role": roles | values, "content": texts | st.lists(parts | values, max_size=3) | values},
    optional={
        "name": values,
        "tool_calls": values,
        "tool_call_id": values,
        "function_call": values,
        "refusal": values,
        "x": values,
    },
)
conversations = st.lists(messages | values, max_size=3) | values | st.just(HELLO)
PARAMETERS = """
model temperature max_tokens top_p n stop stream stream_options tools tool_choice response_format
logit_bias seed user metadata  max_retries deadline timeout on_interrupt hedge_after
failover_bad_request failover_content_filter extra_headers extra_body x_y
""".split()  # noqa: SIM905 - words read better so
parameters = st.dictionaries(st.sampled_from(PARAMETERS), values, max_size=3)


@pytest.fixture(scope="module")
def wall() -> Iterator[FaultWall]:
    with FaultWall() as running:
        yield running


@pytest.fixture(params=["openai", "gemini"])
def asked(request: pytest.FixtureRequest, wall: FaultWall) -> llmagg.LLMAggregator:
    wall.script({})
    aggregator = llmagg.LLMAggregator()
    url = wall.url.removesuffix("/v1") + "/v1beta" if request.param == "gemini" else wall.url
    calm = {"breaker": {"failures": 10**6, "min_requests": 10**6}, "max_retries": 1}
    aggregator.initialize_sync(config_for(wall, "m", provider=request.param, base_url=url, **calm))
    return aggregator


def sound(error: llmagg.LLMError) -> None:
    """An error of the table that says something; never a fault of the library's own."""
    assert not isinstance(error, llmagg.InternalError), error
    assert str(error)
    assert "sk-test-key" not in f"{error!r} {error}"


@pytest.mark.long
@fuzz
@given(conversation=conversations, params=parameters)
@example(conversation=HELLO, params={"model": "m\r\nX-Evil: 1"})
@example(conversation=HELLO, params={"extra_headers": {"X-A": "b\r\nX-Evil: 1"}})
@example(conversation=[{"role": "user", "content": [{"type": "text", "text": None}]}], params={"stream": True})
def test_requests(asked: llmagg.LLMAggregator, wall: FaultWall, conversation: Any, params: dict[str, Any]) -> None:
    for call in (
        lambda: asked.chat_sync(conversation, **params),
        lambda: list(asked.stream_sync(conversation, **params)),
    ):
        try:
            call()
        except llmagg.LLMError as error:
            sound(error)
    seen = wall.seen()
    assert seen["totals"]["malformed"] == 0
    assert all("x-evil" not in request["headers"] for request in seen["requests"][-2:])
    assert asked.generate_response_sync(HELLO) == "Hello from m."


KEYS = """
api_key base_url model type timeout idle_timeout max_retries max_concurrent_calls headers
organization proxy breaker retry limits  connect_timeout reader_timeout name models x_unknown
""".split()  # noqa: SIM905 - words read better so
keys = st.sampled_from(KEYS)
groups = st.dictionaries(
    st.sampled_from(
        ["open_s", "failures", "ratio", "backoff_s", "wait_s", "budget_ratio", "event_bytes", "header_bytes"]
    ),
    values,
    max_size=3,
)
options = st.dictionaries(keys | texts, values | groups, max_size=4)
providers = (
    st.fixed_dictionaries({"models": st.dictionaries(texts, options | values, max_size=2) | values}) | options | values
)
configs = st.dictionaries(st.sampled_from(["openai", "gemini", "mine"]) | texts, providers, max_size=2) | values


@fuzz
@pytest.mark.filterwarnings("ignore:the configuration is empty")
@given(config=configs)
@example(config={"openai": {"models": {"m\n": {"api_key": "k"}}}})
@example(config={"openai": {"models": {"m": {"api_key": "k", "headers": {"a": 1}}}}})
@example(config="{")
def test_configurations(config: Any) -> None:
    llmagg.get_manager().clear()
    for given_as in (config, _as_text(config)):
        try:
            llmagg.LLMAggregator().initialize_sync(given_as)
        except llmagg.LLMError as error:
            sound(error)
            assert isinstance(error, llmagg.InvalidArgumentError)
        llmagg.get_manager().clear()


def _as_text(config: Any) -> Any:
    try:
        return json.dumps(config)
    except (TypeError, ValueError):
        return config


FIELDS = """
id object created model choices index delta message role content tool_calls function name arguments
finish_reason usage  prompt_tokens logprobs error code candidates parts text functionCall args
finishReason usageMetadata x
""".split()  # noqa: SIM905 - words read better so
chunks = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(characters, max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
documents = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries({"index": chunks, "delta": chunks, "message": chunks, "finish_reason": chunks}),
            max_size=2,
        )
        | chunks
    },
    optional={"usage": chunks, "id": chunks, "model": chunks, "error": chunks, "candidates": chunks},
)
answers = (
    st.binary(max_size=200)
    | documents.map(lambda d: json.dumps(d).encode())
    | chunks.map(lambda d: json.dumps(d).encode())
)


@fuzz
@given(
    status=st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 404, 429, 500, 503]),
    answer=answers,
    streamed=st.booleans(),
)
@example(status=200, answer=b'{"choices":[{"message":{"content":"\xff\\ud800"}}]}', streamed=False)
@example(
    status=200,
    answer=b'{"choices":[{"delta":{"tool_calls":[{"index":-1,"function":{"arguments":1}}]}}]}',
    streamed=True,
)
def test_answers(asked: llmagg.LLMAggregator, wall: FaultWall, status: int, answer: bytes, streamed: bool) -> None:
    body = b"data: " + answer + b"\n\ndata: [DONE]\n\n" if streamed else answer
    wall.script({"default": {"steps": [{"status": status, "body_b64": base64.b64encode(body).decode() or "Cg=="}]}})
    for call in (lambda: asked.chat_sync(HELLO), lambda: list(asked.stream_sync(HELLO))):
        try:
            told = call()
        except llmagg.LLMError as error:
            sound(error)
        else:
            assert repr(told)
            if isinstance(told, llmagg.ChatCompletionResponse):
                json.dumps(told.to_dict())
    wall.script({})
    assert asked.generate_response_sync(HELLO) == "Hello from m."
