"""One vendor and its models: the base classes of providers, for subclasses written by the application."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, TypeVar

from . import _absent, _again, _names, catalog
from ._closing import Closing
from ._twin import twin
from .client import LLMClient  # noqa: F401 - tests patch this name
from .config import ModelConfig, ProviderConfig, name_model
from .errors import InvalidArgumentError, ModelNotFoundError
from .log import logger

__getattr__ = _names.of_module(__name__)
Self = TypeVar("Self", bound="Provider")


@_absent.told()
@catalog.reads_clients
class Provider(Closing, ABC):
    """A vendor. The application may read and change ``clients`` (model name → client); each call reads it again. A
    client may be any object with ``chat_completion``.
    """

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self.clients: dict[str, Any] = {}

    @abstractmethod
    async def register_client(self, model_config: ModelConfig) -> None:
        """Makes the client of a model and puts it into ``clients``."""

    @abstractmethod
    def create_client(self, model_config: ModelConfig) -> Any:
        """Makes a client, without registering it."""

    def get_llm_client(self, model_name: str) -> Any:
        """The client registered under a name, or the client with that upstream name. Raises ModelNotFoundError."""
        if (client := self.clients.get(model_name)) is not None:
            return client
        for client in self.clients.values():
            if getattr(getattr(client, "config", None), "model", None) == model_name:
                return client
        known = ", ".join(map(str, self.clients)) or "none"
        raise ModelNotFoundError(
            f"provider {self.get_provider_name()} has no model {model_name}; registered: {known}",
            provider=self.get_provider_name(),
            model=model_name,
        )

    def get_config(self) -> ProviderConfig:
        """The configuration."""
        return self.config

    def get_model_config(self, model_name: str) -> ModelConfig | None:
        """The configuration of a model, or None."""
        return self._used_config().get_model_config(model_name)

    def _used_config(self) -> ProviderConfig:
        """The configuration that ``get_config`` returns; if an override returns anything else, our own."""
        given: Any = self.get_config()
        return given if isinstance(given, ProviderConfig) else self.config

    def get_available_models(self) -> list[str]:
        """The registered models that the application has switched on. Circuit breakers do not change this."""
        return [name for name, client in list(catalog.registered(self).items()) if catalog.is_available(client)]

    def get_provider_name(self) -> str:
        """The provider's name."""
        return self.config.provider

    async def health_check(self) -> dict[str, bool]:
        """Model → whether its server answers within 5 s. Checks all at the same time. Spends no tokens.

        For a client written by the application, its ``is_available()`` decides.
        """
        return await catalog.health(self.get_provider_name(), catalog.registered(self))

    async def close(self) -> None:
        """Closes every client. Logs a failure and closes the other clients."""
        for name, client in list(catalog.registered(self).items()):
            await catalog.close(self.get_provider_name(), name, client)

    # Generated from the methods above: change those, then run `make twins`.

    health_check_sync = twin(health_check)
    close_sync = twin(close)


class BaseProvider(Provider):
    """A provider whose clients come from ``create_client``, which a subclass defines."""

    def create_client(self, model_config: ModelConfig) -> Any:
        """Makes a client, without registering it. A subclass overrides this."""
        raise NotImplementedError(f"{type(self).__name__} has no create_client for model {model_config.model}")

    async def register_client(self, model_config: ModelConfig) -> None:
        """Makes the client of a model and puts it into ``clients`` under its configured name."""
        self._register(model_config)

    def _register(self, model_config: ModelConfig) -> None:
        name = getattr(model_config, "name", None) or model_config.model
        client = self.create_client(model_config)
        if inspect.iscoroutine(client):
            client.close()
            raise InvalidArgumentError(
                f"{type(self).__name__}.create_client is a coroutine function; expected a plain one"
            )
        self.clients[name] = client
        logger.info("model %s/%s is registered", self.get_provider_name(), name)

    async def initialize_all_models(self) -> None:
        """Registers every configured model. Logs a failure and registers the other models.

        A model keeps a client that was made from the same configuration.
        """
        for name, model_config in list(self._used_config().models.items()):
            if getattr(self.clients.get(name), "config", None) is model_config:
                continue
            try:
                name_model(self.get_provider_name(), name, model_config)
                await self.register_client(model_config)
            except Exception as error:
                if _again.of_handler(error):
                    raise
                logger.warning("model %s/%s could not be initialized: %s", self.get_provider_name(), name, error)

    # Generated from the methods above: change those, then run `make twins`.

    initialize_all_models_sync = twin(initialize_all_models)
