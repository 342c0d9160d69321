"""Reads what clients post."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from llmagg._openai.requests import body_of

from .failures import RefusedError
from .limits import Limits


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
    return body_of(data)


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
