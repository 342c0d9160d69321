"""One model: the base classes of clients, for subclasses written by the application."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

from ._context import core_calls
from .config import ModelConfig
from .errors import BadResponseError
from .requests import ChatCompletionRequest
from .responses import ChatCompletionResponse, StreamResponse

Self = TypeVar("Self", bound="BaseLLMClient")
T = TypeVar("T")


class LLMClient(ABC):
    """A client of one model. Thread-safe as far as its subclass is; usable from any number of event loops."""

    config: ModelConfig
    _available = True

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    @abstractmethod
    async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        """Asks the model; gives the whole answer. Raises an LLMError."""

    @abstractmethod
    def chat_completion_stream(self, request: ChatCompletionRequest) -> AsyncGenerator[StreamResponse, None]:
        """Asks the model; an async generator of the answer's chunks. Returning normally means complete."""

    def chat_completion_sync(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        """``chat_completion`` for code without an event loop; blocks, and Ctrl-C ends it."""
        from ._native import blocking

        async def ask() -> ChatCompletionResponse:
            return await self.chat_completion(request)

        return blocking.run(ask())

    def chat_completion_stream_sync(self, request: ChatCompletionRequest) -> Iterator[StreamResponse]:
        """``chat_completion_stream`` as a plain iterator, each step of which blocks."""
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
        """The configuration; changes to it hold from the next call on."""
        return self.config

    def is_available(self) -> bool:
        """The application's own switch; a circuit breaker does not change it."""
        return self._available

    def set_available(self, available: bool) -> None:
        """Switches the model off or on; while it is off, aggregators pass it over."""
        self._available = available

    async def _retry_request(self, func: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """Runs ``func`` as the configuration and the core's rules for retries say, then raises an APIError.

        Inside a call of the core it runs ``func`` once, since the core retries.
        """
        if core_calls.get() is self:
            return await func(*args, **kwargs)
        from ._native import retry

        return await retry.run(self.config, func, args, kwargs)


async def _next(chunks: AsyncGenerator[T, None]) -> T:
    return await chunks.__anext__()


class BaseLLMClient(LLMClient):
    """A client with ``async with``, ``close`` and the hooks that subclasses call or override."""

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self: Self) -> Self:
        from ._native import blocking

        blocking.refuse_inside_loop()  # rather than at the end, when the close would be refused
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_sync()

    async def close(self) -> None:
        """Ends the calls begun through this client and lets its idle connections go; the next use opens new ones."""
        from .routing import release

        release(self)

    def close_sync(self) -> None:
        """``close`` for code without an event loop."""
        from ._native import blocking

        blocking.run(self.close())

    def _prepare_request_data(self, request: ChatCompletionRequest) -> dict[str, Any]:
        """The JSON that is posted, in OpenAI's shape; what is None is left out."""
        return {**request.to_dict(), "model": self.config.model}

    def _get_headers(self) -> dict[str, str]:
        """The HTTP headers of a request."""
        return headers_of(self)

    async def _validate_response(self, data: Any) -> None:
        """Raises an APIError where the answer's JSON is no completion."""
        if not isinstance(data, dict):
            raise BadResponseError(f"the answer is {type(data).__name__}; expected an object")
        if data.get("error"):
            error = data["error"]
            text = error.get("message") if isinstance(error, dict) else error
            raise BadResponseError(f"the answer is an error: {text}", provider_message=str(text))
        if not isinstance(data.get("choices"), list) or not data["choices"]:
            raise BadResponseError("the answer has no choices")


def headers_of(client: BaseLLMClient) -> dict[str, str]:
    """The headers that a client sends unless its hook says otherwise."""
    headers = {"Content-Type": "application/json"}
    if key := client.config.api_key:
        spoken = client.config.type or getattr(client, "VENDOR", "")
        headers.update({"x-goog-api-key": key} if spoken == "gemini" else {"Authorization": f"Bearer {key}"})
    return headers
