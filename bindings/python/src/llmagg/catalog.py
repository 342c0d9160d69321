"""The registered clients: which route of the core each stands for, and which of them a list of models names.

A client none of whose methods is overridden or replaced speaks HTTP in the core. Any other is called back by the core,
so that failover, breakers, limits and retries hold for it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from operator import attrgetter
from typing import Any

from ._wire import encode
from .config import CLIENT_VENDORS
from .errors import InvalidArgumentError, LLMError, ModelNotFoundError, ProviderNotFoundError
from .log import logger

_Spoken = tuple["frozenset[str]", Callable[[type], Any], Any]
_native_methods: dict[type, _Spoken] = {}
"""By class: the names of its methods, what gets them all of a class, and what that gave when the class was made."""


def spoken_by_core(cls: type) -> type:
    """Marks a client class whose methods, as they stand now, the core carries out itself."""
    names = [name for name in dir(cls) if not name.startswith("__") and callable(getattr(cls, name))]
    methods = attrgetter(*names)
    _native_methods[cls] = frozenset(names), methods, methods(cls)
    CLIENT_VENDORS.add(cls.VENDOR)  # type: ignore[attr-defined]
    return cls


def vendor_of(client: Any) -> str | None:
    """The wire format in which the core speaks for this client; None where it must call the client back."""
    cls = type(client)
    for base in cls.__mro__:
        spoken = _native_methods.get(base)
        if spoken is not None:
            break
    else:
        return None
    names, methods, original = spoken
    if not names.isdisjoint(vars(client)):
        return None
    try:
        if methods(cls) != original:
            return None
    except AttributeError:
        return None
    vendor: str = base.VENDOR  # type: ignore[attr-defined]
    return vendor


class Entry:
    """A registered client: ``name`` is its key in ``provider.clients``."""

    __slots__ = ("client", "name", "provider")

    def __init__(self, provider: str, name: str, client: Any) -> None:
        self.provider = provider
        self.name = name
        self.client = client

    @property
    def model(self) -> str:
        """The upstream name."""
        model = getattr(getattr(self.client, "config", None), "model", None)
        return model if isinstance(model, str) and model else self.name

    def names(self) -> tuple[str, ...]:
        """The names that mean this client in a list of models."""
        return self.name, self.model, f"{self.provider}/{self.name}", f"{self.provider}/{self.model}"


def entries(providers: Mapping[str, Any]) -> list[Entry]:
    """All registered clients, in the order of registration."""
    return [
        Entry(provider_name, name, client)
        for provider_name, provider in list(providers.items())
        for name, client in list(provider.clients.items())
    ]


_resolved: dict[tuple[Any, ...], list[int]] = {}


def resolve(entries: list[Entry], models: Iterable[str]) -> list[Entry]:
    """The entries that a list of models names, in order of trial; all of them for an empty list.

    Raises ModelNotFoundError. The rules are the core's (``llmagg_resolve``); its answers are remembered.
    """
    names = tuple(model_names(models))
    rows = tuple((entry.provider, entry.name, entry.model) for entry in entries)
    indexes = _resolved.get((rows, names))
    if indexes is None:
        from ._native import route

        listed = [{"provider": provider, "name": name, "model": model} for provider, name, model in rows]
        indexes = route.resolve(encode(listed, "the models"), encode(names, "the models"))
        if len(_resolved) >= 64:
            _resolved.clear()
        _resolved[rows, names] = indexes
    return [entries[index] for index in indexes]


def missing(entries: list[Entry], name: str) -> LLMError | None:
    """Why a name means no route; None where it means one."""
    try:
        resolve(entries, [name])
    except (ModelNotFoundError, ProviderNotFoundError) as error:
        return error
    return None


async def health(provider: str, clients: Mapping[str, Any]) -> dict[str, bool]:
    """Name → whether it is alive: by its server for clients that the core speaks for, else by ``is_available()``. One
    that the application has switched off is not.
    """
    from ._native import calls, handle, route

    alive: dict[str, bool] = {}
    asked: dict[str, Any] = {}
    for name, client in list(clients.items()):
        vendor = vendor_of(client)
        available = is_available(client)
        alive[name] = vendor is None and available
        if vendor is None or not available:
            continue
        side = route.route_of(client)
        try:
            asked[name] = side.handle(client, vendor)
        except LLMError as error:
            logger.warning("%s/%s cannot be asked for its health: %s", provider, name, error)
    if asked:
        alive.update(zip(asked, await calls.health(handle.Routes(list(asked.values())))))
    return alive


def report(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """What the core knows of these routes; those that were not used yet are left out."""
    from ._native import route

    found = ((entry, route.route_of(entry.client).report()) for entry in entries)
    return [{**known, "provider": entry.provider, "model": entry.name} for entry, known in found if known]


def retire(clients: Iterable[Any], kept: Iterable[Any]) -> None:
    """Drops the native sides of clients that were replaced; calls under way go on to their end."""
    from ._native import route

    still = {id(client) for client in kept}
    for client in list(clients):
        if id(client) not in still:
            route.route_of(client).release()


def release(client: Any) -> None:
    """Ends the calls begun through a client itself and lets go of its idle connections."""
    from ._native import route

    side = route.route_of(client)
    side.close_calls("the client")
    side.used_directly = False
    side.rest()


async def leave(user: Any, entries: Iterable[Entry]) -> None:
    """Ends an aggregator's calls, and lets go of the idle connections of routes that only it used."""
    from ._native import route

    route.plans_of(user).clear()
    for operation in list(route.calls_of(user).values()):
        operation.close("the aggregator")
    for entry in entries:
        side = route.route_of(entry.client)
        if user not in side.users:
            continue
        side.users.discard(user)
        if not side.users:
            if not side.used_directly:
                side.rest()
            if vendor_of(entry.client) is None:
                await close(entry.provider, entry.name, entry.client)


def is_available(client: Any) -> bool:
    """The application's own switch, of any object that stands in for a client; one that fails says no."""
    switch = getattr(client, "is_available", None)
    try:
        return switch is None or bool(switch())
    except Exception as error:
        logger.warning("is_available() of a %s failed: %s", type(client).__name__, error)
        return False


async def close(provider: str, name: str, client: Any) -> None:
    """Closes any object that stands in for a client; a failure is logged, since it must not stop the others."""
    try:
        if (method := getattr(client, "close", None)) is not None:
            await method()
    except Exception as error:
        logger.warning("closing %s/%s failed: %s", provider, name, error)
    release(client)  # its own close() may not reach ours


def model_names(models: Any) -> list[str]:
    """A list of models' names. Raises InvalidArgumentError for what is none: a text, names without an order."""
    if models is None:
        return []
    if isinstance(models, (str, bytes)):
        raise InvalidArgumentError(
            f"models must be a list of names, got {type(models).__name__}; write it as ['provider/model']"
        )
    if isinstance(models, (Mapping, Set)):
        raise InvalidArgumentError(
            f"models must be a list of names, in the order in which they are tried, got {type(models).__name__}"
        )
    try:
        names = list(models)
    except TypeError:
        raise InvalidArgumentError(f"models must be a list of names, got {type(models).__name__}") from None
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise InvalidArgumentError(f"models[{i}] must be the name of a model, got {type(name).__name__}")
        if not name.strip():
            raise InvalidArgumentError(f"models[{i}] is empty; expected the name of a model, or 'provider/model'")
    return names
