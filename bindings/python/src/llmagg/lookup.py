"""Finds an aggregator's clients: in the registry's providers, or through the application's own manager.

The original's aggregator used only four methods of its manager: ``get_client_by_model``, ``get_all_models``,
``health_check_all`` and ``close_all``. So any object with these methods is a manager, and a test may replace each.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from . import _again, catalog
from .errors import AllModelsFailedError, InvalidArgumentError
from .manager import Manager

_PLAIN = {name: getattr(Manager, name) for name in ("get_client_by_model", "close_all")}
_ORIGINAL = Manager.get_client_by_model
Providers = list[tuple[str, Any]]


def registry(cls: Any, function: Any) -> Any:
    """The process's registry, by the two names that a test may patch in the aggregator's module."""
    return function() if cls is Manager else cls()


def is_asked(manager: Any) -> bool:
    """Whether the manager's own ``get_client_by_model`` decides which client a name means, instead of its providers."""
    if type(manager) is Manager and type(manager.providers) is dict:  # the usual case; this runs in each call
        return Manager.get_client_by_model is not _ORIGINAL or "get_client_by_model" in vars(manager)
    registered = getattr(manager, "providers", None)
    if not isinstance(registered, Mapping):
        return True
    if isinstance(manager, Manager):
        return _is_replaced(manager, "get_client_by_model")
    clients = [getattr(provider, "clients", None) for provider in registered.values()]
    own = not clients or not all(isinstance(each, Mapping) for each in clients)  # what it calls so is its own affair
    return own and all(callable(getattr(manager, name, None)) for name in ("get_client_by_model", "get_all_models"))


def _is_replaced(manager: Any, name: str) -> bool:
    """Whether a method is a subclass's or a test's. A mock of the class has none of its own."""
    return getattr(type(manager), name, None) is not _PLAIN[name] or name in vars(manager)


def providers(manager: Any, models: Iterable[str]) -> tuple[Providers, list[str]]:
    """The providers among which a call chooses, and the names that it tries. A model without a client at the
    application's own manager is skipped, as in the original.

    Raises AllModelsFailedError if that manager has a client for none of them.
    """
    if not is_asked(manager):
        return list(manager.providers.items()), list(models)
    found: dict[str, Any] = {}
    names: list[str] = []
    missing: list[str] = []
    for name in list(models) or model_names(manager):
        try:
            client = manager.get_client_by_model(name)
        except Exception as error:
            if _again.of_handler(error):
                raise
            missing.append(f"{name}: {getattr(error, 'message', None) or error or type(error).__name__}")
            continue
        provider = getattr(getattr(client, "config", None), "provider", None)
        provider = provider if isinstance(provider, str) and provider else "custom"
        found.setdefault(provider, SimpleNamespace(clients={})).clients[name] = client
        names.append(name)
    if missing and not names:
        raise AllModelsFailedError(f"the manager has no client for any model; {'; '.join(missing)}")
    return list(found.items()), names


def watched(sources: Iterable[Any]) -> list[tuple[Any, Any]]:
    """The sources of metrics (managers, aggregators, the original's aggregators) with their managers, each registry
    once.
    """
    distinct: dict[int, tuple[Any, Any]] = {}
    for source in sources:
        source = getattr(source, "aggregator", source)
        manager = getattr(source, "manager", source)
        distinct.setdefault(id(source if is_asked(manager) else manager), (source, manager))
    return list(distinct.values())


def entries(manager: Any, models: Iterable[str]) -> list[catalog.Entry]:
    """The clients among which calls choose."""
    try:
        found = providers(manager, models)[0]
    except AllModelsFailedError:
        return []
    return catalog.entries(dict(found))


def tried(user: Any) -> list[catalog.Entry]:
    """The clients that calls of an aggregator try, in order."""
    names = catalog.model_names(user.models)
    found = entries(user.manager, names)
    return catalog.resolve(found, names) if names else found


def model_names(manager: Any) -> list[str]:
    """The names of a manager's models, each once."""
    if not is_asked(manager):
        return list(dict.fromkeys(entry.name for entry in catalog.entries(manager.providers)))
    listed = manager.get_all_models()
    if not isinstance(listed, Mapping):
        return []
    return list(dict.fromkeys(name for names in listed.values() for name in names))


def available_names(manager: Any, models: list[str], *, settled: bool = True) -> list[str]:
    """The names that a call tries, without models that the application has switched off. Unless ``settled``, a name
    that no provider has may still get one.
    """
    available: dict[str, bool] = {}
    for entry in entries(manager, models):
        switched_on = catalog.is_available(entry.client)
        for name in entry.names():
            available[name] = switched_on or available.get(name, False)
    return [name for name in models or model_names(manager) if available.get(name, not settled)]


def register(manager: Any, provider: Any) -> None:
    """Registers a provider with a manager of any kind. Raises InvalidArgumentError if the manager cannot."""
    method = getattr(manager, "register_provider", None)
    if method is None:
        kind = type(manager).__name__
        raise InvalidArgumentError(
            f"the aggregator's manager, a {kind}, has no register_provider; initialize it without a configuration"
        )
    method(provider)


async def close(manager: Any) -> None:
    """Closes the application's own manager by its ``close_all``. Our manager stays open for its other users."""
    if isinstance(manager, Manager) and not _is_replaced(manager, "close_all"):
        return
    method = getattr(manager, "close_all", None)
    if method is not None and inspect.isawaitable(closing := method()):
        await closing
