"""``llmagg.chat("Hello")`` and its like: calls without an aggregator of one's own, with the keys of the environment.

The models that a call tries, in order, are those of its ``models`` (each ``provider/name``, of a known vendor or of the
configuration that is found). Without ``models`` :mod:`llmagg.settings` says which they are.

The providers are not in the registry that aggregators share (:func:`llmagg.get_manager`). The environment is read at
each call: a changed key takes effect at the next call.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

from . import _called, _late, _misspelt, catalog, settings
from ._frames import brief
from ._native import blocking
from .aggregator import LLMAggregator
from .embeddings import EmbeddingResponse
from .errors import InvalidArgumentError
from .events import StreamEvent
from .manager import PrivateManager
from .rankings import RerankResponse
from .requests import ChatCompletionRequest
from .responses import ChatCompletionResponse

T = TypeVar("T")

Models = str | Sequence[str | Sequence[str]]
"""The name of a model, or a list of names and of groups of names. :class:`LLMAggregator` takes the list only: programs
read and change its ``models``.
"""

_MOST = 16  # the most aggregators that are kept
_kept: dict[Any, LLMAggregator] = {}  # guarded by _lock
_shown: weakref.WeakSet[LLMAggregator] = weakref.WeakSet()  # guarded by _lock
_lock = threading.Lock()


async def aggregator(models: Models | None = None, model: Any = None) -> LLMAggregator:
    """The aggregator that the calls of this module use for these models, or for the ``model`` that a request names
    with its vendor.
    """
    if models is None and isinstance(model, str) and "/" in model:
        models = model
    groups = catalog.model_groups([models] if isinstance(models, str) else models, given=True)
    named: list[Any] = (groups if len(groups) > 1 else catalog.model_names(groups)) or settings.names()
    key = (repr(named), tuple(os.environ.items()))
    with _lock:
        found = _kept.get(key)
    if found is not None:
        return found
    made = LLMAggregator(named or None)
    made.manager = PrivateManager()
    with brief:
        await made._install(settings.find(named), lenient=not named)
    with _lock:
        if len(_kept) >= _MOST:
            _kept.clear()  # running calls keep theirs
        return _kept.setdefault(key, made)


def used() -> list[LLMAggregator]:
    """The aggregators that calls of this module have used lately, and those of :func:`show`."""
    with _lock:
        return [*_kept.values(), *_shown]


def show(llm: LLMAggregator) -> None:
    """Lets metrics and ``llmagg top`` show the routes of an aggregator with a registry of its own, while it lives."""
    with _lock:
        _shown.add(llm)


def file_of_command(config: Path | None) -> Path | None:
    """The configuration file of a command: the one of ``--config``, else the one that LLMAGG_CONFIG names."""
    file = settings.named_file()
    return Path(file) if config is None and file else config


def of_command(models: list[str] | None, config: Path | None) -> LLMAggregator:
    """The aggregator of a command for models, with the configuration in a file, else with what this module finds.

    A file that cannot be used is an error here, also the one of ``LLMAGG_CONFIG``.
    """
    named = settings.listed(",".join(models)) if models else settings.names()
    config = file_of_command(config)
    if config is None:
        return aggregator_sync(named or None)
    made = LLMAggregator(named or None)
    made.manager = PrivateManager()
    blocking.run(made.initialize(config))
    show(made)
    return made


def aggregator_sync(models: Models | None = None, model: Any = None) -> LLMAggregator:
    """``aggregator`` for code without an event loop."""
    return blocking.run(aggregator(models, model))


def _model(messages: Any, params: Mapping[str, Any], *needed: Any) -> Any:
    """The model that a request names. Raises InvalidArgumentError, or TypeError, if an argument is missing."""
    _called.refuse(params, messages, *needed)
    return params.get("model") or getattr(messages, "model", None)


@_called.told
async def chat(
    messages: ChatCompletionRequest | _late.Messages,
    models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> ChatCompletionResponse:
    """Asks the models in order and returns the whole answer. Messages are a text, or a list of messages.

    Example::

        response = await llmagg.chat("Hello!", models=["anthropic/claude-sonnet-5", "openai/gpt-4o-mini"])
        print(response.text)

    Raises LLMError; AllModelsFailedError if all models failed. :mod:`llmagg.settings` says which models are asked
    without ``models``. The parameters are those of :meth:`LLMAggregator.chat`.
    """
    llm = await aggregator(models, _model(messages, params))
    return await llm.chat(messages, **params)


@_called.told
async def parse(
    messages: ChatCompletionRequest | _late.Messages, form: _late.TypeForm[T], *, models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> _late.Parsed[T]:  # fmt: skip
    """An answer as an object, as :meth:`LLMAggregator.parse`.

    Example::

        city = (await llmagg.parse("Name a city in Germany.", City)).value
    """
    llm = await aggregator(models, _model(messages, params, form))
    return await llm.parse(messages, form, **params)


@_called.told
async def run_tools(
    messages: _late.Messages, tools: Sequence[Callable[..., Any]], *, models: Models | None = None,
    max_rounds: int = 10, max_total_tokens: int | None = None, **params: _late.Unpack[_late.ToolParams],
) -> _late.ToolRun:  # fmt: skip
    """Lets the model call Python functions, as :meth:`LLMAggregator.run_tools`."""
    llm = await aggregator(models, _model(messages, params, tools))
    return await llm.run_tools(
        messages, tools=tools, max_rounds=max_rounds, max_total_tokens=max_total_tokens, **params
    )


@_called.told
async def stream(
    messages: ChatCompletionRequest | _late.Messages,
    models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> AsyncGenerator[StreamEvent, None]:
    """The events of a streamed answer, as :meth:`LLMAggregator.stream`."""
    llm = await aggregator(models, _model(messages, params))
    async with aclosing(llm.stream(messages, **params)) as events:
        async for event in events:
            yield event


@_called.told
async def stream_text(
    messages: ChatCompletionRequest | _late.Messages,
    models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> AsyncGenerator[str, None]:
    """The text of an answer as it arrives, as :meth:`LLMAggregator.stream_text`.

    Example::

        async for text in llmagg.stream_text("Tell me a story."):
            print(text, end="", flush=True)
    """
    llm = await aggregator(models, _model(messages, params))
    async with aclosing(llm.stream_text(messages, **params)) as texts:
        async for text in texts:
            yield text


@_called.told
async def stream_parse(
    messages: ChatCompletionRequest | _late.Messages, form: _late.TypeForm[T], *, models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> AsyncGenerator[_late.Growing[T], None]:  # fmt: skip
    """An object that grows while its answer arrives, as :meth:`LLMAggregator.stream_parse`."""
    llm = await aggregator(models, _model(messages, params, form))
    async with aclosing(llm.stream_parse(messages, form, **params)) as objects:
        async for growing in objects:
            yield growing


@_called.told
async def embed(
    input: str | Sequence[str], models: Models | None = None, dimensions: int | None = None, *,
    input_type: _late.InputType | None = None, numpy: bool = False, **params: _late.Unpack[_late.NamedEmbedParams],
) -> EmbeddingResponse:  # fmt: skip
    """The vectors of a text or of a list of texts, as :meth:`LLMAggregator.embed`.

    Example::

        vectors = (await llmagg.embed(["red", "blue"], "openai/text-embedding-3-small")).embeddings

    The model has to be named, since vectors of two models cannot be compared.
    """
    llm = await aggregator(*_named("embed", models, params, input=input))
    return await llm.embed(input, dimensions=dimensions, input_type=input_type, numpy=numpy, **params)


@_called.told
async def rerank(
    query: str, documents: Sequence[str], models: Models | None = None, top_n: int | None = None,
    **params: _late.Unpack[_late.NamedRerankParams],
) -> RerankResponse:  # fmt: skip
    """Ranks documents by how well they fit a query, as :meth:`LLMAggregator.rerank`.

    Example::

        ranking = await llmagg.rerank("red fish", ["a red fish", "a blue bird"], "cohere/rerank-v3.5", top_n=1)
    """
    llm = await aggregator(*_named("rerank", models, params, query=query, documents=documents))
    return await llm.rerank(query, documents, top_n=top_n, **params)


def _named(what: str, models: Models | None, params: Mapping[str, Any], **needed: Any) -> tuple[Models | None, Any]:
    """The models of a call that is no chat. Those that the environment names answer chats."""
    _called.refuse(params, *needed.values())
    _misspelt.refuse_of_other(needed, params)
    if not models and not params.get("model"):
        example = "openai/text-embedding-3-small" if what == "embed" else "cohere/rerank-v3.5"
        raise InvalidArgumentError(f'{what}() needs the name of a model, such as models="{example}"')
    return models, params.get("model")


# Generated from the functions above: change those, then run `make twins`.


@_called.told
def chat_sync(
    messages: ChatCompletionRequest | _late.Messages,
    models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> ChatCompletionResponse:
    """``chat`` for code without an event loop; it blocks, and Ctrl-C ends it."""
    return aggregator_sync(models, _model(messages, params)).chat_sync(messages, **params)


@_called.told
def parse_sync(
    messages: ChatCompletionRequest | _late.Messages, form: _late.TypeForm[T], *, models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> _late.Parsed[T]:  # fmt: skip
    """``parse`` for code without an event loop; it blocks, and Ctrl-C ends it."""
    return aggregator_sync(models, _model(messages, params, form)).parse_sync(messages, form, **params)


@_called.told
def run_tools_sync(
    messages: _late.Messages, tools: Sequence[Callable[..., Any]], *, models: Models | None = None,
    max_rounds: int = 10, max_total_tokens: int | None = None, **params: _late.Unpack[_late.ToolParams],
) -> _late.ToolRun:  # fmt: skip
    """``run_tools`` for code without an event loop; it blocks, and Ctrl-C ends it."""
    llm = aggregator_sync(models, _model(messages, params, tools))
    return llm.run_tools_sync(messages, tools=tools, max_rounds=max_rounds, max_total_tokens=max_total_tokens, **params)


@_called.told
def stream_sync(
    messages: ChatCompletionRequest | _late.Messages,
    models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> Iterator[StreamEvent]:
    """``stream`` as a plain iterator; each step blocks, and Ctrl-C ends it."""
    return aggregator_sync(models, _model(messages, params)).stream_sync(messages, **params)


@_called.told
def stream_text_sync(
    messages: ChatCompletionRequest | _late.Messages,
    models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> Iterator[str]:
    """``stream_text`` as a plain iterator; each step blocks, and Ctrl-C ends it."""
    return aggregator_sync(models, _model(messages, params)).stream_text_sync(messages, **params)


@_called.told
def stream_parse_sync(
    messages: ChatCompletionRequest | _late.Messages, form: _late.TypeForm[T], *, models: Models | None = None,
    **params: _late.Unpack[_late.ChatParams],
) -> Iterator[_late.Growing[T]]:  # fmt: skip
    """``stream_parse`` as a plain iterator; each step blocks, and Ctrl-C ends it."""
    return aggregator_sync(models, _model(messages, params, form)).stream_parse_sync(messages, form, **params)


@_called.told
def embed_sync(
    input: str | Sequence[str], models: Models | None = None, dimensions: int | None = None, *,
    input_type: _late.InputType | None = None, numpy: bool = False, **params: _late.Unpack[_late.NamedEmbedParams],
) -> EmbeddingResponse:  # fmt: skip
    """``embed`` for code without an event loop; it blocks, and Ctrl-C ends it."""
    llm = aggregator_sync(*_named("embed", models, params, input=input))
    return llm.embed_sync(input, dimensions=dimensions, input_type=input_type, numpy=numpy, **params)


@_called.told
def rerank_sync(
    query: str, documents: Sequence[str], models: Models | None = None, top_n: int | None = None,
    **params: _late.Unpack[_late.NamedRerankParams],
) -> RerankResponse:  # fmt: skip
    """``rerank`` for code without an event loop; it blocks, and Ctrl-C ends it."""
    llm = aggregator_sync(*_named("rerank", models, params, query=query, documents=documents))
    return llm.rerank_sync(query, documents, top_n=top_n, **params)
