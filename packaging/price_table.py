"""Writes the table of prices that comes along, core/price/shipped/prices.json, from litellm's and genai-prices' tables.

    pip install genai-prices && pip download --no-deps litellm
    python packaging/price_table.py litellm-*.whl > core/price/shipped/prices.json

The table has litellm's rows of vendors that bill in dollars, for chat, embeddings and rankings, without models that are
switched off by that day, without models of Bedrock whose price depends on the region, and without rows in which
genai-prices says something else. Azure's prices are those of global deployments. Where the two differ for long
prompts only, the price of short ones is kept, with an entry that says that the others are not known. Standard error
tells what was left out for that.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import sys
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import data

from llmagg import prices

VENDORS = {
    "anthropic", "azure", "bedrock", "cerebras", "cohere", "deepinfra", "deepseek", "fireworks", "gemini", "groq",
    "jina", "mistral", "nebius", "novita", "openai", "perplexity", "sambanova", "together", "vertex",
    "vertex-anthropic", "voyage", "xai", "zai",
}  # fmt: skip
MODES = {"chat", "embedding", "rerank"}
IDS = {"gemini": "google", "xai": "x-ai", "voyage": "voyageai", "bedrock": "aws", "vertex": "google"}
"""Our names of vendors → genai-prices'."""
ROUNDED = 0.02
"""How far prices differ that are the same: litellm has 0.037 where a page has 0.0375."""


def plain(value: Any) -> Any:
    """genai-prices' objects as the JSON of its data."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) or hasattr(value, "__dict__"):
        return {name: plain(item) for name, item in vars(value).items() if item is not None}
    return value


def wanted(name: str, row: dict[str, Any], day: str) -> bool:
    """Whether the table has a row of litellm's."""
    vendor, model = name.split("/", 1)
    if vendor not in VENDORS or row.get("deprecation_date", "9") <= day or model.startswith("ft:"):
        return False
    if vendor == "xai" and ("-beta" in model or "experimental" in model):
        return False  # they have names of their own now
    if vendor == "perplexity" and not model.startswith("sonar"):
        return False  # others' models, which are not asked by chat completions, and models of old
    if vendor in ("azure", "bedrock", "vertex", "vertex-anthropic") and "/" in model:
        return False  # of regions and commitments, and others' models
    if vendor == "together" and "/" not in model:
        return False  # classes of models
    if vendor == "fireworks" and not model.startswith("accounts/fireworks/models/"):
        return False  # short names of litellm's
    if not row.get("input_cost_per_token"):
        return False  # what is sent is billed by something else than tokens, such as seconds of a video
    return row.get("mode") in MODES or (vendor in ("azure", "openai") and row.get("mode") == "responses")


def regional(raw: dict[str, dict[str, Any]]) -> set[str]:
    """The models of Bedrock whose price depends on the region."""
    found: set[str] = set()
    for key, row in raw.items():
        parts = key.split("/")
        if parts[0] == "bedrock" and len(parts) == 3 and parts[2] in raw:
            one, other = (next(iter(prices.from_litellm({key: r}).values()), None) for r in (row, raw[parts[2]]))
            if "-gov-" not in parts[1] and one and other and at(one, 1) != at(other, 1):
                found.add(f"bedrock/{parts[2]}")
    return found


def at(price: dict[str, Any], prompt: int) -> dict[str, float]:
    """The rates of a prompt."""
    rates = {name: value for name, value in price.items() if name != "above"}
    for tier in price.get("above", ()):
        if prompt > tier["input_tokens"]:
            rates.update(tier)
    rates.pop("input_tokens", None)
    return rates


def agreed(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any] | None:
    """The part of a price in which two tables say the same."""
    starts = sorted({tier["input_tokens"] for price in (ours, theirs) for tier in price.get("above", ())})
    for start in [0, *starts]:
        one, other = at(ours, start + 1), at(theirs, start + 1)
        if any(not math.isclose(one[name], other[name], rel_tol=ROUNDED) for name in one.keys() & other.keys()):
            if not start:
                return None
            kept = [tier for tier in ours.get("above", ()) if tier["input_tokens"] < start]
            return {**ours, "above": [*kept, {"input_tokens": start}]}
    return ours


def genai(vendor: str) -> Iterator[Any]:
    """genai-prices' models of a vendor."""
    for provider in data.providers:
        if provider.id == IDS.get(vendor, vendor):
            yield from provider.models


def converted(vendor: str, model: Any, day: datetime.date) -> dict[str, Any] | None:
    """genai-prices' price; None for what is more than a price of tokens."""
    row = {"id": model.id, "prices": plain(model.prices)}
    return next(iter(prices.from_genai_prices([{"id": vendor, "models": [row]}], on=day).values()), None)


def compared(name: str, price: dict[str, Any], day: datetime.date) -> dict[str, Any] | None:
    """litellm's price as far as genai-prices does not say something else."""
    vendor, model = name.split("/", 1)
    for found in genai(vendor):
        if found.id == model or found.is_match(model):
            other = converted(vendor, found, day)
            kept = agreed(price, other) if other else None
            if kept is None:
                print(f"{name}: {price}, and genai-prices: {other or plain(found.prices)}", file=sys.stderr)
            elif kept != price:
                print(f"{name}: {price} is kept as {kept}, since genai-prices has {other}", file=sys.stderr)
            return kept
    return price


def small(value: Any) -> Any:
    """Whole numbers without a fraction, and no zeros for what vectors and rankings do not have."""
    if isinstance(value, dict):
        return {name: small(item) for name, item in value.items() if item or name not in ("output", "cache_write")}
    if isinstance(value, list):
        return [small(item) for item in value]
    return int(value) if isinstance(value, float) and value == int(value) else value


def main(wheel: str) -> None:
    """Prints the table from litellm's wheel."""
    day = datetime.datetime.now(datetime.timezone.utc).date()
    with zipfile.ZipFile(wheel) as archive:
        raw = json.loads(archive.read("litellm/model_prices_and_context_window_backup.json"))
    table: dict[str, Any] = {}
    depends = regional(raw)
    for key, row in raw.items():
        for name, price in prices.from_litellm({key: row}).items():
            if name not in depends and wanted(name, row, day.isoformat()) and (kept := compared(name, price, day)):
                table[name] = kept
    head = {
        "date": day.isoformat(),
        "source": f"litellm {Path(wheel).name.split('-')[1]}, model_prices_and_context_window.json (MIT, BerriAI); "
        f"without what genai-prices {version('genai-prices')} (MIT, Pydantic) says otherwise",
    }
    rows = {**head, **{name: small(table[name]) for name in sorted(table)}}
    print("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in rows.items()) + "\n}")


if __name__ == "__main__":
    main(sys.argv[1])
