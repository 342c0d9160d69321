"""One API for many large language models, with failover, retries, circuit breakers and streams in a native core.

``import llmagg`` loads no shared library and starts no thread; the first call does.
"""

from __future__ import annotations

import typing as _typing

from . import _fork as _fork  # first: several threads may import the modules below
from . import (
    _names,  # noqa: F401 - for the files of pkg.core.llm
    aggregator,
    attempt,
    client,
    config,
    errors,
    events,
    log,
    manager,
    messages,
    provider,
    providers,
    requests,
    responses,
    types,
)
from ._version import __version__
from .aggregator import LLMAggregator
from .attempt import Attempt
from .client import BaseLLMClient, LLMClient
from .config import ModelConfig, ProviderConfig
from .cost import Cost
from .errors import (
    AllModelsFailedError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BadResponseError,
    CanceledError,
    CircuitOpenError,
    ClosedError,
    ContentFilterError,
    ContextLengthError,
    ForkedError,
    InternalError,
    InvalidArgumentError,
    LLMError,
    ModelNotFoundError,
    NotInitializedError,
    OverloadedError,
    ProviderNotFoundError,
    QuotaExceededError,
    RateLimitError,
    ServiceUnavailableError,
    StreamInterruptedError,
    UnknownModelError,
    UnsupportedError,
)
from .events import ChunkEvent, DoneEvent, RestartEvent, StreamEvent
from .manager import Manager, get_client, get_client_by_model, get_manager
from .messages import Function, Message, MessageRole, ToolCall
from .provider import BaseProvider, Provider
from .providers import DeepSeekProvider, GeminiProvider, OpenAIProvider
from .requests import ChatCompletionRequest
from .responses import ChatCompletionResponse, Choice, StreamChoice, StreamResponse, Usage

if _typing.TYPE_CHECKING:
    from . import (  # noqa: F401 - not in __all__: they need extras, or are for tests
        budget,
        bulk,
        cache,
        clibrary,
        default,
        diagnostics,
        embeddings,
        faultwall,
        llm_aggrator,
        metrics,
        observers,
        otel,
        prices,
        rankings,
        serve,
        settings,
    )
    from .budget import Budget, process_budget
    from .cache import Cache
    from .clibrary import get_include, get_library
    from .default import (
        chat,
        chat_sync,
        embed,
        embed_sync,
        parse,
        parse_sync,
        rerank,
        rerank_sync,
        run_tools,
        run_tools_sync,
        stream,
        stream_parse,
        stream_parse_sync,
        stream_sync,
        stream_text,
        stream_text_sync,
    )
    from .diagnostics import stats
    from .embeddings import EmbeddingResponse
    from .llm_aggrator import LLMAggrator
    from .observers import Observation, Observer, SyncObserver, observe, observe_sync
    from .otel import instrument  # noqa: F401
    from .rankings import RankedDocument, RerankResponse
    from .sqlite_cache import SqliteCache

__all__ = [
    "APIError", "APITimeoutError", "AllModelsFailedError", "Attempt", "AuthenticationError", "BadRequestError",
    "BadResponseError", "BaseLLMClient", "BaseProvider", "Budget", "Cache", "CanceledError", "ChatCompletionRequest",
    "ChatCompletionResponse", "Choice", "ChunkEvent", "CircuitOpenError", "ClosedError", "ContentFilterError",
    "ContextLengthError", "Cost", "DeepSeekProvider", "DoneEvent", "EmbeddingResponse", "ForkedError", "Function",
    "GeminiProvider", "InternalError", "InvalidArgumentError", "LLMAggrator", "LLMAggregator", "LLMClient", "LLMError",
    "Manager", "Message", "MessageRole", "ModelConfig", "ModelNotFoundError", "NotInitializedError", "Observation",
    "Observer", "OpenAIProvider", "OverloadedError", "Provider", "ProviderConfig", "ProviderNotFoundError",
    "QuotaExceededError", "RankedDocument", "RateLimitError", "RerankResponse", "RestartEvent",
    "ServiceUnavailableError", "SqliteCache", "StreamChoice", "StreamEvent", "StreamInterruptedError", "StreamResponse",
    "SyncObserver", "ToolCall", "UnknownModelError", "UnsupportedError", "Usage", "__version__", "aggregator",
    "attempt", "budget", "bulk", "cache", "chat", "chat_sync", "client", "config", "cost", "default", "diagnostics",
    "embed", "embed_sync", "embeddings", "errors", "events", "get_client", "get_client_by_model", "get_include",
    "get_library", "get_manager", "llm_aggrator", "log", "manager", "messages", "observe", "observe_sync", "observers",
    "parse", "parse_sync", "process_budget", "provider", "providers", "rankings", "requests", "rerank", "rerank_sync",
    "responses", "run_tools", "run_tools_sync", "settings", "stats", "stream", "stream_parse", "stream_parse_sync",
    "stream_sync", "stream_text", "stream_text_sync", "types",
]  # fmt: skip


_PLACES = {
    "budget": "Budget budget process_budget", "bulk": "bulk", "cache": "Cache cache",
    "clibrary": "clibrary get_include get_library", "diagnostics": "diagnostics stats",
    "default": "chat chat_sync default embed embed_sync parse parse_sync rerank rerank_sync run_tools run_tools_sync "
    "stream stream_parse stream_parse_sync stream_sync stream_text stream_text_sync",
    "embeddings": "EmbeddingResponse embeddings", "faultwall": "faultwall", "llm_aggrator": "LLMAggrator llm_aggrator",
    "metrics": "metrics",
    "observers": "Observation Observer SyncObserver observe observe_sync observers", "otel": "instrument otel",
    "prices": "prices", "rankings": "RankedDocument RerankResponse rankings", "serve": "serve", "settings": "settings",
    "sqlite_cache": "SqliteCache",
}  # fmt: skip
_LATE = {name: module for module, names in _PLACES.items() for name in names.split()}


def __getattr__(name: str) -> _typing.Any:
    """Imports a module when a program first uses one of its names, since most programs use none."""
    if name not in _LATE:
        if f"{__name__}.{name}" in _fork.LATE:  # Python asks so before it imports the module for the package itself
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import _absent

        raise _absent.error(f"module {__name__!r}", name, __all__, "module")
    from importlib import import_module

    module = import_module(f".{_LATE[name]}", __name__)
    if name == _LATE[name]:
        return module
    return globals().setdefault(name, getattr(module, name))


def __dir__() -> list[str]:
    return sorted(globals().keys() | set(__all__))
