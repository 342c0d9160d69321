"""What an application of the original sees, probe by probe, compared with a description: ``original/behaviour.json``.

The description was written from the original's documented interface and from reports of what applications met; it holds
none of its code. A probe's ``do`` is what an application writes, ``sees`` what it gets, ``raises`` the classes of which
the exception is an instance; ``differs`` says why ours is another on purpose, and then the outcome is ours.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import textwrap
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from conftest import FAST
from llmagg.faultwall import FaultWall

DESCRIBED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "original" / "behaviour.json").read_text())
KEY = "sk-probe-key-9876"


def world(wall: FaultWall) -> dict[str, Any]:
    """The names that a probe may use: the original's, and a few to set the scene."""
    import pkg.core.llm as package
    from pkg.core.llm import client, llm_aggrator, manager, provider, providers, types
    from pkg.core.llm.providers import deepseek_provider, gemini_provider, openai_provider

    modules = (
        types, client, provider, manager, providers, openai_provider, deepseek_provider, gemini_provider, llm_aggrator,
        package,
    )  # fmt: skip
    names = {key: value for module in modules for key, value in vars(module).items() if key[:1].isupper()}

    def config(model: str = "m", provider: str = "openai", **more: Any) -> Any:
        fields = {"api_key": KEY, "base_url": wall.url, "retry": FAST["retry"], "max_retries": 1, **more}
        return types.ModelConfig(model, provider, **fields)

    def make(cls: Any = openai_provider.OpenAIClient, model: str = "m", **more: Any) -> Any:
        spoken = getattr(cls, "VENDOR", "openai")
        if spoken == "gemini":
            more.setdefault("base_url", wall.url.removesuffix("/v1") + "/v1beta")
        return cls(config(model, spoken, **more))

    def register(*clients: Any, name: str = "openai") -> Any:
        made = provider.BaseProvider(types.ProviderConfig(name, {c.config.model: c.config for c in clients}))
        made.clients.update({c.config.model: c for c in clients})
        manager.get_manager().register_provider(made)
        return made

    def aggregator(*models: str, own: Any = None) -> Any:
        made = package.LLMAggregator(list(models))
        made._initialized = True
        if own is not None:
            made.manager = own
        return made

    def answer(text: str) -> Any:
        message = {"role": "assistant", "content": text}
        return types.ChatCompletionResponse.from_dict({"id": "1", "model": "m", "choices": [{"message": message}]})

    return {
        **names, "asyncio": asyncio, "mock": mock, "pytest": pytest, "dataclasses": dataclasses, "json": json,
        "package": package, "manager": manager.get_manager(), "get_manager": manager.get_manager, "config": config,
        "make": make, "register": register, "aggregator": aggregator, "answer": answer, "wall": wall, "KEY": KEY,
        "HELLO": [{"role": "user", "content": "Hello!"}],
        "ask": lambda model="m", **more: types.ChatCompletionRequest(model, [types.Message("user", "hi")], **more),
        "text": lambda response: response.choices[0].message.content,
        "posted": lambda: [r for r in wall.seen()["requests"] if r["kind"] == "chat"],
    }  # fmt: skip


async def outcome(probe: dict[str, Any], names: dict[str, Any]) -> Any:
    """What the probe's code returns, or the classes of what it raises."""
    code = "\n".join(probe["do"])
    exec(f"async def probe():\n{textwrap.indent(code, '    ')}", names)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return await names["probe"]()
    except Exception as error:
        if "raises" not in probe:
            raise
        return error


@pytest.mark.parametrize("probe", DESCRIBED, ids=[probe["probe"] for probe in DESCRIBED])
def test_an_application_sees_what_it_saw(probe: dict[str, Any], llm_wall: FaultWall, run: Any) -> None:
    llm_wall.script(probe.get("script", {}))
    seen = run(outcome(probe, world(llm_wall)))
    if "raises" in probe:
        assert isinstance(seen, Exception), f"nothing was raised; it gave {seen!r}"
        assert set(probe["raises"]) <= {cls.__name__ for cls in type(seen).__mro__}
        assert probe.get("says", "") in str(seen)
    else:
        assert seen == probe["sees"]


def test_the_description_is_whole() -> None:
    assert len({probe["probe"] for probe in DESCRIBED}) == len(DESCRIBED) >= 80
    for probe in DESCRIBED:
        assert ("sees" in probe) != ("raises" in probe), probe["probe"]
        assert probe.keys() <= {"probe", "do", "sees", "raises", "says", "script", "differs"}, probe["probe"]
