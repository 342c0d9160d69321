"""What the core is calling back right now, in this context."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

core_calls: ContextVar[Any] = ContextVar("llmagg_core_calls", default=None)
"""The client that answers a call of the core in this context, or None."""
exchange_options: ContextVar[dict[str, Any]] = ContextVar("llmagg_exchange_options")
"""What the call wants of its HTTP exchanges ("headers", "include_usage"), for clients whose hooks are overridden."""
