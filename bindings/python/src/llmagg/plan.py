"""Builds an aggregator's calls from a request, options and routes. The first call imports this module.

A plan keeps the routes for later calls. An application may change everything that a plan depends on: the manager, its
providers, their clients, configurations, methods of clients. So each call checks the plan, which costs less than making
a new plan.
"""

from __future__ import annotations

import contextlib
import copy
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

from . import _identities, _known, _strange, catalog, lookup, oldstyle
from ._called import Missing
from ._native import calls, load, route
from ._native.calls import Call
from ._native.handle import Handle, Routes
from ._native.operation import Calls
from ._shown import shown
from ._signature import refuse_other
from ._watched import Asked, Usual
from .config import ModelConfig
from .errors import InvalidArgumentError, LLMError, ModelNotFoundError
from .messages import Function
from .requests import ChatCompletionRequest, messages_to_wire, model_name, refuse_bytes

_PLANS = route.Plans.KEY
_MOST = 16  # the maximum number of plans per aggregator: each model that its calls name needs a plan


def call(user: Any, messages: ChatCompletionRequest | Iterable[Any], params: Mapping[str, Any]) -> Call:
    """Builds a call of the aggregator ``user``. The call uses the routes of the request's model, or the routes of the
    aggregator's models if the request names no model.

    Raises NotInitializedError (if no client exists), ModelNotFoundError and InvalidArgumentError.
    """
    request, options = request_and_options(messages, params)
    return _plan(user, request.get("model")).call(user, request, options)


def call_with(user: Any, params: Mapping[str, Any]) -> Call:
    """A call without messages, which the core refuses: for the parameters, if anything is wrong with them."""
    request, options = request_and_options([], params)
    messages = request.pop("messages")
    return _plan(user, request.get("model")).call(user, {**request, "messages": messages}, options)


def other_call(user: Any, request: dict[str, Any], params: Mapping[str, Any]) -> Call:
    """A call of the aggregator that is no chat, on the same routes. ``params`` are options of the call, and fields of
    the request, which the core judges.
    """
    options: dict[str, Any] = {}
    known_options = _known.names().options
    for key, value in request.items():
        if type(value) is Missing:
            raise value.error(params)
        refuse_bytes(key, value)
    for key, value in params.items():
        if value is None:
            continue
        refuse_bytes(key, value)
        if key in known_options:
            _put_option(options, key, value)
        else:
            from . import _misspelt

            _misspelt.refuse_alias(key)
            request[key] = value
    return _plan(user, request.get("model")).call(user, request, options or None)


def refuse_unpriced(user: Any, model: str | None) -> None:
    """Raises InvalidArgumentError if nobody would tell what a call costs, at any of its routes."""
    asked = _plan(user, model)
    if not any(load.call_for_json("llmagg_client_info", each.pointer)["tells_cost"] for each in asked.handles()):
        from ._bounds import ADVICE

        text = f"max_cost cannot be kept: no price is known of {', '.join(asked.route_names)}; {ADVICE}"
        raise InvalidArgumentError(text)


def _plan(user: Any, model: Any) -> Plan:
    """The plan for the request's model, or for the aggregator's models."""
    plans = user.__dict__.get(_PLANS)
    if plans is None:
        plans = route.Plans.of(user)
    if model is not None and not isinstance(model, str):
        raise InvalidArgumentError(f"model is {shown(model)}; expected the name of a model")
    plan: Plan | None = plans.get(model)
    if plan is None or not plan.holds(user):
        if len(plans) >= _MOST:
            plans.clear()
        plan = plans[model] = Plan(user, model)
    return plan


def _resolved(user: Any, entries: list[catalog.Entry], names: list[str]) -> list[catalog.Entry]:
    """Returns the entries for the request's model, or for the aggregator's models.

    The application may have assigned ``models`` after ``initialize``, so a name that no provider has is skipped with a
    warning. If no provider has any of the names, ModelNotFoundError is raised.
    """
    left_out: dict[str, str] = getattr(user, "_left_out", None) or {}
    try:
        return catalog.resolve(entries, names)
    except LLMError:
        missing = {name: why for name in names if (why := catalog.missing(entries, name)) is not None}
        found = [name for name in names if name not in missing]
        if not found:
            if reason := next((left_out[name] for name in names if name in left_out), None):
                text = f"{reason}; it was left out of the configuration"
                raise ModelNotFoundError(text, model=names[0]) from None
            raise
    told: set[str] = vars(user).setdefault("_llmagg_told", set())
    for name, why in missing.items():
        if name not in told and name not in left_out:
            told.add(name)
            oldstyle.warn(f"{why.message}; the name is ignored")
    return catalog.resolve(entries, found)


def _group_sizes(routes: list[catalog.Entry], groups: list[list[str]]) -> list[int] | None:
    """The sizes of the groups of routes; None if there is one group only. A route belongs to its first group."""
    sizes: list[int] = []
    at = 0
    for group in groups if len(groups) > 1 else ():
        size = 0
        while at + size < len(routes) and not set(group).isdisjoint(routes[at + size].names()):
            size += 1
        at += size
        sizes += [size] if size else []
    return sizes or None


def _copied(models: Any) -> Any:
    """A copy of a list of models, to find changes later; None, which no list equals, of what cannot be copied."""
    try:
        return copy.deepcopy(models)
    except TypeError:
        return None


def _strategy_of(user: Any) -> Any:
    strategy = user.strategy
    if callable(strategy) or _strange.is_ours(type(user)):  # the core judges it
        return strategy
    return _strange.meant(user, "strategy", catalog.check_strategy)


class Plan:
    """The routes for a model, or for the aggregator's list of models if ``model`` is None, with everything that these
    routes depend on. A plan is thread-safe.
    """

    def __init__(self, user: Any, model: str | None) -> None:
        self._generation = load.generation
        self._user = weakref.ref(user)
        self._calls = Calls.of(user)
        self._models = None if model else _copied(user.models)
        self._model = model
        self._providers, models = lookup.providers(user.manager, [model] if model else catalog.model_names(user.models))
        self._clients = [(provider, list(catalog.clients_of(provider).items())) for _, provider in self._providers]
        entries = [
            catalog.Entry(name, model_name, client)
            for (name, _), (_, clients) in zip(self._providers, self._clients)
            for model_name, client in clients
        ]
        if not entries:
            catalog.resolve(entries, models)  # the core says why there is nothing to ask
        self._routes: list[Asked] = []
        resolved = _resolved(user, entries, models)
        self.route_names = [f"{entry.provider}/{entry.name}" for entry in resolved]
        self._groups = None if model else _group_sizes(resolved, catalog.model_groups(user.models))
        for entry in resolved:
            side = route.route_of(entry.client)
            if side.names is None:
                side.names = (entry.provider, entry.name)
            side.users.add(user)
            self._routes.append(Asked(entry.client, side))
        _identities.closed.discard(user)
        self._classes = {asked.cls: asked.spoken for asked in self._routes if asked.spoken is not None}
        known = {id(a.client) for a in self._routes if a.vendor and isinstance(a.client.config, ModelConfig)}
        # Asked.holds() checks the models of the entries in ``known``.
        self._names = [(entry, entry.model) for entry in entries if id(entry.client) not in known]
        self._usual = Usual.of(user.manager, self._providers, self._clients, self._routes)
        self._native = Routes([asked.handle for asked in self._routes])
        self._told = False  # whether routes are told of that budgets have no effect on

    def handles(self) -> list[Handle]:
        """The native handles of the routes."""
        return [asked.handle for asked in self._routes]

    def holds(self, user: Any) -> bool:
        """Returns whether everything that the plan depends on is unchanged."""
        same = self._generation == load.generation and self._user() is user
        if not same:
            return False
        if not self._model and self._models != user.models:
            return False
        manager = user.manager
        if (self._usual is None or not self._usual.holds(manager)) and not self._holds_unusually(user, manager):
            return False
        return not self._names or all(entry.model == model for entry, model in self._names)

    def _holds_unusually(self, user: Any, manager: Any) -> bool:
        """The same of what may be the application's own."""
        if lookup.is_asked(manager):
            names = [self._model] if self._model else catalog.model_names(user.models)
            if lookup.providers(manager, names)[0] != self._providers:
                return False
        elif list(manager.providers.items()) != self._providers:
            return False
        for provider, clients in self._clients:
            if list(catalog.clients_of(provider).items()) != clients:
                return False
        for cls, spoken in self._classes.items():
            if not catalog.is_original(cls, spoken):
                return False
        return all(asked.holds() for asked in self._routes)

    def call(self, user: Any, request: dict[str, Any], options: dict[str, Any] | None) -> Call:
        """Builds a call that uses the plan's routes."""
        targets = None
        for asked in self._routes:
            client, side, handle = asked.client, asked.side, asked.handle
            available = catalog.is_available(client) if asked.vendor is None else client._available
            if not (available and handle.available):
                side.switch(handle, available)
            if asked.vendor is None:
                targets = {} if targets is None else targets
                targets[side.tag] = route.client_target(client, options or {})
        if user.budget is not None:
            from . import budget

            if own := _strange.meant(user, "budget", budget.names_of):
                options = {**(options or {}), "budgets": own + (options or {}).get("budgets", [])}
        if user.cache is not None and (options or {}).get("cache") != "off":
            from . import cache

            if kept := _strange.meant(user, "cache", cache.name_of):
                options = {**(options or {}), "cache_name": kept}
        if user.strategy is not None or self._groups:
            options = self._routing(_strategy_of(user), request, options)
        if load.soft_budgets and not self._told:
            self._tell_silent(options)
        accept = None
        if options and callable(options.get("accept")):
            options = dict(options)
            accept, options["accept"] = options["accept"], "ask"
            refuse_other(accept, 'option "accept"', "the response")
        elif options and options.get("accept") == "ask":  # nobody would answer the core's question
            raise InvalidArgumentError('option "accept" is "ask", a word of C; expected "nonempty" or a function')
        made = calls.make(self._native, request, options, targets, self._calls, self.route_names)
        made.accept = accept
        return made

    def _tell_silent(self, options: dict[str, Any] | None) -> None:
        """Tells, once, that a budget has no effect where nobody says what an answer costs."""
        if not load.soft_budgets.isdisjoint(("", *(options or {}).get("budgets", ()))):
            from . import _bounds

            self._told = _bounds.tell_silent(self.route_names, self.handles())

    def _routing(self, strategy: Any, request: dict[str, Any], options: dict[str, Any] | None) -> dict[str, Any]:
        """The options of a call with the order of its routes."""
        options = dict(options or ())
        if self._groups:
            options["groups"] = self._groups
        if strategy is None or "strategy" in options:
            return options
        if not callable(strategy):
            options["strategy"] = strategy
            return options
        names = strategy(list(self.route_names), request)
        if not isinstance(names, Iterable) or isinstance(names, (str, bytes)):
            text = f"the strategy's function returned {names!r}; expected a list of routes, such as {self.route_names}"
            raise InvalidArgumentError(text)
        places: list[int] = []
        for name in names:
            if name not in self.route_names:
                known = ", ".join(self.route_names)
                text = f"the strategy's function named {name!r}, which is not one of the routes: {known}"
                raise InvalidArgumentError(text)
            places.append(self.route_names.index(name))
        options["order"] = places
        return options


def request_and_options(
    messages: ChatCompletionRequest | Iterable[Any], params: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Splits the arguments of a call into the request to post and the core's options.

    An unknown name is passed to the core as an option without a value. The core rejects it and suggests a known name.
    """
    if isinstance(messages, ChatCompletionRequest):
        request = messages.to_core()
    elif isinstance(messages, Missing):
        raise messages.error(params)
    else:
        request = {"messages": messages_to_wire(messages)}
    if not params:
        return request, None
    options: dict[str, Any] = {}
    plain, known_options, internal, known_fields = _known.names()
    for key, value in params.items():
        if type(value) not in _SCALARS:
            refuse_bytes(key, value)
        if key in plain:
            if value is not None:
                request[key] = value
            else:
                request.pop(key, None)
        elif key in known_options:
            if value is not None:
                _put_option(options, key, value)
        elif key not in known_fields:
            if key in internal:
                raise InvalidArgumentError(f"unknown call option {key!r}: it is an option of the C interface only")
            from . import _misspelt

            _misspelt.refuse_form(key, value)
            _misspelt.refuse_alias(key)
            options[key] = None
        elif key == "model" and (name := model_name(value)) is not None:
            request[key] = name
        elif value is None or key == "model" or (key == "stream" and not value):
            request.pop(key, None)
        elif key == "functions" and isinstance(value, (list, tuple)):
            request[key] = [f.to_dict() if isinstance(f, Function) else f for f in value]
        elif key != "messages":
            request[key] = value
    return request, options


_SCALARS = (str, int, float, bool)
_HEADERS = ("headers", "extra_headers")


def _headers_of(key: str, value: Any) -> dict[Any, Any]:
    """The headers of an option, which may be an object of any type that is written as one."""
    headers = value
    if not isinstance(value, Mapping):
        from ._values import as_dict

        with contextlib.suppress(TypeError):  # JSON has no such value
            headers = as_dict(value)
    if isinstance(headers, Mapping):
        return dict(headers)
    kind = type(value).__name__
    raise InvalidArgumentError(f'option "{key}" must be a dict of names and values, got {kind}')


def _put_option(options: dict[str, Any], key: str, value: Any) -> None:
    if key == "cache" and not isinstance(value, str):
        raise InvalidArgumentError(
            f'option "cache" is {shown(value)}; expected "use", "refresh" or "off"; '
            "the cache itself is a parameter of the aggregator"
        )
    if key == "budgets":
        from . import budget

        value = budget.names_of(value)
    if key in _HEADERS:
        key, value = "headers", _headers_of(key, value)
        if key in options:
            raise InvalidArgumentError('option "headers" and "extra_headers" are the same option; do not pass both')
    if type(value) not in _SCALARS:
        from ._values import seconds

        value = seconds(value)
    options[key] = value
