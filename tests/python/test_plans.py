"""A call notices everything that has changed since its aggregator's last one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from conftest import aggregator_for
from llmagg import plan
from llmagg._native import route
from llmagg.faultwall import FaultWall

Place = tuple[Any, Any, Any]


def replaced_client(_: Any, provider: Any, __: Any) -> None:
    name, client = next(iter(provider.clients.items()))
    provider.clients[name] = copy.copy(client)


def other_order(_: Any, provider: Any, __: Any) -> None:
    name = next(iter(provider.clients))
    provider.clients[name] = provider.clients.pop(name)


def copies(clients: dict[str, Any]) -> dict[str, Any]:
    return {name: copy.copy(client) for name, client in clients.items()}


CHANGES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "models": lambda llm, _, __: llm.models.reverse(),
    "a client": replaced_client,
    "the order of clients": other_order,
    "a provider's clients": lambda _, provider, __: setattr(provider, "clients", copies(provider.clients)),
    "a provider": lambda llm, provider, _: llm.manager.providers.update({"openai": copy.copy(provider)}),
    "one provider more": lambda llm, provider, _: llm.manager.providers.update({"second": provider}),
    "a value": lambda _, __, config: setattr(config, "timeout", 3),
    "a value inside another": lambda _, __, config: config.headers.update({"X-A": "b"}),
    "a value by its dict": lambda _, __, config: vars(config).update(timeout=3),
}


@pytest.fixture
def place(llm_wall: FaultWall) -> Place:
    """An aggregator that has made a plan, its provider and a configuration."""
    llm = aggregator_for(llm_wall, "gpt-a", "gpt-b", headers={"X-A": "a"})
    provider = llm.manager.providers["openai"]
    plan.call(llm, "Hi", {})
    return llm, provider, next(iter(provider.clients.values())).config


def test_nothing_has_changed(place: Place) -> None:
    llm, _, __ = place
    made = plan._plan(llm, None)
    assert made._usual is not None and made._usual.holds(llm.manager)
    assert plan._plan(llm, None) is made


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_makes_a_new_plan(place: Place, what: str) -> None:
    llm, provider, config = place
    made = plan._plan(llm, None)
    CHANGES[what](llm, provider, config)
    assert not made.holds(llm)
    assert plan._plan(llm, None) is not made


REPLACED: dict[str, Callable[[Any, Any], tuple[Any, str]]] = {
    "a client's method": lambda _, client: (client, "chat_completion"),
    "a method of the client's class": lambda _, client: (type(client), "chat_completion"),
    "a hook": lambda _, client: (client, "_get_headers"),
    "a provider's look-up": lambda provider, _: (provider, "get_llm_client"),
    "a look-up of the provider's class": lambda provider, _: (type(provider), "get_llm_client"),
    "a provider's list": lambda provider, _: (provider, "get_available_models"),
}


@pytest.mark.parametrize("what", REPLACED)
def test_a_replaced_method_is_looked_at(place: Place, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    llm, provider, _ = place
    made = plan._plan(llm, None)
    owner, name = REPLACED[what](provider, next(iter(provider.clients.values())))
    monkeypatch.setattr(owner, name, lambda *_, **__: None)
    assert not made._usual.holds(llm.manager)


def test_a_managers_own_look_up_is_asked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    llm, _, __ = place
    made = plan._plan(llm, None)
    monkeypatch.setattr(llm.manager, "get_client_by_model", lambda _: None)
    assert not made._usual.holds(llm.manager)
    monkeypatch.undo()
    monkeypatch.setattr(type(llm.manager), "get_client_by_model", lambda *_: None)
    assert not made._usual.holds(llm.manager)


def test_a_configuration_that_was_another_one_meanwhile(place: Place) -> None:
    """Its calls take the handle that the client has now."""
    llm, _, config = place
    made, before = plan._plan(llm, None), config.timeout
    config.timeout = 3
    plan._plan(llm, "gpt-a")
    config.timeout = before
    assert not made.holds(llm)


CHANGED_MEANWHILE = ("models", "a client", "the order of clients", "a provider", "one provider more", "a value")


@pytest.mark.parametrize("what", CHANGED_MEANWHILE)
def test_a_change_while_the_plan_is_made(place: Place, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by another thread: the plan is one of what it has read, and the next call notices the change."""
    llm, provider, config = place
    make_handle, changed = route.Route.handle, False

    def handle(self: route.Route, *args: Any) -> Any:
        nonlocal changed
        made = make_handle(self, *args)
        if not changed:
            changed = True
            CHANGES[what](llm, provider, config)
        return made

    route.Plans.of(llm).clear()
    monkeypatch.setattr(route.Route, "handle", handle)
    made = plan._plan(llm, None)
    monkeypatch.undo()
    assert changed
    assert not made.holds(llm)
