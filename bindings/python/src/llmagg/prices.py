"""Prices from tables that others keep, for the ``price`` of a model's configuration.

``from_litellm`` reads litellm's ``model_prices_and_context_window.json``, ``from_genai_prices`` the ``data.json`` or
``data_slim.json`` of pydantic's genai-prices. Both return ``{"provider/model": price}`` in dollars, and ``apply`` puts
these prices into a configuration. The tables disagree with each other and with invoices in places: a price that you
write into the configuration yourself comes first. A price that depends on the time of day is left out, since a cost
that is missing is better than a wrong one; prices of long prompts become the entries of ``above``, and litellm's prices
of "flex", "priority", "ultrafast", batches, and Anthropic's "fast" and "us" the multiples of ``service_tiers``, where
all prices of a row, those of long prompts too, have the same multiple. Caches that keep for half a day are left out.

``use()`` gives the prices of a table to all models that are configured afterwards and have no ``price``: without an
argument the table that comes with this package. Setting ``LLMAGG_PRICES`` to the path of a file does the same.
"""

from __future__ import annotations

import copy
import datetime
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ._shown import shown_path
from .errors import InvalidArgumentError

Prices = dict[str, dict[str, Any]]
"""``"provider/model"`` → price, as in a configuration."""

SHIPPED = Path(__file__).with_name("prices.json")
"""The table of prices that comes with this package; its ``date`` and ``source`` say where the prices are from."""

_LITELLM = {
    "input_cost_per_token": "input", "output_cost_per_token": "output", "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write", "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio", "output_cost_per_audio_token": "output_audio",
}  # fmt: skip
_GENAI = {
    "input_mtok": "input", "output_mtok": "output", "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write", "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio", "output_audio_mtok": "output_audio",
}  # fmt: skip
_PROVIDERS = {
    "google": "gemini", "aws": "bedrock", "bedrock_converse": "bedrock", "x-ai": "xai", "moonshotai": "moonshot",
    "zhipuai": "zhipu", "dashscope": "qwen", "together_ai": "together", "fireworks_ai": "fireworks",
    "cohere_chat": "cohere", "jina_ai": "jina", "voyageai": "voyage", "vertex_ai-language-models": "vertex",
    "vertex_ai-embedding-models": "vertex", "vertex_ai-anthropic_models": "vertex-anthropic", "vertex_ai": "vertex",
}  # fmt: skip
"""Their names of providers → ours, where they differ."""

_ABOVE = re.compile(r"(\w+?)_above_(\d+)k_tokens")
_UNREAD = re.compile("uplift_multiplier|^explicit_cache_")
"""Fields of litellm for requests that go to a region's own address, or that name their cache."""
_ROUNDED = 1.02
"""How far multiples differ that are the same: the tables round prices."""
_HALF_A_DAY = "cache_creation_input_token_cost_above_12hr"
_INCLUSIVE = {"xai"}
"""Providers whose higher prices begin at litellm's threshold, not above it."""
_APART = (
    "output_cost_per_reasoning_token", "output_cost_per_image_token", "output_cost_per_video_token",
    "citation_cost_per_token",
)  # fmt: skip
"""Parts of an answer that litellm may charge for otherwise than for its text."""


def use(table: str | os.PathLike[str] | None = SHIPPED) -> None:
    """Makes a file the table of prices for models that are configured from now on and have no ``price``; None: no
    table. A response's ``cost`` then has the source "table" and the table's date.
    """
    if table is None:
        os.environ.pop("LLMAGG_PRICES", None)
    else:
        os.environ["LLMAGG_PRICES"] = os.fspath(table)


def from_litellm(table: Mapping[str, Any] | str | Path) -> Prices:
    """The prices of litellm's table, given as a dict or as the path of its file. Rows that say 0 are unknown there.

    A row is left out if it charges for more than its tokens (each request), has prices of their own for thoughts,
    images, videos or citations in answers, or other prices at some hours. So is one with prices of long prompts that
    lacks some of them.
    """
    prices: Prices = {}
    for name, row in _read(table, dict).items():
        if not isinstance(row, Mapping):
            continue
        provider = str(row.get("litellm_provider", ""))
        if price := _of_litellm(row, provider):
            kind = "vertex_ai" if provider.startswith("vertex_ai-") else provider
            model = name.removeprefix(f"{kind}/")
            prices[f"{_PROVIDERS.get(provider, provider)}/{model}"] = price
    return prices


def _of_litellm(row: Mapping[str, Any], provider: str) -> dict[str, Any] | None:
    if row.get("input_cost_per_request") or row.get("off_peak_pricing"):
        return None
    tiers: dict[int, dict[str, Any]] = {}
    for start, rates in _ranges(row) if row.get("tiered_pricing") else _thresholds(row, provider in _INCLUSIVE):
        if rates is None:
            return None
        tiers[start] = rates
    price = tiers.pop(0, {})
    if not (price.get("input") or price.get("output")) or any(price.keys() - tier.keys() for tier in tiers.values()):
        return None
    services = _services(row)
    return {**_with_above(price, tiers), **({"service_tiers": services} if services else {})}


def _services(row: Mapping[str, Any]) -> dict[str, float]:
    """How many times the usual prices those of other service tiers are. Batches at half need no entry."""
    found = {}
    for name, end in (("flex", "_flex"), ("priority", "_priority"), ("ultrafast", "_ultrafast"), ("batch", "_batches")):
        keys = [key for key in row if _is_price(row[key]) and row[key] and _ABOVE.sub(r"\1", key) in _LITELLM]
        times = [row[key + end] / row[key] for key in keys if _is_price(row.get(key + end))]
        usual = name == "batch" and bool(times) and math.isclose(max(times), 0.5, rel_tol=_ROUNDED - 1)
        if times and max(times) <= min(times) * _ROUNDED and not usual:
            found[name] = round(max(times), 3)
    apart = row.get("provider_specific_entry") or {}
    return found | {name: apart[name] for name in ("fast", "us") if _is_price(apart.get(name))}


def _thresholds(row: Mapping[str, Any], inclusive: bool) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """From how many tokens on which prices hold; None: more than tokens is charged for."""
    yield 0, _rates(row)
    tiers: dict[int, dict[str, Any]] = {}
    for key, value in row.items():
        if value is not None and (match := _ABOVE.fullmatch(key)) and match[1] != _HALF_A_DAY:
            tiers.setdefault(int(match[2]) * 1000 - inclusive, {})[match[1]] = value
    for start, tier in tiers.items():
        yield start, _rates(tier) if tier.keys() <= _LITELLM.keys() else None


def _ranges(row: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any] | None]]:
    for tier in row["tiered_pricing"]:
        yield int(tier.get("range", [0])[0]), _rates(tier)


def _rates(row: Mapping[str, Any]) -> dict[str, Any] | None:
    if any(row.get(key) not in (None, 0, row.get("output_cost_per_token")) for key in _APART):
        return None
    return {ours: round(row[theirs] * 1e6, 9) for theirs, ours in _LITELLM.items() if _is_price(row.get(theirs))}


def _with_above(price: dict[str, Any], tiers: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    """The price with its entries for long prompts, which name what differs from shorter ones."""
    above, before = [], price
    for start, tier in sorted(tiers.items()):
        differs = {name: value for name, value in tier.items() if value != before.get(name)}
        if differs:
            above.append({"input_tokens": start, **differs})
        before = {**before, **tier}
    return {**price, "above": above} if above else price


def from_genai_prices(table: list[Any] | str | Path, *, on: datetime.date | None = None) -> Prices:
    """The prices of genai-prices' table on a day (today by default), given as a list or as the path of its file."""
    day = (on or datetime.date.today()).isoformat()
    prices: Prices = {}
    for provider in _read(table, list):
        name = _PROVIDERS.get(provider["id"], provider["id"])
        for model in provider.get("models", ()):
            if price := _of_genai(_on(model.get("prices"), day) or {}):
                prices[f"{name}/{model['id']}"] = price
    return prices


def _of_genai(row: Mapping[str, Any]) -> dict[str, Any] | None:
    price: dict[str, Any] = {}
    tiers: dict[int, dict[str, Any]] = {}
    for theirs, ours in _GENAI.items():
        value = row.get(theirs)
        if isinstance(value, Mapping):
            for tier in value.get("tiers", ()):
                tiers.setdefault(tier["start"], {})[ours] = tier["price"]
            value = value.get("base")
        if theirs in row:
            price[ours] = value
    if not all(map(_is_price, [*price.values(), *(value for tier in tiers.values() for value in tier.values())])):
        return None
    if "requests_kcount" in row or any(re.fullmatch(r"output_\w+_mtok", key) and key not in _GENAI for key in row):
        return None  # it charges for more than tokens, or for thoughts, images, citations otherwise than for text
    return _with_above(price, tiers)


def apply(config: Mapping[str, Any], prices: Prices) -> dict[str, Any]:
    """A copy of ``{provider: {"models": …}}`` in which each model without a ``price`` has that of the table, if it is
    there under ``provider/model`` (the vendor of ``like`` and the upstream name, where the configuration has them).
    """
    made: dict[str, Any] = copy.deepcopy(dict(config))
    for provider, entry in made.items():
        for name, model in entry.get("models", {}).items():
            vendor = model.get("like") or entry.get("like") or provider
            price = prices.get(f"{vendor}/{model.get('model') or name}")
            if price and not model.get("price") and not entry.get("price"):
                model["price"] = copy.deepcopy(price)
    return made


def _read(table: Any, kind: type) -> Any:
    source = "the table of prices"
    if isinstance(table, (str, Path)):
        source = shown_path(table)
        try:
            table = json.loads(Path(table).read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise InvalidArgumentError(f"{source} is not valid JSON: {error}") from None
    if not isinstance(table, kind):
        wanted = "an object, as litellm's" if kind is dict else "a list, as genai-prices'"
        raise InvalidArgumentError(f"{source} holds {type(table).__name__}; expected {wanted}")
    return table


def _is_price(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def _on(prices: Any, day: str) -> Mapping[str, Any] | None:
    """The prices of a day; None if they depend on more than the date."""
    if isinstance(prices, Mapping):
        return prices
    found = None
    for item in prices or ():
        constraint = item.get("constraint") or {}
        if constraint.keys() - {"start_date"}:
            return None
        if constraint.get("start_date", "") <= day:
            found = item["prices"]
    return found


def table(kind: str | None, file: Path) -> dict[str, Any]:
    """A table in a file: "litellm" and "genai-prices" are converted, and dated by their file."""
    if kind is None:
        shipped: dict[str, Any] = _read(file, dict)
        return shipped
    read = from_litellm if kind == "litellm" else from_genai_prices
    day = datetime.date.fromtimestamp(file.stat().st_mtime)
    return {"date": day.isoformat(), "source": f"{kind}, {file.name}", **read(file)}


def unread(file: Path) -> list[str]:
    """The fields of litellm's table that change what some requests cost, and that ``from_litellm`` does not read."""
    rows = [row for row in _read(file, dict).values() if isinstance(row, Mapping)]
    return sorted({key for row in rows for key, value in row.items() if value and _UNREAD.search(key)})
