"""One entry of the attempt trail (docs/promises.md, O1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._absent import no_dict
from ._fields import Record, brief, spread
from .cost import Cost


def seconds(time: float) -> str:
    """A time of an attempt for people: never as 1e-05."""
    return f"{round(time, 4):.9g} s"


@no_dict
@dataclass(repr=False, eq=False)
class Attempt(Record):
    """One exchange on one route. ``response.attempts`` and ``error.attempts`` list the attempts of a call.

    Times are in seconds. ``start`` counts from the Unix epoch, ``first_token`` from ``start``; it is None when no token
    came. ``outcome`` is ``"OK"`` or the name of ``code`` (docs/promises.md, E). ``status`` is the HTTP status, or 0.
    ``error_owner`` says who can do something about a failure: "caller", "policy", "provider" or "network".
    ``wait`` is how long the call waited before this attempt; ``waited_for`` says for what: "backoff", "retry-after",
    "concurrency limit", "rate", "half-open trial". ``cost`` is what it cost, None if that is not known. ``left_out``
    names the fields that the request omitted because the server refuses them ("stream_options",
    "messages.reasoning_details"). ``adapted`` says which parameters of the request the vendor cannot do and what was
    done instead ("seed: left out", "temperature: 1.5 to 1"). ``key`` is the end of the key that the attempt used, if
    the route has several keys: four characters at most. ``server_address`` and ``server_port`` are the host and the
    port of the server that was asked; "" and 0 if the application answers the route itself.
    """

    route: str
    provider: str = ""
    model: str = ""
    start: float = 0.0
    duration: float = 0.0
    first_token: float | None = None
    outcome: str = "OK"
    code: int = 0
    error_owner: str = ""
    status: int = 0
    message: str = ""
    wait: float = 0.0
    waited_for: str = ""
    bytes: int = 0
    skipped_events: int = 0
    usage: dict[str, Any] | None = None
    cost: Cost | None = None
    left_out: list[str] = field(default_factory=list)
    adapted: list[str] = field(default_factory=list)
    key: str = ""
    stream: bool = False
    forced: bool = False
    hedge: bool = False
    server_address: str = ""
    server_port: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    __repr__ = brief

    def __str__(self) -> str:
        """The attempt in one line."""
        parts = [f"{self.route}: {self.outcome}"]
        if self.status:
            parts.append(f" (HTTP {self.status})")
        parts.append(f" after {seconds(self.duration)}")
        if self.first_token:
            parts.append(f", first token at {seconds(self.first_token)}")
        if self.wait:
            parts.append(f", waited {seconds(self.wait)} before" + (f" ({self.waited_for})" if self.waited_for else ""))
        if self.left_out:
            parts.append(f", without {', '.join(self.left_out)}")
        if self.adapted:
            parts.append(f", adapted {', '.join(self.adapted)}")
        if self.key:
            parts.append(f", key {self.key}")
        if self.forced:
            parts.append(", last-resort probe")
        if self.hedge:
            parts.append(", hedge")
        if self.message:
            parts.append(f": {self.message}")
        return "".join(parts)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Attempt:
        """Reads an entry of ``"attempts"``; unknown fields go to ``extra``."""
        data = spread(data, _FIELDS)
        known = {k: v for k, v in data.items() if k in _FIELDS and v is not None}
        if "cost" in known:
            known["cost"] = Cost.from_dict(known["cost"])
        known.setdefault("route", f"{data.get('provider', '')}/{data.get('model', '')}")
        return cls(**known, extra={k: v for k, v in data.items() if k not in _FIELDS})

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; empty fields are omitted."""
        values = {k: v for k, v in vars(self).items() if k != "extra" and (v or k in _ALWAYS)}
        if self.cost is not None:
            values["cost"] = self.cost.to_dict()
        return {**values, **self.extra}


_FIELDS = frozenset(Attempt.__dataclass_fields__) - {"extra"}
_ALWAYS = frozenset({"route", "provider", "model", "start", "duration", "outcome", "code", "wait", "bytes"})
