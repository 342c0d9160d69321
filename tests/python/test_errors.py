"""The exceptions: the table of codes, what they carry, and how they read."""

from __future__ import annotations

import asyncio
import inspect
import pickle

import pytest

import llmagg
from llmagg import errors

TABLE = {
    -1: ("INVALID_ARGUMENT", "InvalidArgumentError", (ValueError,)),
    -3: ("CLOSED", "ClosedError", ()),
    -4: ("INTERNAL", "InternalError", ()),
    -5: ("FORKED", "ForkedError", ()),
    -6: ("NOT_INITIALIZED", "NotInitializedError", (RuntimeError,)),
    -10: ("PROVIDER_NOT_FOUND", "ProviderNotFoundError", ()),
    -11: ("MODEL_NOT_FOUND", "ModelNotFoundError", ()),
    -20: ("AUTHENTICATION", "AuthenticationError", (llmagg.APIError,)),
    -21: ("QUOTA", "QuotaExceededError", (llmagg.RateLimitError,)),
    -22: ("RATE_LIMIT", "RateLimitError", (llmagg.APIError,)),
    -23: ("BAD_REQUEST", "BadRequestError", (llmagg.APIError,)),
    -24: ("CONTEXT_LENGTH", "ContextLengthError", (llmagg.BadRequestError,)),
    -25: ("CONTENT_FILTER", "ContentFilterError", (llmagg.BadRequestError,)),
    -26: ("TIMEOUT", "APITimeoutError", (llmagg.APIError, TimeoutError, asyncio.TimeoutError)),
    -27: ("UNAVAILABLE", "ServiceUnavailableError", (llmagg.APIError,)),
    -28: ("BAD_RESPONSE", "BadResponseError", (llmagg.APIError,)),
    -29: ("STREAM_INTERRUPTED", "StreamInterruptedError", (llmagg.APIError,)),
    -30: ("CIRCUIT_OPEN", "CircuitOpenError", (llmagg.APIError,)),
    -31: ("OVERLOADED", "OverloadedError", (llmagg.APIError,)),
    -32: ("ALL_FAILED", "AllModelsFailedError", (RuntimeError,)),
    -33: ("UNSUPPORTED", "UnsupportedError", (llmagg.APIError,)),
    -40: ("CANCELED", "CanceledError", ()),
}


@pytest.mark.parametrize("code", TABLE)
def test_each_code_has_its_class(code: int) -> None:
    name, class_name, bases = TABLE[code]
    cls = type(errors.from_payload({"code": code}))
    assert cls.__name__ == class_name
    assert (cls.code, cls.name) == (code, name)
    assert issubclass(cls, (llmagg.LLMError, *bases))
    for base in bases:
        assert issubclass(cls, base)
    assert getattr(llmagg, class_name) is cls


def test_an_invalid_handle_is_a_closed_object() -> None:
    assert type(errors.from_payload({"code": -2})) is llmagg.ClosedError


def test_names_agree_with_the_library() -> None:
    from llmagg._native import load

    library = load.library()
    library.llmagg_status_name.restype = __import__("ctypes").c_char_p
    for code, (name, _, _) in TABLE.items():
        assert library.llmagg_status_name(code).decode() == name


def test_every_class_is_drawn_and_exported() -> None:
    drawn = errors.__doc__ or ""
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.LLMError)]
    assert len(classes) == len(TABLE) + 3  # LLMError, APIError, UnknownModelError
    for cls in classes:
        assert cls.__name__ in drawn
        assert cls.__name__ in llmagg.__all__


def test_payload_becomes_an_exception_with_causes() -> None:
    error = errors.from_payload(
        {
            "code": -32, "name": "ALL_FAILED", "message": "The only route failed.", "partial": "Hel",
            "retry_after": 2.5,
            "attempts": [{"route": "a/b", "outcome": "RATE_LIMIT", "status": 429, "duration": 0.1, "message": "slow",
                          "wait": 0.25, "waited_for": "backoff", "new": 1}],
            "cause": {"code": -22, "message": "slow", "status": 429, "cause": {"message": "dial tcp"}},
        }
    )  # fmt: skip
    assert isinstance(error, llmagg.AllModelsFailedError)
    assert (error.partial_text, error.retry_after) == ("Hel", 2.5)
    line = "a/b: RATE_LIMIT (HTTP 429) after 0.1 s, waited 0.25 s before (backoff): slow"
    assert str(error) == "The only route failed.\n  1. " + line
    times = llmagg.Attempt.from_dict({"route": "a/b", "outcome": "OK", "duration": 9.97e-05, "wait": 1234.5})
    assert str(times) == "a/b: OK after 0.0001 s, waited 1234.5 s before"
    assert error.attempts[0].extra == {"new": 1}
    assert isinstance(error.__cause__, llmagg.RateLimitError)
    assert error.__cause__.status == 429
    assert str(error.__cause__.__cause__) == "dial tcp"


def test_unknown_codes_are_internal() -> None:
    assert isinstance(errors.from_payload({"code": -99, "message": "x"}), llmagg.InternalError)


@pytest.mark.parametrize("code", TABLE)
def test_exceptions_are_made_like_the_originals_and_pickle(code: int) -> None:
    cls = type(errors.from_payload({"code": code}))
    error = cls("it broke", status=500, partial_text="par")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert (str(again), again.status, again.partial_text, again.args) == ("it broke", 500, "par", ("it broke",))
    assert str(cls()) == cls.name


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ValueError("boom"), -27, "ValueError: boom"),
        (KeyError(), -27, "KeyError"),
        (TimeoutError("slow"), -26, "TimeoutError: slow"),
        (asyncio.TimeoutError(), -26, "TimeoutError"),
        (llmagg.APIError("bare"), -27, "bare"),
        (llmagg.RateLimitError("slow down", retry_after=3), -22, "slow down"),
        (llmagg.ModelNotFoundError("gone"), -11, "gone"),
    ],
)
def test_what_python_clients_raise_has_a_code(error: Exception, code: int, text: str) -> None:
    payload = errors.to_payload(error)
    assert (payload["code"], payload["message"]) == (code, text)
    assert payload.get("retry_after") == getattr(error, "retry_after", None)


def test_a_subclass_that_skips_the_constructor_still_has_a_payload() -> None:
    class Odd(llmagg.APIError):
        def __init__(self) -> None:
            Exception.__init__(self, "odd")

    assert errors.to_payload(Odd())["message"] == "odd"
