"""Finds the configuration of an ``LLMAggrator()`` that gets none. The first source with a usable model wins:

1. the JSON file named by ``LLMAGG_CONFIG``: ``{provider: {"models": {name: {…}}}}``
2. the object named by ``LLMAGG_SETTINGS`` ("module:attribute"), with ``LLM_MODEL``
3. ``app.config.settings:settings``, if it can be imported and has ``LLM_MODEL``
4. ``OPENAI_API_KEY``, ``DEEPSEEK_API_KEY``, ``GEMINI_API_KEY``, each with ``…_BASE_URL`` or ``…_API_BASE_URL``, and
   with ``…_MODEL`` (by default the ``DEFAULT_MODEL`` of the provider's class)

The environment is read at each search.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from . import oldstyle
from .errors import InvalidArgumentError, LLMError, NotInitializedError

_APPLICATION = "app.config.settings:settings"


class _MissedError(Exception):
    """A source has no configuration. The text is the reason."""


def find(environment: Callable[[], Any] | None = None, variables: str = "") -> oldstyle.Read:
    """The first usable configuration. Raises NotInitializedError, which lists the sources and what each lacks.

    ``environment`` takes the place of the last source, and ``variables`` of its name; it returns {} if it has nothing.
    """
    missed = []
    sources = dict(_SOURCES)
    sources[variables or _VARIABLES] = _something(environment or _from_environment)
    for name, source in sources.items():
        try:
            return oldstyle.provider_configs(source(), lenient=True)
        except _MissedError as reason:
            missed.append(f"{name}: {reason}")
        except LLMError as error:
            missed.append(f"{name}: {error.message}")
            oldstyle.warn(f"the configuration from {name} cannot be used: {error.message}")
    listed = "".join(f"\n  {i}. {reason}" for i, reason in enumerate(missed, 1))
    raise NotInitializedError(
        f"no configuration was given, and none was found:{listed}\n"
        "To begin, set a vendor's key (export OPENAI_API_KEY=…) or a configuration (docs/reference/configuration.md)"
    )


def _variable(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise _MissedError("not set")


def _from_file() -> Any:
    from pathlib import Path

    return Path(_variable("LLMAGG_CONFIG"))


def _from_object(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise _MissedError(f"{name!r} is not of the form 'module:attribute'")
    import importlib

    try:
        found: Any = importlib.import_module(module)
    except Exception as error:
        raise _MissedError(f"module {module} cannot be imported ({type(error).__name__}: {error})") from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise _MissedError(f"module {module} has no {attribute}")
        found = getattr(found, part)
    try:
        llm_model = oldstyle.llm_model_of(found)
    except InvalidArgumentError as error:
        raise _MissedError(error.message) from None
    return oldstyle.from_llm_model(llm_model)


def _from_environment() -> Any:
    from .providers import PROVIDERS

    config: dict[str, Any] = {}
    for vendor, provider in PROVIDERS.items():
        prefix = vendor.upper()
        if key := os.environ.get(f"{prefix}_API_KEY"):
            base_url = os.environ.get(f"{prefix}_BASE_URL") or os.environ.get(f"{prefix}_API_BASE_URL")
            model = os.environ.get(f"{prefix}_MODEL") or provider.DEFAULT_MODEL
            config[vendor] = {"models": {model: {"api_key": key, "base_url": base_url}}}
    return config


def _something(source: Callable[[], Any]) -> Callable[[], Any]:
    def read() -> Any:
        if config := source():
            return config
        raise _MissedError("none is set")

    return read


_SOURCES: dict[str, Callable[[], Any]] = {
    "the file named by LLMAGG_CONFIG": _from_file,
    "the object named by LLMAGG_SETTINGS": lambda: _from_object(_variable("LLMAGG_SETTINGS")),
    _APPLICATION: lambda: _from_object(_APPLICATION),
}
_VARIABLES = "OPENAI_API_KEY, DEEPSEEK_API_KEY, GEMINI_API_KEY"
