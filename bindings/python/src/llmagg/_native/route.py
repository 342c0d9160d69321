"""The native side of a Python client, to which its circuit breaker and limits belong.

It is made at the first use, and made again after a change of the configuration, after ``close`` and in a forked child.
"""

from __future__ import annotations

import copy
import itertools
import os
import threading
import weakref
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

from .. import _again
from .._context import core_calls, exchange_options
from .._identities import Identities
from .._wire import encode
from ..config import CLIENT_VENDORS, ModelConfig
from ..errors import InvalidArgumentError
from . import load
from .handle import Handle
from .operation import Attached, Calls, Operation, Target
from .signatures import CONFIG_ADDRESSES, CONFIG_LENIENT, CONFIG_SKIP

_tags = itertools.count(1)
_FOR_CUSTOM = (
    "provider", "name", "model", "timeout", "idle_timeout", "reader_timeout", "max_retries", "max_concurrent_calls",
    "breaker", "retry", "rate", "limits", "weight", "price", "context_window",
)  # fmt: skip
"""The settings of a route whose calls Python answers; all others concern HTTP."""
_CONFIG_FIELDS = frozenset(ModelConfig.__dataclass_fields__)
counting = False  # whether the core counts a route's totals from its first use on (llmagg.metrics)
_lock = threading.RLock()  # one for all routes, held for a moment (again where the garbage collector ends a call in it)


before_first_use: Callable[[], None] | None = None
"""Called before a native handle is made: a forked child joins its fleet again. None where no fleet is configured."""

_Made = tuple["dict[str, Any] | None", Handle]
"""The fields of the configuration from which a handle was made, and the handle."""


def _snapshot(state: dict[str, Any] | None) -> dict[str, Any] | None:
    """A copy of a configuration's fields, to find changes later. Values that cannot be copied are shared."""
    if state is None:
        return None
    functions = {key: value for key, value in state.items() if callable(value)}  # a method's copy has a copied object
    others = {key: value for key, value in state.items() if key not in functions}
    try:
        return {**copy.deepcopy(others), **functions}
    except Exception as error:  # a mappingproxy, say, or the values' own code
        _again.check(error, copy.deepcopy, others)
        return dict(state)


class Plans(Attached, dict["str | None", Any]):
    """The plans of an aggregator, by the model that a call names."""

    KEY = "_llmagg_plans"


def _same(made: dict[str, Any] | None, state: dict[str, Any] | None) -> bool:
    """Whether a configuration is the one of which a handle was made."""
    try:
        return made == state
    except Exception as error:  # of an attribute of the application's own, such as an array
        _again.check(error, lambda: made == state)
        return made is not None and state is not None and all(made.get(key) == state.get(key) for key in _CONFIG_FIELDS)


class Route(Attached):
    """The native side of a client. Thread-safe."""

    KEY = "_llmagg_route"

    def __init__(self) -> None:
        self.tag = next(_tags)
        self.calls = Calls()
        self.users = Identities()  # open aggregators that have used the route
        self.used_directly = False
        self.names: tuple[str, str] | None = None
        self._handles: dict[tuple[bool, str | None], _Made] = {}
        self.usual: Handle | None = None  # the one for HTTP with the configured model (_lock)

    def handle(self, client: Any, vendor: str | None, model: str | None = None) -> Handle:
        """The route's native handle, for HTTP with ``vendor``; if ``vendor`` is None, Python answers the calls.

        ``model`` is the upstream name that a hook chose instead of the configured name.
        """
        config = getattr(client, "config", None)
        state = None
        if vendor is not None and not isinstance(config, ModelConfig):
            config = _config_like(config)
        if isinstance(config, ModelConfig):
            settings = getattr(type(client), "_settings", None)
            if settings is not None and (own := settings(client)):
                config = copy.copy(config)
                vars(config).update({"name": config.name or config.model, **own})
            state = vars(config)
        known = self._handles.get((vendor is None, model))
        if known is None or not _same(known[0], state) or not known[1].alive:
            core = core_config(config if state is not None else None, self.names, vendor)
            known = self._make({**core, "model": model} if model else core, vendor, _snapshot(state))
            with _lock:
                self._handles[vendor is None, model] = known
                if vendor is not None and model is None:
                    self.usual = known[1]
        return known[1]

    def made_of(self, handle: Handle, config: ModelConfig) -> list[Any] | None:
        """The values of which the handle was made, in the order of the configuration's fields. They are compared in a
        third of the time of a dict (0.2 µs instead of 0.6).
        """
        state, made = self._handles.get((False, None), (None, None))
        return [state.get(key) for key in vars(config)] if state is not None and made is handle else None

    def has(self, handle: Handle) -> bool:
        """Whether this is the route's handle for HTTP."""
        return self.usual is handle and handle.alive

    def _make(self, core: dict[str, Any], vendor: str | None, state: dict[str, Any] | None) -> _Made:
        data = encode(core, "the configuration")
        if before_first_use is not None:
            before_first_use()
        if vendor is None:
            handle = Handle.new("llmagg_client_new_custom", "llmagg_client_free", data, len(data), None, self.tag)
        else:
            handle = Handle.new("llmagg_client_new", "llmagg_client_free", data, len(data))
            if "auth" in core:
                from . import tokens  # not at the top: 'import llmagg' needs none

                tokens.hold(handle, core)
        if counting:
            load.call_for_json("llmagg_client_report", handle.pointer)
        return state, handle

    def switch(self, handle: Handle, available: bool) -> None:
        """Passes the state of the application's own switch to the core, for one handle of the route. The call of an
        aggregator that follows does not ask a route that is off, whatever runs on the client itself.
        """
        if available != handle.available or handle.direct:
            with _lock:
                load.call("llmagg_client_set_available", handle.pointer, int(available))
                handle.available = available

    def lifted(self, handle: Handle, available: bool) -> Lifted | None:
        """What a call on the client itself needs, which the application's switch does not concern: None if it is on."""
        return None if available and handle.available and not handle.direct else Lifted(self.calls, handle)

    def tell(self, available: bool, vendor: str | None) -> None:
        """Passes the switch to the core at once, for calls under way: they do not ask the route again. If a call on the
        client itself runs that began while the switch was on, the next call of an aggregator does so. ``vendor`` says
        which handle aggregators ask.
        """
        known = self._handles.get((vendor is None, None))
        if known is not None and known[1].alive:
            with _lock:
                if known[1].direct and not available:
                    known[1].available = False  # the end of the last of them tells the core
                elif available or all(call.generation != load.generation for call in self.calls.running()):
                    self.switch(known[1], available)

    def report(self) -> dict[str, Any] | None:
        """The core's report on the route; None before the first use."""
        for _, handle in list(self._handles.values()):
            if handle.alive:
                report: dict[str, Any] = load.call_for_json("llmagg_client_report", handle.pointer)
                return report
        return None

    def release(self) -> None:
        """Drops the native side; running calls keep it until they end."""
        with _lock:
            self._handles = {}
            self.usual = None
        for user in list(self.users):
            Plans.of(user).clear()

    def rest(self) -> None:
        """Closes idle connections that no other route needs. Circuit breaker and limits keep their state."""
        for _, handle in list(self._handles.values()):
            if handle.alive:
                load.call("llmagg_client_rest", handle.pointer)

    def close_calls(self, by: str) -> None:
        """Ends the calls that began on this client itself, not through an aggregator."""
        for operation in self.calls.running():
            operation.close(by)


class Lifted(Calls):
    """A call on a client that is switched off: the core's switch is on until the last such call of the handle ends."""

    def __init__(self, calls: Calls, handle: Handle) -> None:
        self.calls, self.handle = calls, handle

    def begin(self, operation: Operation) -> None:
        """Switches the route on for an operation that is about to begin."""
        operation.owner = self
        with _lock:
            self.handle.direct.add(operation.tag)
            load.call("llmagg_client_set_available", self.handle.pointer, 1)

    def __setitem__(self, tag: int, operation: weakref.ref[Operation]) -> None:
        self.calls[tag] = operation

    def pop(self, tag: int, *default: Any) -> Any:
        """Removes a call that has ended; after the last, the core's switch is what the application's switch says."""
        ended, handle = self.calls.pop(tag, *default), self.handle
        with _lock:
            handle.direct.discard(tag)
            if not handle.direct and handle.alive:
                load.call("llmagg_client_set_available", handle.pointer, int(handle.available))
        return ended


def _config_like(config: Any) -> ModelConfig:
    """A configuration of another class with the same attributes, as applications and second copies of the package
    have; without them, a call would go to the vendor's own address.
    """
    values = {key: value for key, value in getattr(config, "__dict__", {}).items() if key in _CONFIG_FIELDS}
    if not values.get("model") or not values.get("provider"):
        kind = type(config).__name__
        raise InvalidArgumentError(f"the config of a client must be a ModelConfig with model and provider, got {kind}")
    return ModelConfig(**values)


def core_config(config: ModelConfig | None, names: tuple[str, str] | None, vendor: str | None) -> dict[str, Any]:
    """The configuration of a route for the core, without the settings for HTTP if Python answers the calls."""
    core = config.to_core() if config is not None else {}
    if names is not None:
        core["provider"], core["name"] = names
    if vendor is None:
        core = {key: core[key] for key in _FOR_CUSTOM if key in core}
        core.setdefault("provider", "custom")
        core.setdefault("name", "custom")
    elif "like" not in core:
        provider = core.get("provider")
        if provider in CLIENT_VENDORS or ("base_url" not in core and provider not in vendors()):
            core.setdefault("type", vendor)  # otherwise the core chooses the format by the provider's name and base_url
    return core


_slotted: dict[int, tuple[Any, Route]] = {}


def route_of(client: Any) -> Route:
    """The route of a client. A client may be any object with ``chat_completion``, for example a mock."""
    try:
        state = vars(client)
    except TypeError:
        with _lock:
            return _slotted.setdefault(id(client), (client, Route()))[1]
    route = state.get(Route.KEY)
    if isinstance(route, Route):
        return route
    with _lock:
        made: Route = state.setdefault(Route.KEY, Route())
    return made


def info(config: dict[str, Any]) -> dict[str, Any]:
    """A model's configuration with the core's defaults filled in. Its "base_url" is for requests: keys may stand in it.
    "address" is the same for texts, with ``***`` for the keys. Raises InvalidArgumentError.
    """
    made = _info(encode(config, "the configuration"))
    made["address"] = address = made["config"].get("base_url") or ""
    if "***" in address:
        own = {key: value for key, value in config.items() if key not in ("provider", "name")}
        checked = {config["provider"]: {"models": {config["name"]: own}}}
        judged = check_config(encode(checked, "the configuration"), lenient=False, skip=False)
        made["config"]["base_url"] = judged["models"][0]["base_url"]
    return made


def _info(config: bytes) -> dict[str, Any]:
    handle = Handle.new("llmagg_client_new", "llmagg_client_free", config, len(config))
    made: dict[str, Any] = load.call_for_json("llmagg_client_info", handle.pointer)
    return made


def key_header(config: dict[str, Any]) -> dict[str, str] | None:
    """The name of the HTTP header for the key of a model, and the prefix of its value; None if no header holds it."""
    config = {key: value for key, value in config.items() if key not in ("headers", "proxy")}  # no secrets in a cache
    return _key_header(encode({**config, "api_key": "-"}))


@lru_cache(maxsize=64)
def _key_header(config: bytes) -> dict[str, str] | None:
    found: dict[str, str] | None = _info(config).get("key_header")
    return found


def check_config(data: bytes, *, lenient: bool, skip: bool) -> dict[str, Any]:
    """The core's judgement of a configuration: see ``llmagg_config_check``. Its addresses are for requests: keys may
    stand in them. Raises InvalidArgumentError.
    """
    flags = CONFIG_ADDRESSES | (CONFIG_SKIP if skip else 0) | (CONFIG_LENIENT if lenient else 0)
    judged: dict[str, Any] = load.call_for_json("llmagg_config_check", data, len(data), flags)
    return judged


def tables() -> dict[str, list[dict[str, Any]]]:
    """The core's tables of names, as ``llmagg_settings`` describes them. They take 167 KB: ``known`` keeps few."""
    known: dict[str, list[dict[str, Any]]] = load.call_for_json("llmagg_settings")
    return known


class Known(NamedTuple):
    """Of these tables what calls and configurations need."""

    vendors: list[dict[str, Any]]
    options: frozenset[str]
    """The names of the options of calls."""
    internal: frozenset[str]
    """Those of them that only the C interface has."""
    fields: frozenset[str]
    """The names of the fields of requests."""


@cache
def known() -> Known:
    """The same for all uses."""
    found = tables()
    options = {row["name"]: row.get("internal", False) for row in found["options"]}
    internal = frozenset(filter(options.get, options))
    return Known(found["vendors"], frozenset(options), internal, frozenset(row["name"] for row in found["request"]))


@cache
def vendors() -> frozenset[str]:
    """The names of the vendors that the core knows, with aliases and names of sites."""
    return frozenset(name for vendor in known().vendors for name in (vendor["name"], *vendor.get("aliases", ())))


def key_variables(name: str) -> list[str]:
    """The environment variables in which the core looks for the key of a vendor."""
    for vendor in known().vendors:
        if name.lower() in (vendor["name"], *vendor.get("aliases", ())):
            keys: list[str] = vendor.get("keys", [])
            return keys
    return []


def environment_key(name: str) -> str | None:
    """The key of a vendor that the environment has, None without."""
    return next(filter(None, map(os.environ.get, key_variables(name))), None)


def vendor_at(host: str) -> dict[str, Any] | None:
    """The vendor that owns a host, or None."""
    from fnmatch import fnmatchcase

    owners = (v for v in known().vendors if any(fnmatchcase(host, pattern) for pattern in v["hosts"]))
    return next(owners, None)


def client_target(client: Any, options: dict[str, Any]) -> Target:
    """A function that answers the core's calls by the client's methods. ``options`` are those of the whole call."""
    from . import custom

    exchange = {"include_usage": options.get("include_usage") is not False, "headers": options.get("headers", {})}

    def answer(payload: dict[str, Any]) -> Any:
        request = custom.request_of(payload)
        core_calls.set(client)  # the custom call runs in a context of its own
        exchange_options.set(exchange)
        if payload["stream"]:
            request.stream = True
            return client.chat_completion_stream(request)
        return client.chat_completion(request)

    return answer


def resolve(catalog: bytes, models: bytes) -> list[int]:
    """The indexes in the catalog of the routes that a list of models names, by the core's rules."""
    indexes: list[int] = load.call_for_json("llmagg_resolve", catalog, len(catalog), models, len(models))
    return indexes


def _forget() -> None:
    global _lock
    _lock = threading.RLock()


load.on_fork(_forget)
