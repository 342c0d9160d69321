"""One entry of the attempt trail (docs/promises.md, O1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Attempt:
    """One exchange on one route, as ``response.attempts`` and ``error.attempts`` list them.

    Times are seconds; ``start`` is seconds since the Unix epoch; ``first_token`` counts from ``start`` and is None
    when no token came. ``outcome`` is ``"OK"`` or the name of ``code`` (docs/promises.md, E); ``status`` is the HTTP
    status, 0 without one. ``wait`` is how long the call waited before it, ``waited_for`` for what ("backoff", "the
    server's wait", "a place", "another call's try"). ``left_out`` names what the request left out because the server
    refused it ("stream_options", "messages.reasoning_details").
    """

    route: str
    provider: str = ""
    model: str = ""
    start: float = 0.0
    duration: float = 0.0
    first_token: float | None = None
    outcome: str = "OK"
    code: int = 0
    status: int = 0
    message: str = ""
    wait: float = 0.0
    waited_for: str = ""
    bytes: int = 0
    skipped_events: int = 0
    usage: dict[str, Any] | None = None
    left_out: list[str] = field(default_factory=list)
    stream: bool = False
    forced: bool = False
    hedge: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The attempt in one line."""
        parts = [f"{self.route}: {self.outcome}"]
        if self.status:
            parts.append(f" (HTTP {self.status})")
        parts.append(f" after {self.duration:.3g} s")
        if self.first_token:
            parts.append(f", first token at {self.first_token:.3g} s")
        if self.wait:
            parts.append(f", waited {self.wait:.3g} s before" + (f" ({self.waited_for})" if self.waited_for else ""))
        if self.left_out:
            parts.append(f", without {', '.join(self.left_out)}")
        if self.forced:
            parts.append(", forced try")
        if self.hedge:
            parts.append(", hedge")
        if self.message:
            parts.append(f": {self.message}")
        return "".join(parts)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Attempt:
        """Reads one entry of ``"attempts"``; unknown fields go to ``extra``."""
        known = {k: v for k, v in data.items() if k in _FIELDS and v is not None}
        known.setdefault("route", f"{data.get('provider', '')}/{data.get('model', '')}")
        return cls(**known, extra={k: v for k, v in data.items() if k not in _FIELDS})

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that say nothing are left out."""
        values = {k: v for k, v in vars(self).items() if k != "extra" and (v or k in _ALWAYS)}
        return {**values, **self.extra}


_FIELDS = frozenset(Attempt.__dataclass_fields__) - {"extra"}
_ALWAYS = frozenset({"route", "provider", "model", "start", "duration", "outcome", "code", "wait", "bytes"})
