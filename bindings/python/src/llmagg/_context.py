"""State of the call of the core that runs in this context."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

core_calls: ContextVar[Any] = ContextVar("llmagg_core_calls", default=None)
"""The client written in Python that answers the call, or None."""
exchange_options: ContextVar[dict[str, Any]] = ContextVar("llmagg_exchange_options")
"""The call's options for an HTTP exchange ("headers", "include_usage"), for clients with overridden hooks."""
