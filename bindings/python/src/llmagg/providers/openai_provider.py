"""OpenAI, and every endpoint that speaks as it does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from .. import oldstyle
from .._context import core_calls, exchange_options
from ..client import BaseLLMClient, headers_of
from ..config import ModelConfig, ProviderConfig
from ..errors import InvalidArgumentError
from ..provider import BaseProvider
from ..requests import ChatCompletionRequest
from ..responses import ChatCompletionResponse, StreamResponse
from ..routing import spoken_by_core, vendor_of

if TYPE_CHECKING:
    from .._native.calls import Call

P = TypeVar("P", bound="OpenAIProvider")


@spoken_by_core
class OpenAIClient(BaseLLMClient):
    """A model behind OpenAI's API. The core speaks HTTP for it, with retries, deadlines and breaker.

    In a subclass that overrides a hook (``_get_headers``, ``_prepare_request_data``, ``_validate_response``) each
    attempt goes through these methods. Thread-safe.
    """

    VENDOR: ClassVar[str] = "openai"

    async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        """Asks the model. Raises an LLMError with the attempt trail."""
        if core_calls.get() is self:
            answer = await self._bare(request).answer()
            await self._validate_response(answer)
            answer.pop("attempts", None)
            return ChatCompletionResponse.from_dict(answer)
        return await self._direct(request).response()

    async def chat_completion_stream(self, request: ChatCompletionRequest) -> AsyncGenerator[StreamResponse, None]:
        """Asks the model; gives the answer's chunks as they come. Leaving the generator ends the call upstream."""
        call = self._bare(request) if core_calls.get() is self else self._direct(request)
        chunks = call.chunks()
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    def chat_completion_sync(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        """``chat_completion`` for code without an event loop; blocks, and Ctrl-C ends it."""
        if vendor_of(self) is None:
            return super().chat_completion_sync(request)
        return self._direct(request).response_sync()

    def chat_completion_stream_sync(self, request: ChatCompletionRequest) -> Iterator[StreamResponse]:
        """``chat_completion_stream`` as a plain iterator, each step of which blocks."""
        if vendor_of(self) is None:
            yield from super().chat_completion_stream_sync(request)
            return
        for event in self._direct(request).stream_sync():
            if event.type == "chunk":
                yield event.chunk

    def _direct(self, request: ChatCompletionRequest) -> Call:
        """A call on this route by the core; where hooks are overridden, each attempt of it comes back to them."""
        from .._native import route
        from .._native.calls import Call

        side = route.route_of(self)
        vendor = vendor_of(self)
        handle = side.handle(self, vendor)
        side.used_directly = True
        side.switch(handle, self.is_available())
        targets: dict[int, Any] | None = {side.tag: self._exchange} if vendor is None else None
        return Call(route.Routes([handle], single=True), request.to_dict(), targets=targets, owned_by=side.calls)

    def _exchange(self, payload: dict[str, Any]) -> Any:
        """One attempt of a direct call, through the hooks but not through an overriding ``chat_completion``."""
        from .._native.custom import request_of

        request = request_of(payload)
        core_calls.set(self)
        exchange_options.set({})  # those of an aggregator around another client are not ours
        if payload["stream"]:
            return OpenAIClient.chat_completion_stream(self, request)
        return OpenAIClient.chat_completion(self, request)

    def _bare(self, request: ChatCompletionRequest) -> Call:
        """One HTTP exchange without retry, place and breaker: the core is already around it."""
        from .._native import route
        from .._native.calls import Call

        data = self._prepare_request_data(request)
        usual = headers_of(self)
        own = {key: value for key, value in self._get_headers().items() if usual.get(key) != value}
        asked = exchange_options.get({})
        options = {**asked, "bare": True, "headers": {**own, **asked.get("headers", {})}}
        model = data.get("model")
        other = model if isinstance(model, str) and model != self.config.model else None
        handle = route.route_of(self).handle(self, self.VENDOR, other)
        return Call(route.Routes([handle], single=True), data, options)


class OpenAIProvider(BaseProvider):
    """Models of OpenAI or of an endpoint that speaks as it does."""

    VENDOR: ClassVar[str] = "openai"
    DEFAULT_MODEL: ClassVar[str] = "gpt-3.5-turbo"
    CLIENT: ClassVar[type[OpenAIClient]] = OpenAIClient
    environment: Mapping[str, str | None] = MappingProxyType({})  # what ${NAME} stood for when an aggregator made it

    def create_client(self, model_config: ModelConfig) -> OpenAIClient:
        """A client of the class that the model's ``type`` asks for, by default the provider's."""
        from . import CLIENTS

        return CLIENTS.get(model_config.type or "", self.CLIENT)(model_config)

    def stands_for(self, config: ProviderConfig) -> bool:
        """Whether this provider is what that configuration makes: an equal one, and clients that nobody touched."""
        if list(self.config.models.items()) != list(config.models.items()) or self.config != config:
            return False
        if self.environment != oldstyle.environment_of(config):
            return False
        return list(self.clients) == list(config.models) and all(
            self._is_untouched(client, self.config.models[name]) for name, client in list(self.clients.items())
        )

    def _is_untouched(self, client: Any, model_config: ModelConfig) -> bool:
        from . import CLIENTS

        made = type(client) is CLIENTS.get(model_config.type or "", self.CLIENT) and client.config is model_config
        return made and vendor_of(client) is not None

    @classmethod
    def create_simple(cls: type[P], api_key: str, model_name: str | None = None, base_url: str | None = None) -> P:
        """A provider with one model. Raises InvalidArgumentError, also without a key for the vendor's own origin."""
        model = model_name or cls.DEFAULT_MODEL
        config = ModelConfig(model, cls.VENDOR, api_key, base_url or None)
        oldstyle.check(config)
        return cls(ProviderConfig(cls.VENDOR, {model: config}))

    @classmethod
    def create_from_config(
        cls: type[P], provider_name: str | None = None, models_config: Mapping[str, Mapping[str, Any]] | None = None
    ) -> P:
        """A provider with the models of ``{name: {"api_key", "base_url"?, "model"?, …}}``; ``"model"`` is the upstream
        name where it differs. Raises InvalidArgumentError, also when no model of those given can be used.
        """
        name = provider_name or cls.VENDOR
        skipped: list[str] = []
        entry = {"type": None if name == cls.VENDOR else cls.VENDOR, "models": models_config or {}}
        models = oldstyle.provider_models(name, entry, skipped)
        if skipped and not models:
            raise InvalidArgumentError(f"no model of provider {name} can be used: {'; '.join(skipped)}")
        return cls(ProviderConfig(name, models))
