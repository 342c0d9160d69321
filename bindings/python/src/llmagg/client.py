"""One model: the base classes of clients, for subclasses written by the application."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any, ClassVar, TypeVar

from . import _names
from ._closing import Closing
from ._context import core_calls
from ._twin import twin
from .config import ModelConfig
from .errors import APIError, BadResponseError, LLMError  # noqa: F401 - tests patch these names
from .log import logger  # noqa: F401
from .requests import ChatCompletionRequest, read_request
from .responses import ChatCompletionResponse, StreamResponse

__getattr__ = _names.of_module(__name__)
Self = TypeVar("Self", bound="BaseLLMClient")
T = TypeVar("T")


class LLMClient(ABC):
    """A client of one model. Thread-safe if its subclass is; usable from any number of event loops."""

    config: ModelConfig
    _available = True
    _redefined: ClassVar[tuple[str, ...]] = ()  # the settings that a subclass redefines

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    @abstractmethod
    async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        """Sends the request; returns the whole answer. Raises LLMError."""

    @abstractmethod
    def chat_completion_stream(self, request: ChatCompletionRequest) -> AsyncGenerator[StreamResponse, None]:
        """Sends the request; an async generator of chunks. A normal end means that the answer is complete."""

    def chat_completion_sync(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        """``chat_completion`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        from ._native import blocking

        async def ask() -> ChatCompletionResponse:
            return await self.chat_completion(request)

        return blocking.run(ask())

    def chat_completion_stream_sync(self, request: ChatCompletionRequest) -> Iterator[StreamResponse]:
        """``chat_completion_stream`` as a plain iterator; each step blocks."""
        from ._native import blocking

        chunks = self.chat_completion_stream(request)
        try:
            while True:
                try:
                    yield blocking.run(_next(chunks))
                except StopAsyncIteration:
                    return
        finally:
            blocking.run(chunks.aclose())

    def get_model(self) -> str:
        """The upstream name of the model."""
        return self.config.model

    def get_provider(self) -> str:
        """The provider's name."""
        return self.config.provider

    def get_config(self) -> ModelConfig:
        """The configuration; changes apply from the next call on."""
        return self.config

    def is_available(self) -> bool:
        """Whether the application has the model switched on. A circuit breaker does not change this."""
        return self._available

    def set_available(self, available: bool) -> None:
        """Switches the model on or off. While it is off, aggregators and look-ups by name skip it, and health checks
        report it as not alive; calls on the client itself work. Calls that wait for the model leave it; an answer that
        has begun goes on.
        """
        self._available = available
        from ._native.route import Route

        side = getattr(self, "__dict__", {}).get(Route.KEY)
        if side is not None:
            from .catalog import vendor_of

            side.tell(available, vendor_of(self))

    async def _retry_request(
        self, request_func: Callable[..., Awaitable[T]] | None = None, *args: Any, **kwargs: Any
    ) -> T:
        """Runs ``request_func`` (alias ``func``) with the configuration's retries. Raises an APIError after the last
        attempt. Inside a call of the core it runs once, since the core retries.
        """
        func = kwargs.pop("func", None) if request_func is None else request_func
        if func is None:
            raise TypeError("_retry_request() got no request_func; expected a function")
        if core_calls.get() is self:
            answer: T = await func(*args, **kwargs)
            return answer
        from ._native import retry

        return await retry.run(used_config(self), func, args, kwargs)


async def _next(chunks: AsyncGenerator[T, None]) -> T:
    return await chunks.__anext__()


class BaseLLMClient(LLMClient, Closing):
    """A client with ``async with``, ``close`` and the hooks that subclasses call or override."""

    async def close(self) -> None:
        """Ends the calls begun through this client and closes its idle connections; the next use opens new ones."""
        from .catalog import release

        release(self)

    def _prepare_request_data(self, request: ChatCompletionRequest) -> dict[str, Any]:
        """The JSON to post, in OpenAI's shape, without fields that are None. A model in the request that is no name of
        this route replaces the configured model.
        """
        request = read_request(request)
        config, asked = used_config(self), request.model
        name = getattr(config, "name", None) or config.model
        if not asked or asked in (name, config.model, f"{config.provider}/{name}"):
            asked = getattr(self, "model_name", None) or config.model
        return {**self._added_fields(request), **request.to_dict(), "model": asked}

    def _added_fields(self, _: ChatCompletionRequest) -> dict[str, Any]:
        """What the library adds to a request that does not have it."""
        return {}

    def _get_headers(self) -> dict[str, str]:
        """The HTTP headers of a request. An override returns all headers."""
        config = used_config(self)
        headers = {"Content-Type": "application/json"}
        if organization := getattr(config, "organization", None):
            headers["OpenAI-Organization"] = organization
        if key := _as_text(config.api_key):
            headers.update(_key_header(self, key))
        return {**headers, **(getattr(config, "headers", None) or {})}

    async def _validate_response(self, response_data: Any = None, *, data: Any = None) -> None:
        """Raises an APIError if the answer's JSON (alias ``data``) is not a completion."""
        data = response_data if data is None else data
        if not isinstance(data, dict):
            raise BadResponseError(f"the answer must be an object, got {type(data).__name__}")
        if data.get("error"):
            error = data["error"]
            text = error.get("message") if isinstance(error, dict) else error
            raise BadResponseError(f"the answer is an error: {text}", provider_message=str(text))
        if not isinstance(data.get("choices"), list) or not data["choices"]:
            raise BadResponseError("the answer has no choices")

    # Generated from the methods above: change those, then run `make twins`.

    close_sync = twin(close)


class _Asking(threading.local):
    clients: tuple[Any, ...] = ()


_asking = _Asking()
"""The clients whose ``get_config`` runs in this thread: it may read ``model_name`` or headers, which depend on it."""


def given_config(client: Any) -> ModelConfig | None:
    """What ``get_config`` of a client gives, which an application may override. None while it runs, and for what is no
    configuration, which is for the application alone.
    """
    others = _asking.clients
    if any(client is other for other in others):
        return None
    _asking.clients = (*others, client)
    try:
        given = client.get_config()
    finally:
        _asking.clients = others
    return given if isinstance(given, ModelConfig) else None


def used_config(client: Any) -> Any:
    """The configuration that an override of ``get_config`` gives, else the client's own."""
    given = given_config(client)
    return client.config if given is None else given


def _as_text(key: Any) -> str:
    """A key that is a text, or stands for one; "" for a function, and without a key."""
    if key is None or isinstance(key, str) or callable(key):
        return key if isinstance(key, str) else ""
    from ._values import is_text

    return str(key) if is_text(key) else ""


def _key_header(client: BaseLLMClient, key: str) -> dict[str, str]:
    """The header that carries the key, as the core sends it; without a usable configuration as OpenAI wants it."""
    from ._native import route

    try:
        header = route.key_header(route.core_config(used_config(client), None, getattr(client, "VENDOR", "openai")))
    except (LLMError, AttributeError):
        header = {"name": "Authorization", "prefix": "Bearer "}
    if header is None:
        return {}
    name = header["name"] if header["name"] == "Authorization" else header["name"].lower()
    return {name: header["prefix"] + key}
