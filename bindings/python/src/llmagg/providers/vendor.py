"""What the clients and providers of all vendors have in common: the core speaks for them.

Each vendor has classes of its own, which are no other vendor's: what a test replaces in one of them, or what a program
asks by ``isinstance``, concerns that vendor alone.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from functools import partial
from types import MappingProxyType, NoneType
from typing import Any, ClassVar, TypeVar

from .. import _late, _strange
from .._context import core_calls, exchange_options
from .._parameters import told_function
from ..catalog import vendor_of
from ..client import BaseLLMClient
from ..config import ModelConfig, ProviderConfig, is_unset
from ..errors import InvalidArgumentError
from ..messages import Message
from ..provider import BaseProvider
from ..requests import ChatCompletionRequest, messages_to_wire, read_request, without_bytes
from ..responses import ChatCompletionResponse, StreamResponse
from . import attributes

P = TypeVar("P", bound="VendorProvider")
_OTHERS = {
    **dict.fromkeys(("key", "token", "apikey"), "api_key"),
    **dict.fromkeys(("model", "name"), "model_name"),
    **dict.fromkeys(("url", "endpoint", "api_base", "host"), "base_url"),
    **dict.fromkeys(("provider", "vendor"), "provider_name"),
    **dict.fromkeys(("models", "config", "model_configs"), "models_config"),
}
"""What other libraries call the parameters of ``create_simple`` and ``create_from_config``."""


class VendorClient(BaseLLMClient):
    """A model whose requests the core sends, with retries, deadlines and a circuit breaker.

    If a subclass overrides a hook (``_get_headers``, ``_prepare_request_data``, ``_validate_response``), each attempt
    calls the hooks. Thread-safe.
    """

    VENDOR: ClassVar[str]

    base_url: Any = attributes.Setting()
    """The API's root."""
    chat_url: Any = attributes.Setting()
    """The URL for chat completions."""
    model_name: Any = attributes.Setting()
    """The upstream name of the model."""
    _session: Any = attributes.Gone()
    _get_session: Any = attributes.Gone()
    _gone: ClassVar[tuple[Any, Any]]
    _settings = attributes.of
    _refuse_replaced = attributes.refuse_replaced

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._redefined = attributes.check(cls)
        if cls.__module__.startswith(__package__):
            cls._gone = attributes.watched(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if not hasattr(type(self), name):
            _strange.setting(self, name)
        super().__setattr__(name, value)

    async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        """Sends the request. Raises an LLMError with the attempts."""
        if self._replaces("_retry_request"):  # the application retries in its own way
            given: Any = self._retry_request(self._chat_completion_impl, request)
            answer: ChatCompletionResponse = await given if inspect.isawaitable(given) else given  # of a plain function
        elif core_calls.get() is self:
            answer = await self._chat_completion_impl(request)
        else:
            answer = await self._direct(request, stream=False).response()
        return answer

    async def _chat_completion_impl(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        """One exchange, without retries."""
        answer = await self._bare(request).answer()
        judged = self._validate_response(answer)
        if inspect.isawaitable(judged):  # an override may be a plain function
            await judged
        answer.pop("attempts", None)
        from .._gathered import reader_of  # with the first call, since it is slow to import

        read: ChatCompletionResponse = (reader_of(ChatCompletionResponse) or ChatCompletionResponse).from_dict(answer)
        return read

    async def chat_completion_stream(self, request: ChatCompletionRequest) -> AsyncGenerator[StreamResponse, None]:
        """Sends the request; yields chunks as they arrive. Leaving the generator ends the call at the server."""
        inside = core_calls.get() is self
        chunks = self._chat_completion_stream_impl(request) if inside else self._direct(request, stream=True).chunks()
        if inspect.isawaitable(chunks):  # of a mock
            chunks = await chunks
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            from .._given import close_stream

            await close_stream(chunks)

    def _chat_completion_stream_impl(self, request: ChatCompletionRequest) -> AsyncGenerator[StreamResponse, None]:
        """One exchange whose answer is streamed, without retries."""
        return self._bare(request).chunks()

    def chat_completion_sync(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        """``chat_completion`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        if vendor_of(self) is None:
            return super().chat_completion_sync(request)
        return self._direct(request, stream=False).response_sync()

    def chat_completion_stream_sync(self, request: ChatCompletionRequest) -> Iterator[StreamResponse]:
        """``chat_completion_stream`` as a plain iterator; each step blocks."""
        if vendor_of(self) is None:
            yield from super().chat_completion_stream_sync(request)
            return
        for event in self._direct(request, stream=True).stream_sync():
            if event.type == "chunk":
                yield event.chunk

    def _replaces(self, name: str) -> bool:
        """Whether a subclass, a mock or the application has replaced one of our methods."""
        return getattr(type(self), name) is not _OURS[name] or name in vars(self)

    def _direct(self, request: ChatCompletionRequest, *, stream: bool) -> _late.Call:
        """A call of the core on this route. If hooks are overridden, each attempt calls this client back."""
        from .._native import calls, route
        from .._native.handle import Routes

        self._refuse_replaced()
        request = read_request(request)
        side = route.route_of(self)
        vendor = vendor_of(self)
        handle = side.handle(self, vendor)
        side.used_directly = True
        routes = Routes([handle], single=True, lifted=side.lifted(handle, self._available))
        targets: dict[int, Any] | None = {side.tag: partial(self._exchange, request)} if vendor is None else None
        asked = request.to_core()
        if not stream:
            asked.pop("stream", None)  # as in the original, chat_completion ignores it
        config = self.config
        names = side.names or (config.provider, getattr(config, "name", None) or config.model)
        return calls.make(routes, asked, None, targets, side.calls, ["/".join(map(str, names))])

    def _exchange(self, request: ChatCompletionRequest, payload: dict[str, Any]) -> Any:
        """One attempt of a direct call, through the hooks but not through an overriding ``chat_completion``. The hooks
        get the caller's own request; if its messages are dicts, a copy of it with messages.
        """
        if not all(isinstance(message, Message) for message in request.messages):
            from .._native.custom import request_of

            request = copy.copy(request)
            request.messages = request_of(payload).messages
        core_calls.set(self)
        exchange_options.set({})  # an aggregator's options may belong to another client
        if payload["stream"]:
            return VendorClient.chat_completion_stream(self, request)
        return VendorClient.chat_completion(self, request)

    def _added_fields(self, request: ChatCompletionRequest) -> dict[str, Any]:
        wanted = request.stream and exchange_options.get({}).get("include_usage")
        return {"stream_options": dict(_USAGE)} if wanted else {}

    def _bare(self, request: ChatCompletionRequest) -> _late.Call:
        """One HTTP exchange without retries, limits and circuit breaker; the core's call around it applies them."""
        from .._native import route
        from .._native.calls import Call
        from .._native.handle import Routes

        self._refuse_replaced()
        data = dict(_of_hook(self, "_prepare_request_data", self._prepare_request_data(request)))
        data.pop("stream", None)  # the method called on the Call decides
        if isinstance(messages := data.get("messages"), (list, tuple)):
            data["messages"] = messages_to_wire(messages)
        without_bytes(data)
        asked = exchange_options.get({})
        options = {**asked, "bare": True}
        if asked.get("include_usage"):
            options["include_usage"] = data.get("stream_options") == _USAGE
            if options["include_usage"] and request.stream_options is None:
                del data["stream_options"]  # the core adds it, except for servers that refuse it
        if self._replaces("_get_headers"):
            own = _texts(_of_hook(self, "_get_headers", self._get_headers()))
            if wrong := next((name for name, value in own.items() if not isinstance(value, (str, NoneType))), None):
                kind = type(own[wrong]).__name__
                raise InvalidArgumentError(f"{_named(self)}._get_headers gave {wrong!r} as {kind}; expected a str")
            options.update(headers={**own, **asked.get("headers", {})}, headers_only=True)
        model = data.get("model")
        other = model if isinstance(model, str) and model != self.config.model else None
        handle = route.route_of(self).handle(self, self.VENDOR, other)
        return Call(Routes([handle], single=True), data, options)


CLIENTS: dict[str, type[VendorClient]] = {}
"""The client class for each "type"; the modules of vendors add theirs."""
_USAGE = {"include_usage": True}
_OURS = {name: getattr(BaseLLMClient, name) for name in ("_get_headers", "_retry_request")}


def _texts(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Headers in which what stands for a text is one."""
    from .._values import is_text

    lazy = {name: str(value) for name, value in headers.items() if not isinstance(value, str) and is_text(value)}
    return {**headers, **lazy}


def _named(client: Any) -> str:
    return type(client).__name__


def _of_hook(client: Any, name: str, given: Any) -> Mapping[str, Any]:
    """What an application's hook gave. Raises InvalidArgumentError, which names the hook, if it is no mapping."""
    if isinstance(given, Mapping):
        return given
    if inspect.iscoroutine(given):
        given.close()
        raise InvalidArgumentError(f"{_named(client)}.{name} is a coroutine function; expected a plain one")
    kind = "None (is a 'return' missing?)" if given is None else type(given).__name__
    raise InvalidArgumentError(f"{_named(client)}.{name} must return a dict, got {kind}")


class VendorProvider(BaseProvider):
    """Models of one vendor, which the core asks."""

    VENDOR: ClassVar[str]
    DEFAULT_MODEL: ClassVar[str]
    CLIENT: ClassVar[type[VendorClient]]
    environment: Mapping[str, str | None] = MappingProxyType({})  # the values of ${NAME} when it was made

    def __init__(self, config: ProviderConfig) -> None:
        models = getattr(config, "models", None)
        if models is None or isinstance(models, (list, tuple)):
            what = type(config).__name__ + ("" if models is None else f" whose models are a {type(models).__name__}")
            raise InvalidArgumentError(
                f"{type(self).__name__} takes a ProviderConfig with a dict of models, got {what}; "
                "create_from_config(models_config={name: {…}}) takes dicts"
            )
        super().__init__(config)

    def create_client(self, model_config: ModelConfig) -> VendorClient:
        """A client of the class for the model's ``type``; by default the provider's class."""
        cls = self._class_for(model_config)
        if cls in CLIENTS.values():  # a test may have patched the name of one of our classes
            cls = getattr(sys.modules[cls.__module__], cls.__name__, cls)
        return cls(model_config)

    def _class_for(self, model_config: Any) -> type[VendorClient]:
        kind = getattr(model_config, "type", None)  # an application's own configuration has none
        return CLIENTS.get(kind or "", self.CLIENT)

    def stands_for(self, config: ProviderConfig) -> bool:
        """Whether that configuration would make an equal provider, and nobody has changed this provider's clients."""
        if list(self.config.models.items()) != list(config.models.items()) or self.config != config:
            return False
        if self.environment != _late.oldstyle.environment_of(config):
            return False
        return list(self.clients) == list(config.models) and all(
            self._is_untouched(client, self.config.models[name]) for name, client in list(self.clients.items())
        )

    def _is_untouched(self, client: Any, model_config: ModelConfig) -> bool:
        made = type(client) is self._class_for(model_config) and client.config is model_config
        return made and vendor_of(client) is not None

    @classmethod
    @told_function(_OTHERS)
    def create_simple(cls: type[P], api_key: str, model_name: str | None = None, base_url: str | None = None) -> P:
        """A provider with one model. Raises InvalidArgumentError, also without a key for the vendor's own origin."""
        model: Any = cls.DEFAULT_MODEL if is_unset(model_name) else model_name
        config = ModelConfig(model, cls.VENDOR, api_key, None if is_unset(base_url) else base_url)
        _late.oldstyle.check(config)
        return cls(ProviderConfig(cls.VENDOR, {model: config}))

    @classmethod
    @told_function(_OTHERS)
    def create_from_config(
        cls: type[P], provider_name: str | None = None, models_config: Mapping[str, Mapping[str, Any]] | None = None
    ) -> P:
        """A provider with the models of ``{name: {"api_key", "base_url"?, "model"?, …}}``; ``"model"`` is the upstream
        name where it differs. Raises InvalidArgumentError, also if no model can be used.
        """
        if provider_name is not None and not isinstance(provider_name, str):
            kind = type(provider_name).__name__
            raise InvalidArgumentError(
                f"provider_name must be a text, got {kind}; write create_from_config(models_config={{name: {{…}}}})"
            )
        name = provider_name or cls.VENDOR
        skipped: list[str] = []
        given: Any = {} if is_unset(models_config) else models_config
        entry = {"type": None if name == cls.VENDOR else cls.VENDOR, "models": given}
        models = _late.oldstyle.provider_models(name, entry, skipped)
        if skipped and not models:
            raise InvalidArgumentError(f"no model of provider {name} can be used: {'; '.join(skipped)}")
        return cls(ProviderConfig(name, models))
