"""Attributes that nothing has: the AttributeError says which name was meant."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import llmagg
from llmagg.events import ChunkEvent, DoneEvent, RestartEvent
from llmagg.responses import ChatCompletionResponse, StreamResponse, Usage

RESPONSE = ChatCompletionResponse.from_dict({"choices": [{"message": {"role": "assistant", "content": "hi"}}]})
EVENT = ChunkEvent(StreamResponse("i", "chat.completion.chunk", 0, "m", []))


@pytest.mark.parametrize(
    ("owner", "name", "says"),
    [
        (llmagg, "chta", "did you mean 'chat'?"),
        (llmagg, "LLMAgregator", "did you mean 'LLMAggregator'?"),
        (llmagg, "completion", "chat(), and without a coroutine chat_sync()"),
        (llmagg, "chat_async", "chat(), and without a coroutine chat_sync()"),
        (llmagg, "Aggregator", "LLMAggregator("),
        (llmagg.LLMAggregator(["p/m"]), "caht_sync", "did you mean 'chat_sync'?"),
        (llmagg.LLMAggregator(["p/m"]), "invoke", "chat(), and without a coroutine chat_sync()"),
        (llmagg.get_manager(), "clera", "did you mean 'clear'?"),
        (RESPONSE, "content", "its text is 'text'"),
        (RESPONSE, "finish_reason", "response.choices[0].finish_reason"),
        (RESPONSE, "model_dump", "to_dict() and to_json()"),
        (RESPONSE.choices[0], "text", "its text is 'message.content'"),
        (RESPONSE.choices[0], "delta", "a whole answer has 'message'"),
        (Usage(), "input_tokens", "it is called 'prompt_tokens'"),
        (EVENT, "choices", "the chunk has it: event.chunk"),
        (EVENT, "delta", "the chunk's text is 'text'"),
        (DoneEvent(RESPONSE), "text", "'response.text'"),
        (DoneEvent(RESPONSE), "usage", "event.response"),
        (RestartEvent("p/a", "p/b"), "text", "to be discarded"),
        (llmagg.LLMError("x"), "status_code", "it is called 'status'"),
    ],
)
def test_the_error_says_which_name_was_meant(owner: Any, name: str, says: str) -> None:
    assert not hasattr(owner, name)
    assert name not in dir(owner)
    with pytest.raises(AttributeError) as caught:
        getattr(owner, name)
    assert f"has no attribute {name!r}; " in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("owner", "key", "says"),
    [
        (RESPONSE, "choices", "write .choices"),
        (RESPONSE, "content", "its text is 'text'"),
        (RESPONSE, "usgae", "did you mean 'usage'?"),
        (RESPONSE.choices[0], "message", "write .message"),
        (RESPONSE.choices[0].message, "content", "write .content"),
        (RESPONSE.usage, "total_tokens", "write .total_tokens"),
        (EVENT, "choices", "the chunk has it: event.chunk"),
        (EVENT.chunk, "choices", "write .choices"),
        (llmagg.Attempt("p", "m"), "code", "write .code"),
    ],
)
def test_the_error_of_an_item_says_which_attribute_was_meant(owner: Any, key: str, says: str) -> None:
    with pytest.raises(TypeError) as caught:
        owner[key]
    assert str(caught.value) == f"{type(owner).__name__!r} object is not subscriptable; {says}"
    with pytest.raises(TypeError, match="object is not subscriptable or iterable"):
        list(owner)


def test_the_methods_of_a_dict_are_told() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'get'; it is no dict; to_dict\(\) makes one"):
        RESPONSE.get("choices")  # type: ignore[attr-defined]


def test_a_class_that_is_a_message_and_a_dict_keeps_its_items() -> None:
    class Both(llmagg.Message, dict[str, Any]):
        pass

    both = Both("user", "x")
    both["a"] = 1
    assert (both["a"], list(both), both.content) == (1, ["a"], "x")


def test_a_name_near_to_nothing_has_no_hint() -> None:
    with pytest.raises(AttributeError, match=r"^'Manager' object has no attribute 'zzz'$"):
        llmagg.get_manager().zzz  # type: ignore[attr-defined]  # noqa: B018


def test_an_error_inside_a_property_stays_what_it_is() -> None:
    class Mine(llmagg.LLMAggregator):
        @property
        def broken(self) -> int:
            return len(None.nothing)  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'nothing'"):
        Mine(["p/m"]).broken  # noqa: B018


def test_copies_and_pickles_are_as_before() -> None:
    for value in (RESPONSE, EVENT, Usage(1, 2, 3), llmagg.LLMError("x")):
        assert vars(copy.deepcopy(value)).keys() == vars(value).keys()
        assert type(pickle.loads(pickle.dumps(value))) is type(value)


def test_constructors_name_their_parameters() -> None:
    with pytest.raises(TypeError, match=r"Cache\(\) has no parameter 'ttl'; .* size, ttl_s"):
        llmagg.Cache(ttl=5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Budget\(\) has no parameter 'amonut'; did you mean 'amount'\?"):
        llmagg.Budget(amonut=5)  # type: ignore[call-arg]
