"""Where an aggregator that was not initialized finds its configuration, and how LLM_MODEL is read."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import llmagg
from conftest import HELLO, chats
from llmagg import oldstyle, providers, settings
from llmagg._native import operation, route
from llmagg.config import CLIENT_VENDORS, MODEL_KEYS
from llmagg.faultwall import FaultWall


def module(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: Any) -> None:
    for i in range(1, name.count(".") + 2):
        part = ".".join(name.split(".")[:i])
        monkeypatch.setitem(sys.modules, part, ModuleType(part))
    vars(sys.modules[name]).update(attributes)


def llm_model(wall: FaultWall, model: str = "gpt-a") -> Any:
    return SimpleNamespace(LLM_MODEL={model: {"api_key": "k", "base_url": wall.url, "model": model}})


def test_the_file_wins(llm_wall: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = {"openai": {"models": {"from-file": {"api_key": "k", "base_url": llm_wall.url}}}}
    (tmp_path / "llm.json").write_text(json.dumps(config))
    monkeypatch.setenv("LLMAGG_CONFIG", str(tmp_path / "llm.json"))
    monkeypatch.setenv("LLMAGG_SETTINGS", "my_settings:settings")
    module(monkeypatch, "my_settings", settings=llm_model(llm_wall, "gpt-settings"))
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    aggrator = llmagg.LLMAggrator()
    assert run(aggrator.generate_response(HELLO)) == "Hello from from-file."
    assert aggrator._config_initialized
    assert aggrator.aggregator._initialized


def test_a_file_at_home(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = {"openai": {"models": {"from-file": {"api_key": "k", "base_url": llm_wall.url}}}}
    (tmp_path / "llm.json").write_text(json.dumps(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LLMAGG_CONFIG", "~/llm.json")
    assert llmagg.LLMAggregator().generate_response_sync(HELLO) == "Hello from from-file."
    assert llmagg.default.of_command(None, None).chat_sync(HELLO).text == "Hello from from-file."
    monkeypatch.setenv("LLMAGG_CONFIG", "~nobody")  # a name like any other
    monkeypatch.chdir(tmp_path)
    (tmp_path / "llm.json").rename("~nobody")
    assert llmagg.LLMAggregator().generate_response_sync(HELLO) == "Hello from from-file."


def test_the_named_object_comes_next(llm_wall: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMAGG_CONFIG", "/nowhere/llm.json")
    monkeypatch.setenv("LLMAGG_SETTINGS", "my_settings:holder.settings")
    module(monkeypatch, "my_settings", holder=SimpleNamespace(settings=llm_model(llm_wall)))
    module(monkeypatch, "app.config.settings", settings=llm_model(llm_wall, "gpt-app"))
    with pytest.warns(UserWarning, match="/nowhere/llm.json' cannot be read: No such file"):
        assert run(llmagg.LLMAggrator().generate_response(HELLO)) == "Hello from gpt-a."


def test_then_the_application(llm_wall: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module(monkeypatch, "app.config.settings", settings=llm_model(llm_wall))
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert llmagg.LLMAggrator().generate_response_sync(HELLO) == "Hello from gpt-a."


def test_then_the_environment(llm_wall: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module(monkeypatch, "app.config.settings", settings=SimpleNamespace(LLM_MODEL={}))
    monkeypatch.setenv("DEEPSEEK_API_KEY", "k-deep")
    monkeypatch.setenv("DEEPSEEK_BASE_URL", llm_wall.url)
    monkeypatch.setenv("GEMINI_API_KEY", "k-gem")
    monkeypatch.setenv("GEMINI_API_BASE_URL", llm_wall.url)
    aggrator = llmagg.LLMAggrator()
    run(aggrator.initialize())
    assert aggrator.get_available_models() == ["gemini-flash-latest", "deepseek-flash"]
    run(aggrator.chat(HELLO, model="gemini-flash-latest"))
    assert chats(llm_wall)[0]["headers"]["x-goog-api-key"] == "k-gem"


def test_a_source_without_a_usable_model_is_passed_over(
    llm_wall: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "llm.json").write_text('{"deepseek": {"models": {"gpt-x": {"api_key": ""}}}}')
    monkeypatch.setenv("LLMAGG_CONFIG", str(tmp_path / "llm.json"))
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", llm_wall.url)
    with pytest.warns(UserWarning, match="LLMAGG_CONFIG cannot be used.*gpt-x has no api_key"):
        assert run(llmagg.LLMAggrator().generate_response(HELLO)) == "Hello from gpt-4o-mini."
    monkeypatch.setenv("LLMAGG_CONFIG", "")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-a")
    llmagg.get_manager().clear()
    assert run(llmagg.LLMAggrator().generate_response(HELLO)) == "Hello from gpt-a."


def test_a_key_under_a_near_name_is_told(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_KEY", "k")
    with pytest.raises(llmagg.NotInitializedError) as caught:
        run(llmagg.LLMAggregator().chat("x"))
    assert "nothing reads OPENAI_KEY, which is set; did you mean OPENAI_API_KEY?" in str(caught.value)


@pytest.mark.parametrize("models", [None, "openai/gpt-4o-mini"])
def test_a_file_that_nobody_loaded_is_told(models: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(llmagg.LLMError) as caught:
        llmagg.chat_sync("x", models=models)
    assert ".env" not in str(caught.value)
    Path(".env").write_text("OPENAI_API_KEY=k\n")
    with pytest.raises(llmagg.LLMError, match=r"\.env here is not read by llmagg: load it first \(load_dotenv"):
        llmagg.chat_sync("x", models=models)


def test_a_key_under_a_near_name_is_told_where_models_are_named(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As README's first program does; a model of another vendor has nothing to do with it."""
    monkeypatch.setenv("OPENAI_KEY", "k")
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        llmagg.chat_sync("x", models=["anthropic/claude-sonnet-5", "openai/gpt-4o-mini"])
    first, second = str(caught.value).splitlines()[1:]
    assert "OPENAI_KEY" not in first
    assert second.endswith("; nothing reads OPENAI_KEY, which is set; did you mean OPENAI_API_KEY?")
    with pytest.raises(llmagg.InvalidArgumentError, match="did you mean OPENAI_API_KEY"):
        llmagg.chat_sync("x", models="openai/gpt-4o-mini")


def test_nothing_found_names_all_four_and_why(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "llm.json").write_text('{"openai": ')
    monkeypatch.setenv("LLMAGG_CONFIG", str(tmp_path / "llm.json"))
    monkeypatch.setenv("LLMAGG_SETTINGS", "no_such_module_here:settings")
    module(monkeypatch, "app.config.settings", other=1)
    monkeypatch.setenv("OPENAI_API_KEY", "")
    aggrator = llmagg.LLMAggrator()
    with pytest.warns(UserWarning, match="not valid JSON"), pytest.raises(RuntimeError) as caught:
        run(aggrator.generate_response(HELLO))
    text = str(caught.value)
    assert "LLMAGG_CONFIG" in text
    assert "llm.json' is not valid JSON" in text
    assert "LLMAGG_SETTINGS: module no_such_module_here cannot be imported" in text
    assert "app.config.settings has no settings" in text
    assert "a key of openai, anthropic" in text
    assert not aggrator._config_initialized


def test_a_malformed_settings_name(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMAGG_SETTINGS", "just_a_module")
    with pytest.raises(llmagg.NotInitializedError, match="'just_a_module' is not of the form 'module:attribute'"):
        run(llmagg.LLMAggrator().initialize())


BOTH = pytest.mark.parametrize("cls", [llmagg.LLMAggregator, llmagg.LLMAggrator])


@BOTH
def test_both_classes_configure_themselves_alike(keys: FaultWall, run: Any, cls: Any) -> None:
    model = "gpt-4o-mini"
    assert run(cls().chat(HELLO)).route == f"openai/{model}"
    assert "".join(cls().stream_text_sync(HELLO)) == f"Hello from {model}."
    assert run(cls().health_check()) == {"openai": {model: True}, "deepseek": {"deepseek-flash": True}}

    async def streamed() -> str:
        return "".join([text async for text in cls().stream_text(HELLO)])

    assert run(streamed()) == f"Hello from {model}."
    llmagg.get_manager().clear()
    named = cls(["deepseek/deepseek-x", "openai/gpt-x"])
    assert named.chat_sync(HELLO).route == "deepseek/deepseek-x"
    assert named.get_available_models() == ["deepseek/deepseek-x", "openai/gpt-x"]


@BOTH
def test_names_in_the_environment_stand_for_a_list(
    keys: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch, cls: Any
) -> None:
    monkeypatch.setenv("LLMAGG_MODELS", "deepseek/deepseek-y, openai/gpt-y")
    found = cls()
    assert found.chat_sync(HELLO).route == "deepseek/deepseek-y"
    run(found.initialize({"openai": {"models": {"gpt-z": {"api_key": "k", "base_url": keys.url}}}}))
    assert found.chat_sync(HELLO).route == "openai/gpt-z"


def test_names_in_the_environment_are_nobodys_list_in_another_thread(
    keys: FaultWall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMAGG_MODELS", "deepseek/deepseek-y, openai/gpt-y")
    found, find, own = llmagg.LLMAggregator(), settings.find, {"gpt-z": {"api_key": "k", "base_url": keys.url}}

    def configured() -> list[str]:
        found.chat_sync(HELLO)
        found.initialize_sync({"openai": {"models": own}})
        return list(found.models)

    def finds(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(settings, "find", find)
        with ThreadPoolExecutor(1) as other:  # the first call of another thread, while this one looks
            assert other.submit(configured).result() == ["gpt-z"]
        return find(*args, **options)

    monkeypatch.setattr(settings, "find", finds)
    assert found.chat_sync(HELLO).route == "openai/gpt-z"


@BOTH
def test_what_was_not_found_is_looked_for_again(keys: FaultWall, monkeypatch: pytest.MonkeyPatch, cls: Any) -> None:
    later, bare = cls(), cls(["gpt-x"])
    with monkeypatch.context() as without:
        for vendor in ("OPENAI", "DEEPSEEK"):
            without.delenv(f"{vendor}_API_KEY")
        with pytest.raises(RuntimeError, match="none was found"):
            later.chat_sync(HELLO)
    with pytest.raises(llmagg.NotInitializedError, match='write it as "openai/gpt-x"'):
        bare.chat_sync(HELLO)
    assert later.chat_sync(HELLO).route.startswith("openai/")
    with pytest.raises(llmagg.ModelNotFoundError, match="gpt-x"):
        bare.chat_sync(HELLO)


def test_threads_that_configure_an_aggregator_at_the_same_time(keys: FaultWall) -> None:
    for _ in range(5):
        llm = llmagg.LLMAggregator()
        with ThreadPoolExecutor(8) as pool:
            routes = pool.map(lambda _, llm=llm: llm.chat_sync(HELLO).route, range(16))
            assert set(routes) == {"openai/gpt-4o-mini"}
        llmagg.get_manager().clear()


CALLS = (
    "llmagg.chat_sync('hi')",
    "llmagg.LLMAggregator(['openai/a']).chat_sync('hi')",
    "llmagg.chat_sync('hi', models='openai/a')",
)


@pytest.mark.parametrize("call", CALLS)
def test_a_program_called_app_runs_once(keys: FaultWall, tmp_path: Path, call: str) -> None:
    (tmp_path / "app.py").write_text(f"print('begins')\nimport llmagg\nprint({call}.text)\n")
    done = subprocess.run([sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert [line.partition(" from ")[0] for line in done.stdout.splitlines()] == ["begins", "Hello"], done.stderr


def test_a_package_called_app_is_imported_if_it_has_the_settings(keys: FaultWall, tmp_path: Path) -> None:
    (tmp_path / "app" / "config").mkdir(parents=True)
    (tmp_path / "app" / "__init__.py").write_text("print('imported')\n")
    (tmp_path / "main.py").write_text("import llmagg\nprint(llmagg.LLMAggregator().chat_sync('hi').text)\n")
    run = [sys.executable, "main.py"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == "Hello from gpt-4o-mini.\n"
    (tmp_path / "app" / "config" / "settings.py").write_text(
        f"class settings:\n    LLM_MODEL = {{'gpt-s': {{'api_key': 'k', 'base_url': {keys.url!r}}}}}\n"
    )
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == "imported\nHello from gpt-s.\n"


def test_a_list_whose_keys_are_missing_is_told_whole() -> None:
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        llmagg.LLMAggregator(["anthropic/claude-x", "openai/gpt-x"]).chat_sync(HELLO)
    assert str(caught.value).startswith("no model can be used:\n  1. model anthropic/claude-x has no api_key")
    assert "\n  2. model openai/gpt-x has no api_key" in str(caught.value)


@BOTH
def test_initialize_from_settings(llm_wall: FaultWall, run: Any, cls: Any) -> None:
    aggregator = cls()
    run(aggregator.initialize_from_settings(llm_model(llm_wall)))
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."
    run(aggregator.initialize_from_settings(llm_model(llm_wall)))  # changes nothing
    run(aggregator.initialize_from_settings(llm_model(llm_wall, "gpt-b")))  # replaces it
    assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-b."
    for odd in (SimpleNamespace(), {"LLM_MODEL": {}}, SimpleNamespace(LLM_MODEL=[1])):
        with pytest.raises(llmagg.InvalidArgumentError, match="LLM_MODEL"):
            run(cls().initialize_from_settings(odd))


@pytest.mark.parametrize(
    ("name", "base_url", "provider", "spoken"),
    [
        ("gpt-4", None, "openai", None),
        ("gpt-4", "", "openai", None),
        ("o1-mini", None, "openai", None),
        ("DeepSeek-Chat", None, "deepseek", None),
        ("gemini-2.5-flash", None, "gemini", None),
        ("gemini-2.5-flash", "http://localhost:8000/v1", "gemini", "openai-compatible"),
        ("deepseek-chat", "https://proxy.example/v1", "deepseek", "openai-compatible"),
        ("gpt-4", "https://api.deepseek.com/v1", "deepseek", None),
        ("my-model", "https://API.openai.com/v1", "openai", None),
        ("claude-x", "https://api.anthropic.com/v1", "anthropic", None),
        ("my-model", "https://generativelanguage.googleapis.com/v1beta", "gemini", None),
        ("my-model", "https://generativelanguage.googleapis.com/v1beta/openai/", "gemini", None),
        ("my-model", "http://localhost:8000/v1", "openai", "openai-compatible"),
    ],
)
def test_the_provider_follows_from_url_and_name(name: str, base_url: Any, provider: str, spoken: Any) -> None:
    made = oldstyle.from_llm_model({name: {"api_key": "k", "base_url": base_url}})
    assert list(made) == [provider]
    assert made[provider]["models"][name].get("type") == spoken


def test_a_gemini_model_behind_an_openai_compatible_url(llm_wall: FaultWall, run: Any) -> None:
    aggregator = llmagg.LLMAggregator()
    run(aggregator.initialize_from_settings(llm_model(llm_wall, "gemini-x")))
    response = run(aggregator.chat(HELLO))
    assert response.attempts[0].route == "gemini/gemini-x"
    assert chats(llm_wall)[0]["path"].endswith("/chat/completions")


@BOTH
def test_initialize_takes_json_text_and_files(llm_wall: FaultWall, run: Any, cls: Any, tmp_path: Path) -> None:
    text = json.dumps({"openai": {"models": {"gpt-a": {"api_key": "k", "base_url": llm_wall.url}}}})
    file = tmp_path / "llm.json"
    file.write_text("\ufeff" + text, encoding="utf-8")
    for config in (text, "\n  " + text, file, str(file)):
        llmagg.get_manager().clear()
        aggregator = cls()
        run(aggregator.initialize(config))
        assert run(aggregator.generate_response(HELLO)) == "Hello from gpt-a."


def test_json_that_cannot_be_used_says_what_and_where(run: Any, tmp_path: Path) -> None:
    def refused(config: Any, *words: str) -> None:
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            run(llmagg.LLMAggregator().initialize(config))
        for word in words:
            assert word in str(caught.value)

    file = tmp_path / "llm.json"
    unread = f"configuration file '{file}' cannot be read: No such file"
    refused(str(file), unread, "a configuration as text begins with '{'")
    refused(tmp_path, f"configuration file '{tmp_path}' cannot be read: Is a directory")
    with pytest.raises(llmagg.InvalidArgumentError, match=r"No such file or directory$"):
        run(llmagg.LLMAggregator().initialize(file))
    refused("llm\0.json", "cannot be read: embedded null byte")
    refused('{"openai": {', "the configuration is not valid JSON: unexpected end of the JSON text at byte 12")
    file.write_text('{\n  "openai": nonsense\n}')
    refused(file, "in line 2")
    file.write_text('{\n  // my models\n  "openai": {}\n}')
    refused(file, "(JSON has no comments) at byte 4 in line 2; expected {provider: ")
    refused("{'openai': {}}", "(JSON's quotes are double ones) at byte 1")
    file.write_text("openai:\n  models: {}\n")
    refused(file, f"file '{file}' is not valid JSON at byte 0 in line 1; expected {{", "it seems to be YAML, ")
    file.write_text('[openai.models.gpt-a]\napi_key = "k"\n')
    refused(file, "it seems to be TOML, which becomes JSON by: python3 -c ")
    file.write_text("\n")
    refused(file, f"configuration file '{file}' is empty; expected {{provider: ")
    file.write_text('{"openai": nonsense}')
    refused(file, f"configuration file '{file}' is not valid JSON", "at byte 11")
    file.write_text("[1]")
    refused(file, f"configuration file '{file}' must be {{provider: ")
    file.write_text('{"openai": {"models": {"gpt-a": 5}}}')
    refused(file, str(file), 'model "openai/gpt-a" must be an object, got a number')
    file.write_text('{"openai": {"models": {"gpt-a": {}}}}')
    refused(file, str(file), "model openai/gpt-a has no api_key")
    for text, word in {
        "{}": "defines no models",
        '{"p": {"type": "opnai", "models": {"m": {"api_key": "k"}}}}': "opnai",
        '{"p": {"models": {"m": {"type": "opnai", "api_key": "k"}}}}': "opnai",
        '{"p": {"models": {"m": {"like": "nobody", "api_key": "k"}}}}': "nobody",
        '{"openai": {"models": {"m": {"api_key": "k", "ca_file": "no such file"}}}}': "no such file",
        '{"fleet": {"url": "redis://a"}}': "fleet",
        '{"bulk": {"max_cost": 5}}': '"bulk" and no provider beside it',
        '{"fleet": {"url": "gopher://a"}, "openai": {"models": {"m": {"api_key": "k"}}}}': "fleet",
    }.items():
        file.write_text(text)
        refused(file, str(file), word)
    refused('{"openai": 5}', 'provider "openai" must be an object with "models", got a number')


def test_the_defaults_and_vendors_are_those_of_the_core() -> None:
    tables = route.tables()
    defaults = {
        row["name"]: row["default"] for row in tables["configuration"] if "group" not in row and "default" in row
    }
    for field in fields(llmagg.ModelConfig):
        if isinstance(field.default, (int, float)):
            assert float(defaults[field.name]) == field.default
    assert {row.get("group", row["name"]) for row in tables["configuration"]} == MODEL_KEYS | {"fleet", "bulk"}
    (window,) = [row["default"] for row in tables["options"] if row["name"] == "window"]
    assert int(window) == 2 * operation._CREDIT_EVERY
    assert set(providers.PROVIDERS) == CLIENT_VENDORS <= set(route.vendors())


def test_a_vendor_without_a_class_in_python_keeps_its_address_and_format() -> None:
    anthropic = llmagg.OpenAIProvider.create_from_config("anthropic", {"claude-x": {"api_key": "k"}})
    made = anthropic.create_client(llmagg.ModelConfig("claude-x", "anthropic", "k", None))
    assert made.base_url == "https://api.anthropic.com/v1"
    other = llmagg.providers.OpenAIClient(llmagg.ModelConfig("m", "my-own", "k", None))
    assert other.base_url == "https://api.openai.com/v1"
    owner = route.vendor_at("api.deepseek.com")
    assert owner is not None
    assert owner["name"] == "deepseek"
    assert route.vendor_at("api.deepseek.com.example") is None
