"""Values that stand for something else than they look like, at places where an application puts them by mistake."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import types
from typing import Any
from unittest import mock

import numpy as np
import pydantic
import pytest
from django.utils.functional import lazystr
from test_values_refused import Curious, Unread, itself

import llmagg
from clients import MyClient, my_aggregator
from conftest import HELLO, aggregator_for, chats, config_for
from llmagg.faultwall import FaultWall
from llmagg.providers import OpenAIClient


class Raw(enum.Enum):
    A = b"x"


class Evasive:
    """As a proxy whose target has gone."""

    @property
    def __class__(self) -> Any:
        raise ReferenceError("the target has gone")


def part(**fields: Any) -> list[Any]:
    return [*HELLO, {"role": "user", "content": [{"type": "text", "text": "t", **fields}]}]


def image(**fields: Any) -> list[Any]:
    return part(type="image_url", image_url={"url": "https://example.com/a.png", **fields})


LONG = 10**5000
REFUSED: dict[str, tuple[Any, str]] = {
    "an Enum of bytes": (lambda a: a.chat_sync(HELLO, metadata={"a": Raw.A}), "metadata.a must not hold bytes"),
    "an Enum of bytes as a key": (lambda a: a.chat_sync(HELLO, metadata={Raw.A: 1}), "must not hold the key b'x'"),
    "an Enum of bytes as a user": (lambda a: a.chat_sync(HELLO, user=Raw.A), "user must not hold bytes"),
    "an Enum of bytes as an option": (lambda a: a.chat_sync(HELLO, session=Raw.A), "session must not hold bytes"),
    "an Enum of bytes as content": (
        lambda a: a.chat_sync([{"role": "user", "content": Raw.A}]), "messages[0].content must be a str, got bytes"
    ),
    "an Enum of bytes as a text": (
        lambda a: a.chat_sync(part(text=Raw.A)), "messages[1].content[0].text must be a str, got bytes"
    ),
    "an Enum of bytes for vectors": (lambda a: a.embed_sync(["a", Raw.A]), "input[1] must not hold bytes"),
    "an Enum of bytes in a ranking": (lambda a: a.rerank_sync(Raw.A, ["a"]), "query must not hold bytes"),
    "bytes as a type": (lambda a: a.chat_sync(part(type=b"text")), "messages[1].content[0].type must be a str, got b"),
    "bytes inside a part": (
        lambda a: a.chat_sync(image(detail=b"low")), "messages[1].content[0].image_url.detail must be a str, got bytes"
    ),
    "bytes as a key of a part": (lambda a: a.chat_sync(part(x={b"a": 1})), "content[0].x must not hold the key"),
    "NaN as a key of a part": (
        lambda a: a.chat_sync(part(x={float("nan"): 1})), "messages[1].content[0].x must not hold the key nan"
    ),
    "a Decimal as a key": (
        lambda a: a.chat_sync(HELLO, metadata={"a": {decimal.Decimal("1.5"): 1}}),
        "metadata.a must not hold the key 1.5 of type Decimal; expected names of type str",
    ),
    "a number that Python does not write": (
        lambda a: a.chat_sync(HELLO, metadata={"a": [LONG]}), "metadata.a[0] is an int of 16610 bits"
    ),
    "such a number as a model": (lambda a: a.chat_sync(HELLO, model=LONG), "model is an int of 16610 bits"),
    "such a number as a cache": (lambda a: a.chat_sync(HELLO, cache=LONG), '"cache" is an int of 16610 bits'),
    "a proxy without target": (
        lambda a: a.chat_sync(HELLO, metadata={"a": Evasive()}),
        "metadata.a cannot be read: ReferenceError: the target has gone",
    ),
    "a proxy without target as content": (
        lambda a: a.chat_sync([{"role": "user", "content": Evasive()}]),
        "messages[0].content cannot be read: ReferenceError",
    ),
    "a slip of Python's own name of an option": (
        lambda a: a.chat_sync(HELLO, extra_headerss={}), '"extra_headerss"; did you mean "extra_headers"'
    ),
    "such a slip for vectors": (
        lambda a: a.embed_sync("a", extra_eaders={}), 'unknown call option "extra_eaders"; did you mean "extra_headers"'
    ),
    "a slip of a parameter for vectors": (
        lambda a: a.embed_sync("a", nump=True), "embed() has no parameter 'nump'; did you mean \"numpy\"?"
    ),
    "a slip of a parameter for a ranking": (lambda a: a.rerank_sync("q", ["a"], topn=1), 'did you mean "top_n"'),
    "null among rules": (lambda a: a.chat_sync(HELLO, failover_on=[503, None]), '"failover_on"[1] is null'),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_its_place(llm_wall: FaultWall, name: str) -> None:
    call, text = REFUSED[name]
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        call(aggregator_for(llm_wall, "gpt-a"))
    assert text in str(caught.value)
    assert llm_wall.seen()["requests"] == []


def test_bytes_stay_the_data_of_a_part(llm_wall: FaultWall) -> None:
    audio = {"data": b"\x00\xff", "format": "wav"}
    aggregator_for(llm_wall, "gpt-a").chat_sync(part(type="input_audio", input_audio=audio))
    assert chats(llm_wall)[0]["body"]["messages"][1]["content"][0]["input_audio"] == {"data": "AP8=", "format": "wav"}


DOCUMENTS: dict[str, tuple[Any, list[str]]] = {
    "a text": ("hi", ["hi"]),
    "a UserString": (collections.UserString("hi"), ["hi"]),
    "a deque": (collections.deque(["hi", "ho"]), ["hi", "ho"]),
    "a UserList": (collections.UserList(["hi", "ho"]), ["hi", "ho"]),
    "the values of a dict": ({1: "hi", 2: "ho"}.values(), ["hi", "ho"]),
    "the keys of a dict": ({"hi": 1, "ho": 2}.keys(), ["hi", "ho"]),
    "a set": ({"hi"}, ["hi"]),
    "an array": (np.array(["hi", "ho"]), ["hi", "ho"]),
    "an array without places": (np.array("hi"), ["hi"]),
    "an iterator": (iter(["hi", "ho"]), ["hi", "ho"]),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_ranking_tells_the_documents_that_were_sent(llm_wall: FaultWall, name: str) -> None:
    documents, expected = DOCUMENTS[name]
    response = aggregator_for(llm_wall, "gpt-a").rerank_sync("q", documents)
    assert sorted(str(result.document) for result in response) == sorted(expected)


def test_answers_are_read_of_any_mapping() -> None:
    delta = types.MappingProxyType({"content": "hi"})
    choices = collections.UserList([collections.UserDict(index=0, delta=delta)])
    chunk = llmagg.StreamResponse.from_dict(types.MappingProxyType({"id": "1", "choices": choices}))  # type: ignore[arg-type]
    assert chunk.text() == "hi"
    message = collections.ChainMap({"role": "assistant", "content": "hi"})
    usage = collections.OrderedDict(total_tokens=3)
    data = collections.UserDict(choices=({"message": message},), usage=types.MappingProxyType(usage))
    response = llmagg.ChatCompletionResponse.from_dict(data)  # type: ignore[arg-type]
    assert response.text == "hi" and response.usage.total_tokens == 3
    with pytest.raises(llmagg.BadResponseError, match="choices must be an array, got str"):
        llmagg.ChatCompletionResponse.from_dict({"choices": "hi"})


class Hooked(OpenAIClient):
    more: Any = None

    def _prepare_request_data(self, request: Any) -> dict[str, Any]:
        return {**super()._prepare_request_data(request), **self.more}

    def _get_headers(self) -> Any:
        return {"X-A": collections.UserString("a")}


def hooked(wall: FaultWall, **more: Any) -> Hooked:
    client = Hooked(llmagg.ModelConfig("m", "openai", "k", wall.url, max_retries=1))
    client.more = more
    return client


def test_what_a_hook_gives_is_read_as_a_request(llm_wall: FaultWall, run: Any) -> None:
    request = llmagg.ChatCompletionRequest("m", [llmagg.Message("user", "hi")])
    said = [llmagg.Message("user", "ho"), {"role": "user", "content": [{"type": "x", "data": b"\xff"}]}]
    run(hooked(llm_wall, messages=said).chat_completion(request))
    sent = chats(llm_wall)[0]
    part = {"type": "x", "data": "/w=="}
    assert sent["body"]["messages"] == [{"role": "user", "content": "ho"}, {"role": "user", "content": [part]}]
    assert sent["headers"]["x-a"] == "a"
    for more, text in (
        ({"x": b"y"}, "x must not hold bytes"),
        ({"messages": [{"role": "user", "content": b"hi"}]}, "messages[0].content must be a str, got bytes"),
    ):
        with pytest.raises(llmagg.LLMError) as caught:
            run(hooked(llm_wall, **more).chat_completion(request))
        assert text in str(caught.value)
    assert len(chats(llm_wall)) == 1


def test_a_client_that_answers_in_bytes(run: Any) -> None:
    aggregator, provider = my_aggregator("a", max_retries=1)
    answer = {"choices": [{"message": {"role": "assistant", "content": b"hi"}}]}
    provider.clients["a"].chat_completion = mock.AsyncMock(return_value=answer)
    with pytest.raises(llmagg.AllModelsFailedError, match=r"choices\[0\]\.message\.content is bytes; expected a str"):
        run(aggregator.chat(HELLO))


def test_a_stream_of_a_mock_is_closed_without_waiting(run: Any) -> None:
    aggregator, provider = my_aggregator("a", max_retries=1)
    client: MyClient = provider.clients["a"]
    chunks = [llmagg.StreamResponse.from_dict({"choices": [{"index": 0, "delta": {"content": t}, "finish_reason": f}]})
              for t, f in (("a", None), ("b", "stop"))]  # fmt: skip
    client.chat_completion_stream = mock.MagicMock()  # type: ignore[method-assign]
    client.chat_completion_stream.return_value.__aiter__.return_value = chunks

    async def read() -> str:
        return "".join([text async for text in aggregator.stream_text(HELLO)])

    assert run(read()) == "ab"


@pytest.mark.parametrize("models", [iter(["gpt-b"]), (m for m in ["gpt-b"]), {"gpt-b": 1}.keys(), np.array(["gpt-b"])])
def test_a_list_of_models_is_the_same_for_all_calls(llm_wall: FaultWall, models: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    aggregator.models = models
    assert [aggregator.chat_sync(HELLO).model for _ in range(3)] == ["gpt-b"] * 3


def test_a_dict_in_the_place_of_a_models_configuration(llm_wall: FaultWall, caplog: Any) -> None:
    models: Any = {"m": config_for(llm_wall, "m")["openai"]["models"]["m"]}
    expected = "model 'm' of provider 'gemini' must be a ModelConfig, got dict; create_from_config() takes dicts"
    with pytest.raises(llmagg.InvalidArgumentError, match=expected.replace("(", r"\(").replace(")", r"\)")):
        llmagg.GeminiProvider(llmagg.ProviderConfig("gemini", models))
    provider = llmagg.OpenAIProvider(llmagg.ProviderConfig("openai", models))
    provider.initialize_all_models_sync()
    assert provider.clients == {}
    assert "must be a ModelConfig, got dict" in caplog.text


NONE = [{"model": "m", "messages": HELLO}, HELLO, "hi", None, llmagg.ChatCompletionRequest]


@pytest.mark.parametrize("request_", NONE)
def test_what_is_no_request_of_a_client(llm_wall: FaultWall, run: Any, request_: Any) -> None:
    client = OpenAIClient(llmagg.ModelConfig("m", "openai", "k", llm_wall.url))
    for call in (client.chat_completion, lambda r: anext(client.chat_completion_stream(r))):
        with pytest.raises(llmagg.InvalidArgumentError, match="the request must be a ChatCompletionRequest, got"):
            run(call(request_))
    with pytest.raises(llmagg.InvalidArgumentError, match="the request must be a ChatCompletionRequest, got"):
        client.chat_completion_sync(request_)


class Measure(pydantic.RootModel[str]):
    pass


KEYS: dict[str, Any] = {
    "bytes": b"sk-key",
    "a bytearray": bytearray(b"sk-key"),
    "an Enum of bytes": Raw.A,
    "bytes of numpy": np.bytes_(b"k"),
}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("setting", ["api_key", "model", "organization", "base_url"])
def test_bytes_in_the_configuration_of_a_model(llm_wall: FaultWall, run: Any, name: str, setting: str) -> None:
    config = llmagg.ModelConfig("m", "openai", "k", llm_wall.url)
    setattr(config, setting, KEYS[name])
    with pytest.raises(llmagg.InvalidArgumentError, match=f"{setting} must not hold byte[a-z]+; decode it first"):
        run(OpenAIClient(config).chat_completion(llmagg.ChatCompletionRequest("", [llmagg.Message("user", "hi")])))
    assert llm_wall.seen()["requests"] == []


class Unset:
    """As NOT_GIVEN of other libraries."""

    def __bool__(self) -> bool:
        return False


@pytest.mark.parametrize("value", [Unset(), 0, b"", np.array([]), False])
def test_what_is_false_is_not_left_out(llm_wall: FaultWall, value: Any) -> None:
    made: dict[str, Any] = {
        "base_url": lambda: llmagg.OpenAIProvider.create_simple("k", "m", value),
        "model": lambda: llmagg.OpenAIProvider.create_simple("k", value, llm_wall.url),
        "models": lambda: llmagg.OpenAIProvider.create_from_config("openai", value),
        "LLM_MODEL": lambda: llmagg.LLMAggregator().initialize_from_settings_sync({"LLM_MODEL": value}),
    }
    for name, make in made.items():
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            make()
        assert name in str(caught.value)


TEXTS = [collections.UserString("x"), np.array("x"), Measure("x"), enum.Enum("E", {"A": "x"}).A]  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", TEXTS)
def test_what_stands_for_a_text_in_a_configuration_is_a_text(llm_wall: FaultWall, run: Any, text: Any) -> None:
    config = config_for(llm_wall, "m", api_key=text, model=text, organization=text)
    aggregator = llmagg.LLMAggregator()
    aggregator.initialize_sync(config)
    aggregator.chat_sync(HELLO)
    made = aggregator.manager.providers["openai"].config.models["m"]
    assert [made.api_key, made.model, made.organization] == ["x"] * 3
    request = llmagg.ChatCompletionRequest("", [llmagg.Message("user", "hi")])
    made.api_key, made.model = text, text
    run(OpenAIClient(made).chat_completion(request))
    for sent in chats(llm_wall):
        assert (sent["body"]["model"], sent["headers"]["authorization"]) == ("x", "Bearer x")


def test_a_key_that_stands_for_a_text_is_in_the_headers_of_a_client() -> None:
    config = llmagg.ModelConfig("m", "openai", collections.UserString("x"))  # type: ignore[arg-type]
    assert OpenAIClient(config)._get_headers()["Authorization"] == "Bearer x"


@pytest.mark.parametrize("models", [lazystr("gpt-a"), collections.UserString("gpt-a"), Measure("gpt-a"), np.array("a")])
def test_what_is_one_text_is_no_list_of_models(models: Any) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="models must be a list of names, got"):
        llmagg.LLMAggregator(models)


@pytest.mark.parametrize("setting", ["timeout", "max_retries", "headers", "max_concurrent_calls"])
@pytest.mark.parametrize("value", [np.array([1, 2]), Curious()], ids=["array", "curious"])
def test_a_setting_of_a_strange_type_is_refused(llm_wall: FaultWall, run: Any, setting: str, value: Any) -> None:
    config = llmagg.ModelConfig("m", "openai", "k", llm_wall.url)
    setattr(config, setting, value)
    with pytest.raises(llmagg.InvalidArgumentError, match=setting):
        run(OpenAIClient(config).chat_completion(llmagg.ChatCompletionRequest("", [llmagg.Message("user", "hi")])))


def test_a_time_is_no_weight(llm_wall: FaultWall) -> None:
    hour = datetime.timedelta(hours=1)
    with pytest.raises(llmagg.InvalidArgumentError, match='"weight" is a string'):
        llmagg.LLMAggregator().initialize_sync(config_for(llm_wall, "m", weight=hour))
    assert llmagg.Cache(1000, hour).report()["size"] == 1000


def test_a_configuration_that_cannot_be_read(llm_wall: FaultWall) -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="'m' cannot be read: ConnectionError"):
        llmagg.LLMAggregator().initialize_sync({"openai": {"models": {"m": Unread()}}})


@pytest.mark.parametrize("name", [np.array([1, 2]), itself])
def test_a_name_of_a_strange_type_is_told(name: Any) -> None:
    with pytest.raises(llmagg.LLMError, match="must be the name of a model"):
        llmagg.get_client_by_model(name)
    with pytest.raises(llmagg.InvalidArgumentError, match="strategy is"):
        llmagg.LLMAggregator(strategy=np.array([1, 2]))  # type: ignore[arg-type]


def test_a_models_configuration_of_an_applications_own_class(llm_wall: FaultWall) -> None:
    """As a second copy of the package has, or a test."""
    own: Any = types.SimpleNamespace(model="m", provider="openai", api_key="k", base_url=llm_wall.url)
    provider = llmagg.OpenAIProvider(llmagg.ProviderConfig("openai", {"x": own}))
    provider.initialize_all_models_sync()
    assert list(provider.clients) == ["x"]
    request = llmagg.ChatCompletionRequest("", [llmagg.Message("user", "hi")])
    assert provider.clients["x"].chat_completion_sync(request).text == "Hello from m."
