"""The aggregator of a command, and what is known of its routes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmagg import LLMAggregator, Manager, catalog, default, lookup
from llmagg._native import blocking, route


class _Registry(Manager):
    """A registry of the command's own."""


@dataclass
class Route:
    """A route, with the core's defaults filled in."""

    name: str
    provider: str
    config: dict[str, Any]
    key: str | None
    key_header: dict[str, str] | None
    proxy: str | None
    ca_file: str | None

    @property
    def base_url(self) -> str:
        """Where the route's server is."""
        return str(self.config.get("base_url") or "")


def aggregator(models: list[str] | None, config: Path | None) -> LLMAggregator:
    """An aggregator of the models, with the configuration in a file, else with what :mod:`llmagg.default` finds.

    A file that cannot be used is an error here, also the one of ``LLMAGG_CONFIG``.
    """
    named = models or default.names()
    if config is None and (file := os.environ.get("LLMAGG_CONFIG")):
        config = Path(file)
    if config is None:
        return default.aggregator_sync(named)
    made = LLMAggregator(named or None)
    made.manager = _Registry()
    blocking.run(made.initialize(config))
    default.show(made)
    return made


def routes(llm: LLMAggregator) -> list[Route]:
    """The routes of an aggregator, in the order in which calls try them."""
    entries = lookup.entries(llm.manager, catalog.model_names(llm.models))
    if llm.models:
        entries = catalog.resolve(entries, catalog.model_names(llm.models))
    return [described(entry.client.config, entry.provider, entry.name) for entry in entries]


def described(config: Any, provider: str, name: str) -> Route:
    """A route by its configuration, a :class:`ModelConfig`. Raises InvalidArgumentError."""
    core = {**config.to_core(), "provider": provider, "name": name}
    if provider not in route.vendors() and "like" not in core and "type" not in core:
        core["type"] = "openai-compatible"
    told = route.info(core)
    keys = config.api_keys or ()
    return Route(
        f"{provider}/{name}", provider, told.get("config", {}), config.api_key or next(iter(keys), None),
        told.get("key_header"), config.proxy, config.ca_file,
    )  # fmt: skip
