"""Which route of the core a Python client stands for, and how a call over routes is put together.

A client none of whose methods is overridden or replaced speaks HTTP in the core. Any other is called back by the core,
so that failover, breakers, limits and retries hold for it, too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._wire import encode
from .errors import InvalidArgumentError, LLMError
from .messages import Message
from .requests import ChatCompletionRequest

if TYPE_CHECKING:
    from ._native.calls import Call

logger = logging.getLogger("llmagg")
_native_methods: dict[type, dict[str, Any]] = {}
CALL_OPTIONS = frozenset(
    [
        "max_retries",
        "deadline",
        "timeout",
        "on_interrupt",
        "hedge_after",
        "failover_bad_request",
        "failover_content_filter",
    ]
)
"""Keyword parameters of a call that are the library's own and not sent."""


def spoken_by_core(cls: type) -> type:
    """Marks a client class whose methods, as they stand now, the core carries out itself."""
    names = (name for name in dir(cls) if not name.startswith("__"))
    _native_methods[cls] = {name: getattr(cls, name) for name in names if callable(getattr(cls, name))}
    return cls


def vendor_of(client: Any) -> str | None:
    """The wire format in which the core speaks for this client; None where it must call the client back."""
    cls = type(client)
    for base in cls.__mro__:
        methods = _native_methods.get(base)
        if methods is not None:
            break
    else:
        return None
    if not methods.keys().isdisjoint(vars(client)):
        return None
    for name, method in methods.items():
        if getattr(cls, name, None) is not method:
            return None
    vendor: str = base.VENDOR  # type: ignore[attr-defined]
    return vendor


@dataclass(frozen=True)
class Entry:
    """A registered client: ``name`` is its key in ``provider.clients``."""

    provider: str
    name: str
    client: Any

    @property
    def model(self) -> str:
        """The upstream name."""
        model = getattr(getattr(self.client, "config", None), "model", None)
        return model if isinstance(model, str) and model else self.name


def catalog(providers: Mapping[str, Any]) -> list[Entry]:
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
    names = tuple(models)
    rows = tuple((entry.provider, entry.name, entry.model) for entry in entries)
    indexes = _resolved.get((rows, names))
    if indexes is None:
        from ._native import route

        if not all(isinstance(name, str) for name in names):
            raise InvalidArgumentError(f"models is {list(names)!r}; expected a list of names")
        listed = [{"provider": provider, "name": name, "model": model} for provider, name, model in rows]
        indexes = route.resolve(encode(listed, "the models"), encode(names, "the models"))
        if len(_resolved) >= 64:
            _resolved.clear()
        _resolved[rows, names] = indexes
    return [entries[index] for index in indexes]


def call_over(entries: list[Entry], request: ChatCompletionRequest, options: dict[str, Any], user: Any) -> Call:
    """A call over these routes with an aggregator's failover. ``user`` is the aggregator."""
    from ._native import route
    from ._native.calls import Call

    call = Call([], request.to_dict(), options, owned_by=route.calls_of(user))
    handles = []
    for entry in entries:
        client = entry.client
        side = route.route_of(client)
        if side.names is None:
            side.names = (entry.provider, entry.name)
        side.users.add(user)
        vendor = vendor_of(client)
        handle = side.handle(client, vendor)
        side.switch(handle, is_available(client))
        if vendor is None:
            call.targets[side.tag] = route.client_target(client, options)
        handles.append(handle)
    call.handles = handles
    return call


async def health(provider: str, clients: Mapping[str, Any]) -> dict[str, bool]:
    """Name → whether it is alive: by its server for clients that the core speaks for, else by ``is_available()``."""
    from ._native import calls, route

    alive: dict[str, bool] = {}
    asked: dict[str, Any] = {}
    for name, client in list(clients.items()):
        vendor = vendor_of(client)
        alive[name] = vendor is None and is_available(client)
        if vendor is None:
            continue
        side = route.route_of(client)
        try:
            asked[name] = side.handle(client, vendor)
        except LLMError as error:
            logger.warning("%s/%s cannot be asked for its health: %s", provider, name, error)
    if asked:
        alive.update(zip(asked, await calls.health(list(asked.values()))))
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

    for reference in route.calls_of(user).valuerefs():
        if (operation := reference()) is not None:
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
    """The application's own switch, of any object that stands in for a client."""
    switch = getattr(client, "is_available", None)
    return switch is None or bool(switch())


async def close(provider: str, name: str, client: Any) -> None:
    """Closes any object that stands in for a client; a failure is logged, since it must not stop the others."""
    try:
        if (method := getattr(client, "close", None)) is not None:
            await method()
    except Exception as error:
        logger.warning("closing %s/%s failed: %s", provider, name, error)
    release(client)  # its own close() may not reach ours


def request_and_options(
    messages: ChatCompletionRequest | Iterable[Message | dict[str, Any]], params: dict[str, Any]
) -> tuple[ChatCompletionRequest, dict[str, Any]]:
    """Splits what a call was given into the request and the core's options."""
    options = {key: params.pop(key) for key in list(params) if key in CALL_OPTIONS}
    options = {key: value for key, value in options.items() if value is not None}
    if (headers := params.pop("extra_headers", None)) is not None:
        options["headers"] = dict(headers)
    extra = dict(params.pop("extra_body", None) or {})
    if isinstance(messages, ChatCompletionRequest):
        given = {**messages.to_dict(), **params, **extra}
        given["messages"] = messages.messages
    else:
        given = {**params, **extra}
        given["messages"] = messages
    known = {key: value for key, value in given.items() if key in _REQUEST_FIELDS}
    known.setdefault("model", "")
    rest = {key: value for key, value in given.items() if key not in _REQUEST_FIELDS}
    return ChatCompletionRequest(**known, extra=rest), options


_REQUEST_FIELDS = frozenset(ChatCompletionRequest.__dataclass_fields__) - {"extra"}
