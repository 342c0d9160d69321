"""What an aggregator's plans depend on, and how each call finds that it is unchanged."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from . import _again, catalog, lookup
from ._native import route
from .config import ModelConfig
from .lookup import Providers
from .manager import Manager
from .providers import attributes

Clients = list[tuple[Any, list[tuple[str, Any]]]]
"""Each provider with the names of its models and their clients."""


_LOOK_UPS = attrgetter("get_llm_client", "get_available_models")


class Asked:
    """A client that a plan asks, with its handle. Only a client that is not an ordinary one, or has changed, is asked
    for its handle again, which takes long.
    """

    __slots__ = ("_config", "client", "cls", "gone", "handle", "own", "side", "spoken", "values", "vendor")

    def __init__(self, client: Any, side: route.Route) -> None:
        self.client = client
        self.side = side
        self.vendor = catalog.vendor_of(client)
        read = getattr(type(client), "_gone", (None,))[0]
        self.gone = (type(client), read, read(type(client))) if read is not None else None
        if read is not None:
            attributes.refuse_replaced(client)
        self.handle = side.handle(client, self.vendor)
        self.cls = type(client)
        self.spoken = catalog.spoken_of(self.cls)[0] if self.vendor is not None else None
        self.own = self.spoken[0] | {attributes.STATE} if self.spoken is not None else frozenset()
        config = client.config if self.spoken is not None and not self.cls._redefined else None
        self.values = side.made_of(self.handle, config) if isinstance(config, ModelConfig) else None
        self._config = config if self.values is not None else None

    def watched(self) -> tuple[type, Any, Any]:
        """The class of a client that the core speaks for, a function that gets its methods and its attributes without
        effect at once, and what these are.
        """
        assert self.spoken is not None
        names, _, original = self.spoken
        gone, found = ([each.name for each in self.cls._gone[1]], self.gone[2]) if self.gone is not None else ([], ())
        return self.cls, attrgetter(*sorted(names), *gone), (*original, *found)

    def holds(self) -> bool:
        """Whether the client still has this handle, if the methods of its class are the original ones."""
        client = self.client
        if self.gone is not None and self.gone[1](self.gone[0]) != self.gone[2]:
            attributes.refuse_replaced(client)
        try:
            if self._same():
                return True
        except Exception as error:  # of an attribute of the application's own, such as an array
            _again.check(error, self._same)
        return catalog.vendor_of(client) == self.vendor and self.side.handle(client, self.vendor) is self.handle

    def _same(self) -> bool:
        client, config = self.client, self._config
        return (
            config is not None
            and type(client) is self.cls
            and client.__dict__.get("config") is config
            and self.own.isdisjoint(client.__dict__)
            and [*config.__dict__.values()] == self.values
            and self.side.has(self.handle)
        )


class Usual:
    """What a plan depends on where registry, providers and clients are the library's own, as nearly always. To look
    at all of it in one function takes two thirds of the instructions of the separate questions: 31 thousand instead of
    46 for two routes, of 171 that a call took in Python.
    """

    __slots__ = ("_asked", "_find", "_methods", "_names", "_of_providers", "_providers")

    def __init__(self, providers: Providers, clients: Clients, asked: list[Asked]) -> None:
        self._find = Manager.get_client_by_model
        self._providers = dict(providers)
        self._names = [*self._providers]
        self._of_providers = [(p, type(p), dict(known), [*dict(known)]) for p, known in clients]
        self._methods = [
            *{type(p): (type(p), _LOOK_UPS, _LOOK_UPS(type(p))) for p, _ in clients}.values(),
            *{each.cls: each.watched() for each in asked if each.spoken is not None}.values(),
        ]
        self._asked = [(each.client, each.cls, each.own, each.side, each.handle, each.values) for each in asked]

    @classmethod
    def of(cls, manager: Any, providers: Providers, clients: Clients, asked: list[Asked]) -> Usual | None:
        """None if anything is the application's own. ``providers`` and ``clients`` are those that the plan has read:
        another thread may have changed them since.
        """
        if type(manager) is not Manager or lookup.is_asked(manager) or any(each.values is None for each in asked):
            return None
        for _, provider in providers:
            known = getattr(provider, "clients", None)
            if type(known) is not dict or catalog.clients_of(provider) is not known:
                return None
        return cls(providers, clients, asked)

    def holds(self, manager: Any, *, again: bool = False) -> bool:
        """Whether all is unchanged. If not, :meth:`Plan.holds` finds out whether that matters. With ``again`` it
        raises what the application's own attributes raise.
        """
        try:
            providers = manager.providers
            if (
                type(manager) is not Manager
                or Manager.get_client_by_model is not self._find
                or "get_client_by_model" in manager.__dict__
                or type(providers) is not dict
                or providers != self._providers
                or [*providers] != self._names
            ):
                return False
            for provider, cls, known, names in self._of_providers:
                clients, state = provider.clients, provider.__dict__
                if (
                    type(provider) is not cls
                    or "get_llm_client" in state
                    or "get_available_models" in state
                    or type(clients) is not dict
                    or clients != known
                    or [*clients] != names
                ):
                    return False
            for cls, methods, original in self._methods:
                if methods(cls) != original:
                    return False
            for client, cls, own, side, handle, values in self._asked:
                state = client.__dict__
                if (
                    type(client) is not cls
                    or not own.isdisjoint(state)
                    or side.usual is not handle
                    or [*state["config"].__dict__.values()] != values
                ):
                    return False
        except Exception as error:  # an attribute that is gone, or of the application's own, such as an array
            if again:
                raise
            _again.check(error, self.holds, manager, again=True)
            return False
        return True
