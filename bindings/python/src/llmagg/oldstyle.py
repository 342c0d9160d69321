"""Configurations as the original took them: ``{provider: {"models": {name: {…}}}}`` and ``settings.LLM_MODEL``.

The former may also be JSON text, or the path of a JSON file.

None and "" count as left out, unknown keys are warned about, and a model of a vendor's own origin without a key is
skipped with a warning; only when no model remains that is an error. What a value means, and which are wrong, the core
decides.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from . import configfile
from ._wire import decode
from .config import MODEL_KEYS, ModelConfig, ProviderConfig
from .errors import BadResponseError, InvalidArgumentError
from .log import logger

_TEXT = "the configuration"
_VENDOR_WORDS = (("gpt", "openai"), ("openai", "openai"), ("deepseek", "deepseek"), ("gemini", "gemini"))


def provider_configs(config: Any) -> list[ProviderConfig]:
    """The providers of a configuration, with their usable models. Raises InvalidArgumentError, also if none is left.

    ``config`` is a mapping, JSON text (a str that begins with "{") or the path of a JSON file; errors name the file.
    """
    if not isinstance(config, (str, os.PathLike)):
        return _provider_configs(config, _TEXT)
    if isinstance(config, str) and config.lstrip().startswith("{"):
        return _provider_configs(_decoded(config.encode("utf-8", "replace"), _TEXT), _TEXT)
    what = f"the configuration file {os.fspath(config)}"
    content, mode = _content(config, what)
    data = _decoded(content, what)
    configfile.warn_if_exposed(config, mode, data)
    try:
        return _provider_configs(data, what)
    except InvalidArgumentError as error:
        if what in error.message:
            raise
        raise InvalidArgumentError(f"{what}: {error.message}") from None


def _content(path: str | os.PathLike[str], what: str) -> tuple[bytes, int]:
    try:
        return configfile.read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidArgumentError(f"{what} cannot be read: {reason} (JSON text begins with '{{')") from None


def _decoded(data: bytes, what: str) -> Any:
    try:
        return decode(data.removeprefix(b"\xef\xbb\xbf"))
    except BadResponseError as error:
        reason = error.message.partition("cannot be read: ")[2]
        raise InvalidArgumentError(f"{what} is no JSON: {reason}") from None


def _provider_configs(config: Any, what: str) -> list[ProviderConfig]:
    skipped: list[str] = []
    made = []
    for provider, entry in _items(config, what, "{provider: {'models': {name: {…}}}}"):
        models = provider_models(provider, entry, skipped)
        if models:
            made.append(ProviderConfig(provider, models))
    if not made:
        why = "; ".join(skipped) or "it names none"
        raise InvalidArgumentError(f"{what} has no usable model: {why}")
    return made


def provider_models(provider: str, entry: Any, skipped: list[str]) -> dict[str, ModelConfig]:
    """The usable models of one provider's entry; what was skipped, and why, goes to ``skipped``."""
    defaults = dict(_items(entry, f"provider {provider!r}", "{'models': {name: {…}}}"))
    models = defaults.pop("models", None) or {}
    made = {}
    for name, options in _items(models, f"the models of provider {provider!r}", "{name: {…}}"):
        given = dict(_items(options, f"model {provider}/{name}", "an object with 'api_key', 'base_url', …"))
        if (config := _model_config(provider, name, {**defaults, **given}, skipped)) is not None:
            made[name] = config
    return made


def _items(value: Any, what: str, expected: str) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(f"{what} is a {type(value).__name__}; expected {expected}")
    for key in value:
        if not isinstance(key, str):
            raise InvalidArgumentError(f"{what} has the key {key!r}; expected a text")
    return list(value.items())


def _model_config(provider: str, name: str, options: dict[str, Any], skipped: list[str]) -> ModelConfig | None:
    for key in [key for key in options if key not in MODEL_KEYS]:
        from difflib import get_close_matches

        near = get_close_matches(key, MODEL_KEYS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        logger().warning("model %s/%s: unknown key %r is ignored%s", provider, name, key, hint)
        del options[key]
    options = {key: value for key, value in options.items() if value is not None and value != ""}
    model = options.pop("model", name)
    head = {"api_key": None, "base_url": None}
    config = ModelConfig(model, provider, **{**head, **options}, name=name if name != model else None)
    if check(config, skip_without_key=True):
        return config
    reason = f"model {provider}/{name} has no api_key"
    logger().warning("%s and is skipped", reason)
    skipped.append(reason)
    return None


def check(config: ModelConfig, *, skip_without_key: bool = False) -> bool:
    """Lets the core judge a configuration and fills in its base URL. Raises InvalidArgumentError.

    With ``skip_without_key`` False is returned where nothing but the key is missing.
    """
    from ._native import route

    core = config.to_core()
    try:
        info = route.info(core)
    except InvalidArgumentError:
        if not skip_without_key or config.api_key:
            raise
        route.info({**core, "api_key": "-"})  # raises when something else is wrong as well
        return False
    if not config.base_url:
        config.base_url = (info.get("config") or {}).get("base_url")
    return True


def llm_model_of(settings: Any) -> Any:
    """``settings.LLM_MODEL``, of an object or a mapping. Raises InvalidArgumentError where there is none."""
    found = settings.get("LLM_MODEL") if isinstance(settings, Mapping) else getattr(settings, "LLM_MODEL", None)
    if not found:
        raise InvalidArgumentError("the settings have no LLM_MODEL; expected {model: {'api_key', 'base_url', …}}")
    return found


def from_llm_model(llm_model: Any) -> dict[str, Any]:
    """Turns ``settings.LLM_MODEL`` into ``{provider: {"models": …}}``: the provider follows from URL and name."""
    config: dict[str, Any] = {}
    for name, entry in _items(llm_model, "LLM_MODEL", "{model: {'api_key', 'base_url', …}}"):
        options = dict(_items(entry, f"LLM_MODEL[{name!r}]", "an object with 'api_key', 'base_url', …"))
        by_name = next((vendor for word, vendor in _VENDOR_WORDS if word in name.lower()), "openai")
        base_url = options.get("base_url")
        provider = by_name
        if base_url:
            provider, spoken = _by_url(str(base_url), by_name)
            if not options.get("type"):
                options["type"] = spoken
        config.setdefault(provider, {"models": {}})["models"][name] = options
    return config


def _by_url(base_url: str, by_name: str) -> tuple[str, str]:
    """The provider's name and the wire format behind a base URL that was given: it outranks the model's name."""
    from urllib.parse import urlsplit

    url = urlsplit(base_url)
    vendor = _vendor_hosts().get((url.hostname or "").lower())
    if vendor == "gemini" and "openai" in url.path.split("/"):
        return vendor, "openai-compatible"  # Google's own OpenAI-compatible endpoint
    return vendor or by_name, vendor or "openai-compatible"


def _vendor_hosts() -> dict[str, str]:
    """The hosts of the vendors' own origins, as the core has them."""
    from urllib.parse import urlsplit

    from ._native import route

    if not _hosts:
        for vendor in sorted(route.VENDORS):
            info = route.info({"provider": vendor, "name": "-", "api_key": "-"})
            _hosts[str(urlsplit(info["config"]["vendor_url"]).hostname)] = vendor
    return _hosts


_hosts: dict[str, str] = {}


def environment_of(config: ProviderConfig) -> dict[str, str | None]:
    """The environment variables that a configuration refers to as ``${NAME}``, with their values now."""
    texts = (str(value) for model in config.models.values() for value in vars(model).values())
    return {name: os.environ.get(name) for text in texts for name in _REFERENCE.findall(text)}


_REFERENCE = re.compile(r"\$\{([^}]+)\}")
