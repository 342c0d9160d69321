"""The original's interface, in the original's spelling: an aggregator that finds its configuration itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from . import settings as sources
from ._closing import Closing
from .aggregator import LLMAggregator
from .embeddings import EmbeddingResponse
from .events import StreamEvent
from .rankings import RerankResponse
from .requests import ChatCompletionRequest
from .responses import ChatCompletionResponse

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .growing import Growing
    from .params import ChatParams, GenerateParams, Messages, ToolParams
    from .parsing import Parsed
    from .tools import ToolRun

T = TypeVar("T")


class LLMAggrator(Closing):
    """Uses ``aggregator`` for all calls. If not initialized, it looks for a configuration: see :mod:`llmagg.settings`.

    The methods are those of :class:`LLMAggregator`. Thread-safe.
    """

    def __init__(self, models: list[str] | None = None) -> None:
        self.aggregator = LLMAggregator(models)
        self._config_initialized = False

    async def initialize(self, config: Any = None) -> None:
        """As :meth:`LLMAggregator.initialize`; looks for a configuration if none is given."""
        if config is not None:
            await self.aggregator._initialize(config, lenient=True)
        elif not self._config_initialized and not self.aggregator._initialized:
            await self.aggregator._install(sources.find(), lenient=True)
        self._config_initialized = True

    async def initialize_from_settings(self, settings: Any) -> None:
        """As :meth:`LLMAggregator.initialize_from_settings`."""
        await self.aggregator.initialize_from_settings(settings)
        self._config_initialized = True

    async def generate_response(
        self, messages: Messages, max_retries: int | None = None, **params: Unpack[GenerateParams]
    ) -> str:
        """As :meth:`LLMAggregator.generate_response`."""
        await self.initialize()
        return await self.aggregator.generate_response(messages, max_retries, **params)

    async def generate_summary(self, passage: dict[str, Any], count: int) -> str:
        """As :meth:`LLMAggregator.generate_summary`."""
        await self.initialize()
        return await self.aggregator.generate_summary(passage, count)

    async def chat(
        self, messages: ChatCompletionRequest | Messages, **params: Unpack[ChatParams]
    ) -> ChatCompletionResponse:
        """As :meth:`LLMAggregator.chat`."""
        await self.initialize()
        return await self.aggregator.chat(messages, **params)

    async def parse(
        self, messages: ChatCompletionRequest | Messages, form: type[T], **params: Unpack[ChatParams]
    ) -> Parsed[T]:
        """As :meth:`LLMAggregator.parse`."""
        await self.initialize()
        return await self.aggregator.parse(messages, form, **params)

    async def run_tools(
        self, messages: Messages, *, tools: Sequence[Callable[..., Any]], max_rounds: int = 10,
        max_total_tokens: int | None = None, **params: Unpack[ToolParams],
    ) -> ToolRun:  # fmt: skip
        """As :meth:`LLMAggregator.run_tools`."""
        await self.initialize()
        return await self.aggregator.run_tools(
            messages, tools=tools, max_rounds=max_rounds, max_total_tokens=max_total_tokens, **params
        )

    async def stream_parse(
        self, messages: ChatCompletionRequest | Messages, form: type[T], **params: Unpack[ChatParams]
    ) -> AsyncGenerator[Growing[T], None]:
        """As :meth:`LLMAggregator.stream_parse`."""
        await self.initialize()
        async with aclosing(self.aggregator.stream_parse(messages, form, **params)) as objects:
            async for growing in objects:
                yield growing

    def stream_parse_sync(
        self, messages: ChatCompletionRequest | Messages, form: type[T], **params: Unpack[ChatParams]
    ) -> Iterator[Growing[T]]:
        """``stream_parse`` as a plain iterator; each step blocks, and Ctrl-C ends it."""
        self.initialize_sync()
        return self.aggregator.stream_parse_sync(messages, form, **params)

    async def stream(
        self, messages: ChatCompletionRequest | Messages, **params: Unpack[ChatParams]
    ) -> AsyncGenerator[StreamEvent, None]:
        """As :meth:`LLMAggregator.stream`."""
        await self.initialize()
        async with aclosing(self.aggregator.stream(messages, **params)) as events:
            async for event in events:
                yield event

    async def stream_text(
        self, messages: ChatCompletionRequest | Messages, **params: Unpack[ChatParams]
    ) -> AsyncGenerator[str, None]:
        """As :meth:`LLMAggregator.stream_text`."""
        await self.initialize()
        async with aclosing(self.aggregator.stream_text(messages, **params)) as texts:
            async for text in texts:
                yield text

    async def embed(
        self, input: str | Sequence[str], model: str | None = None, dimensions: int | None = None, *,
        input_type: str | None = None, numpy: bool = False, **params: Any,
    ) -> EmbeddingResponse:  # fmt: skip
        """As :meth:`LLMAggregator.embed`."""
        await self.initialize()
        return await self.aggregator.embed(input, model, dimensions, input_type=input_type, numpy=numpy, **params)

    async def rerank(
        self, query: str, documents: Sequence[str], model: str | None = None, top_n: int | None = None, **params: Any
    ) -> RerankResponse:
        """As :meth:`LLMAggregator.rerank`."""
        await self.initialize()
        return await self.aggregator.rerank(query, documents, model, top_n, **params)

    async def health_check(self) -> dict[str, dict[str, bool]]:
        """As :meth:`LLMAggregator.health_check`."""
        await self.initialize()
        return await self.aggregator.health_check()

    def health_report(self) -> list[dict[str, Any]]:
        """As :meth:`LLMAggregator.health_report`."""
        return self.aggregator.health_report()

    def get_available_models(self) -> list[str]:
        """As :meth:`LLMAggregator.get_available_models`."""
        return self.aggregator.get_available_models()

    async def close(self) -> None:
        """As :meth:`LLMAggregator.close`."""
        await self.aggregator.close()

    def initialize_sync(self, config: Any = None) -> None:
        """``initialize`` for code without an event loop."""
        from ._native import blocking

        if config is not None or not self._config_initialized:
            blocking.run(self.initialize(config))

    def stream_sync(
        self, messages: ChatCompletionRequest | Messages, **params: Unpack[ChatParams]
    ) -> Iterator[StreamEvent]:
        """``stream`` as a plain iterator; each step blocks."""
        self.initialize_sync()
        return self.aggregator.stream_sync(messages, **params)

    def stream_text_sync(
        self, messages: ChatCompletionRequest | Messages, **params: Unpack[ChatParams]
    ) -> Iterator[str]:
        """``stream_text`` as a plain iterator; each step blocks."""
        self.initialize_sync()
        return self.aggregator.stream_text_sync(messages, **params)

    # Generated from the methods above: change those, then run `make twins`.

    def initialize_from_settings_sync(self, settings: Any) -> None:
        """``initialize_from_settings`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.aggregator.initialize_from_settings_sync(settings)
        self._config_initialized = True

    def generate_response_sync(
        self, messages: Messages, max_retries: int | None = None, **params: Unpack[GenerateParams]
    ) -> str:
        """``generate_response`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.initialize_sync()
        return self.aggregator.generate_response_sync(messages, max_retries, **params)

    def generate_summary_sync(self, passage: dict[str, Any], count: int) -> str:
        """``generate_summary`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.initialize_sync()
        return self.aggregator.generate_summary_sync(passage, count)

    def chat_sync(
        self, messages: ChatCompletionRequest | Messages, **params: Unpack[ChatParams]
    ) -> ChatCompletionResponse:
        """``chat`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.initialize_sync()
        return self.aggregator.chat_sync(messages, **params)

    def parse_sync(
        self, messages: ChatCompletionRequest | Messages, form: type[T], **params: Unpack[ChatParams]
    ) -> Parsed[T]:
        """``parse`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.initialize_sync()
        return self.aggregator.parse_sync(messages, form, **params)

    def run_tools_sync(
        self, messages: Messages, *, tools: Sequence[Callable[..., Any]], max_rounds: int = 10,
        max_total_tokens: int | None = None, **params: Unpack[ToolParams],
    ) -> ToolRun:  # fmt: skip
        """``run_tools`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.initialize_sync()
        return self.aggregator.run_tools_sync(
            messages, tools=tools, max_rounds=max_rounds, max_total_tokens=max_total_tokens, **params
        )

    def embed_sync(
        self, input: str | Sequence[str], model: str | None = None, dimensions: int | None = None, *,
        input_type: str | None = None, numpy: bool = False, **params: Any,
    ) -> EmbeddingResponse:  # fmt: skip
        """``embed`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.initialize_sync()
        return self.aggregator.embed_sync(input, model, dimensions, input_type=input_type, numpy=numpy, **params)

    def rerank_sync(
        self, query: str, documents: Sequence[str], model: str | None = None, top_n: int | None = None, **params: Any
    ) -> RerankResponse:
        """``rerank`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.initialize_sync()
        return self.aggregator.rerank_sync(query, documents, model, top_n, **params)

    def health_check_sync(self) -> dict[str, dict[str, bool]]:
        """``health_check`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.initialize_sync()
        return self.aggregator.health_check_sync()

    def close_sync(self) -> None:
        """``close`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.aggregator.close_sync()


if __name__ == "__main__":
    from ._ask import main

    main()
