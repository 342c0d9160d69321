"""The types of the keyword parameters of ``embed`` and ``rerank``, for editors and type checkers.

Fields of servers that are not here go through ``extra_body``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .params import CommonOptions, MaxCost, MaxRetries

InputType = Literal["query", "document", "similarity", "classification", "clustering"]
"""What vectors are for."""


class _OtherParams(CommonOptions, MaxRetries, MaxCost, total=False):
    """The parameters that calls for vectors and for rankings have."""

    user: str | None
    """The vendor's name of your user, to find abuse. Default: none. Example: ``user="customer-42"``."""
    metadata: Mapping[str, Any] | None
    """Mistral: names and values that belong to the request. Default: none. Example: ``metadata={"job": "42"}``."""
    priority: int | None
    """Cohere: from 0 (sooner) to 999 (later, when the server is busy). Default: 0. Example: ``priority=10``."""
    truncation: bool | None
    """Voyage: cuts texts that are too long; False refuses them. Default: True. Example: ``truncation=False``."""


class EmbedParams(_OtherParams, total=False):
    """The parameters of an aggregator's ``embed`` and ``embed_sync``."""

    encoding_format: Literal["float", "base64"] | None
    """Nothing follows from it: the vectors are numbers here. Default: what the vendor sends soonest. Example:
    ``encoding_format="float"``.
    """
    task: str | None
    """Jina: what the vectors are for, in Jina's words; ``input_type`` sets it for every vendor. Default: none. Example:
    ``task="retrieval.query"``.
    """
    late_chunking: bool | None
    """Jina: the texts are parts of one text, and each vector knows the others. Default: False. Example:
    ``late_chunking=True``.
    """
    normalized: bool | None
    """Jina: whether each vector has the length 1. Default: the model's. Example: ``normalized=True``."""
    output_dimension: int | None
    """Mistral, Voyage: the length of each vector, any integer that the model takes; ``dimensions`` does it for every
    vendor. Default: the model's. Example: ``output_dimension=256``.
    """
    truncate: bool | Literal["NONE", "START", "END"] | None
    """Which texts that are too long are cut: of Cohere "START", "END" or "NONE" (an error), of Jina and Ollama True or
    False. Default: the vendor's. Example: ``truncate="START"``.
    """
    auto_truncate: bool | None
    """Vertex AI: cuts texts that are too long; False refuses them. Default: True. Example: ``auto_truncate=False``."""
    keep_alive: str | float | None
    """Ollama: how long the model stays loaded, as a text or in seconds. Default: "5m". Example: ``keep_alive="1h"``."""


class NamedEmbedParams(EmbedParams, total=False):
    """The parameters of ``llmagg.embed`` and ``llmagg.embed_sync``."""

    model: str | None
    """The model, instead of ``models``. Default: none. Example: ``model="openai/text-embedding-3-small"``."""


class RerankParams(_OtherParams, total=False):
    """The parameters of an aggregator's ``rerank`` and ``rerank_sync``."""

    max_tokens_per_doc: int | None
    """Cohere: documents are cut after so many tokens. Default: 4096 tokens. Example: ``max_tokens_per_doc=512``."""
    return_documents: bool | None
    """Jina, Voyage: whether the server sends the documents back, which the response has anyway. Default: the vendor's.
    Example: ``return_documents=False``.
    """
    truncate_prompt_tokens: int | None
    """vLLM: the most tokens of a query and a document. Default: no limit. Example: ``truncate_prompt_tokens=512``."""


class NamedRerankParams(RerankParams, total=False):
    """The parameters of ``llmagg.rerank`` and ``llmagg.rerank_sync``."""

    model: str | None
    """The model, instead of ``models``. Default: none. Example: ``model="cohere/rerank-v3.5"``."""
