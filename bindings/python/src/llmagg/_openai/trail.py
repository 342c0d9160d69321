"""Which routes a call took, in headers and in the field ``llmagg`` of answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from llmagg.attempt import Attempt
from llmagg.cost import Cost

_MOST = 20  # attempts in a header, the last ones


def headers_of(attempts: list[Attempt], cost: Cost | None = None) -> dict[str, str]:
    """``x-llmagg-route`` is the route that answered, ``x-llmagg-attempts`` how many attempts there were, and
    ``x-llmagg-trail`` the last of them: ``shop/a;outcome=UNAVAILABLE;status=503;s=0.012, shop/b;outcome=OK;…``.
    """
    if not attempts:
        return {}
    headers = {"x-llmagg-attempts": str(len(attempts)), "x-llmagg-trail": ", ".join(map(_told, attempts[-_MOST:]))}
    if route := _route(attempts):
        headers["x-llmagg-route"] = quote(route, _PLAIN)
    if cost is not None:
        headers["x-llmagg-cost"] = f"{cost.amount:.6g} {cost.currency}"
    return headers


_PLAIN = "/:@!$&'()*+="  # what stands in names of models and is no separator of the trail


def _told(attempt: Attempt) -> str:
    status = f";status={attempt.status}" if attempt.status else ""
    return f"{quote(attempt.route, _PLAIN)};outcome={attempt.outcome}{status};s={attempt.duration:.3f}"


def _route(attempts: list[Attempt]) -> str:
    return next((attempt.route for attempt in reversed(attempts) if attempt.outcome == "OK"), "")


def field_of(attempts: list[Attempt], cost: Cost | None = None) -> dict[str, Any]:
    """The field ``llmagg`` of an answer."""
    told: dict[str, Any] = {"route": _route(attempts), "attempts": [attempt.to_dict() for attempt in attempts]}
    if cost is not None:
        told["cost"] = cost.to_dict()
    return told
