"""HTTP requests in OpenAI's shape as calls of an aggregator."""

from __future__ import annotations

from typing import Any, NamedTuple

from llmagg.aggregator import LLMAggregator
from llmagg.errors import ModelNotFoundError

from . import answers, models, requests


class Asked(NamedTuple):
    """What a request asks for: the name of a method of the aggregator, and its arguments."""

    method: str
    arguments: dict[str, Any]
    form: Any = None


def read(method: str, path: str, data: bytes) -> Asked | None:
    """What an HTTP request asks for; None for what the library does not do."""
    kind = path.removeprefix("/v1/").strip("/")
    if method == "GET" and kind.partition("/")[0] == "models":
        return Asked("models", {}, kind.partition("/")[2])
    if method != "POST" or kind not in ("chat/completions", "embeddings"):
        return None
    body = requests.body_of(data)
    options = requests.options_of(body)
    if kind == "embeddings":
        form, asked = requests.vectors_request(body)
        return Asked("embed", {**asked, **options}, form)
    usage, name = requests.wants_usage(body), "stream" if body.get("stream") else "chat"
    return Asked(name, {"messages": requests.chat_request(body), **options}, usage)


def listed(llm: LLMAggregator, name: str) -> dict[str, Any]:
    """A model, or without a name all of them."""
    names = [requests.ANY, *models.routes(llm)]
    if name and name not in names:
        raise ModelNotFoundError(f"no model {name}; GET /v1/models (models.list()) lists them", model=name)
    return models.model(name) if name else models.listed(names)


def answered(asked: Asked, found: Any) -> answers.Answer:
    """The answer for what the method has returned."""
    return answers.vectors(found, asked.form) if asked.method == "embed" else answers.chat(found)
