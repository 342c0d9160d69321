"""The registered clients: the core's route of each client, and the clients that a list of models names.

If no method of a client is overridden or replaced, the core sends its HTTP requests. Otherwise the core calls the
client back, so that failover, circuit breakers, limits and retries apply to it too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, Set
from operator import attrgetter
from typing import Any

from . import _again
from ._parameters import nearest
from ._shown import shown, without_keys
from ._signature import refuse_other
from ._wire import encode
from .config import CLIENT_VENDORS
from .errors import InvalidArgumentError, LLMError, ModelNotFoundError, ProviderNotFoundError
from .log import logger
from .requests import is_single, model_name

Spoken = tuple["frozenset[str]", Callable[[type], Any], Any]
_native_methods: dict[type, Spoken] = {}
"""Class → the names of its methods, a function that gets these methods of a class, and the original methods."""


def spoken_by_core(cls: type) -> type:
    """Marks a client class: the core itself does the work of its methods, as long as nobody replaces them."""
    names = [name for name in dir(cls) if not name.startswith("__") and callable(getattr(cls, name))]
    methods = attrgetter(*names)
    _native_methods[cls] = frozenset(names), methods, methods(cls)
    CLIENT_VENDORS.add(cls.VENDOR)  # type: ignore[attr-defined]
    return cls


def vendor_of(client: Any) -> str | None:
    """The vendor whose format the core speaks for this client; None if the core must call the client back."""
    cls = type(client)
    spoken, vendor = spoken_of(cls)
    if spoken is None or not spoken[0].isdisjoint(vars(client)) or not is_original(cls, spoken):
        return None
    return vendor


def spoken_of(cls: type) -> tuple[Spoken | None, str | None]:
    """The methods that the core does the work of in a client class, and the vendor; None for a class of others."""
    for base in cls.__mro__:
        if (spoken := _native_methods.get(base)) is not None:
            return spoken, base.VENDOR  # type: ignore[attr-defined]
    return None, None


def is_original(cls: type, spoken: Spoken) -> bool:
    """Whether a class has these methods as they were written."""
    _, methods, original = spoken
    try:
        same: bool = methods(cls) == original
    except AttributeError:
        return False
    return same


def _text(key: Any) -> str:
    """A key of an application's dict as a text; that of an Enum of texts is its value."""
    return str.__str__(key) if isinstance(key, str) else str(key)


class Entry:
    """A registered client: ``name`` is its key in ``provider.clients``."""

    __slots__ = ("client", "name", "provider")

    def __init__(self, provider: str, name: str, client: Any) -> None:
        self.provider = provider if type(provider) is str else _text(provider)
        self.name = name if type(name) is str else _text(name)
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
        for name, client in list(clients_of(provider).items())
    ]


_LOOK_UPS = frozenset(("get_llm_client", "get_available_models"))
_reading: tuple[Any, Any] = (None, None)


def reads_clients(cls: type) -> type:
    """Marks the class of providers whose look-ups read ``clients``."""
    global _reading
    _reading = cls.get_llm_client, cls.get_available_models  # type: ignore[attr-defined]
    return cls


def clients_of(provider: Any) -> Mapping[str, Any]:
    """Name → client of a provider, among which calls choose: ``clients``, or what its own ``get_available_models`` and
    ``get_llm_client`` say, if the application wrote or replaced either of them.
    """
    cls = type(provider)
    try:  # the usual case; this runs in each call
        same = cls.get_llm_client is _reading[0] and cls.get_available_models is _reading[1]
        if same and _LOOK_UPS.isdisjoint(provider.__dict__):
            clients = provider.clients
            return clients if type(clients) is dict else registered(provider)
    except (AttributeError, TypeError):
        pass
    there = registered(provider)
    find, listed = (getattr(provider, name, None) for name in ("get_llm_client", "get_available_models"))
    if not callable(find) or not callable(listed):
        return there
    if getattr(cls, "get_available_models", None) is _reading[1] and "get_available_models" not in vars(provider):
        names: Any = there  # also those that are switched off
    else:
        try:
            names = listed()
        except Exception as error:
            if _again.of_handler(error):
                raise
            logger.warning("get_available_models() of a provider failed: %s: %s", type(error).__name__, error)
            return {}
    if inspect.iscoroutine(names):  # of a mock
        names.close()
    if not isinstance(names, Iterable) or isinstance(names, str):
        return there
    return dict(_found(find, [name for name in names if isinstance(name, str)]))


def _found(find: Callable[[str], Any], names: list[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        try:
            yield name, find(name)
        except ModelNotFoundError:
            continue
        except Exception as error:
            if _again.of_handler(error):
                raise
            logger.warning("get_llm_client() of a provider failed for its model %s: %s", name, error)


def registered(provider: Any) -> Mapping[str, Any]:
    """The ``clients`` of an object used as a provider; empty if it has none."""
    clients = getattr(provider, "clients", None)
    return clients if isinstance(clients, Mapping) else {}


_resolved: dict[tuple[Any, ...], list[int]] = {}


def resolve(entries: list[Entry], models: Iterable[str]) -> list[Entry]:
    """The entries that a list of models names, in the order of trial; for an empty list all entries.

    Raises ModelNotFoundError. The rules are the core's (``llmagg_resolve``); its answers are cached.
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
    """The error for a name that means no route; None for any other name."""
    try:
        resolve(entries, [name])
    except (ModelNotFoundError, ProviderNotFoundError) as error:
        return error
    return None


async def health(provider: str, clients: Mapping[str, Any]) -> dict[str, bool]:
    """Name → whether the model is alive. The core asks the server; for a client that the core calls back,
    ``is_available()`` decides. A model that the application has switched off is not alive.
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
        client._refuse_replaced()
        side = route.route_of(client)
        try:
            asked[name] = side.handle(client, vendor)
        except LLMError as error:
            logger.warning("%s/%s cannot be asked for its health: %s", provider, name, error)
    if asked:
        alive.update(zip(asked, await calls.health(handle.Routes(list(asked.values())))))
    return alive


def report(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The core's reports on routes, without routes that were not used yet."""
    from ._native import route

    found = ((entry, route.route_of(entry.client).report()) for entry in entries)
    return [{**known, "provider": entry.provider, "model": entry.name} for entry, known in found if known]


def retire(clients: Iterable[Any], kept: Iterable[Any]) -> None:
    """Drops the native sides of replaced clients; running calls continue."""
    from ._native import route

    still = {id(client) for client in kept}
    for client in list(clients):
        if id(client) not in still:
            route.route_of(client).release()


def release(client: Any) -> None:
    """Ends the calls that began on a client itself, and closes its idle connections."""
    from ._native import route

    side = route.route_of(client)
    side.close_calls("the client")
    side.used_directly = False
    side.rest()


async def leave(user: Any, entries: Iterable[Entry]) -> None:
    """Ends an aggregator's calls, and closes the idle connections of routes that no other aggregator uses."""
    from ._identities import closed
    from ._native import operation, route

    closed.add(user)
    route.Plans.of(user).clear()
    for call in operation.Calls.of(user).running():
        call.close("the aggregator")
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
    """The state of the application's own switch, for any object used as a client; False if the switch fails, and for
    None. A coroutine, as an AsyncMock gives, says nothing: the client is on.
    """
    if client is None:
        return False
    switch = getattr(client, "is_available", None)
    try:
        state = True if switch is None else switch()
        if inspect.iscoroutine(state):
            state.close()
            return True
        return bool(state)
    except Exception as error:
        if getattr(switch, "__module__", "") == f"{__package__}.client" or _again.of_handler(error):
            raise  # ours raises nothing itself
        logger.warning("is_available() of a %s failed: %s", type(client).__name__, error)
        return False


async def close(provider: str, name: str, client: Any) -> None:
    """Closes any object used as a client. Logs a failure, so that the other clients are closed too."""
    try:
        if (method := getattr(client, "close", None)) is not None:
            await method()
    except Exception as error:
        if _again.of_handler(error):
            raise
        logger.warning("closing %s/%s failed: %s", provider, name, error)
    release(client)  # an overriding close() may not call ours


_STRATEGIES = ("order", "weighted", "latency", "least_busy", "cost", "usage")


def check_strategy(strategy: Any) -> Any:
    """The strategy itself. Refuses what is neither the name of one nor a function, as the core does at a call."""
    if callable(strategy):
        refuse_other(strategy, "strategy", "the routes", "the request")
        return strategy
    if strategy is None or (isinstance(strategy, str) and strategy in _STRATEGIES):
        return strategy
    near = nearest(str(strategy), _STRATEGIES, 0.6)
    hint = f'; did you mean "{near}"?' if near else ""
    raise InvalidArgumentError(
        f"strategy is {shown(strategy)}; expected one of {', '.join(_STRATEGIES)}, or a function of the routes{hint}"
    )


def model_groups(models: Any, *, given: bool = False) -> list[list[str]]:
    """The groups in a list of models: a nested list is a group, and a name by itself is one too; without any nested
    list, all names are one group. Raises InvalidArgumentError, also for a str, for names without an order, and for an
    empty list where a list is ``given`` by the application, whose filter may have emptied it.
    """
    if models is None:
        return []
    unordered = isinstance(models, Set) and not isinstance(models, KeysView)
    single = isinstance(models, str) or (type(models) not in (list, tuple) and is_single(models))
    if unordered or single or isinstance(models, (bytes, Mapping)) or not isinstance(models, Iterable):
        kind = type(models).__name__
        hint = "expected ['provider/model', …]"
        if isinstance(models, Mapping):
            hint += "; a configuration goes to initialize() or initialize_sync()"
        elif isinstance(models, str) and len(models) < 100 and "{" not in models and without_keys(models) == models:
            names = [*filter(None, map(str.strip, models.split(",")))]
            hint += f"; write {names}" if names else ""
        raise InvalidArgumentError(f"models must be a list of names, got {kind}; {hint}")
    groups: list[list[str]] = []
    nested = False
    for i, entry in enumerate(models):
        is_group = isinstance(entry, (list, tuple))
        nested = nested or is_group
        entries = entry if is_group else (entry,)
        group = [name if isinstance(name, str) else model_name(name) for name in entries]
        if not group:
            raise InvalidArgumentError(f"models[{i}] is an empty group; expected names, such as ['a', 'b']")
        for name in group:
            if not isinstance(name, str):  # nor does it stand for a text
                raise InvalidArgumentError(f"models[{i}] must be the name of a model, got {type(name).__name__}")
            if not name.strip():
                raise InvalidArgumentError(f"models[{i}] is empty; expected the name of a model, or 'provider/model'")
            first, _, others = name.replace(";", ",").replace("|", ",").partition(",")
            if "/" in first and "/" in others:
                raise InvalidArgumentError(
                    f"models[{i}] is a list in one text; expected one name: each model is an entry of its own "
                    "(in LLMAGG_MODELS, commas separate them)"
                )
        groups.append(group)
    if given and not groups:
        raise InvalidArgumentError("models is an empty list; leave it out for all models of the configuration")
    return groups if nested or not groups else [[name for group in groups for name in group]]


def model_names(models: Any) -> list[str]:
    """The names in a list of models, groups or not. Raises InvalidArgumentError."""
    return [name for group in model_groups(models) for name in group]
