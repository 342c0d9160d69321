"""LLMAggregator: failover, names, parameters, what the application may assign."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for
from llmagg import registration
from llmagg.faultwall import FaultWall


def test_failover_with_its_trail(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"models": {"gpt-a": {"steps": [{"status": 503}]}}})
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    response = run(aggregator.chat(HELLO))
    assert response.choices[0].message.content == "Hello from gpt-b."
    assert [(a.route, a.outcome, a.status) for a in response.attempts] == [
        ("openai/gpt-a", "UNAVAILABLE", 503),
        ("openai/gpt-a", "UNAVAILABLE", 503),
        ("openai/gpt-b", "OK", 200),
    ]
    assert response.usage.total_tokens == 12


def test_all_failed_names_every_attempt(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"models": {"gpt-a": {"steps": [{"status": 401}]}, "gpt-b": {"steps": [{"status": 400}]}}})
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    with pytest.raises(RuntimeError) as caught:
        run(aggregator.generate_response(HELLO))
    error = caught.value
    assert isinstance(error, llmagg.AllModelsFailedError)
    assert isinstance(error.__cause__, llmagg.BadRequestError)
    assert "openai/gpt-a: AUTHENTICATION (HTTP 401)" in str(error)
    assert "openai/gpt-b: BAD_REQUEST (HTTP 400)" in str(error)
    assert "sk-test" not in str(error) + repr(error) + repr(vars(error))


def test_generate_response_turns_an_ending_error_into_all_failed(llm_wall: FaultWall, run: Any) -> None:
    filtered = {"status": 400, "body": {"error": {"message": "blocked", "code": "content_filter"}}}
    llm_wall.script({"models": {"gpt-a": {"steps": [filtered]}}})
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    with pytest.raises(llmagg.ContentFilterError):
        run(aggregator.chat(HELLO))
    with pytest.raises(llmagg.AllModelsFailedError) as caught:
        run(aggregator.generate_response(HELLO))
    assert isinstance(caught.value.__cause__, llmagg.ContentFilterError)
    assert caught.value.attempts
    assert run(aggregator.generate_response(HELLO, failover_content_filter=True)) == "Hello from gpt-b."


def test_without_a_configuration_a_call_is_a_runtime_error(run: Any) -> None:
    aggregator = llmagg.LLMAggregator()
    for call in (aggregator.chat(HELLO), aggregator.generate_response(HELLO), aggregator.health_check()):
        with pytest.raises(RuntimeError, match="none was found"):
            run(call)
    with pytest.raises(llmagg.NotInitializedError):
        aggregator.stream(HELLO)
    aggregator._initialized = True
    with pytest.raises(llmagg.NotInitializedError, match="no routes"):
        run(aggregator.chat(HELLO))


def test_a_second_initialize_with_an_equal_configuration_changes_nothing(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    provider = aggregator.manager.get_provider("openai")
    run(aggregator.initialize(config_for(llm_wall, "gpt-a")))
    run(aggregator.initialize())
    assert aggregator.manager.get_provider("openai") is provider
    assert aggregator.models == ["gpt-a"] == aggregator.get_available_models()


def test_a_provider_that_takes_the_place_of_anothers_is_told(llm_wall: FaultWall, run: Any) -> None:
    def config(*models: str) -> dict[str, Any]:
        return {"p": {"base_url": llm_wall.url, "models": {model: {} for model in models}}}

    first = llmagg.LLMAggregator(["p/x"])
    run(first.initialize(config("x")))
    with warnings.catch_warnings():  # the first one has all that it asks for
        warnings.simplefilter("error")
        second = llmagg.LLMAggregator(["p/y"])
        run(second.initialize(config("x", "y")))
    third = llmagg.LLMAggregator(["p/x"])
    with pytest.warns(UserWarning, match=r"provider 'p' of another .* is replaced, .* asks it for y: .*'like': 'p'"):
        run(third.initialize(config("x")))


@pytest.mark.parametrize("cls", [llmagg.LLMAggregator, llmagg.LLMAggrator])
def test_a_route_that_another_aggregator_moves_is_told_once(cls: Any, llm_wall: FaultWall, caplog: Any) -> None:
    registration._told.clear()

    def made(key: str, path: str = "", **more: Any) -> Any:
        config = {"models": {"x": {"base_url": llm_wall.url + path, "api_key": key, **more}}}
        aggregator = cls()
        aggregator.initialize_sync({"openai": config})
        return aggregator

    with warnings.catch_warnings():  # what is closed or gone is nobody's; other settings are no other place
        warnings.simplefilter("error")
        made("sk-one").close_sync()
        made("sk-two").close_sync()
        first = made("sk-three")
        second = made("sk-three")
        third = made("sk-three", timeout=7)
        fourth = made("sk-three", "/")
    moved = r"openai/x, which another .*, now has another base_url and another key for both"
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        fifth = made("sk-five", "/v2")
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 1 and re.match(moved, told[0]) and "sk-" not in told[0]
    assert [str(warning.message) for warning in shown] == (told if cls is llmagg.LLMAggregator else [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sixth = made("sk-six")
    for aggregator in (first, second, third, fourth, fifth, sixth):
        aggregator.close_sync()


def test_a_key_that_moves_is_told_wherever_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment, which has another one now, or from a function; what is equal or made twice moves none."""

    def made(key: Any) -> llmagg.LLMAggregator:
        aggregator = llmagg.LLMAggregator()
        aggregator.initialize_sync({"openai": {"models": {"x": {} if key is None else {"api_key": key}}}})
        return aggregator

    def of(key: str) -> Callable[[], str]:
        return lambda: key

    for first, equal, other in ((of("sk-a"), of("sk-a"), of("sk-b")), (None, "sk-d", None), ("sk-d", None, None)):
        registration._told.clear()
        monkeypatch.setenv("OPENAI_API_KEY", "sk-d")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kept = [made(first), made(equal)]
        monkeypatch.setenv("OPENAI_API_KEY", "sk-e")
        with pytest.warns(UserWarning, match="now has another key for both"):
            kept.append(made(other))
        for aggregator in kept:
            aggregator.close_sync()


def test_a_closed_aggregator_loses_nothing_until_it_is_used_again(llm_wall: FaultWall) -> None:
    def made(model: str) -> llmagg.LLMAggregator:
        config = {"p": {"base_url": llm_wall.url, "models": {model: {}}}}
        aggregator = llmagg.LLMAggregator([f"p/{model}"])
        aggregator.initialize_sync(config)
        return aggregator

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with made("x") as first:
            first.chat_sync("Hi")
        with made("y"):
            pass
        again = made("x")
    again.close_sync()
    again.chat_sync("Hi")
    with pytest.warns(UserWarning, match="asks it for x"):
        made("z")


def test_a_second_initialize_with_another_configuration_replaces_it(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    run(aggregator.initialize(config_for(llm_wall, "gpt-b", provider="other")))
    assert aggregator.manager.get_all_providers() == ["other"]
    assert aggregator.models == ["gpt-b"] == aggregator.get_available_models()
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-b."


def test_parameters_reach_the_wire(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"default": None}}}]
    run(
        aggregator.generate_response(
            [llmagg.Message("system", "s"), {"role": "user", "content": [{"type": "text", "text": "x"}]}],
            top_p=0.5, temperature=None, tools=tools, seed=7, response_format={"type": "json_object"},
            top_k=3, extra_body={"made_up": {"a": None}, "also": 1}, extra_headers={"X-Trace": "t"},
        )
    )  # fmt: skip
    (request,) = chats(llm_wall)
    assert request["headers"]["x-trace"] == "t"
    assert request["body"] == {
        "stream": False,
        "model": "gpt-a", "top_p": 0.5, "seed": 7, "tools": tools, "response_format": {"type": "json_object"},
        "top_k": 3, "made_up": {"a": None}, "also": 1,
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "x"}]}],
    }  # fmt: skip


def test_a_request_object_and_its_overrides(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    request = llmagg.ChatCompletionRequest("gpt-b", [llmagg.Message("user", "x")], max_tokens=5)
    response = run(aggregator.chat(request, max_tokens=6))
    assert response.model == "gpt-b"
    assert chats(llm_wall)[0]["body"]["max_tokens"] == 6
    assert request.max_tokens == 5
    assert run(aggregator.chat(HELLO, model="openai/gpt-b")).model == "gpt-b"


def test_stream_true_in_a_request_is_accumulated(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    response = run(aggregator.chat(llmagg.ChatCompletionRequest("gpt-a", [llmagg.Message("user", "x")], stream=True)))
    assert response.choices[0].message.content == "Hello from gpt-a."
    assert chats(llm_wall)[0]["stream"] is True


def test_stream_as_a_parameter_of_the_wrong_method_is_an_error(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    calls: dict[str, Callable[[], Any]] = {
        r"chat\(\), which .* stream_text\(\) or stream\(\)": lambda: run(aggregator.chat(HELLO, stream=True)),
        r"chat\(\), which .*twins end in _sync": lambda: aggregator.chat_sync(HELLO, stream=True),
        r"parse\(\), which .* stream_parse\(\)": lambda: run(aggregator.parse(HELLO, dict, stream=True)),
        r"parse\(\), which": lambda: aggregator.parse_sync(HELLO, dict, stream=True),
        r"run_tools\(\), which": lambda: aggregator.run_tools_sync(HELLO, tools=[print], stream=True),
        r"; chat\(\) returns the whole": lambda: list(aggregator.stream_sync(HELLO, stream=False)),
        r"stream=False": lambda: list(aggregator.stream_text_sync(HELLO, stream=False)),
        r"; parse\(\) returns the whole": lambda: list(aggregator.stream_parse_sync(HELLO, dict, stream=False)),
    }
    for text, call in calls.items():
        with pytest.raises(llmagg.InvalidArgumentError, match=text):
            call()
    assert chats(llm_wall) == []
    assert "".join(aggregator.stream_text_sync(HELLO, stream=True)) == "Hello from gpt-a."


def test_models_are_tried_in_the_order_that_was_assigned(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    aggregator.models = ["gpt-b", "nobody", "openai/gpt-a"]
    with pytest.warns(UserWarning, match='has the model "nobody" .registered: openai/gpt-a, openai/gpt-b'):
        assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-b."
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-b."  # it was told once
    aggregator.models = ["nobody"]
    with pytest.raises(llmagg.ModelNotFoundError, match="nobody"):
        run(aggregator.chat(HELLO))
    with pytest.raises(RuntimeError, match="nobody"):
        run(aggregator.generate_response(HELLO))


def test_upstream_names_and_keys(llm_wall: FaultWall, run: Any) -> None:
    aggregator = llmagg.LLMAggregator(models=["fast"])
    config = {"openai": {"models": {"fast": {"api_key": "k", "base_url": llm_wall.url, "model": "gpt-a"}}}}
    run(aggregator.initialize(config))
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    aggregator.models = ["gpt-a"]
    response = run(aggregator.chat(HELLO))
    assert response.attempts[0].route == "openai/fast"
    client = aggregator.manager.get_llm_client("openai", "fast")
    assert (client.config.name, client.get_model()) == ("fast", "gpt-a")


def test_a_manager_of_ones_own_making(llm_wall: FaultWall, run: Any) -> None:
    provider = llmagg.OpenAIProvider.create_simple("k", "gpt-a", llm_wall.url)
    run(provider.initialize_all_models())
    aggregator = llmagg.LLMAggregator()
    aggregator.manager = SimpleNamespace(providers={"mine": provider})
    aggregator.models, aggregator._initialized = ["gpt-a"], True
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."

    class Registry(llmagg.Manager):
        pass

    aggregator.manager = registry = Registry()
    registry.register_provider(provider)
    assert registry is not llmagg.get_manager()
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    assert run(aggregator.health_check()) == {"openai": {"gpt-a": True}}


def test_a_switched_off_model_is_passed_over(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    client = aggregator.manager.get_llm_client("openai", "gpt-a")
    client.set_available(False)
    assert aggregator.manager.get_all_models() == {"openai": ["gpt-b"]}
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-b."
    client.set_available(True)
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."


def test_a_changed_configuration_holds_from_the_next_call_on(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    run(aggregator.chat(HELLO))
    client = aggregator.manager.get_llm_client("openai", "gpt-a")
    client.config.api_key = "sk-other"
    client.config.model = "gpt-c"
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-c."
    assert chats(llm_wall)[1]["headers"]["authorization"] == "Bearer sk-other"


def test_max_retries_of_a_call(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"status": 503}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a", max_retries=2)
    for given, expected in ((None, 2), (1, 1), (4, 4), (0, 1)):
        before = len(chats(llm_wall))
        with pytest.raises(llmagg.AllModelsFailedError):
            run(aggregator.generate_response(HELLO, max_retries=given))
        assert len(chats(llm_wall)) - before == expected
        llmagg.get_manager().get_llm_client("openai", "gpt-a").config.timeout += 1  # a new breaker


def test_deadline_of_a_call(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"delay_headers_s": 20}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    with pytest.raises(TimeoutError) as caught:
        run(aggregator.chat(HELLO, deadline=0.3))
    assert isinstance(caught.value, llmagg.APITimeoutError)
    assert [attempt.route for attempt in caught.value.attempts] == ["openai/gpt-a"]


def test_a_breaker_opens_and_the_report_tells(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"models": {"gpt-a": {"steps": [{"status": 503}]}}})
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    for _ in range(5):
        run(aggregator.chat(HELLO))
    states = {row["model"]: row["circuit"] for row in aggregator.health_report()}
    assert states == {"gpt-a": "open", "gpt-b": "closed"}
    assert aggregator.manager.get_all_models() == {"openai": ["gpt-a", "gpt-b"]}
    assert len(run(aggregator.chat(HELLO)).attempts) == 1


def test_generate_summary(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    passage = {"title": "Tides", "description": None, "content": "The moon pulls."}
    assert run(aggregator.generate_summary(passage, 20)) == "Hello from gpt-a."
    system, user = chats(llm_wall)[0]["body"]["messages"]
    assert "at most 20 characters" in system["content"]
    assert user["content"] == "Title: Tides\n\nContent: The moon pulls."
    for usual in (({}, 20), (passage, 0)):
        assert run(aggregator.generate_summary(*usual)) == "Hello from gpt-a."
    for wrong in ((None, 20), (passage, "many"), (passage, -1)):
        with pytest.raises(llmagg.InvalidArgumentError):
            run(aggregator.generate_summary(*wrong))


def test_null_content_and_several_choices(llm_wall: FaultWall, run: Any) -> None:
    call = {"name": "f", "arguments": {"x": 1}, "id": "c1"}
    llm_wall.script({"default": {"steps": [{"tool_calls": [call]}, {"choices": 2}]}})
    aggregator = aggregator_for(llm_wall, "gpt-a")
    message = run(aggregator.chat(HELLO)).choices[0].message
    assert message.content is None
    assert message.tool_calls[0]["function"] == {"name": "f", "arguments": '{"x":1}'}
    assert [choice.index for choice in run(aggregator.chat(HELLO, n=2)).choices] == [0, 1]


def test_health_check_asks_every_route(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a", "gpt-b")
    assert run(aggregator.health_check()) == {"openai": {"gpt-a": True, "gpt-b": True}}
    llm_wall.script({"health": {"steps": [{"status": 401}]}})
    assert run(aggregator.health_check()) == {"openai": {"gpt-a": False, "gpt-b": False}}
    assert chats(llm_wall) == []


def test_deepseek_and_gemini_are_spoken(llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script({"default": {"steps": [{"reasoning": "Hm.", "text": "Yes."}]}})
    for vendor in ("deepseek", "gemini"):
        aggregator = llmagg.LLMAggregator(models=[f"{vendor}/m"])
        run(aggregator.initialize(config_for(llm_wall, "m", provider=vendor)))
        message = run(aggregator.chat(HELLO)).choices[0].message
        assert (message.content, message.reasoning_content) == ("Yes.", "Hm.")
    paths = [request["path"] for request in chats(llm_wall)]
    assert paths[0].endswith("/chat/completions")
    assert paths[1].endswith("/models/m:generateContent")
    assert chats(llm_wall)[1]["headers"]["x-goog-api-key"] == "sk-test-key-1234"
