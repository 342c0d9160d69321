"""What ``initialize`` does: providers are made, checked together with the list of models, and registered."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from . import oldstyle, routing

if TYPE_CHECKING:
    from .aggregator import LLMAggregator


async def install(user: LLMAggregator, read: oldstyle.Read, *, lenient: bool) -> None:
    """Registers what a configuration gives, in place of what ``user`` registered before. All or nothing."""
    made = await _providers(user, read)
    kept = user.manager.providers
    gone = [] if not read.providers else _gone(user, made)
    after = {**{name: provider for name, provider in kept.items() if name not in gone}, **made}
    entries = routing.catalog(after)
    filled = not user.models or user.models == user._filled
    left_out = {**user._left_out, **read.left_out} if not read.providers else read.left_out
    if not filled and entries:
        check_models(user.models, entries, left_out, lenient=lenient)
    if filled:
        _warn_of_others(user, {*made, *gone})
    for name, provider in made.items():
        if kept.get(name) is not provider:
            user.manager.register_provider(provider)
        if not isinstance(getattr(provider, _KEY, None), weakref.WeakSet):
            setattr(provider, _KEY, weakref.WeakSet())
        _owners(provider).add(user)
    for name in gone:
        provider = kept.pop(name, None)
        if provider is not None:
            routing.retire(provider.clients.values(), kept=())
    if read.providers:
        for name, provider in kept.items():
            if name not in made:
                _owners(provider).discard(user)
    user._left_out = left_out
    if filled:
        names = list(dict.fromkeys(entry.name for entry in routing.catalog(user.manager.providers)))
        user.models = names
        user._filled = list(names)
    user._initialized = True


async def _providers(user: LLMAggregator, read: oldstyle.Read) -> dict[str, Any]:
    """The providers of a configuration: those that are registered with an equal one, and new ones."""
    from .providers import PROVIDERS, OpenAIProvider

    made: dict[str, Any] = {}
    for config in read.providers:
        cls = PROVIDERS.get(config.provider.lower(), OpenAIProvider)
        registered = user.manager.providers.get(config.provider)
        if type(registered) is cls and registered.stands_for(config):
            made[config.provider] = registered
            continue
        provider = cls(config)
        provider.environment = oldstyle.environment_of(config)
        await provider.initialize_all_models()
        made[config.provider] = provider
    return made


def _gone(user: LLMAggregator, made: dict[str, Any]) -> list[str]:
    """The names of providers that only ``user`` had registered, and that its new configuration does not have."""
    gone = []
    for name, provider in list(user.manager.providers.items()):
        owners = _owners(provider) if name not in made else ()
        if user in owners and len(owners) == 1:
            gone.append(name)
    return gone


_KEY = "_llmagg_owners"


def _owners(provider: Any) -> weakref.WeakSet[Any]:
    """The aggregators whose configurations made or kept a provider; none for one that the application registered."""
    owners: weakref.WeakSet[Any] | None = getattr(provider, _KEY, None)
    return weakref.WeakSet() if owners is None else owners


def _warn_of_others(user: LLMAggregator, own: set[str]) -> None:
    """Says so when an aggregator without a list of models will also use what another one has registered."""
    if not own:
        return
    others = [
        f"{name}/{model}"
        for name, provider in list(user.manager.providers.items())
        if name not in own and hasattr(provider, _KEY)
        for model in provider.clients
    ]
    if others:
        oldstyle.warn(
            f"this aggregator will also try {', '.join(others)}, which another aggregator has registered: all of a "
            "process share one registry; give LLMAggregator a list of models to choose"
        )


def check_models(names: Any, entries: list[routing.Entry], left_out: dict[str, str], *, lenient: bool) -> None:
    """Refuses a name that no provider has; with ``lenient`` only one that is near to another, else it warns."""
    for name in routing.model_names(names):
        error = routing.missing(entries, name)
        if error is None or name in left_out:
            continue
        if not lenient or "did you mean" in error.message:
            raise error
        oldstyle.warn(f"{error.message}; the name is passed over")
