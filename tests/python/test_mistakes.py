"""Silence is never the answer to a mistake of a user: misspelt names, wrong values, models that are nowhere."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

import llmagg
from conftest import HELLO, aggregator_for, chats, config_for, python
from llmagg.faultwall import FaultWall
from llmagg.manager import Manager


class Registry(Manager):
    """One of its own."""


def refused(call: Any, *words: str, cls: type[Exception] = llmagg.InvalidArgumentError) -> None:
    with pytest.raises(cls) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
    assert "sk-secret" not in str(caught.value)


OPTIONS = {
    "deadlin": "deadline", "dead_line": "deadline", "Deadline": "deadline", "hedge": "hedge_after",
    "hedgeAfter": "hedge_after", "num_retries": "max_retries", "max_retry": "max_retries", "retries": "max_retries",
    "time_out": "timeout", "request_timeout": "timeout", "on_interupt": "on_interrupt",
    "failover_bad_requests": "failover_bad_request", "includeUsage": "include_usage", "extra_header": "headers",
    "extrabody": "extra_body", "temprature": "temperature", "max_token": "max_tokens",
    "respones_format": "response_format",
    "fallbacks": "models", "options": "extra_body", "made_up": "extra_body", "api_key": "configuration",
    "base_url": "configuration", "window": "C", "bare": "C", "headers_only": "C",
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_a_name_that_is_no_option_is_refused_with_what_was_meant(llm_wall: FaultWall, run: Any, name: str) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    for value in (1, None, {"a": "sk-secret"}):
        refused(lambda v=value: run(aggregator.chat(HELLO, **{name: v})), name, OPTIONS[name])
    refused(lambda: list(aggregator.stream_sync(HELLO, **{name: 1})), name, OPTIONS[name])
    assert chats(llm_wall) == []


def test_well_known_parameters_pass(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    given = {
        "temperature": 0, "top_p": 1, "n": 1, "seed": 1, "stop": "x", "logprobs": True, "top_logprobs": 2, "user": "u",
        "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {"1": 2}, "metadata": {"a": "b"}, "store": False,
        "parallel_tool_calls": True, "tool_choice": "auto", "reasoning_effort": "low", "service_tier": "auto",
        "modalities": ["text"], "prediction": {"type": "content"}, "web_search_options": {}, "verbosity": "low",
        "top_k": 3, "min_p": 0.1, "top_a": 0.1, "repetition_penalty": 1.1, "enable_thinking": False,
        "thinking": {"type": "disabled"}, "chat_template_kwargs": {"a": 1}, "guided_json": {}, "safe_prompt": True,
        "random_seed": 1, "reasoning": {"effort": "low"}, "provider": {"order": []}, "keep_alive": "5m",
        "stop_token_ids": [1], "ignore_eos": True, "search_domain_filter": ["a"], "max_completion_tokens": 9,
    }  # fmt: skip
    run(aggregator.chat(HELLO, **given))
    body = chats(llm_wall)[0]["body"]
    assert {key: body[key] for key in given} == given


def test_extra_body_takes_any_name_and_replaces_fields(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    extra = {"deadlin": 1, "temprature": {"a": None}, "top_p": 0.1, "extra_body": {"google": {}}}
    run(aggregator.chat(HELLO, top_p=0.9, temperature=0.5, extra_body=extra))
    request = llmagg.ChatCompletionRequest("gpt-a", HELLO, top_p=0.9, temperature=0.5, extra_body=extra)
    run(aggregator.chat(request))
    run(aggregator.manager.get_client_by_model("gpt-a").chat_completion(request))
    assert request.extra_body is extra
    for seen in chats(llm_wall):
        assert {key: seen["body"][key] for key in extra} == extra
        assert seen["body"]["temperature"] == 0.5
    for bad in ({"messages": []}, {"model": "x"}, {"stream": True}, {"": 1}, {"temperature": "sk-secret"}):
        refused(lambda b=bad: run(aggregator.chat(HELLO, extra_body=b)), "extra_body")
    for wrong in ([1], "x", 5):
        refused(lambda w=wrong: run(aggregator.chat(HELLO, extra_body=w)), "extra_body")
        request.extra_body = wrong  # type: ignore[assignment]
        refused(lambda: run(aggregator.chat(request)), "extra_body")


class Router(llmagg.BaseLLMClient):
    """Asks another client."""

    other: Any

    async def chat_completion(self, request: Any) -> Any:
        self.seen = dict(request.extra)
        return await self.other.chat_completion(request)

    async def chat_completion_stream(self, request: Any) -> Any:
        yield await self.chat_completion(request)


def test_extra_body_reaches_clients_of_the_application_and_what_they_ask(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    provider = aggregator.manager.get_provider("openai")
    client = Router(llmagg.ModelConfig("mine", "openai", None, None))
    client.other = provider.clients["gpt-a"]
    provider.clients["mine"] = client
    run(aggregator.chat(HELLO, model="mine", extra_body={"deadlin": 1, "made_up": 2}))
    assert client.seen == {"deadlin": 1, "made_up": 2}
    assert {key: chats(llm_wall)[0]["body"][key] for key in client.seen} == client.seen


def test_slips_in_a_request_object(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    request = llmagg.ChatCompletionRequest("gpt-a", HELLO)
    request.temprature = 0.5  # type: ignore[attr-defined]
    refused(lambda: run(aggregator.chat(request)), "temprature", '"temperature"')
    for field in ("deadlin", "deadline", "api_key", "num_retries"):
        refused(lambda f=field: run(aggregator.chat(llmagg.ChatCompletionRequest("", HELLO, extra={f: 1}))), field)
    slip = llmagg.ChatCompletionRequest.from_dict({"messages": HELLO, "tempratur": 1})
    refused(lambda: aggregator.chat_sync(slip), '"temperature"')
    assert chats(llm_wall) == []


BAD_KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "baseurl": ({"baseurl": "http://h"}, '"base_url"'),
    "baseUrl": ({"baseUrl": "http://h"}, '"base_url"'),
    "timeoutt": ({"timeoutt": 3}, '"timeout"'),
    "retries": ({"retries": 3}, '"max_retries"'),
    "apikey": ({"apikey": "sk-secret"}, '"api_key"'),
    "colour": ({"colour": 3}, "the known ones are "),
    "temperature": ({"temperature": 3}, "set it in a call"),
    "breaker": ({"breaker": {"open": 3}}, '"open_s"'),
    "retry": ({"retry": {"backof_s": 3}}, '"backoff_s"'),
    "limits": ({"limits": {"max_bytes": 3}}, '"response_bytes"'),
    "timeout text": ({"timeout": "sk-secret"}, '"timeout" is a string of 9 bytes'),
    "timeout bool": ({"timeout": True}, '"timeout" is true'),
    "timeout nan": ({"timeout": float("nan")}, "timeout is nan"),
    "retries text": ({"max_retries": "3"}, '"max_retries" is "3"; expected an integer'),
    "key with a line end": ({"api_key": "sk-secret\n"}, "api_key begins or ends with white space or a line end"),
    "key with a blank": ({"api_key": " sk-secret"}, "api_key begins or ends with white space"),
    "key with Bearer": ({"api_key": "Bearer sk-secret"}, "Bearer"),
    "key list": ({"api_key": ["sk-secret"]}, '"api_key" must be a string, got an array'),
    "headers list": ({"headers": ["Authorization: sk-secret"]}, '"headers" has the wrong type'),
    "header in a name": ({"headers": {"Authorization: sk-secret": ""}}, "header name"),
    "type": ({"type": "sk-secret"}, "type"),
    "ratio": ({"breaker": {"ratio": 50}}, "at most 1"),
    "base_url": ({"base_url": "user:sk-secret@host:1"}, "base_url"),
}


@pytest.mark.parametrize("level", ["model", "provider"])
@pytest.mark.parametrize("name", BAD_KEYS)
def test_configurations_with_a_mistake(run: Any, name: str, level: str) -> None:
    keys, text = BAD_KEYS[name]
    model = {"api_key": "k", "base_url": "http://127.0.0.1:1", **(keys if level == "model" else {})}
    if level == "provider":
        model = {key: value for key, value in model.items() if key not in keys}
    config = {"openai": {**(keys if level == "provider" else {}), "models": {"gpt-a": model}}}
    aggregator = llmagg.LLMAggregator()
    refused(lambda: run(aggregator.initialize(config)), text)
    assert aggregator.manager.providers == {}


def test_configurations_with_a_wrong_shape(run: Any) -> None:
    def bad(config: Any, *words: str) -> None:
        refused(lambda: run(llmagg.LLMAggregator().initialize(config)), *words)

    bad([], "got list")
    bad("[]", "got list")
    bad('[{"api_key": "sk-secret"}]', "got list")
    bad("sk-secret", "cannot be read")
    bad(5, "got int")
    bad({"p": {"models": []}}, '"models" of provider "p" must be an object {name: {…}}, got an array')
    bad({"p": {}}, 'has no "models"')
    bad({"p": {"models": {"a": {"base_url": "http://h"}, "A": {"base_url": "http://h"}}}}, '"a" and "A"')
    one = {"models": {"a": {"base_url": "http://h"}}}
    bad({"p": one, "P": one}, '"p" and "P"')
    bad('{"p": {"models": {"a": {"base_url": "http://h"}, "a": {}}}}', 'has the key "a" twice')


def test_old_configurations_refuse_slips_and_warn_of_the_rest(llm_wall: FaultWall, run: Any) -> None:
    def settings(**keys: Any) -> Any:
        return SimpleNamespace(LLM_MODEL={"gpt-a": {"api_key": "k", "base_url": llm_wall.url, **keys}})

    for cls in (llmagg.LLMAggregator, llmagg.LLMAggrator):
        refused(lambda c=cls: run(c().initialize_from_settings(settings(max_retrys=2))), '"max_retries"')
        with pytest.warns(UserWarning, match='unknown key "colour"; it is ignored') as caught:
            run(cls().initialize_from_settings(settings(colour=2)))
        assert "site-packages" not in caught[0].filename
    config = config_for(llm_wall, "gpt-a", colour=1)
    with pytest.warns(UserWarning, match="colour"):
        run(llmagg.LLMAggrator().initialize(config))
    refused(lambda: run(llmagg.LLMAggrator().initialize(config_for(llm_wall, "gpt-a", timeuot=1))), '"timeout"')
    with pytest.warns(UserWarning, match="colour"):
        llmagg.OpenAIProvider.create_from_config("p", {"m": {"base_url": llm_wall.url, "colour": 1}})
    refused(lambda: llmagg.OpenAIProvider.create_from_config("p", {"m": {"baseurl": llm_wall.url}}), '"base_url"')


def test_what_stands_in_the_place_of_another_is_refused_with_its_place(llm_wall: FaultWall, run: Any) -> None:
    create = llmagg.OpenAIProvider.create_simple
    refused(lambda: create("gpt-4o", "sk-secret"), "looks like a key", "swapped")
    refused(lambda: create("sk-1", llm_wall.url), "base_url", "swapped")
    refused(lambda: create(llm_wall.url, "gpt-4o"), "address", "base_url")
    nested = {"gpt-4o": {"api_key": "k"}}
    for models in ({"models": nested}, {"openai": {"models": nested}}):
        refused(lambda m=models: llmagg.OpenAIProvider.create_from_config("openai", m), 'another "models"', "alone")
    named = {"LLM_MODEL": {"gpt-a": {"api_key": "k", "base_url": llm_wall.url, "provider": "deepseek"}}}
    refused(lambda: run(llmagg.LLMAggrator().initialize_from_settings(named)), "'deepseek'", "'openai'", "base_url")
    named["LLM_MODEL"]["gpt-a"]["provider"] = "OpenAI"
    run(llmagg.LLMAggrator().initialize_from_settings(named))


@pytest.mark.parametrize("cls", [llmagg.LLMAggregator, llmagg.LLMAggrator])
def test_models_that_are_no_list_of_names(cls: Any) -> None:
    for models in ("p/a", b"p/a", {"p/a": 1}, {"p/a", "p/b"}, 5, [5], [""], ["p/a", None]):
        refused(lambda m=models: cls(m), "models")
    refused(lambda: cls("p/a"), "; write ['p/a']")  # the text of a call's models is a list of one
    refused(lambda: cls("p/a, p/b,"), "; write ['p/a', 'p/b']")
    refused(lambda: cls(" "), "got str; expected ['provider/model', …]")
    assert cls(("p/a",)).get_available_models() == ["p/a"]
    assert cls(None).get_available_models() == []


def test_a_model_that_nobody_has(llm_wall: FaultWall, run: Any) -> None:
    config = {"p": {"base_url": llm_wall.url, "models": {"a": {}, "b": {}}}}
    for missing, cls in (("p/bb", llmagg.ModelNotFoundError), ("q/b", llmagg.ProviderNotFoundError)):
        aggregator = llmagg.LLMAggregator(["p/a", missing])
        words = (missing, 'did you mean "p/b"?', "registered: p/a, p/b")
        refused(lambda a=aggregator: run(a.initialize(config)), *words, cls=cls)
        assert aggregator.manager.providers == {}
        assert not aggregator._initialized
    aggregator = llmagg.LLMAggregator(["p/a"])
    run(aggregator.initialize(config))
    aggregator.models = ["p/a", "p/zzzz"]  # as applications do: not silent, and no crash
    with pytest.warns(UserWarning, match='has the model "p/zzzz".*ignored'):
        assert run(aggregator.generate_response(HELLO)) == "Hello from a."
    aggregator.models = "p/a"  # type: ignore[assignment]
    refused(lambda: run(aggregator.chat(HELLO)), "models must be a list of names, got str")
    old = llmagg.LLMAggrator(["gpt-a", "deepseek-chat"])
    with pytest.warns(UserWarning, match="deepseek-chat"):
        run(old.initialize_from_settings({"LLM_MODEL": {"gpt-a": {"base_url": llm_wall.url}}}))
    old = llmagg.LLMAggrator(["gpt-aa"])
    slip = {"LLM_MODEL": {"gpt-a": {"base_url": llm_wall.url}}}
    refused(lambda: run(old.initialize_from_settings(slip)), '"gpt-a"', cls=llmagg.ModelNotFoundError)


def test_a_second_configuration_takes_only_what_was_the_aggregators_own(llm_wall: FaultWall, run: Any) -> None:
    one, two = llmagg.LLMAggregator(["p/a"]), llmagg.LLMAggregator()
    shared = {"p": {"base_url": llm_wall.url, "models": {"a": {}}}}
    other = {"q": {"base_url": llm_wall.url, "models": {"y": {}}}}
    run(one.initialize(shared))
    run(two.initialize(shared))
    with pytest.warns(UserWarning, match="will also try p/a"):
        run(two.initialize(other))
    assert two.manager.get_all_providers() == ["p", "q"]
    assert run(one.generate_response(HELLO)) == "Hello from a."
    run(one.initialize(shared))
    refused(lambda: run(one.initialize({"p": {"modles": {}}})), '"models"')
    assert run(one.generate_response(HELLO)) == "Hello from a."


def test_a_registry_that_others_fill_is_told(llm_wall: FaultWall, run: Any) -> None:
    run(llmagg.LLMAggregator().initialize({"p": {"base_url": llm_wall.url, "models": {"x": {}}}}))
    second = llmagg.LLMAggregator()
    with pytest.warns(UserWarning, match="will also try p/x, which another aggregator has registered"):
        run(second.initialize({"q": {"base_url": llm_wall.url, "models": {"y": {}}}}))
    assert second.models == ["x", "y"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(llmagg.LLMAggregator(["q/y"]).initialize({"q": {"base_url": llm_wall.url, "models": {"y": {}}}}))


def test_variables_that_are_not_set(llm_wall: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        "gone": {"api_key": "${LLMAGG_NOT_SET}", "models": {"x": {"base_url": llm_wall.url}}},
        "here": {"base_url": "${LLMAGG_URL_NOT_SET:-" + llm_wall.url + "}", "models": {"a": {}}},
    }
    aggregator = llmagg.LLMAggregator(["gone/x", "here/a"])
    with pytest.warns(UserWarning, match="LLMAGG_NOT_SET, which is not set"):
        run(aggregator.initialize(config))
    assert run(aggregator.generate_response(HELLO)) == "Hello from a."
    refused(lambda: run(aggregator.chat(HELLO, model="gone/x")), "LLMAGG_NOT_SET", cls=llmagg.ModelNotFoundError)
    monkeypatch.setenv("LLMAGG_NOT_SET", "k")
    run(aggregator.initialize(config))
    assert run(aggregator.generate_response(HELLO)) == "Hello from x."


def test_roles(llm_wall: FaultWall, run: Any) -> None:
    aggregator = aggregator_for(llm_wall, "gpt-a")
    slip = [{"role": "usr", "content": "x"}]
    refused(lambda: run(aggregator.chat(slip)), 'messages[0].role is "usr"', 'did you mean "user"?')
    refused(lambda: run(aggregator.chat([{"content": "x"}])), "messages[0].role is missing")


def test_an_empty_configuration_is_told() -> None:
    aggregator = llmagg.LLMAggregator()
    aggregator.manager = Registry()
    with pytest.warns(UserWarning, match="no model is registered; register a provider before the first call, or"):
        aggregator.initialize_sync({})


@pytest.mark.parametrize(("role", "meant"), [("usr", "user"), ("assistent", "assistant"), ("System ", "system")])
def test_a_role_that_is_a_slip_is_refused_at_once(role: str, meant: str) -> None:
    refused(lambda: llmagg.Message(role, "hi"), f"did you mean {meant!r}")  # type: ignore[arg-type]
    assert llmagg.Message.from_dict({"role": role, "content": "hi"}).role == role  # a server's
    assert llmagg.Message("critic", "hi").role == "critic"  # type: ignore[arg-type]


def weather(city: str) -> str:
    return city


@dataclass
class City:
    city: str


def test_functions_and_classes_in_the_wrong_place(llm_wall: FaultWall) -> None:
    llm = aggregator_for(llm_wall, "gpt-a")
    refused(lambda: llm.chat_sync(HELLO, tools=[weather]), "tools[0] is the function weather", "run_tools()")  # type: ignore[list-item]
    refused(lambda: llm.chat_sync(HELLO, response_format=City), "parse() takes a class")  # type: ignore[arg-type]
    refused(lambda: llm.parse_sync(HELLO, City("Ulm")), "parse() takes a class, got an object of City")  # type: ignore[arg-type]
    refused(lambda: llm.parse_sync("City", "Hello"), "an object of str")  # type: ignore[arg-type]
    refused(lambda: llm.run_tools_sync(HELLO, tools=weather), "write tools=[…]")  # type: ignore[arg-type]
    refused(lambda: llm.run_tools_sync(HELLO, tools=[{"type": "function"}]), "a tool is a dict")  # type: ignore[list-item]
    refused(lambda: llm.run_tools_sync(HELLO, tools=[weather("Ulm")]), "a tool is a str")  # type: ignore[list-item]
    refused(
        lambda: llm.run_tools_sync(HELLO, tools=[lambda city: city]), "'<lambda>' has no name that a model can call"
    )
    assert chats(llm_wall) == []


def test_an_aggregator_is_told_at_once_and_shows_itself() -> None:
    refused(lambda: llmagg.LLMAggregator(["gpt-a"], budget=5), "expected llmagg.Budget")  # type: ignore[arg-type]
    assert repr(llmagg.LLMAggregator(["openai/gpt-a"])) == "<LLMAggregator ['openai/gpt-a'], not initialized>"


def test_an_observer_in_a_plain_with() -> None:
    def observed() -> None:
        with llmagg.observe():
            pass

    refused(observed, "observe() needs 'async with'", "observe_sync()")


def test_the_modules_of_the_documents_are_there() -> None:
    code = "import llmagg; print(llmagg.prices.use, llmagg.faultwall.FaultWall, llmagg.serve.application)"
    assert python(code).returncode == 0
    code = "import sys; sys.modules['starlette'] = None; import llmagg; llmagg.serve"
    assert "pip install 'llmagg[serve]'" in python(code).stderr


@pytest.mark.parametrize("value", [b"sk-1", bytearray(b"sk-1"), memoryview(b"sk-1")])
def test_bytes_in_a_configuration_are_not_sent_in_base64(llm_wall: FaultWall, run: Any, value: Any) -> None:
    config = {"p": {"models": {"gpt-a": {"api_key": value, "base_url": llm_wall.url}}}}
    with pytest.raises(llmagg.InvalidArgumentError, match=rf"'api_key' is {type(value).__name__}; expected a str"):
        run(llmagg.LLMAggregator(["gpt-a"]).initialize(config))


def test_a_bound_of_money_without_prices_is_told(llm_wall: FaultWall) -> None:
    """Once, at a server that might have said the cost: in the application's log, or as a warning where it has none."""
    program = """
import logging, sys, threading, llmagg
told, both = [], threading.Event()
class Keep(logging.Handler):
    def emit(self, record):
        if "no effect" in record.getMessage():
            told.append(record.getMessage())
            len(told) == 2 and both.set()
if sys.argv[2] == "log":
    logging.getLogger("llmagg").addHandler(Keep())
llm = llmagg.LLMAggregator()
model = {"api_key": "k", "base_url": sys.argv[1]}
llm.initialize_sync({"gateway": {"models": {"unpriced": model, "other": model}}})
for name in ("unpriced", "unpriced", "other"):
    llm.chat_sync("Hello", model=name, max_cost=1)
if sys.argv[2] == "log":
    both.wait(10)  # a thread hands the records on
print(*told, sep="\\n")
"""
    quiet, logged = (python(program, llm_wall.url, how) for how in ("quiet", "log"))
    for said, silent in ((quiet.stderr, quiet.stdout), (logged.stdout, logged.stderr)):
        assert said.count("no effect") == 2, said
        assert "no effect" not in silent


def test_hooks_that_give_nothing_are_named(llm_wall: FaultWall) -> None:
    class Mine(llmagg.OpenAIProvider.CLIENT):  # type: ignore[misc,name-defined]
        def _get_headers(self) -> Any:
            return None

    client = Mine(llmagg.ModelConfig("m", "openai", "k", llm_wall.url))
    request = llmagg.ChatCompletionRequest("m", [llmagg.Message("user", "x")])
    refused(lambda: client.chat_completion_sync(request), "Mine._get_headers must return a dict", "return")


def test_values_of_the_wrong_kind_at_the_doors() -> None:
    refused(lambda: llmagg.LLMAggregator(["m"], "latncy"), "strategy", "latency")
    refused(lambda: llmagg.observe_sync(buffer="5"), "buffer")  # type: ignore[arg-type]
    refused(lambda: llmagg.get_manager().register_provider(None), "register_provider")
    refused(lambda: llmagg.OpenAIProvider.create_from_config({"m": {}}), "provider_name")  # type: ignore[arg-type]
