"""Reads what clients post."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from llmagg._patience import within

from .failures import RefusedError
from .limits import Limits


async def read(request: Request, limits: Limits) -> bytes:
    """What a client posts."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise RefusedError(415, "the request is compressed; send it without Content-Encoding", "unsupported_encoding")
    try:
        return await within(_body(request, limits), limits.body_s)
    except (TimeoutError, asyncio.TimeoutError):
        raise RefusedError(408, f"the request did not arrive within {limits.body_s:g} s", "request_timeout") from None


async def _body(request: Request, limits: Limits) -> bytes:
    """A body. One that is too large is read on for a while and dropped, since few clients look at an answer before they
    have sent everything.
    """
    data, size = bytearray(), 0
    length = request.headers.get("content-length", "")
    too_large = length.isdecimal() and int(length) > limits.body_bytes
    async for piece in request.stream():
        size += len(piece)
        too_large = too_large or size > limits.body_bytes
        if size > 2 * limits.body_bytes:
            break
        if too_large:
            data.clear()
        else:
            data += piece
    if too_large:
        text = f"the request is larger than {limits.body_bytes} bytes, the limit of this server"
        raise RefusedError(413, text, "request_too_large", {"connection": "close"})
    return bytes(data)
