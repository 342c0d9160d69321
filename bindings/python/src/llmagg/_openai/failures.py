"""Failures in the shape of OpenAI's API: a status, headers and ``{"error": {…}}``."""

from __future__ import annotations

import math
from typing import Any

from llmagg import errors

from .trail import headers_of

_INVALID, _SERVER = "invalid_request_error", "server_error"
_RATE = "rate_limit_error"

#: Error class → status, type and code; the first class that fits counts.
_TABLE: tuple[tuple[type[errors.LLMError], int, str, str], ...] = (
    (errors.InvalidArgumentError, 400, _INVALID, "invalid_argument"),
    (errors.UnsupportedError, 400, _INVALID, "unsupported"),
    (errors.ModelNotFoundError, 404, _INVALID, "model_not_found"),
    (errors.ProviderNotFoundError, 404, _INVALID, "model_not_found"),
    (errors.ContextLengthError, 400, _INVALID, "context_length_exceeded"),
    (errors.ContentFilterError, 400, _INVALID, "content_filter"),
    (errors.BadRequestError, 400, _INVALID, "bad_request"),
    (errors.QuotaExceededError, 429, "insufficient_quota", "insufficient_quota"),
    (errors.RateLimitError, 429, _RATE, "rate_limit_exceeded"),
    (errors.OverloadedError, 503, _SERVER, "overloaded"),
    (errors.APITimeoutError, 504, _SERVER, "timeout"),
    (errors.AuthenticationError, 502, _SERVER, "upstream_authentication"),
    (errors.BadResponseError, 502, _SERVER, "bad_response"),
    (errors.StreamInterruptedError, 502, _SERVER, "stream_interrupted"),
    (errors.CircuitOpenError, 503, _SERVER, "circuit_open"),
    (errors.ServiceUnavailableError, 503, _SERVER, "unavailable"),
    (errors.AllModelsFailedError, 502, _SERVER, "all_models_failed"),
    (errors.ClosedError, 503, _SERVER, "closed"),
    (errors.CanceledError, 503, _SERVER, "canceled"),
    (errors.NotInitializedError, 500, _SERVER, "not_initialized"),
)


def _judged(error: errors.LLMError) -> tuple[int, str, str]:
    """Status, type and code. If all models failed, those of the last failure, which a client can act upon."""
    cause = error.__cause__
    if isinstance(error, errors.AllModelsFailedError) and isinstance(cause, errors.LLMError):
        return _judged(cause)
    return next((tuple(row) for kind, *row in _TABLE if isinstance(error, kind)), (500, _SERVER, "internal"))  # type: ignore[return-value]


def payload(error: errors.LLMError) -> dict[str, Any]:
    """The object ``error``. ``attempts`` lists the attempts on all routes."""
    _, kind, code = _judged(error)
    told: dict[str, Any] = {"message": error.message or error.name, "type": kind, "param": None, "code": code}
    if error.attempts:
        told["attempts"] = [attempt.to_dict() for attempt in error.attempts]
    return told


def status_and_headers(error: errors.LLMError) -> tuple[int, dict[str, str]]:
    """The status and the headers of a call that failed. ``x-should-retry`` tells OpenAI's SDKs that the library has
    done what retries can do, unless a provider has named a time to wait.
    """
    status, _, _ = _judged(error)
    headers = headers_of(error.attempts)
    if (wait := _wait(error)) is not None and status in (429, 503):
        headers["retry-after"] = str(math.ceil(wait))
    else:
        headers["x-should-retry"] = "false"
    return status, headers


def _wait(error: BaseException | None) -> float | None:
    while isinstance(error, errors.LLMError):
        if error.retry_after is not None:
            return error.retry_after
        error = error.__cause__
    return None
