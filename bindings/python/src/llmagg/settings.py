"""Finds the configuration of an aggregator that gets none, and of ``llmagg.chat``. The first source that is set wins:

1. ``LLMAGG_MODELS``: names, separated by commas ("anthropic/claude-sonnet-5, openai/gpt-4o-mini"), for aggregators and
   calls without a list of models. A known vendor needs only its key
2. the JSON file named by ``LLMAGG_CONFIG``: ``{provider: {"models": {name: {…}}}}``
3. the object named by ``LLMAGG_SETTINGS`` ("module:attribute"), with ``LLM_MODEL``
4. ``app.config.settings:settings``, if it can be imported and has ``LLM_MODEL``
5. one model of each vendor in ``DEFAULT_MODELS`` whose key is set; ``…_MODEL`` (as OPENAI_MODEL) names another model,
   and ``…_BASE_URL`` or ``…_API_BASE_URL`` another address. A list of models replaces this source

The environment is read at each search.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from . import _again, oldstyle
from ._shown import without_keys
from .errors import InvalidArgumentError, LLMError, NotInitializedError

DEFAULT_MODELS = {  # made by `make reference`
    "openai": "gpt-4o-mini",
    "anthropic": "claude-sonnet-5",
    "gemini": "gemini-flash-latest",
    "deepseek": "deepseek-flash",
    "qwen": "qwen-plus",
    "moonshot": "kimi-k2.6",
    "zhipu": "glm-4.7-flash",
    "groq": "openai/gpt-oss-120b",
    "mistral": "mistral-small-latest",
    "openrouter": "openrouter/auto",
}
"""Vendor → the model that is asked if the environment has the vendor's key and names no models.

Vendors switch models off: these had no end in the vendors' lists and in litellm's table in November 2026, except
gpt-4o-mini, which ends in January 2027.
"""

_DOCS = "https://github.com/llmagg/llmagg/blob/main/docs"
_APPLICATION = "app.config.settings:settings"


_told: set[str] = set()  # variables that the core was asked about


def misspelt() -> dict[str, str]:
    """The variables that are nearly those of the library, so that nothing reads them, each with the one it may mean. A
    variable is given once in a process.
    """
    found: dict[str, str] = {}
    if new := {name for name in os.environ if name.startswith("LLMAG")} - _told:
        from ._native import load

        _told.update(new)
        listed = load.call_for_json("llmagg_settings")["misspelt"]  # not from its cache: the environment changes
        found = {variable["name"]: variable["near"] for variable in listed if variable["name"] in new}
    return found


_ENDS = (  # of names that stand for _API_KEY; made by `make reference`
    "_KEY", "_APIKEY", "APIKEY", "_API_TOKEN", "_TOKEN", "_API_KEYS", "_SECRET_KEY",
)  # fmt: skip


def near_keys() -> dict[str, str]:
    """The variables that are nearly those of vendors' keys, as OPENAI_KEY, each with the one it may mean."""
    from ._native import route

    keys = [key for vendor in DEFAULT_MODELS for key in route.key_variables(vendor)]
    near = {name: key for key in keys for name in (key.lower(), *(key.removesuffix("_API_KEY") + end for end in _ENDS))}
    return {name: key for name, key in near.items() if name not in keys and os.environ.get(name)}


def unread_file() -> list[str]:
    """What to do with a file .env, which only the application can load; nothing where there is none."""
    advice = (
        "the file .env here is not read by llmagg: load it first (load_dotenv() of python-dotenv, or: set -a; . ./.env)"
    )
    return [advice] if os.path.isfile(".env") else []  # noqa: PTH113 - Path.is_file() raises where a folder is shut


class _MissedError(Exception):
    """A source has no configuration. The text is the reason."""


def find(named: Sequence[Any] = ()) -> oldstyle.Read:
    """The first usable configuration for a list of models, which may be empty.

    Raises NotInitializedError if there is none and no list is given; the error lists the sources and what each lacks.
    """
    for variable, near in misspelt().items():
        oldstyle.warn(f"nothing reads the environment variable {variable}; did you mean {near}?")
    missed = []
    for name, source in _SOURCES.items():
        try:
            return oldstyle.provider_configs(source(), lenient=True)
        except _MissedError as reason:
            missed.append(f"{name}: {reason}")
        except LLMError as error:
            missed.append(f"{name}: {error.message}")
            oldstyle.warn(f"the configuration from {name} cannot be used: {error.message}")
    if named:
        return oldstyle.Read([], {})  # vendors in the list get their keys from the environment
    if keys := _from_keys():
        return oldstyle.provider_configs(keys, lenient=True)
    missed.append(
        f"a key of {', '.join(DEFAULT_MODELS)} ({_DOCS}/vendors.md names the variables), or LLMAGG_MODELS: none is set"
    )
    missed.extend(f"nothing reads {name}, which is set; did you mean {near}?" for name, near in near_keys().items())
    missed += unread_file()
    listed = "".join(f"\n  {i}. {reason}" for i, reason in enumerate(missed, 1))
    raise NotInitializedError(
        f"no configuration was given, and none was found:{listed}\n"
        "To begin, set a vendor's key (export OPENAI_API_KEY=…) or a configuration "
        f"({_DOCS}/reference/configuration.md)"
    )


def names() -> list[Any]:
    """The names in ``LLMAGG_MODELS``."""
    return listed(os.environ.get("LLMAGG_MODELS", ""))


def listed(text: str) -> list[Any]:
    """Names that commas separate."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if "/" in "".join(name.split()[1:]):
            raise InvalidArgumentError(
                f'the list of models has a blank in the entry "{without_keys(name)}"; separate models by commas'
            )
    return names


def address_of(vendor: str) -> str | None:
    """The address of a vendor that the environment names, where the core itself does not read the variable."""
    from ._native import route

    prefix = vendor.upper()
    known = next((row.get("address") for row in route.known().vendors if row["name"] == vendor), None)
    if vendor == "anthropic" or (known == f"{prefix}_BASE_URL" and vendor != "groq" and os.environ.get(known)):
        return None  # the core reads it, and names it where it is wrong
    return os.environ.get(f"{prefix}_BASE_URL") or os.environ.get(f"{prefix}_API_BASE_URL") or None


def _from_keys() -> dict[str, Any]:
    from ._native import route

    config: dict[str, Any] = {}
    for vendor, model in DEFAULT_MODELS.items():
        if key := route.environment_key(vendor):
            name = os.environ.get(f"{vendor.upper()}_MODEL") or model
            config[vendor] = {"models": {name: {"api_key": key, "base_url": address_of(vendor)}}}
    return config


def _variable(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise _MissedError("not set")


def _from_file() -> Any:
    from pathlib import Path

    _variable("LLMAGG_CONFIG")
    return Path(named_file())


def named_file() -> str:
    """The file that LLMAGG_CONFIG names, "" for none. "~/" is the home folder there: no shell reads what a service
    manager or a .env file sets.
    """
    file = os.environ.get("LLMAGG_CONFIG", "")
    return os.path.expanduser(file) if file.startswith("~/") else file  # noqa: PTH111 - it fails without a home


def _from_application() -> Any:
    """The application's settings, if its package has that module.

    No module is imported to find out: a program called app.py is not run a second time by its first call.
    """
    import sys

    if "app" not in sys.modules:
        from importlib.util import find_spec
        from pathlib import Path

        spec = find_spec("app")
        folders = map(Path, (spec and spec.submodule_search_locations) or ())
        # what is no folder is perhaps an archive
        if not any(not folder.is_dir() or [*folder.glob("config/settings*")] for folder in folders):
            raise _MissedError(f"there is no module {_APPLICATION.partition(':')[0]}")
    return _from_object(_APPLICATION)


def _from_object(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise _MissedError(f"{name!r} is not of the form 'module:attribute'")
    import importlib

    try:
        found: Any = importlib.import_module(module)
    except Exception as error:
        if _again.of_handler(error):
            raise
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


_SOURCES: dict[str, Callable[[], Any]] = {
    "the file named by LLMAGG_CONFIG": _from_file,
    "the object named by LLMAGG_SETTINGS": lambda: _from_object(_variable("LLMAGG_SETTINGS")),
    _APPLICATION: _from_application,
}
