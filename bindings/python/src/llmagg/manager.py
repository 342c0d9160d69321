"""The process-wide registry of providers."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

from . import _absent, _again, _names, catalog
from ._closing import Closing
from ._twin import twin
from .client import LLMClient  # noqa: F401 - tests patch this name
from .config import ModelConfig, ProviderConfig
from .errors import InvalidArgumentError, LLMError, ModelNotFoundError, ProviderNotFoundError
from .log import logger
from .provider import Provider  # noqa: F401

__getattr__ = _names.of_module(__name__)


@_absent.told()
class Manager(Closing):
    """The process-wide registry: ``Manager() is get_manager()``. ``providers`` (name → provider) keeps the order of
    registration and may be read and changed by the application. Each instance of a subclass is a separate registry.
    """

    _closed_by = "close_all"
    _instance: ClassVar[Manager | None] = None
    providers: dict[str, Any]

    def __new__(cls, *_: object, **__: object) -> Manager:
        """Returns the process-wide instance of Manager, or a new instance of a subclass."""
        if cls is Manager and Manager._instance is not None:
            return Manager._instance
        made = super().__new__(cls)
        made.providers = {}
        if cls is Manager:
            Manager._instance = made
        return made

    def __copy__(self) -> Manager:
        """The process-wide registry itself. A copy of any other registry has the same providers."""
        if type(self) is Manager:
            return self
        made = type(self).__new__(type(self))
        vars(made).update(vars(self))
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Manager:
        """The process-wide registry itself. A copy of any other registry has copies of the providers."""
        made = self.__copy__()
        memo[id(self)] = made
        if made is not self:
            vars(made).update(copy.deepcopy(vars(self), memo))
        return made

    def register_provider(self, provider: Any) -> None:
        """Registers a provider under its name. It replaces a provider that had this name, which closes its
        connections when its calls have ended.
        """
        if isinstance(provider, type) or not hasattr(provider, "get_provider_name"):
            kind = f"the class {provider.__name__}" if isinstance(provider, type) else type(provider).__name__
            raise InvalidArgumentError(
                f"register_provider takes a provider, got {kind}; OpenAIProvider.create_simple() makes one"
            )
        name = provider.get_provider_name()
        replaced = self.providers.get(name)
        self.providers[name] = provider
        if replaced is None:
            logger.info("provider %s is registered", name)
        elif replaced is not provider:
            logger.info("provider %s is replaced", name)
            catalog.retire(catalog.registered(replaced).values(), kept=catalog.registered(provider).values())

    def get_provider(self, provider_name: str = "", *, name: str = "") -> Any:
        """Returns the provider ``provider_name`` (``name`` is an alias). Raises ProviderNotFoundError."""
        name = provider_name or name
        try:
            return self.providers[name]
        except KeyError:
            known = ", ".join(self.providers) or "none"
            message = f"no provider {name} is registered (registered: {known})"
            raise ProviderNotFoundError(message, provider=name) from None

    def must_get_provider(self, provider_name: str = "", *, name: str = "") -> Any:
        """The same as ``get_provider``."""
        return self.get_provider(provider_name or name)

    def get_llm_client(self, provider_name: str, model_name: str) -> Any:
        """The client of a model. Raises ProviderNotFoundError and ModelNotFoundError."""
        return self.get_provider(provider_name).get_llm_client(model_name)

    def get_all_providers(self) -> list[str]:
        """The names of the providers, in the order of registration."""
        return list(self.providers)

    def get_all_models(self) -> dict[str, list[str]]:
        """Returns a dict of provider → names of the available models."""
        return {name: provider.get_available_models() for name, provider in list(self.providers.items())}

    def find_model_provider(self, model_name: str) -> str | None:
        """Returns the name of the first provider where the model is switched on, or None."""
        try:
            return self._find(model_name).provider
        except LLMError:
            return None

    def get_client_by_model(self, model_name: str) -> Any:
        """Returns the client of the first provider where the model is switched on. Raises ModelNotFoundError."""
        try:
            return self._find(model_name).client
        except LLMError as error:
            raise ModelNotFoundError(error.message, model=model_name) from None

    def _find(self, model_name: str) -> catalog.Entry:
        found = catalog.resolve(catalog.entries(self.providers), [model_name])
        for entry in found:
            if catalog.is_available(entry.client):
                return entry
        where = ", ".join(f"{entry.provider}/{entry.name}" for entry in found)
        message = f"model {model_name} is switched off at {where}; switch it on with set_available(True)"
        raise ModelNotFoundError(message, model=model_name)

    async def health_check_all(self) -> dict[str, dict[str, bool]]:
        """Checks all providers at the same time. Returns a dict of provider → model → whether the model is alive. If
        the check of a provider raises an exception, the result is False for all models of this provider.
        """
        import asyncio

        from ._native import bridge

        bridge.loop()
        providers = dict(self.providers)
        checks = await asyncio.gather(*(_checked(p) for p in providers.values()), return_exceptions=True)
        alive: dict[str, dict[str, bool]] = {}
        for (name, provider), check in zip(providers.items(), checks):
            if isinstance(check, BaseException):
                if not isinstance(check, Exception) or _again.of_handler(check):
                    raise check
                logger.warning("the health check of provider %s failed: %s", name, check)
                check = dict.fromkeys(catalog.registered(provider), False)
            alive[name] = check
        return alive

    def health_report(self) -> list[dict[str, Any]]:
        """Returns the core's report on each route that was used: circuit, block, last error, last success, latency.
        Sends no request.
        """
        return catalog.report(catalog.entries(self.providers))

    def fleet_report(self) -> dict[str, Any] | None:
        """This process's membership in the fleet of the configuration: ``{"connected": True, "processes": 12,
        "lag_ms": 0.4, "told": 3, "heard": 31, "unknown": [], "degraded_since": None, "rate_share": None, …}``; None
        without the key ``fleet``.
        """
        from ._native import fleet

        return fleet.report()

    def clear(self) -> None:
        """Removes all providers without closing them."""
        self.providers.clear()

    async def close_all(self) -> None:
        """Closes all providers; they stay registered. If closing a provider fails, logs the failure and continues."""
        for name, provider in list(self.providers.items()):
            try:
                await provider.close()
            except Exception as error:
                if _again.of_handler(error):
                    raise
                logger.warning("closing provider %s failed: %s", name, error)

    def get_provider_config(self, provider_name: str) -> ProviderConfig:
        """The configuration of a provider. Raises ProviderNotFoundError."""
        config: ProviderConfig = self.get_provider(provider_name).get_config()
        return config

    def get_model_config(self, provider_name: str, model_name: str) -> ModelConfig:
        """The configuration of a model. Raises ProviderNotFoundError and ModelNotFoundError."""
        config: ModelConfig | None = self.get_provider(provider_name).get_model_config(model_name)
        if config is None:
            message = f"provider {provider_name} has no configuration for model {model_name}"
            raise ModelNotFoundError(message, provider=provider_name, model=model_name)
        return config

    # Generated from the methods above: change those, then run `make twins`.

    health_check_all_sync = twin(health_check_all)
    close_all_sync = twin(close_all)


async def _checked(provider: Any) -> Any:
    return await provider.health_check()


Manager()  # made by the import, which one thread runs: otherwise two threads could make one each


class PrivateManager(Manager):
    """The registry of a single aggregator."""


def get_manager() -> Manager:
    """The process-wide manager."""
    return Manager()


def get_client(provider_name: str, model_name: str) -> Any:
    """The client of a model at a provider of the process-wide manager."""
    return get_manager().get_llm_client(provider_name, model_name)


def get_client_by_model(model_name: str) -> Any:
    """Returns the client of the first provider in the process-wide manager where the model is switched on."""
    return get_manager().get_client_by_model(model_name)
