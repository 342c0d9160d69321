"""Reads requests in OpenAI's shape."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import ClientDisconnect, Request

from llmagg import ChatCompletionRequest
from llmagg._wire import decode
from llmagg.errors import BadResponseError, InvalidArgumentError

from .failures import RefusedError
from .limits import Limits

ANY = "auto"
"""The name that means the aggregator's list of models."""

#: The call options that a client may set in the field ``llmagg`` of its request.
OPTIONS = frozenset(
    (
        "accept", "deadline", "failover_bad_request", "failover_content_filter", "failover_on", "hedge_after",
        "max_cost", "max_retries", "retry_on", "session", "strategy", "timeout", "unsupported",
    )
)  # fmt: skip


async def read(request: Request, limits: Limits) -> dict[str, Any]:
    """The JSON object that a client posts."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise RefusedError(415, "the request is compressed; send it without Content-Encoding", "unsupported_encoding")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.body_bytes:
        raise _too_large(limits)
    try:
        data = await asyncio.wait_for(_body(request, limits), limits.body_s)
    except (TimeoutError, asyncio.TimeoutError):
        raise RefusedError(408, f"the request did not arrive within {limits.body_s:g} s", "request_timeout") from None
    try:
        body = decode(data, "the request")
    except BadResponseError as error:
        raise InvalidArgumentError(error.message) from None
    if not isinstance(body, dict):
        raise InvalidArgumentError(f"the request must be a JSON object, got {type(body).__name__}")
    return body


async def _body(request: Request, limits: Limits) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > limits.body_bytes:
            raise _too_large(limits)
    return bytes(data)


def _too_large(limits: Limits) -> RefusedError:
    text = f"the request is larger than {limits.body_bytes} bytes, the limit of this server"
    return RefusedError(413, text, "request_too_large", {"connection": "close"})


def options_of(body: dict[str, Any]) -> dict[str, Any]:
    """Takes the call options out of a request's field ``llmagg``."""
    given = body.pop("llmagg", None) or {}
    if not isinstance(given, dict):
        raise InvalidArgumentError(f"llmagg must be an object of call options, got {type(given).__name__}")
    if unknown := sorted(given.keys() - OPTIONS):
        known = ", ".join(sorted(OPTIONS))
        raise InvalidArgumentError(f"llmagg.{unknown[0]} is no call option of the server; expected one of {known}")
    return given


def chat_request(body: dict[str, Any], model: str) -> ChatCompletionRequest:
    """The request of a chat. Fields that the library does not know go to the provider; misspelt ones are an error."""
    messages = body.pop("messages", None)
    if not isinstance(messages, list):
        raise InvalidArgumentError(f"messages must be a list of messages, got {type(messages).__name__}")
    request = ChatCompletionRequest.from_dict({**body, "model": model, "messages": [], "stream": False})
    request.stream_options = None
    request.messages = messages
    return request


def wants_usage(body: dict[str, Any]) -> bool:
    """Whether a stream shall end with its usage. Takes ``stream_options`` out of the request."""
    options = body.pop("stream_options", None)
    return isinstance(options, dict) and options.get("include_usage") is True


__all__ = ["ANY", "OPTIONS", "ClientDisconnect", "chat_request", "options_of", "read", "wants_usage"]
