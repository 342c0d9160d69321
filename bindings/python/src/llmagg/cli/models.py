"""What ``llmagg models`` lists: the vendors that are known by name, the routes, and the models of a vendor."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from llmagg import InvalidArgumentError, LLMAggregator, LLMError, ModelConfig, _http, lookup
from llmagg._native import route as tables
from llmagg._parameters import nearest
from llmagg.settings import address_of

from .routes import Route, described

_NO_LIST = ("azure", "bedrock", "bedrock-openai", "vertex", "vertex-anthropic")


def vendors() -> list[dict[str, Any]]:
    """The vendors, each with its address, its key variables, and the variable that is set."""
    return [
        {"vendor": row["name"], **_address(row), "keys": (keys := row.get("keys", [])),
         "key_from": next((name for name in keys if os.environ.get(name)), None)}
        for row in tables.known().vendors
    ]  # fmt: skip


def _address(row: dict[str, Any]) -> dict[str, str]:
    """The address to which calls of a vendor go in this environment, or why they cannot go to any; "" for a cloud's, if
    the environment does not say which.
    """
    name = row["name"]
    try:
        return {"base_url": described(ModelConfig("-", name, "-", address_of(name)), name, "-").address}
    except InvalidArgumentError as error:
        return {"base_url": "", **({"error": error.message.removeprefix(f"{name}/-: ")} if "base_url" in row else {})}


def of_vendor(vendor: str) -> list[str]:
    """The names of the models that a vendor lists. Raises LLMError."""
    if vendor.lower() not in tables.vendors():
        names = [row["name"] for row in tables.known().vendors]
        near = nearest(vendor, names, 0.6)
        hint = f"; did you mean {near!r}?" if near else f"; known are {', '.join(names)}"
        raise InvalidArgumentError(f"no vendor and no configured provider is named {vendor!r}{hint}")
    if vendor.lower() in _NO_LIST:
        raise InvalidArgumentError(f"{vendor} lists its models in the cloud's console only")
    config = ModelConfig("-", vendor.lower(), tables.environment_key(vendor), address_of(vendor.lower()))
    return of_route(described(config, vendor.lower(), "-"))


def of_provider(name: str, llm: LLMAggregator) -> list[str] | None:
    """The names of the models that the servers of a configured provider list; None if no provider has this name.

    A model of a configuration may have an address and a key of its own: each pair is asked once. Raises LLMError.
    """
    own = [entry for entry in lookup.entries(llm.manager, ()) if entry.provider.lower() == name.lower()]
    if not own:
        return None
    asked: dict[tuple[str, str | None], list[str]] = {}
    for entry in own:
        config = entry.client.config
        if not config.api_key and not config.api_keys:
            config = replace(config, api_key=tables.environment_key(entry.provider))
        route = described(config, entry.provider, entry.name)
        if (place := (route.base_url, route.key)) not in asked:
            asked[place] = of_route(route)
    return sorted({model for names in asked.values() for model in names})


def of_route(route: Route) -> list[str]:
    """The names of the models that a route's server lists. Raises LLMError."""
    base, shown = route.base_url.rstrip("/"), route.address.rstrip("/")
    headers: dict[str, str] = {}
    if isinstance(route.key, str) and route.key and route.key_header:
        headers[route.key_header["name"]] = route.key_header["prefix"] + route.key
    if route.provider == "anthropic":
        headers["anthropic-version"] = "2023-06-01"
    url = f"{base}/api/tags" if route.provider == "ollama" else f"{base}/models"
    try:
        answer = _http.exchange(url, headers, proxy=_http.proxy_for(url, route.proxy), ca_file=route.ca_file)
    except _http.UnreachableError as error:
        raise LLMError(f"{shown} cannot be reached: {error}") from None
    if answer.status != 200:
        raise LLMError(f"{shown} refused to list its models: HTTP {answer.status}")
    try:
        read = json.loads(answer.body)
        listed = read if isinstance(read, list) else read.get("data") or read.get("models") or []
        names = [str(model.get("id") or model.get("name") or "") for model in listed]
    except (ValueError, AttributeError):
        raise LLMError(f"{shown} answered, but not with a list of models") from None
    return sorted(name.removeprefix("models/") for name in names if name)
