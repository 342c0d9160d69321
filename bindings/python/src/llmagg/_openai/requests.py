"""Requests in OpenAI's shape."""

from __future__ import annotations

from typing import Any

from llmagg._shown import in_json, shown
from llmagg._wire import decode
from llmagg.errors import BadResponseError, InvalidArgumentError
from llmagg.requests import ChatCompletionRequest

ANY = "auto"
"""The name that means the aggregator's list of models."""

#: The call options that a client may set in the field ``llmagg`` of its request.
OPTIONS = frozenset(
    (
        "accept", "deadline", "failover_bad_request", "failover_content_filter", "failover_on", "hedge_after",
        "max_cost", "max_retries", "retry_on", "session", "strategy", "timeout", "unsupported",
    )
)  # fmt: skip


def body_of(data: bytes) -> dict[str, Any]:
    """The JSON object that a client posts."""
    try:
        body = decode(data, "the request")
    except BadResponseError as error:
        raise InvalidArgumentError(error.message) from None
    if not isinstance(body, dict):
        raise InvalidArgumentError(f"the request must be a JSON object, got {in_json(body)}")
    return body


def model_of(body: dict[str, Any]) -> str:
    """Takes the name of the model out of a request; "" for the aggregator's list."""
    name = body.pop("model", None) or ANY
    if not isinstance(name, str):
        raise InvalidArgumentError(f"model must be the name of a model, got {in_json(name)}")
    return "" if name == ANY else name


def options_of(body: dict[str, Any]) -> dict[str, Any]:
    """Takes the call options out of a request's field ``llmagg``."""
    given = body.pop("llmagg", None) or {}
    if not isinstance(given, dict):
        raise InvalidArgumentError(f"llmagg must be an object of call options, got {in_json(given)}")
    if unknown := sorted(given.keys() - OPTIONS):
        known = ", ".join(sorted(OPTIONS))
        raise InvalidArgumentError(f"llmagg.{unknown[0]} is not a call option of the server; expected one of {known}")
    return given


def chat_request(body: dict[str, Any]) -> ChatCompletionRequest:
    """The request of a chat. Fields that the library does not know go to the provider; misspelt ones are an error."""
    messages = body.pop("messages", None)
    if not isinstance(messages, list):
        what = "missing" if messages is None else in_json(messages)
        raise InvalidArgumentError(f'"messages" is {what}; expected an array of {{"role", "content"}}')
    if misplaced := sorted(OPTIONS & body.keys()):
        raise InvalidArgumentError(
            f'"{misplaced[0]}" is an option of the call; put it into the field "llmagg" of the request'
        )
    request = ChatCompletionRequest.from_dict({**body, "model": model_of(body), "messages": [], "stream": False})
    request.stream_options = None
    request.messages = messages
    return request


def wants_usage(body: dict[str, Any]) -> bool:
    """Whether a stream shall end with its usage. Takes ``stream_options`` out of the request."""
    options = body.pop("stream_options", None)
    return isinstance(options, dict) and options.get("include_usage") is True


def vectors_request(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The form of the vectors, "float" or "base64", and the arguments of ``embed``."""
    form, texts = body.pop("encoding_format", None) or "float", body.pop("input", None)
    if form not in ("float", "base64"):
        what = shown(form).replace("'", '"') if isinstance(form, str) else in_json(form)
        raise InvalidArgumentError(f'"encoding_format" is {what}; expected "float" or "base64"')
    if isinstance(texts, list) and any(not isinstance(text, str) for text in texts):
        raise InvalidArgumentError("input holds tokens; expected texts, since models differ in their tokens")
    return form, {**body, "input": texts, "model": model_of(body) or None}
