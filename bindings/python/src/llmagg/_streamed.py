"""What the parameters of calls say of streams, where the method says otherwise. The methods decide, not ``stream``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import InvalidArgumentError

_STREAMS = {"chat": "stream_text() or stream()", "parse": "stream_parse()"}


def refuse(method: str, params: Mapping[str, Any]) -> None:
    """Refuses ``stream=True`` for a method that returns something whole. Raises InvalidArgumentError."""
    if not params.get("stream"):
        return
    text = f"stream=True is not for {method}(), which returns the whole answer"
    if streams := _STREAMS.get(method):
        text += f"; use {streams}, whose blocking twins end in _sync"
    if method == "chat":
        text += "; ChatCompletionRequest(…, stream=True) asks a server for a stream and returns it whole"
    raise InvalidArgumentError(text)


def refuse_whole(params: Mapping[str, Any], *, text: bool = False, whole: str = "chat") -> None:
    """Refuses ``stream=False`` for a method that streams, and a restart where ``text`` alone is streamed;
    ``whole`` is the method for a whole answer. Raises InvalidArgumentError.
    """
    if params.get("stream") is False:
        raise InvalidArgumentError(f"stream=False is not for a method that streams; {whole}() returns the whole answer")
    if text and params.get("on_interrupt") == "restart":
        raise InvalidArgumentError("a stream of bare text cannot announce a restart; use stream() instead")
