"""Whole answers in OpenAI's shape, with the headers that tell the trail."""

from __future__ import annotations

import time
import uuid
from base64 import b64encode
from typing import Any

from llmagg.embeddings import EmbeddingResponse
from llmagg.responses import ChatCompletionResponse, usage_to_dict

from .trail import field_of, headers_of

Answer = tuple[dict[str, Any], dict[str, str]]
"""The JSON object and the headers."""


def chat(response: ChatCompletionResponse) -> Answer:
    """The answer of a chat."""
    wire = response.to_dict()
    for key in ("attempts", "id_of_call"):
        wire.pop(key, None)
    if response.cost is not None:
        del wire["cost"]
    wire["id"] = response.id or f"chatcmpl-{uuid.uuid4().hex}"
    wire["created"] = response.created or int(time.time())
    wire["object"], wire["llmagg"] = "chat.completion", field_of(response.attempts, response.cost)
    return wire, headers_of(response.attempts, response.cost)


def vectors(response: EmbeddingResponse, form: str) -> Answer:
    """Vectors as lists of floats, or as OpenAI's SDKs ask for them: float32 in base64."""
    size = 4 * response.dimensions
    coded = [b64encode(response._numbers[i * size : (i + 1) * size]).decode() for i in range(len(response))]
    found = coded if form == "base64" else list(response)
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(found)]
    wire = {"object": "list", "data": data, "model": response.model, "usage": usage_to_dict(response.usage)}
    return {**wire, "llmagg": field_of(response.attempts)}, headers_of(response.attempts)
