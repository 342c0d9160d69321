"""The work of ``initialize``: makes the providers, checks them with the list of models, and registers them."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import catalog, lookup, oldstyle
from ._identities import Identities, closed
from ._native import route
from .errors import InvalidArgumentError
from .log import logger


def configure(user: Any, class_of: Callable[[str], Any], *, lenient: bool) -> None:
    """Initializes an aggregator that nobody has initialized, with the configuration that :mod:`llmagg.settings` finds.

    ``lenient`` checks as the original's class does. Raises NotInitializedError if there is none. Threads that do this
    at the same time register equal providers.
    """
    from . import settings

    own = list(user.models)
    found = settings.names() if not own or own == user._filled else []
    read = settings.find(found or own)
    if user._initialized:  # by another thread, whose application may have chosen since
        return
    installing = install(user, read, class_of, lenient=lenient, found=found)
    try:
        installing.send(None)
    except StopIteration:
        pass
    else:
        installing.close()
        raise InvalidArgumentError("a provider's class waits in initialize_all_models(); await initialize() first")
    if not lookup.is_asked(user.manager) and not user.manager.providers:
        user.models, user._initialized = own, False  # the call says what is missing, and the next one looks again


async def install(
    user: Any, read: oldstyle.Read, class_of: Callable[[str], Any], *, lenient: bool, found: Sequence[str] = ()
) -> None:
    """Registers the providers of a configuration in place of those that ``user`` registered before. All or nothing.

    ``class_of`` returns the class of a provider by its name. The names ``found`` stand for a list where the application
    chose none: ``_filled`` has them before ``models`` does, so that no thread takes them for a choice.
    """
    chosen = found or user.models
    if not lookup.is_asked(user.manager):
        read = _with_vendors(user, read, chosen)
    made = await _providers(user, read, class_of)
    filled = not found and (not user.models or user.models == user._filled)
    if lookup.is_asked(user.manager):  # then it decides itself which client a name means
        for provider in made.values():
            lookup.register(user.manager, provider)
    else:
        _register(user, read, made, [] if filled else chosen, lenient=lenient)
    if read.fleet:
        from ._native import fleet

        fleet.join(read.fleet)
    vars(user)["_left_out"] = read.left_out
    if read.providers:
        vars(user)["_bulk"] = read.bulk
    if filled or found:  # not chosen: initialize() with a configuration replaces them
        vars(user)["_filled"] = lookup.model_names(user.manager) if filled else list(found)
        user.models = list(user._filled)
    user._initialized = True


def _register(user: Any, read: oldstyle.Read, made: dict[str, Any], chosen: Sequence[Any], *, lenient: bool) -> None:
    closed.discard(user)
    registered = user.manager.providers
    gone = _gone(user, made) if read.providers else []
    after = {**{name: provider for name, provider in registered.items() if name not in gone}, **made}
    if chosen and (entries := catalog.entries(after)):
        check_models(chosen, entries, read.left_out, lenient=lenient)
    elif not lenient:  # the original's users share the registry on purpose
        _warn_of_others(user, {*made, *gone})
    if not lenient:
        _warn_of_lost(user, made)
    _warn_of_moved(user, made, shown=not lenient)
    for name, provider in made.items():
        if registered.get(name) is not provider:
            lookup.register(user.manager, provider)
        if not isinstance(getattr(provider, _KEY, None), Identities):
            _attach(provider, _KEY, _Owners())
        _owners(provider).add(user)
    for name in gone:
        if (provider := registered.pop(name, None)) is not None:
            catalog.retire(catalog.registered(provider).values(), kept=())
    for name, provider in registered.items() if read.providers else ():
        if name not in made:
            _owners(provider).discard(user)


def _with_vendors(user: Any, read: oldstyle.Read, chosen: Sequence[Any]) -> oldstyle.Read:
    """Adds the models that the list names as "vendor/model" and no provider has. The environment has their keys."""
    there = catalog.entries(user.manager.providers)
    known = {name for entry in there for name in entry.names()}
    taken = {entry.provider for entry in there}
    for config in read.providers:
        taken.add(config.provider)
        known.update(name for model in config.models.values() for name in (model.name or model.model, model.model))
    empty = not there and not read.providers
    named: dict[str, dict[str, Any]] = {}
    for name in catalog.model_names(chosen):
        vendor, slash, model = name.partition("/")
        missing = slash and vendor and model and name not in known and vendor not in taken
        if missing and (empty or vendor in route.vendors()):
            named.setdefault(vendor, {})[model] = {}
    providers, left_out = list(read.providers), dict(read.left_out)
    reasons: list[str] = []
    for vendor, models in named.items():
        try:
            providers += oldstyle.provider_configs({vendor: {"models": models}}, skip=False).providers
        except InvalidArgumentError as error:
            if vendor.lower() not in route.vendors():
                raise
            reasons.append(error.message)
            left_out.update((f"{vendor}/{model}", error.message) for model in models)
    if empty and not providers and reasons:
        from . import settings

        raise InvalidArgumentError("\n".join([_none_usable(reasons), *settings.unread_file()]))
    for reason in reasons:
        oldstyle.warn(f"{reason}; the model is left out")
    return oldstyle.Read(providers, left_out, read.holds_secret, read.fleet, read.bulk)


def _none_usable(reasons: list[str]) -> str:
    if len(reasons) == 1:
        return reasons[0]
    return "no model can be used:" + "".join(f"\n  {i}. {reason}" for i, reason in enumerate(reasons, 1))


async def _providers(user: Any, read: oldstyle.Read, class_of: Callable[[str], Any]) -> dict[str, Any]:
    """The providers of a configuration. A provider registered with an equal configuration is used again."""
    made: dict[str, Any] = {}
    for config in read.providers:
        cls = class_of(config.provider)
        registered = None if lookup.is_asked(user.manager) else user.manager.providers.get(config.provider)
        if registered is not None and type(registered) is cls and registered.stands_for(config):
            made[config.provider] = registered
            continue
        if isinstance(cls, type):
            provider = cls(config)
            _attach(provider, "environment", oldstyle.environment_of(config))
        else:  # a test's stand-in for the class; the original called this method
            models = {name: model.to_core() for name, model in config.models.items()}
            provider = cls.create_from_config(config.provider, models)
        if inspect.isawaitable(initializing := provider.initialize_all_models()):
            await initializing
        made[config.provider] = provider
    return made


def _attach(provider: Any, name: str, value: Any) -> None:
    """Notes something of ours on a provider, past a ``__setattr__`` of the application. A class may have no room."""
    with contextlib.suppress(TypeError):
        vars(provider)[name] = value


def _gone(user: Any, made: dict[str, Any]) -> list[str]:
    """The names of providers that only ``user`` had registered and that its new configuration does not name."""
    owners = {name: _owners(provider) for name, provider in list(user.manager.providers.items())}
    return [name for name, own in owners.items() if name not in made and len(own) == 1 and user in own]


_KEY = "_llmagg_owners"


class _Owners(Identities):
    """The pickle of a provider holds no aggregator that has it: a pickled aggregator notes what is its own."""

    def __reduce__(self) -> Any:
        return _Owners, ()


def pickled(user: Any) -> dict[str, Any]:
    """The state of an aggregator, with the names of the providers that it has registered."""
    there = {} if lookup.is_asked(user.manager) else dict(user.manager.providers)
    return {**vars(user), "_owned": [name for name, provider in there.items() if user in _owners(provider)]}


def restore(user: Any, state: dict[str, Any]) -> None:
    """Gives a new aggregator the state of another one; it owns the providers that the other one owned."""
    vars(user).update(state)
    for name in vars(user).pop("_owned", ()):
        _owners(user.manager.providers.get(name)).add(user)


def _owners(provider: Any) -> Identities:
    """The aggregators whose configurations have a provider; empty for a provider that the application registered."""
    owners = getattr(provider, _KEY, None)
    return owners if isinstance(owners, Identities) else Identities()


def _warn_of_others(user: Any, own: set[str]) -> None:
    """Warns if an aggregator without a list of models will also use models that another aggregator has registered."""
    if not own:
        return
    others = [
        f"{name}/{model}"
        for name, provider in list(user.manager.providers.items())
        if name not in own and isinstance(getattr(provider, _KEY, None), Identities)
        for model in catalog.clients_of(provider)
    ]
    if others:
        oldstyle.warn(
            f"this aggregator will also try {', '.join(others)}, which another aggregator has registered: all "
            "aggregators of a process share one registry; to choose, give LLMAggregator a list of models"
        )


def _replaced(user: Any, made: dict[str, Any]) -> Iterator[tuple[str, Any, Any, set[str]]]:
    """The providers ``made`` that take the place of one that other aggregators ask: their name, the one that is
    replaced, the one in its place, and the names that those aggregators ask.
    """
    for name, provider in made.items():
        replaced = user.manager.providers.get(name)
        if replaced is not None and replaced is not provider and (asked := _asked(replaced, user)):
            yield name, replaced, provider, asked


def _warn_of_lost(user: Any, made: dict[str, Any]) -> None:
    """Warns of models that another aggregator asks, and that the providers ``made`` lack in the place of its own."""
    for name, replaced, provider, asked in _replaced(user, made):
        lost = set(catalog.clients_of(replaced)) - set(catalog.clients_of(provider))
        if gone := sorted(model for model in lost if {model, f"{name}/{model}"} & asked):
            oldstyle.warn(
                f"the provider {name!r} of another aggregator is replaced, and that aggregator asks it for "
                f"{', '.join(gone)}: all aggregators of a process share one registry; give one of the two providers "
                f"another name, with the setting 'like' ({{'{name}-2': {{'like': '{name}', 'models': …}}}})"
            )


def _warn_of_moved(user: Any, made: dict[str, Any], *, shown: bool) -> None:
    """Warns, once for each route, that calls of another aggregator go to another address, or with another key, now.

    It writes to the log and, where shown, gives a UserWarning: the original's users share the registry on purpose.
    """
    for name, replaced, provider, asked in _replaced(user, made):
        moved: dict[str, list[str]] = {}
        for model, client in catalog.clients_of(provider).items():
            path = f"{name}/{model}"
            before = catalog.clients_of(replaced).get(model)
            if before is None or not {model, path} & asked or path in _told:
                continue
            there, here = _place(replaced, before), _place(provider, client)
            if what := [word for word, one, other in zip(_MOVED, there, here) if one != other]:
                _told.add(path)
                moved.setdefault(" and ".join(what), []).append(path)
        for words, routes in moved.items():
            (oldstyle.warn if shown else logger.warning)(
                f"{', '.join(routes)}, which another aggregator asks, too, now has {words} for both: all aggregators "
                "of a process share one registry; to keep both, give one of the two providers another name, with the "
                f"setting 'like' ({{'{name}-2': {{'like': '{name}', 'models': …}}}})"
            )


_told: set[str] = set()  # the routes of which _warn_of_moved has told; filled only, so no lock guards it
_MOVED = ("another base_url", "another key")
_PARTS = ("__code__", "__closure__", "__defaults__", "__kwdefaults__", "__self__")


def _place(provider: Any, client: Any) -> tuple[Any, Any]:
    """Where the calls of a client go, and with which keys: at a vendor's own servers also those that the environment
    had when the provider was made.
    """
    from urllib.parse import urlsplit

    config = getattr(client, "config", None)
    url, *keys = (getattr(config, name, None) or None for name in ("base_url", "api_key", "api_keys", "auth"))
    if isinstance(url, str):
        url = url.rstrip("/")
        if not any(keys) and route.vendor_at(urlsplit(url).hostname or ""):
            names = route.key_variables(str(getattr(config, "like", None) or getattr(config, "provider", "")))
            found = getattr(provider, "environment", None) or {}
            keys = [next(filter(None, map(found.get, names)), None)]
    return url, [*map(_made_of, filter(None, keys))]


def _made_of(key: Any) -> Any:
    """A key; of a function its parts, which are equal where a configuration is made twice."""
    return [getattr(key, part, None) for part in _PARTS] if hasattr(key, "__code__") else key


def _asked(provider: Any, user: Any) -> set[str]:
    """The names in the lists of models of the other aggregators that have a provider, without those closed."""
    others = [other for other in _owners(provider) if other is not user and other not in closed]
    lists = [models for other in others if isinstance(models := getattr(other, "models", None), (list, tuple))]
    return {name for models in lists for name in catalog.model_names(models)}


def check_models(names: Any, entries: list[catalog.Entry], left_out: dict[str, str], *, lenient: bool) -> None:
    """Raises an error for a name that no provider has. With ``lenient``, warns if the name is not a misspelling."""
    for name in catalog.model_names(names):
        error = catalog.missing(entries, name)
        if error is None or name in left_out:
            continue
        if not lenient or "did you mean" in error.message:
            raise error
        oldstyle.warn(f"{error.message}; the name is ignored")
