"""Reads configurations: ``{provider: {"models": {name: {…}}}}`` as a dict, as JSON text or as the path of a JSON file,
and the original's ``settings.LLM_MODEL``.

The core checks them, with the same messages as in Go and C. None and "" count as not set. A model that cannot be used
(it lacks a key that its vendor needs, or an environment variable is not set) is skipped with a ``UserWarning``; it is
an error if no model remains. An unknown key is an error that suggests the nearest known key. In old-style
configurations (``LLM_MODEL``, ``LLMAggrator``, ``create_from_config``) an unknown key is an error only if it is
probably misspelt, otherwise a ``UserWarning``.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _again
from ._shown import shown_path
from ._wire import decode, encode
from .config import MODEL_KEYS, ModelConfig, ProviderConfig, is_unset, seconds
from .errors import BadResponseError, InvalidArgumentError
from .log import logger
from .requests import is_bytes

_TEXT = "the configuration"
_EXPECTED = "{provider: {'models': {name: {…}}}}"
_VENDOR_WORDS = (("gpt", "openai"), ("openai", "openai"), ("deepseek", "deepseek"), ("gemini", "gemini"))


@dataclass
class Read:
    """A configuration that was read: the usable models, the reasons why other models were left out (by name and
    provider/name), and whether the text itself holds keys.
    """

    providers: list[ProviderConfig]
    left_out: dict[str, str]
    holds_secret: bool = False
    fleet: dict[str, Any] | None = None
    bulk: dict[str, Any] | None = None


def provider_configs(config: Any, *, lenient: bool = False, skip: bool = True) -> Read:
    """Reads a configuration: a mapping, JSON text (a str that begins with a bracket) or the path of a JSON file.

    Without ``skip`` a model that lacks its key is an error beside others, too. Raises InvalidArgumentError, which names
    the file, also if no model can be used.
    """
    if not isinstance(config, (str, os.PathLike)):
        return _read(config, None, lenient, skip=skip)
    if isinstance(config, str) and config.removeprefix("\ufeff").lstrip()[:1] in ("{", "["):
        text = config.removeprefix("\ufeff").encode("utf-8", "replace")
        return _read(decoded(text, _TEXT), text, lenient)
    what = f"the configuration file {_shown(config)}"
    text, mode = content(config, what)
    data = decoded(text, what)
    try:
        found = _read(data, text, lenient, what)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(error.message if what in error.message else f"{what}: {error.message}") from None
    if found.holds_secret:
        from . import configfile

        configfile.warn_if_exposed(config, mode)
    return found


def _shown(path: str | os.PathLike[str]) -> str:
    """A path as error messages show it. A str that does not look like a path may be a key and is not repeated."""
    text = os.fspath(path)
    folder, ending = os.path.dirname(text), os.path.splitext(text)[1]  # noqa: PTH120, PTH122
    is_path = isinstance(path, os.PathLike) or 2 <= len(ending) <= 6 or os.path.isdir(folder) or text in (".", "..")  # noqa: PTH112
    if is_path and len(text) <= 1000:
        return shown_path(path)
    return f"named by a text of {len(text)} characters"


def content(path: str | os.PathLike[str], what: str) -> tuple[bytes, int]:
    """The content of ``what``, a file of a configuration, and its permission bits. Raises InvalidArgumentError."""
    from . import configfile

    try:
        text, mode = configfile.read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = " (a configuration as text begins with '{')" if isinstance(path, str) else ""
        raise InvalidArgumentError(f"{what} cannot be read: {reason}{hint}") from None
    return text.removeprefix(b"\xef\xbb\xbf"), mode


def decoded(data: bytes, what: str) -> Any:
    """The JSON of a configuration. Raises InvalidArgumentError, in which the core says what is wrong with ``what``."""
    try:
        return decode(data)
    except BadResponseError as error:
        reason = error.message.partition("cannot be read: ")[2]
        if not data.strip():
            raise InvalidArgumentError(f"{what} is empty; expected {_EXPECTED} as JSON") from None
        if reason.startswith("it is "):
            raise InvalidArgumentError(f"{what} {reason.removeprefix('it ')}") from None
        try:
            _judged(data, lenient=True)
        except InvalidArgumentError as found:
            reason = found.message.removeprefix(_TEXT)
        else:
            reason = f" is not valid JSON: {reason}"
        raise InvalidArgumentError(what + reason) from None


def _read(config: Any, text: bytes | None, lenient: bool, what: str = _TEXT, *, skip: bool = True) -> Read:
    entries: dict[str, dict[str, Any]] = {}
    for provider, entry in _items(config, what, _EXPECTED):
        entries[provider] = _plain(entry, f"provider {provider!r}")
    judged, left_out = _judged(_encoded(entries) if text is None else text, lenient, skip=skip)
    made: dict[str, ProviderConfig] = {}
    for model in judged["models"]:
        provider, name = model["provider"], model["name"]
        config = _model_config(provider, name, entries[provider], model)
        made.setdefault(provider, ProviderConfig(provider, {})).models[name] = config
    fleet = entries.get("fleet")
    if not isinstance(fleet, dict) or "models" in fleet:  # then it is a provider of that name
        fleet = None
    return Read(list(made.values()), left_out, judged["holds_secret"], fleet, judged.get("bulk"))


def _encoded(entries: dict[str, Any]) -> bytes:
    """A configuration for the core, in which the application's functions are named."""
    if _has_function(entries):
        from ._native import tokens

        entries = tokens.referring(entries)
    return encode(entries, _TEXT)


def _has_function(value: Any, depth: int = 3) -> bool:
    if not isinstance(value, dict) or depth < 0:
        return False
    return any(callable(item) or _has_function(item, depth - 1) for item in value.values())


def _plain(value: Any, what: str, depth: int = 3) -> Any:
    """A copy in which all mappings are dicts with keys of type str. The core refuses values of wrong types."""
    if is_bytes(value):  # they would be written in base64
        raise InvalidArgumentError(f"{what} is {type(value).__name__}; expected a str, as its decode() gives")
    if not isinstance(value, Mapping) or depth < 0:
        return _leaf(value)
    return {
        key: _plain(seconds(item, key), f"{what}: {key!r}", depth - 1) for key, item in _items(value, what, "an object")
    }


def _leaf(value: Any) -> Any:
    """A value as JSON has it, so that clients get texts and numbers; one that JSON cannot hold itself."""
    if value is None or type(value) in (str, int, float, bool) or callable(value):
        return value
    try:
        return decode(encode(value))
    except (InvalidArgumentError, BadResponseError):  # refused with all others, with its place
        return value


def _judged(data: bytes, lenient: bool, *, skip: bool = True) -> tuple[dict[str, Any], dict[str, str]]:
    """The core's judgement of a configuration, and the reasons why models are left out."""
    from ._native import route

    judged = route.check_config(data, lenient=lenient, skip=skip)
    for message in judged["warnings"]:
        warn(message)
    left_out: dict[str, str] = {}
    for model in judged["left_out"]:
        warn(f"{model['reason']}; the model is left out")
        left_out[model["name"]] = left_out[f"{model['provider']}/{model['name']}"] = model["reason"]
    return judged, left_out


def warn(message: str) -> None:
    """Warns at the line of the application that called the package, and writes the warning to the log."""
    logger.warning("%s", message)
    show(message)


def show(message: str) -> None:
    """Warns at the line of the application that called the package."""
    frame: Any = sys._getframe(1)
    level = 2
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


_OURS = ("llmagg", "asyncio", "contextlib")  # packages that are not the application


def provider_models(provider: str, entry: Mapping[str, Any], skipped: list[str]) -> dict[str, ModelConfig]:
    """The usable models of a provider's old-style entry. Adds the reasons for skipped models to ``skipped``."""
    if isinstance(entry.get("models"), Mapping) and not entry["models"]:
        return {}
    plain = _plain(entry, f"provider {provider!r}")
    judged, left_out = _judged(_encoded({provider: plain}), lenient=True)
    skipped.extend(dict.fromkeys(left_out.values()))
    return {model["name"]: _model_config(provider, model["name"], plain, model) for model in judged["models"]}


def _items(value: Any, what: str, expected: str) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        advice = "; pass what its model_dump() gives" if hasattr(type(value), "model_dump") else ""
        raise InvalidArgumentError(f"{what} must be {expected}, got {type(value).__name__}{advice}")
    try:
        items = list(value.items())
    except Exception as error:  # of the mapping's own code
        if _again.of_handler(error):
            raise
        raise InvalidArgumentError(f"{what} cannot be read: {type(error).__name__}: {error}") from error
    for key, _ in items:
        if not isinstance(key, str):
            raise InvalidArgumentError(f"{what} has the key {key!r}; expected a string")
    return items


_CREDENTIALS = ("api_key", "api_keys", "auth")


def _model_config(provider: str, name: str, entry: dict[str, Any], checked: dict[str, Any]) -> ModelConfig:
    """The configuration of a model that the core has checked: its own keys over those of its provider."""
    options: dict[str, Any] = {"api_key": None, "base_url": None}
    for layer in (entry, entry["models"][name]):
        for own, other in (("api_key", "api_keys"), ("api_keys", "api_key")):
            if layer.get(own):  # it replaces the provider's, in either form
                options.pop(other, None)
        given = [layer[key] for key in _CREDENTIALS if layer.get(key)]
        if given and (callable(given[0]) or any(callable(options.get(key)) for key in _CREDENTIALS)):
            options.update(dict.fromkeys(_CREDENTIALS))  # the provider's is not this model's
        for key, value in layer.items():
            if key not in MODEL_KEYS or value is None or value == "":
                continue
            inherited = options.get(key)
            if isinstance(value, Mapping) and isinstance(inherited, Mapping):
                value = {**inherited, **value}
            options[key] = value
    model = options.pop("model", name)
    options.setdefault("api_key", None)
    config = ModelConfig(model, provider, **options, name=name if name != model else None)
    if not config.base_url:
        config.base_url = checked.get("base_url") or None
    return config


def check(config: ModelConfig) -> None:
    """Lets the core check a model's configuration, and fills in its base URL. Raises InvalidArgumentError."""
    from ._native import route

    info = route.info(config.to_core())
    if not config.base_url:
        config.base_url = (info.get("config") or {}).get("base_url")


def llm_model_of(settings: Any) -> Any:
    """``settings.LLM_MODEL`` of an object or a mapping. Raises InvalidArgumentError if it is missing or empty."""
    found = settings.get("LLM_MODEL") if isinstance(settings, Mapping) else getattr(settings, "LLM_MODEL", None)
    if is_unset(found) or (isinstance(found, Mapping) and not found):
        raise InvalidArgumentError("the settings have no LLM_MODEL; expected {model: {'api_key', 'base_url', …}}")
    return found


def from_llm_model(llm_model: Any) -> dict[str, Any]:
    """Turns ``settings.LLM_MODEL`` into ``{provider: {"models": …}}``. URL and name determine the provider."""
    config: dict[str, Any] = {}
    for name, entry in _items(llm_model, "LLM_MODEL", "{model: {'api_key', 'base_url', …}}"):
        options = dict(_items(_fields_of(entry), f"LLM_MODEL[{name!r}]", "an object with 'api_key', 'base_url', …"))
        by_name = next((vendor for word, vendor in _VENDOR_WORDS if word in name.lower()), "openai")
        base_url = options.get("base_url")
        provider = by_name
        if base_url:
            provider, spoken = _by_url(str(base_url), by_name)
            options["type"] = options.get("type") or spoken
        named = options.pop("provider", None)
        if named and str(named).lower() != provider.lower():
            raise InvalidArgumentError(
                f"LLM_MODEL[{name!r}] names the provider {str(named)[:60]!r}, its name and base_url say {provider!r}; "
                'leave "provider" out and set "base_url", or give initialize() {provider: {"models": {name: {…}}}}'
            )
        config.setdefault(provider, {"models": {}})["models"][name] = options
    return config


def _fields_of(entry: Any) -> Any:
    """The settings in an object with fields, as a model of pydantic's or a dataclass; anything else itself."""
    for dump in ("model_dump", "dict"):  # pydantic 2's, 1's
        if not isinstance(entry, (type, Mapping)) and callable(method := getattr(type(entry), dump, None)):
            return method(entry)
    if hasattr(type(entry), "__dataclass_fields__"):
        return {name: getattr(entry, name) for name in entry.__dataclass_fields__}
    return entry


def _by_url(base_url: str, by_name: str) -> tuple[str, str | None]:
    """The provider's name and the "type" for a configured base URL, which outranks the model's name. At a vendor's own
    host the core chooses the format by the rest of the URL.
    """
    from urllib.parse import urlsplit

    from ._native import route

    vendor = route.vendor_at(urlsplit(base_url).hostname or "")
    if vendor is None:
        return by_name, "openai-compatible"
    return (by_name, vendor["name"]) if vendor.get("preset") else (vendor["name"], None)


def environment_of(config: ProviderConfig) -> dict[str, str | None]:
    """The environment variables that a configuration needs, with their present values: those that it refers to as
    ``${NAME}``, and for a model without a key the variables for the vendor's key.
    """
    from ._native import route

    texts = (str(value) for model in config.models.values() for value in vars(model).values())
    names = [name for text in texts for name in _REFERENCE.findall(text)]
    for model in config.models.values():
        if not (model.api_key or model.api_keys):
            names += route.key_variables(model.like or config.provider)
    return {name: os.environ.get(name) for name in names}


_REFERENCE = re.compile(r"\$\{([^}:]+)(?::-[^}]*)?\}")
