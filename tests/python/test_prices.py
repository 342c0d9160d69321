"""Prices from the tables of litellm and genai-prices."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import config_for
from llmagg import __main__ as command
from llmagg import prices
from llmagg.faultwall import FaultWall

LITELLM: dict[str, Any] = {
    "gpt-4o": {
        "litellm_provider": "openai", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1.25e-06, "input_cost_per_token_above_200k_tokens": None,
    },
    "deepseek/deepseek-chat": {
        "litellm_provider": "deepseek", "input_cost_per_token": 2.8e-07, "output_cost_per_token": 4.2e-07,
    },
    "gemini/gemini-2.5-pro": {
        "litellm_provider": "gemini", "input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05,
        "input_cost_per_token_above_200k_tokens": 2.5e-06, "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "input_cost_per_token_above_200k_tokens_batches": 1.25e-06, "output_cost_per_token_above_200k_tokens_flex": "",
    },
    "xai/grok-4.7": {
        "litellm_provider": "xai", "input_cost_per_token": 2e-06, "output_cost_per_token": 6e-06,
        "input_cost_per_token_above_200k_tokens": 4e-06, "output_cost_per_token_above_200k_tokens": 1.2e-05,
    },
    "gpt-long": {
        "litellm_provider": "openai", "input_cost_per_token": 2e-06, "output_cost_per_token": 6e-06,
        "cache_creation_input_token_cost_above_12hr": 8e-06,
        "cache_creation_input_token_cost_above_12hr_above_272k_tokens": 8e-06,
        "output_cost_per_token_above_272k_tokens": 1.2e-05, "input_cost_per_token_above_272k_tokens": 2e-06,
        "output_cost_per_token_above_100k_tokens": 6e-06, "input_cost_per_token_above_100k_tokens": 2e-06,
    },
    "dashscope/qwen-x": {
        "litellm_provider": "dashscope", "tiered_pricing": [
            {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06},
            {"range": [32000.0, 128000.0], "input_cost_per_token": 1.8e-06, "output_cost_per_token": 9e-06},
        ],
    },
    "free": {"litellm_provider": "openai", "input_cost_per_token": 0, "output_cost_per_token": 0},
    "claude-x": {
        "litellm_provider": "anthropic", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
        "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
    },
}  # fmt: skip
GENAI: list[Any] = [
    {"id": "google", "models": [
        {"id": "gemini-a", "prices": {"input_mtok": 0.1, "output_mtok": 0.4, "cache_read_mtok": 0.025}},
        {"id": "tiers", "prices": {"input_mtok": {"base": 1, "tiers": [{"start": 9, "price": 2}]}, "output_mtok": 4}},
        {"id": "dated", "prices": [
            {"prices": {"input_mtok": {"base": 5, "tiers": []}, "output_mtok": 25}},
            {"constraint": {"start_date": "2026-03-13"}, "prices": {"input_mtok": 6, "output_mtok": 25}},
        ]},
        {"id": "thoughts", "prices": {"input_mtok": 1, "output_mtok": 2, "output_reasoning_mtok": 3}},
        {"id": "pictures", "prices": {"input_mtok": 1, "output_mtok": 2, "output_image_mtok": 30}},
        {"id": "odd", "prices": {"input_mtok": {"base": 1, "tiers": [{"start": 9, "price": "more"}]}}},
        {"id": "nightly", "prices": [
            {"prices": {"input_mtok": 1, "output_mtok": 2}},
            {"constraint": {"start_time": "16:30:00Z", "end_time": "00:30:00Z"}, "prices": {"input_mtok": 0.5}},
        ]},
    ]},
]  # fmt: skip


def test_litellms_names_of_clouds_are_ours() -> None:
    """Vertex AI's Gemini and Claude stand under several names of providers there, with and without a prefix."""
    price = {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}
    rows = {
        "gemini-x": "vertex_ai-language-models", "vertex_ai/gemini-y": "vertex_ai-language-models",
        "vertex_ai/claude-x@1": "vertex_ai-anthropic_models", "text-embedding-x": "vertex_ai-embedding-models",
        "us.amazon.nova-x": "bedrock_converse", "azure/gpt-x": "azure", "together_ai/a/b": "together_ai",
        "fireworks_ai/accounts/fireworks/models/x": "fireworks_ai",
    }  # fmt: skip
    table = {name: {**price, "litellm_provider": provider} for name, provider in rows.items()}
    assert prices.from_litellm(table).keys() == {
        "vertex/gemini-x", "vertex/gemini-y", "vertex-anthropic/claude-x@1", "vertex/text-embedding-x",
        "bedrock/us.amazon.nova-x", "azure/gpt-x", "together/a/b", "fireworks/accounts/fireworks/models/x",
    }  # fmt: skip


def test_litellms_table() -> None:
    assert prices.from_litellm(LITELLM) == {
        "openai/gpt-4o": {"input": 2.5, "output": 10, "cached_input": 1.25},
        "deepseek/deepseek-chat": {"input": 0.28, "output": 0.42},
        "anthropic/claude-x": {"input": 3, "output": 15, "cache_write": 3.75, "cache_write_1h": 6},
        "gemini/gemini-2.5-pro": {
            "input": 1.25,
            "output": 10,
            "above": [{"input_tokens": 200000, "input": 2.5, "output": 15}],
        },
        "xai/grok-4.7": {"input": 2, "output": 6, "above": [{"input_tokens": 199999, "input": 4, "output": 12}]},
        "openai/gpt-long": {"input": 2, "output": 6, "above": [{"input_tokens": 272000, "output": 12}]},
        "qwen/qwen-x": {"input": 1, "output": 5, "above": [{"input_tokens": 32000, "input": 1.8, "output": 9}]},
    }


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({"output_cost_per_reasoning_token": 1e-5}, True),
        ({"output_cost_per_reasoning_token": 3e-5}, False),
        ({"input_cost_per_request": 0.005}, False),
        ({"input_cost_per_token_above_200k_tokens": 5e-6}, False),
        ({"input_cost_per_token_above_200k_tokens": 5e-6, "output_cost_per_token_above_200k_tokens": "more"}, False),
        ({"output_cost_per_reasoning_token_above_200k_tokens": 3e-5}, False),
        ({"tiered_pricing": [{"range": [0, 9], "output_cost_per_reasoning_token": 1e-5}]}, False),
        ({"tiered_pricing": [{"max_results_range": [0, 25], "input_cost_per_query": 1}]}, False),
        ({"tiered_pricing": [{"range": [5, 9], "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-5}]}, False),
        ({"off_peak_pricing": {"input_cost_per_token": 1e-6, "windows": [{"hours_utc": "00:00-01:00"}]}}, False),
        ({"output_cost_per_image_token": 1e-4}, False),
        ({"output_cost_per_video_token": 1.75e-5}, False),
        ({"output_cost_per_image_token": 1e-5, "citation_cost_per_token": None}, True),
        ({"citation_cost_per_token": 2e-6}, False),
    ],
)
def test_rows_of_litellm_that_charge_for_more_are_left_out(more: dict[str, float], kept: bool) -> None:
    row = {"litellm_provider": "openai", "input_cost_per_token": 2.5e-6, "output_cost_per_token": 1e-5, **more}
    assert ("openai/a" in prices.from_litellm({"a": row})) == kept


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1e-6, "free", True])
def test_a_price_of_nonsense_in_litellms_table_is_no_price(wrong: object) -> None:
    row = {"litellm_provider": "openai", "input_cost_per_token": wrong, "output_cost_per_token": 1e-5}
    assert prices.from_litellm({"a": row}) == {"openai/a": {"output": 10}}


@pytest.mark.parametrize(
    ("more", "tiers"),
    [
        ({}, None),
        ({"input_cost_per_token_flex": 5e-7, "output_cost_per_token_flex": 2e-6}, {"flex": 0.5}),
        ({"output_cost_per_token_batches": 2e-6}, None),
        ({"input_cost_per_token_priority": 1.7e-6, "output_cost_per_token_priority": 6.81e-6}, {"priority": 1.703}),
        ({"input_cost_per_token_priority": 2e-6, "output_cost_per_token_priority": 6e-6}, None),
        ({"input_cost_per_token_batches": 8e-7, "input_cost_per_token_flex": None}, {"batch": 0.8}),
        ({"input_cost_per_token_flex": 5e-7, "input_cost_per_token_above_200k_tokens_flex": 1e-6}, {"flex": 0.5}),
        ({"input_cost_per_token_flex": 5e-7, "input_cost_per_token_above_200k_tokens_flex": 8e-7}, None),
        ({"input_cost_per_token_ultrafast": 6e-6}, {"ultrafast": 6}),
        ({"provider_specific_entry": {"us": 1.1, "fast": 2.0, "realtime_ga_only": 1}}, {"us": 1.1, "fast": 2}),
        ({"provider_specific_entry": {"us": "dear", "fast": None}}, None),
    ],
)
def test_service_tiers_of_litellm_are_multiples(more: dict[str, Any], tiers: dict[str, float] | None) -> None:
    long = {"input_cost_per_token_above_200k_tokens": 2e-6, "output_cost_per_token_above_200k_tokens": 8e-6}
    row = {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6, **long, **more}
    assert prices.from_litellm({"a": row})["openai/a"].get("service_tiers") == tiers


def test_genai_prices_table() -> None:
    flat = {"input": 0.1, "output": 0.4, "cached_input": 0.025}
    before = prices.from_genai_prices(GENAI, on=datetime.date(2026, 3, 12))
    tiers = {"input": 1, "output": 4, "above": [{"input_tokens": 9, "input": 2}]}
    dated = {"input": 5, "output": 25}
    assert before == {"gemini/gemini-a": flat, "gemini/tiers": tiers, "gemini/dated": dated}
    after = prices.from_genai_prices(GENAI, on=datetime.date(2026, 3, 13))
    assert after == {**before, "gemini/dated": {"input": 6, "output": 25}}


def test_a_configuration_gets_the_prices_that_it_lacks(llm_wall: FaultWall) -> None:
    llm_wall.script({"default": {"steps": [{"usage": {"prompt_tokens": 1000, "completion_tokens": 100}}]}})
    config = config_for(llm_wall, "gpt-4o", "gpt-own", "gpt-x")
    config["openai"]["models"]["gpt-own"]["price"] = {"input": 1, "output": 1}
    priced = prices.apply(config, prices.from_litellm(LITELLM))
    assert "price" not in config["openai"]["models"]["gpt-4o"]
    aggregator = llmagg.LLMAggregator()
    aggregator.initialize_sync(priced)
    costs = [aggregator.chat_sync("hi", model=name).cost for name in ("gpt-4o", "gpt-own", "gpt-x")]
    assert [cost and round(cost.amount, 9) for cost in costs] == [0.0035, 0.0011, None]


def test_the_command_prints_prices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table.json"
    table.write_text(json.dumps(LITELLM))
    assert command.main(["prices", "--from", "litellm", str(table), "openai/gpt-4o"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == {"openai/gpt-4o": {"input": 2.5, "output": 10, "cached_input": 1.25}}
    assert told.err == ""
    row = {"regional_processing_uplift_multiplier_eu": 1.1, "explicit_cache_read_input_token_cost": 1e-7}
    table.write_text(json.dumps({**LITELLM, "gpt-4o": {**LITELLM["gpt-4o"], **row}}))
    assert command.main(["prices", "--from", "litellm", str(table), "openai/gpt-4o"]) == 0
    assert f"Not read: {', '.join(sorted(row))}; what goes to" in capsys.readouterr().err
    assert command.main(["prices", "--from", "genai-prices", str(table)]) == 2
    assert "expected a list, as genai-prices'" in capsys.readouterr().err
    assert command.main(["prices", "--from", "litellm", str(table), "openai/gpt-4p"]) == 1
    assert "openai/gpt-4p" in capsys.readouterr().err
    table.write_text("{")
    assert command.main(["prices", "--from", "litellm", str(table)]) == 2
    assert "is not valid JSON" in capsys.readouterr().err


def test_the_shipped_table_is_used_when_it_is_asked_for(llm_wall: FaultWall, monkeypatch: pytest.MonkeyPatch) -> None:
    llm_wall.script({"default": {"steps": [{"usage": {"prompt_tokens": 1000, "completion_tokens": 100}}]}})
    monkeypatch.setenv("LLMAGG_PRICES", "")
    aggregator = llmagg.LLMAggregator()
    prices.use()
    aggregator.initialize_sync(config_for(llm_wall, "gpt-4o", "gpt-x"))
    cost = aggregator.chat_sync("hi", model="gpt-4o").cost
    table = json.loads(prices.SHIPPED.read_text())
    assert cost is not None
    assert (round(cost.amount, 9), cost.source, cost.date) == (0.0035, "table", table["date"])
    assert "litellm" in table["source"]
    assert cost.to_dict()["date"] == cost.date
    assert aggregator.chat_sync("hi", model="gpt-x").cost is None
    assert [r.get("prices_of") for r in aggregator.health_report()] == [table["date"], None]
    prices.use(None)
    assert "LLMAGG_PRICES" not in os.environ


def test_the_command_prints_the_shipped_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["prices", "--path"]) == 0
    assert capsys.readouterr().out == f"{prices.SHIPPED}\n"
    assert command.main(["prices", "openai/gpt-4o"]) == 0
    assert json.loads(capsys.readouterr().out)["openai/gpt-4o"]["input"] == 2.5
    table = tmp_path / "table.json"
    table.write_text(json.dumps(LITELLM))
    assert command.main(["prices", "--from", "litellm", str(table)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["date"] == datetime.date.today().isoformat()
    assert printed["openai/gpt-4o"]["input"] == 2.5
    assert command.main(["prices", "--from", "litellm"]) == 2
