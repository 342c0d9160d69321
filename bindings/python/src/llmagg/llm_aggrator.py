"""The original's interface, in the original's spelling: an aggregator that finds its configuration itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from . import _late, _names, _strange
from ._closing import Closing
from ._parameters import told
from .aggregator import LLMAggregator
from .log import logger  # noqa: F401 - tests patch this name

__getattr__ = _names.of_module(__name__)

P = ParamSpec("P")
T = TypeVar("T")
_OURS = LLMAggregator  # a test may patch the name
_PUBLIC = ("aggregator",)

# A method of LLMAggregator becomes one of LLMAggrator, which initializes itself first.


def _own(llm: LLMAggrator, method: Callable[Concatenate[LLMAggregator, P], T]) -> Callable[P, T]:
    found: Callable[P, T] = getattr(llm.aggregator, method.__name__)  # a test may have replaced it
    return found


def _asked(
    method: Callable[Concatenate[LLMAggregator, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[LLMAggrator, P], Coroutine[Any, Any, T]]:
    @wraps(method)
    async def run(self: LLMAggrator, /, *args: P.args, **params: P.kwargs) -> T:
        await self.initialize()
        return await _own(self, method)(*args, **params)

    return run


def _streamed(
    method: Callable[Concatenate[LLMAggregator, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[LLMAggrator, P], AsyncGenerator[T, None]]:
    @wraps(method)
    async def run(self: LLMAggrator, /, *args: P.args, **params: P.kwargs) -> AsyncGenerator[T, None]:
        await self.initialize()
        async with aclosing(_own(self, method)(*args, **params)) as items:
            async for item in items:
                yield item

    return run


def _blocking(method: Callable[Concatenate[LLMAggregator, P], T]) -> Callable[Concatenate[LLMAggrator, P], T]:
    @wraps(method)
    def run(self: LLMAggrator, /, *args: P.args, **params: P.kwargs) -> T:
        self.initialize_sync()
        return _own(self, method)(*args, **params)

    return run


class LLMAggrator(Closing):
    """Uses ``aggregator`` for all calls, whose methods it has. Thread-safe."""

    @told(_strange.parameter)
    def __init__(self, models: list[str] | None = None) -> None:
        self.aggregator = LLMAggregator(models)
        self._config_initialized = False

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _strange.attribute(self, name, value, _PUBLIC))

    async def initialize(self, config: Any = None) -> None:
        """As :meth:`LLMAggregator.initialize`; looks for a configuration if none is given."""
        aggregator: Any = self.aggregator
        if not isinstance(aggregator, _OURS):  # the application's own, such as a mock, knows its models
            if config is not None:
                await aggregator.initialize(config)
        elif config is not None:
            await aggregator._initialize(config, lenient=True)
        else:
            aggregator._configure(lenient=True)
        self._config_initialized = True

    async def initialize_from_settings(self, settings: Any) -> None:
        """As :meth:`LLMAggregator.initialize_from_settings`."""
        if isinstance(self.aggregator, _OURS):
            await self.aggregator.initialize_from_settings(settings)
        else:
            await self.initialize(_late.oldstyle.from_llm_model(_late.oldstyle.llm_model_of(settings)))
        self._config_initialized = True

    chat = _asked(LLMAggregator.chat)
    parse = _asked(LLMAggregator.parse)
    run_tools = _asked(LLMAggregator.run_tools)
    generate_response = _asked(LLMAggregator.generate_response)
    generate_summary = _asked(LLMAggregator.generate_summary)
    embed = _asked(LLMAggregator.embed)
    rerank = _asked(LLMAggregator.rerank)
    health_check = _asked(LLMAggregator.health_check)

    stream = _streamed(LLMAggregator.stream)
    stream_text = _streamed(LLMAggregator.stream_text)
    stream_parse = _streamed(LLMAggregator.stream_parse)

    chat_sync = _blocking(LLMAggregator.chat_sync)
    parse_sync = _blocking(LLMAggregator.parse_sync)
    run_tools_sync = _blocking(LLMAggregator.run_tools_sync)
    generate_response_sync = _blocking(LLMAggregator.generate_response_sync)
    generate_summary_sync = _blocking(LLMAggregator.generate_summary_sync)
    embed_sync = _blocking(LLMAggregator.embed_sync)
    rerank_sync = _blocking(LLMAggregator.rerank_sync)
    health_check_sync = _blocking(LLMAggregator.health_check_sync)
    stream_sync = _blocking(LLMAggregator.stream_sync)
    stream_text_sync = _blocking(LLMAggregator.stream_text_sync)
    stream_parse_sync = _blocking(LLMAggregator.stream_parse_sync)

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

    # Generated from the methods above: change those, then run `make twins`.

    def initialize_from_settings_sync(self, settings: Any) -> None:
        """``initialize_from_settings`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        if isinstance(self.aggregator, _OURS):
            self.aggregator.initialize_from_settings_sync(settings)
        else:
            self.initialize_sync(_late.oldstyle.from_llm_model(_late.oldstyle.llm_model_of(settings)))
        self._config_initialized = True

    def close_sync(self) -> None:
        """``close`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        self.aggregator.close_sync()


if __name__ == "__main__":
    from ._ask import main

    main()
