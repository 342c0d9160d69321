"""What a command knows of the routes of its aggregator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llmagg import LLMAggregator, catalog, lookup
from llmagg._native import route


@dataclass
class Route:
    """A route, with the core's defaults filled in."""

    name: str
    provider: str
    config: dict[str, Any]
    address: str  # where the route's server is, with *** for the keys in it
    key: str | None
    key_header: dict[str, str] | None
    proxy: str | None
    ca_file: str | None

    @property
    def base_url(self) -> str:
        """The address for requests: keys may stand in it, and it is shown nowhere."""
        return str(self.config.get("base_url") or "")


def routes(llm: LLMAggregator) -> list[Route]:
    """The routes of an aggregator, in the order in which calls try them; as in a call, without those that were left out
    with a warning.
    """
    names = [name for name in catalog.model_names(llm.models) if name not in llm._left_out]
    entries = lookup.entries(llm.manager, names)
    if llm.models:
        entries = catalog.resolve(entries, names)
    return [described(entry.client.config, entry.provider, entry.name) for entry in entries]


def described(config: Any, provider: str, name: str) -> Route:
    """A route by its configuration, a :class:`ModelConfig`. Raises InvalidArgumentError."""
    core = {**config.to_core(), "provider": provider, "name": name}
    if provider not in route.vendors() and "like" not in core and "type" not in core:
        core["type"] = "openai-compatible"
    told = route.info(core)
    keys = config.api_keys or ()
    return Route(
        f"{provider}/{name}", provider, told.get("config", {}), told["address"],
        config.api_key or next(iter(keys), None), told.get("key_header"), config.proxy, config.ca_file,
    )  # fmt: skip
