"""Every exception of the library.

::

    Exception
    └── LLMError
        ├── InvalidArgumentError      (also ValueError)    an argument, request or configuration cannot be used
        ├── ClosedError                                    the object was closed while the call ran
        ├── InternalError                                  a fault inside the library
        ├── ForkedError                                    a call of the parent, used in a forked child
        ├── NotInitializedError       (also RuntimeError)  the aggregator has no routes yet
        ├── ProviderNotFoundError                          no such provider
        ├── ModelNotFoundError                             no such model
        │   └── UnknownModelError (also APIError)          a server does not know the model
        ├── AllModelsFailedError      (also RuntimeError)  all routes failed; ``attempts`` lists the attempts
        ├── CanceledError                                  the caller cancelled
        └── APIError                                       a failure of a provider or on the way to it
            ├── AuthenticationError                        the key was refused
            ├── RateLimitError                             too many requests
            │   └── QuotaExceededError                     no credit left
            ├── BadRequestError                            the provider refused the request
            │   ├── ContextLengthError                     the prompt is too long
            │   └── ContentFilterError                     prompt or answer was blocked
            ├── APITimeoutError       (also TimeoutError)  a deadline passed
            ├── ServiceUnavailableError                    network failure or 5xx
            ├── BadResponseError                           the answer is not a completion
            ├── StreamInterruptedError                     a stream broke off; ``partial_text`` has its text
            ├── CircuitOpenError                           the route is not usable now
            ├── OverloadedError                            the route is full, or its rate has no room
            └── UnsupportedError                           the vendor cannot do what the request asks for

``error.code`` is the number that Go and C give for the same failure. If a client written in Python raises an exception
of another library, or a plain :class:`APIError`, it counts as UNAVAILABLE; a ``TimeoutError`` counts as TIMEOUT.
"""

from __future__ import annotations

import sys
from functools import cached_property
from typing import Any

from . import _absent
from .attempt import Attempt

if sys.version_info < (3, 11):
    from asyncio import TimeoutError as _AsyncioTimeoutError

    class _BothTimeoutsError(TimeoutError, _AsyncioTimeoutError):
        """Both timeout classes, which are one from Python 3.11 on."""
else:
    _BothTimeoutsError = TimeoutError


@_absent.told("error")
class LLMError(Exception):
    """The base of all errors.

    Attributes, each None or empty if unknown: ``message`` (one line), ``code`` (negative number), ``name`` (of the
    code), ``error_owner`` (who can do something about it: "caller", this process and its configuration; "policy", a
    rate, quota, moderation, circuit breaker or budget; "provider"; "network"), ``provider`` and ``model`` (the route),
    ``status`` (HTTP), ``provider_message``, ``type``, ``provider_code``, ``request_id``, ``retry_after`` (seconds that
    the server asked to wait), ``body`` (the provider's original answer), ``partial_text`` (the text of a broken
    stream), ``id_of_call`` (the number of the call, as observations carry it; 0 without a call), ``attempts`` (the
    list of attempts).
    ``str(error)`` is the message with one line for each attempt. None of them contains a key.
    """

    code: int = -27
    name: str = "UNAVAILABLE"
    error_owner: str = "caller"  # what Python itself raises is the caller's; the core says it of other errors

    # Of an application's exception too, whose class may set some of them or not call __init__.
    message: str = ""
    provider: str | None = None
    model: str | None = None
    status: int | None = None
    provider_message: str | None = None
    type: str | None = None
    provider_code: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    body: str | None = None
    partial_text: str = ""
    id_of_call: int = 0
    _of_core: bool = False  # made by from_payload

    @cached_property
    def attempts(self) -> list[Attempt]:
        """The list of attempts."""
        return []

    def __init__(
        self,
        message: object = "",
        *args: object,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        provider_message: str | None = None,
        type: str | None = None,
        provider_code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: str | None = None,
        partial_text: str = "",
        id_of_call: int = 0,
        attempts: list[Attempt] | None = None,
    ) -> None:
        super().__init__(*((message, *args) if args or message != "" else ()))
        given = {
            "message": Exception.__str__(self), "provider": provider, "model": model, "status": status,
            "provider_message": provider_message, "type": type, "provider_code": provider_code,
            "request_id": request_id, "retry_after": retry_after, "body": body, "partial_text": partial_text,
            "id_of_call": id_of_call, "attempts": list(attempts or ()),
        }  # fmt: skip
        kept = {name: v for name, v in given.items() if not (v is None or (isinstance(v, (str, list)) and not v))}
        vars(self).update(kept)

    def __str__(self) -> str:
        lines = [self.message or Exception.__str__(self) or self.name]
        lines += [f"  {i}. {attempt}" for i, attempt in enumerate(_listed(self.attempts), 1)]
        return "\n".join(lines)


def _listed(attempts: Any) -> list[Any]:
    return attempts if isinstance(attempts, list) else []  # an application's exception may mean a number


class InvalidArgumentError(LLMError, ValueError):
    """A request, configuration or argument cannot be used; the message says what is wrong and where."""

    code, name = -1, "INVALID_ARGUMENT"


class ClosedError(LLMError):
    """The object was closed while the call ran, or a native handle is no longer valid."""

    code, name = -3, "CLOSED"


class InternalError(LLMError):
    """A fault inside the library, which continues to work."""

    code, name = -4, "INTERNAL"


class ForkedError(LLMError):
    """The call began in the parent process of a fork, or no copy of the library can be loaded in this child."""

    code, name = -5, "FORKED"


class NotInitializedError(LLMError, RuntimeError):
    """The aggregator has no routes yet."""

    code, name = -6, "NOT_INITIALIZED"


class ProviderNotFoundError(LLMError):
    """No provider of that name is registered."""

    code, name = -10, "PROVIDER_NOT_FOUND"


class ModelNotFoundError(LLMError):
    """No such model is registered, or the provider does not know it."""

    code, name = -11, "MODEL_NOT_FOUND"


class APIError(LLMError):
    """A provider failed, or the way to it did. Clients written by the application may raise it, too."""


class UnknownModelError(ModelNotFoundError, APIError):
    """A provider's server does not know the model: it answered 404, or gave this reason."""


class AuthenticationError(APIError):
    """The provider refused the key."""

    code, name = -20, "AUTHENTICATION"


class RateLimitError(APIError):
    """The provider asked to slow down; ``retry_after`` is the wait that it asked for."""

    code, name = -22, "RATE_LIMIT"


class QuotaExceededError(RateLimitError):
    """The account has no credit left."""

    code, name = -21, "QUOTA"


class BadRequestError(APIError):
    """The provider refused the request."""

    code, name = -23, "BAD_REQUEST"


class ContextLengthError(BadRequestError):
    """The prompt is too long for the model."""

    code, name = -24, "CONTEXT_LENGTH"


class ContentFilterError(BadRequestError):
    """The provider blocked the prompt or the answer."""

    code, name = -25, "CONTENT_FILTER"


class APITimeoutError(APIError, _BothTimeoutsError):
    """A deadline passed; also a ``TimeoutError`` and an ``asyncio.TimeoutError``."""

    code, name = -26, "TIMEOUT"


class ServiceUnavailableError(APIError):
    """The network failed, a proxy answered 407, or the provider 408, 409, 421, 424, 425, 498, 499 or 5xx."""

    code, name = -27, "UNAVAILABLE"


class BadResponseError(APIError):
    """The answer is not a completion, or exceeds a limit."""

    code, name = -28, "BAD_RESPONSE"


class StreamInterruptedError(APIError):
    """A stream broke off after its first token; ``partial_text`` is the text received before."""

    code, name = -29, "STREAM_INTERRUPTED"


class CircuitOpenError(APIError):
    """The route is not usable now: its breaker is open, it is blocked, or it was switched off."""

    code, name = -30, "CIRCUIT_OPEN"


class OverloadedError(APIError):
    """The route stayed at its concurrency limit, or its rate had no room, until the call gave up."""

    code, name = -31, "OVERLOADED"


class AllModelsFailedError(LLMError, RuntimeError):
    """All routes failed; ``attempts`` lists every attempt, ``partial_text`` is the longest partial answer."""

    code, name = -32, "ALL_FAILED"


class UnsupportedError(APIError):
    """The vendor cannot do what the request asks for; another route may."""

    code, name = -33, "UNSUPPORTED"


class CanceledError(LLMError):
    """The call was cancelled, but not through asyncio."""

    code, name = -40, "CANCELED"


_BY_CODE: dict[int, type[LLMError]] = {
    cls.code: cls
    for cls in list(globals().values())
    if isinstance(cls, type) and issubclass(cls, LLMError) and cls is not LLMError and "code" in vars(cls)
}
_BY_CODE[-2] = ClosedError  # INVALID_HANDLE: in Python only the handle of a closed object is invalid

_COPIED = (
    "provider", "model", "status", "provider_message", "type", "provider_code", "request_id", "retry_after", "body",
)  # fmt: skip


def from_payload(payload: dict[str, Any]) -> LLMError:
    """Makes the exception that an error object of the core describes, with its causes as ``__cause__``."""
    cls = _BY_CODE.get(payload.get("code", InternalError.code), InternalError)
    if cls is ModelNotFoundError and (payload.get("attempts") or payload.get("status")):
        cls = UnknownModelError  # a server answered so
    error = cls(
        payload.get("message", ""),
        partial_text=payload.get("partial") or "",
        id_of_call=payload.get("id_of_call") or 0,
        attempts=[Attempt.from_dict(a) for a in payload.get("attempts") or ()],
        **{key: payload[key] for key in _COPIED if key in payload},
    )
    error.error_owner = payload.get("error_owner") or error.error_owner
    error._of_core = True
    cause = payload.get("cause")
    if isinstance(cause, dict):
        error.__cause__ = from_payload(cause) if "code" in cause else Exception(cause.get("message", ""))
    return error


def add_cause(error: LLMError, raised: BaseException) -> None:
    """Makes what an application's client raised the cause of the error that the core made of it."""
    last = error
    while isinstance(last.__cause__, LLMError):
        last = last.__cause__
    if not getattr(raised, "_of_core", False) and last.message.endswith(to_payload(raised)["message"]):
        last.__cause__ = raised


def all_failed(error: LLMError) -> LLMError:
    """A failure as an AllModelsFailedError, since the original raised a RuntimeError; some errors stay as they are."""
    if isinstance(error, (AllModelsFailedError, CanceledError, ForkedError, InvalidArgumentError, NotInitializedError)):
        return error
    details = {key: getattr(error, key) for key in (*_COPIED, "partial_text", "id_of_call", "attempts")}
    return AllModelsFailedError(error.message, **details)


def to_payload(error: BaseException) -> dict[str, Any]:
    """Describes what a client written in Python raised, for the core (docs/promises.md, E1)."""
    if not isinstance(error, LLMError):
        timeout = isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError"
        kind = APITimeoutError if timeout else ServiceUnavailableError
        text = str(error)
        return {"code": kind.code, "message": f"{type(error).__name__}: {text}" if text else type(error).__name__}
    payload = {key: getattr(error, key, None) for key in _COPIED}
    payload.update(code=error.code, message=getattr(error, "message", "") or Exception.__str__(error) or error.name)
    payload["partial"] = getattr(error, "partial_text", "") or None
    return {key: value for key, value in payload.items() if value is not None}
