"""Calls over several models: if a model fails, the next model answers."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from . import _absent, _called, _late, _names, _strange, _streamed, catalog, lookup
from ._closing import Closing
from ._frames import brief, raise_all_failed, shorten
from ._parameters import told
from ._planned import planned_call
from ._shown import without_keys
from ._twin import twin
from .config import ModelConfig, ProviderConfig  # noqa: F401 - tests patch some of these names
from .errors import InvalidArgumentError, LLMError, ModelNotFoundError  # noqa: F401
from .events import StreamEvent
from .log import logger  # noqa: F401
from .manager import Manager, get_manager
from .messages import Message, MessageRole  # noqa: F401
from .providers import PROVIDERS, DeepSeekProvider, GeminiProvider, OpenAIProvider  # noqa: F401
from .requests import ChatCompletionRequest, listed
from .responses import ChatCompletionResponse, answered

T = TypeVar("T")

__getattr__ = _names.of_module(__name__)
_PUBLIC = ("manager", "models", "strategy", "budget", "cache")


def _provider_class(name: str) -> Any:
    """The class of a provider: the present value of its name in this module, which a test may have patched."""
    return globals()[PROVIDERS.get(name.lower(), PROVIDERS["openai"]).__name__]


@_called.told
@_absent.told("aggregator")
class LLMAggregator(Closing):
    """Asks the models in ``models`` in order, with retries, circuit breakers and failover.

    An aggregator that was not initialized finds its configuration at its first call: :mod:`llmagg.settings` says where.

    ``manager`` (anything with ``providers``, or with ``get_client_by_model``), ``models`` (names, or "provider/name";
    filled with all registered models when empty) and ``_initialized`` may be set at any time: each call reads them.
    Thread-safe; usable from any number of event loops. Every async method has a blocking twin, ``…_sync``.

    Calls take a text, or messages as dicts or :class:`Message`, and keyword parameters as OpenAI's SDK does
    (``temperature``, ``tools``, ``response_format``, ``extra_headers``, …); the options of the library are
    ``max_retries`` (attempts on a model), ``deadline`` and ``timeout`` (seconds, of the call and of an attempt),
    ``on_interrupt`` ("error" or "restart"), ``hedge_after`` (seconds), ``failover_bad_request``,
    ``failover_content_filter``, ``unsupported`` ("adapt" or "error"), ``strategy``, ``session``, ``failover_on`` and
    ``retry_on`` (lists of codes, statuses and vendors' codes), ``accept`` ("nonempty" or a function), ``max_cost`` (a
    sum of money), ``budgets`` (:class:`Budget` objects), ``cache`` ("use", "refresh" or "off") and ``include_usage``.
    ``model`` chooses one model for this call. Any other name is an InvalidArgumentError that suggests the nearest name;
    fields that the library does not know go through ``extra_body`` (a dict; it replaces fields of the same name).

    ``strategy`` is the order of the models in each call: "order" (as listed), "weighted" (at random, by the ``weight``
    of each model's configuration), "latency" (the fastest model first; slower models are looked at again in time),
    "least_busy", "cost" (the cheapest model first), "usage" (the most room in its rate), or a function that takes the
    routes' names ("provider/model") and the request, and returns names in the order in which they are asked; the others
    follow. A nested list in ``models`` is a group, ``[["a", "b"], "c"]``: the strategy orders each group, and a group
    is asked before the next group. Calls with the same ``session`` (a text) ask the same model first while usable,
    except with "order". ``budget`` bounds what all calls of the aggregator cost together. ``cache`` answers a request
    that equals an earlier request with its answer: True, ``{"size": "64MB", "ttl_s": 3600}``, or a
    :class:`llmagg.Cache`, which aggregators may share; ``response.cached`` says whether it did. A call with
    ``cache="refresh"`` asks a server again, and a call with "off" does not use the cache.
    """

    strategy: Any = None  # a subclass need not call __init__ if it sets manager and models
    budget: Any = None
    cache: Any = None
    _filled: list[str] | None = None  # the names in ``models`` if initialize() filled it
    _left_out: Mapping[str, str] = MappingProxyType({})  # unusable models of the configuration: name → reason

    @told(_strange.parameter)
    def __init__(
        self, models: list[Any] | None = None,
        strategy: _late.Strategy | Callable[[list[str], dict[str, Any]], Any] | None = None, *,
        budget: _late.Budget | None = None, cache: _late.Cache | bool | Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.manager: Any = lookup.registry(Manager, get_manager)
        groups = catalog.model_groups(models)
        self.models: list[Any] = groups if len(groups) > 1 else catalog.model_names(groups)
        catalog.check_strategy(strategy)
        _strange.keep(self, strategy=strategy, budget=budget)
        if budget is not None:
            from .budget import names_of

            names_of(budget)
        if cache is not None and cache is not False:
            from .cache import cache_of

            _strange.keep(self, cache=cache_of(cache))
        self._initialized = False

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _strange.attribute(self, name, value, _PUBLIC))

    def __repr__(self) -> str:
        state = "" if getattr(self, "_initialized", False) else ", not initialized"
        return f"<{type(self).__name__} {without_keys(getattr(self, 'models', []))!r}{state}>"

    def __getstate__(self) -> dict[str, Any]:
        from . import registration

        return registration.pickled(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        from . import registration

        registration.restore(self, state)

    async def initialize(self, config: Any = None) -> None:
        """Registers the providers of ``{provider: {"models": {name: {…}}}}``; without it, uses registered providers.

        ``config`` is a dict, JSON text (a str that begins with "{") or the path of a JSON file. A provider that is
        registered with an equal configuration is kept, with the circuit breakers of its models; a provider with a
        different configuration is replaced. A second call with an equal configuration, or without ``config``, changes
        nothing. A second call with a different configuration replaces the first: providers that only this aggregator
        had registered, and that the new configuration does not name, are unregistered. Raises InvalidArgumentError, or
        ModelNotFoundError or ProviderNotFoundError if no provider has a name in ``models``; after an error nothing is
        registered.
        """
        await self._initialize(config, lenient=False)

    async def _initialize(self, config: Any, *, lenient: bool) -> None:
        if config is not None and (not isinstance(config, Mapping) or config):
            with brief:
                await self._install(_late.oldstyle.provider_configs(config, lenient=lenient), lenient=lenient)
        elif not self._initialized:
            await self._install(_late.oldstyle.Read([], {}), lenient=lenient)
            if config is not None and not lenient and not self.get_available_models():
                advice = "register a provider before the first call, or give {provider: {'models': {name: {…}}}}"
                warnings.warn(f"the configuration is empty, and no model is registered; {advice}", stacklevel=2)

    async def initialize_from_settings(self, settings: Any) -> None:
        """``initialize`` from ``settings.LLM_MODEL``: ``{model: {"api_key", "base_url", "model"?, …}}``.

        A name in ``models`` that no provider has is an error if it looks like a misspelt model, else a ``UserWarning``.
        """
        config = _late.oldstyle.from_llm_model(_late.oldstyle.llm_model_of(settings))
        await self._install(_late.oldstyle.provider_configs(config, lenient=True), lenient=True)

    async def _install(self, read: _late.oldstyle.Read, *, lenient: bool) -> None:
        from . import registration

        await registration.install(self, read, _provider_class, lenient=lenient)

    def _configure(self, *, lenient: bool = False) -> None:
        """Looks for a configuration if the aggregator has none."""
        if not self._initialized:
            from . import registration

            registration.configure(self, _provider_class, lenient=lenient)

    def _call(self, messages: ChatCompletionRequest | _late.Messages, params: Mapping[str, Any]) -> _late.Call:
        try:  # with the condition, 0.2 µs less a call than "with brief"
            if not self._initialized:
                self._configure()
            return planned_call()(self, messages, params)
        except LLMError as error:
            shorten(error)
            raise

    def _other_call(self, request: dict[str, Any], params: Mapping[str, Any]) -> _late.Call:
        from . import _misspelt, plan

        with brief:
            _misspelt.refuse_of_other(request, params)
            self._configure()
            return plan.other_call(self, {key: value for key, value in request.items() if value is not None}, params)

    async def chat(
        self, messages: ChatCompletionRequest | _late.Messages, **params: _late.Unpack[_late.ChatParams]
    ) -> ChatCompletionResponse:
        """Returns the whole answer, with ``attempts``. Raises LLMError; AllModelsFailedError if all models failed."""
        _streamed.refuse("chat", params)
        return await self._call(messages, params).response()

    def stream(
        self, messages: ChatCompletionRequest | _late.Messages, **params: _late.Unpack[_late.ChatParams]
    ) -> AsyncGenerator[StreamEvent, None]:
        """An async generator of events: ChunkEvent, perhaps RestartEvent, and DoneEvent with the whole answer.

        Leaving it ends the call at the server. A break after the first token raises StreamInterruptedError with
        ``partial_text``, or a RestartEvent with ``on_interrupt="restart"``.
        """
        _streamed.refuse_whole(params)
        return self._call(messages, params).stream()

    def stream_text(
        self, messages: ChatCompletionRequest | _late.Messages, **params: _late.Unpack[_late.ChatParams]
    ) -> AsyncGenerator[str, None]:
        """An async generator of the answer's text as it arrives."""
        _streamed.refuse_whole(params, text=True)
        return self._call(messages, params).text()

    async def embed(
        self, /, input: str | Sequence[str], model: str | None = None, dimensions: int | None = None, *,
        input_type: _late.InputType | None = None, numpy: bool = False, **params: _late.Unpack[_late.EmbedParams],
    ) -> _late.EmbeddingResponse:  # fmt: skip
        """Returns the vectors of a text or of a list of texts, in their order.

        The texts are split as the vendor takes them, and the requests are made at the same time, each with retries,
        circuit breakers and failover. Only routes of one model are asked, since vectors of two models cannot be
        compared. ``dimensions`` shortens the vectors where the model can; ``input_type`` ("query", "document",
        "similarity", "classification", "clustering") is for models that tell these apart. With ``numpy`` the vectors
        are a float32 array of one row for each text. ``params`` are options as for calls, and fields for the server.
        Raises LLMError; UnsupportedError if no route makes embeddings.
        """
        request = {"input": listed(input, "input"), "model": model, "dimensions": dimensions, "input_type": input_type}
        return _late.EmbeddingResponse(await self._other_call(request, params).other("embed"), numpy=numpy)

    async def rerank(
        self, /, query: str, documents: Sequence[str], model: str | None = None, top_n: int | None = None,
        **params: _late.Unpack[_late.RerankParams],
    ) -> _late.RerankResponse:  # fmt: skip
        """Ranks documents by how well they fit a query: ``response.results``, the best first, at most ``top_n``.

        Models are asked as for a chat. ``params`` are options as for calls, and fields for the server. Raises LLMError.
        """
        documents = listed(documents, "documents")
        request = {"query": query, "documents": documents, "model": model, "top_n": top_n}
        return _late.RerankResponse(await self._other_call(request, params).other("rerank"), documents)

    async def parse(
        self, messages: ChatCompletionRequest | _late.Messages, form: _late.TypeForm[T],
        **params: _late.Unpack[_late.ChatParams],
    ) -> _late.Parsed[T]:  # fmt: skip
        """Returns an answer as an object: ``parsed.value`` is a ``form``, such as a pydantic model or a dataclass.

        Example::

            parsed = await llm.parse("Name a city in Germany.", City)
            print(parsed.value.name)

        An answer that does not fit is asked for once more with the reason; after two such answers of a route the next
        route is asked, all within ``deadline``; ``parsed.attempts`` lists it all. Raises BadResponseError if none fits.
        """
        from . import parsing

        return await parsing.parse(self, messages, form, params)

    def stream_parse(
        self, messages: ChatCompletionRequest | _late.Messages, form: _late.TypeForm[T],
        **params: _late.Unpack[_late.ChatParams],
    ) -> AsyncGenerator[_late.Growing[T], None]:  # fmt: skip
        """An async generator of an object that grows: ``growing.data`` are its plain values so far.

        Example::

            async for growing in llm.stream_parse("Name a city in Germany.", City):
                print(growing.data)
            print(growing.value)

        The last one has ``value``, a checked ``form``, ``response`` and ``attempts``. What does not fit is asked for
        again as :meth:`parse` does, then as a whole. After a restart the object begins again.
        """
        from . import growing

        return growing.objects(self, growing.Reader(self, messages, form, params))

    async def run_tools(
        self, messages: _late.Messages, tools: Sequence[Callable[..., Any]], *, max_rounds: int = 10,
        max_total_tokens: int | None = None, **params: _late.Unpack[_late.ToolParams],
    ) -> _late.ToolRun:  # fmt: skip
        """Lets the model call Python functions, plain ones and coroutines, until it answers without a call.

        Example::

            def weather(city: str) -> str:
                "The weather in a city."
                return f"It rains in {city}."

            run = await llm.run_tools("Is it raining in Ulm?", tools=[weather], deadline=60)
            print(run.text)

        Signatures and docstrings become the tools. The calls of one answer run at the same time; what a function raises
        is told to the model. After ``max_rounds`` answers, ``max_total_tokens`` tokens, or when they have cost
        ``max_cost``, the run ends without an error and ``run.stopped`` says why. ``deadline`` is for all of it.
        """
        from . import tools as running

        return await running.run_tools(
            self, messages, tools, params, max_rounds=max_rounds, max_total_tokens=max_total_tokens
        )

    async def generate_response(
        self, messages: _late.Messages, max_retries: int | None = None, **params: _late.Unpack[_late.GenerateParams]
    ) -> str:
        """Returns the answer's text. Raises AllModelsFailedError (a RuntimeError), whose cause is the last failure."""
        try:
            return answered(await self.chat(messages, max_retries=max_retries, **params))
        except LLMError as error:
            raise_all_failed(error)

    async def generate_summary(self, passage: dict[str, Any], count: int) -> str:
        """A summary of at most ``count`` characters of a passage with ``title``, ``description`` and ``content``."""
        return await self.generate_response(_late.summary.messages(passage, count))

    async def health_check(self) -> dict[str, dict[str, bool]]:
        """Asks all models at the same time whether they are alive: {provider: {model: bool}}. Spends no tokens."""
        self._configure()
        alive: dict[str, dict[str, bool]] = await self.manager.health_check_all()
        return alive

    def health_report(self) -> list[dict[str, Any]]:
        """The state of each route that was used: circuit breaker, block, last error, last success, latency."""
        return catalog.report(lookup.entries(self.manager, catalog.model_names(self.models)))

    def get_available_models(self) -> list[str]:
        """The names of the models that calls try, in order, without those that the application has switched off."""
        return lookup.available_names(self.manager, catalog.model_names(self.models), settled=self._initialized)

    async def close(self) -> None:
        """Ends this aggregator's calls and closes the connections that no other aggregator uses.

        The next call reconnects; other aggregators are not affected. A manager that the application wrote is closed
        by its ``close_all``.
        """
        await catalog.leave(self, lookup.entries(self.manager, catalog.model_names(self.models)))
        await lookup.close(self.manager)

    # Generated from the methods above: change those, then run `make twins`.

    initialize_sync = twin(initialize)
    initialize_from_settings_sync = twin(initialize_from_settings)
    parse_sync = twin(parse)
    run_tools_sync = twin(run_tools)
    health_check_sync = twin(health_check)
    close_sync = twin(close)

    def chat_sync(
        self, messages: ChatCompletionRequest | _late.Messages, **params: _late.Unpack[_late.ChatParams]
    ) -> ChatCompletionResponse:
        """``chat`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        _streamed.refuse("chat", params)
        return self._call(messages, params).response_sync()

    def stream_sync(
        self, messages: ChatCompletionRequest | _late.Messages, **params: _late.Unpack[_late.ChatParams]
    ) -> Iterator[StreamEvent]:
        """``stream`` as a plain iterator; each step blocks, and Ctrl-C ends it."""
        _streamed.refuse_whole(params)
        return self._call(messages, params).stream_sync()

    def stream_text_sync(
        self, messages: ChatCompletionRequest | _late.Messages, **params: _late.Unpack[_late.ChatParams]
    ) -> Iterator[str]:
        """``stream_text`` as a plain iterator; each step blocks, and Ctrl-C ends it."""
        _streamed.refuse_whole(params, text=True)
        return self._call(messages, params).text_sync()

    def embed_sync(
        self, /, input: str | Sequence[str], model: str | None = None, dimensions: int | None = None, *,
        input_type: _late.InputType | None = None, numpy: bool = False, **params: _late.Unpack[_late.EmbedParams],
    ) -> _late.EmbeddingResponse:  # fmt: skip
        """``embed`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        request = {"input": listed(input, "input"), "model": model, "dimensions": dimensions, "input_type": input_type}
        return _late.EmbeddingResponse(self._other_call(request, params).other_sync("embed"), numpy=numpy)

    def rerank_sync(
        self, /, query: str, documents: Sequence[str], model: str | None = None, top_n: int | None = None,
        **params: _late.Unpack[_late.RerankParams],
    ) -> _late.RerankResponse:  # fmt: skip
        """``rerank`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        documents = listed(documents, "documents")
        request = {"query": query, "documents": documents, "model": model, "top_n": top_n}
        return _late.RerankResponse(self._other_call(request, params).other_sync("rerank"), documents)

    def stream_parse_sync(
        self, messages: ChatCompletionRequest | _late.Messages, form: _late.TypeForm[T],
        **params: _late.Unpack[_late.ChatParams],
    ) -> Iterator[_late.Growing[T]]:  # fmt: skip
        """``stream_parse`` as a plain iterator; each step blocks, and Ctrl-C ends it."""
        from . import growing

        return growing.objects_sync(self, growing.Reader(self, messages, form, params))

    def generate_response_sync(
        self, messages: _late.Messages, max_retries: int | None = None, **params: _late.Unpack[_late.GenerateParams]
    ) -> str:
        """``generate_response`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        try:
            return answered(self.chat_sync(messages, max_retries=max_retries, **params))
        except LLMError as error:
            raise_all_failed(error)

    def generate_summary_sync(self, passage: dict[str, Any], count: int) -> str:
        """``generate_summary`` for code without an event loop; it blocks, and Ctrl-C ends it."""
        return self.generate_response_sync(_late.summary.messages(passage, count))


if __name__ == "__main__":
    from ._ask import main

    main()
