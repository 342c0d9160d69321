"""Runs a function of the application with the core's rules for retries, so that the rules exist once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from .. import errors
from .._wire import encode
from ..config import ModelConfig
from .calls import Call
from .handle import Handle, Routes
from .route import Route, core_config

T = TypeVar("T")
_REQUEST = {"messages": [{"role": "user", "content": "-"}]}
_ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "-"}, "finish_reason": "stop"}]}


async def run(config: Any, func: Callable[..., Awaitable[T]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    """Awaits ``func(*args, **kwargs)`` until it succeeds. Raises an APIError after the last attempt."""
    results: list[T] = []
    failures: list[BaseException] = []

    async def attempt() -> dict[str, Any]:
        try:
            results.append(await func(*args, **kwargs))
        except Exception as error:
            failures.append(error)
            raise
        return _ANSWER

    tag = Route().tag
    core = core_config(config if isinstance(config, ModelConfig) else None, None, None)
    data = encode(core, "the configuration")
    handle = Handle.new("llmagg_client_new_custom", "llmagg_client_free", data, len(data), None, tag)
    call = Call(Routes([handle], single=True), _REQUEST, targets={tag: lambda _: attempt()})
    try:
        await call.answer()
    except errors.LLMError as error:
        raise error from (failures[-1] if failures else None)
    return results[-1]
