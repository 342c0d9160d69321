"""What an application's own clients give."""

from __future__ import annotations

import inspect
from typing import Any


async def close_stream(chunks: Any) -> None:
    """Closes what an application's ``chat_completion_stream`` gave; the ``aclose`` of a mock is nothing to wait for."""
    method = getattr(chunks, "aclose", None)
    if method is not None and inspect.isawaitable(closing := method()):
        await closing
