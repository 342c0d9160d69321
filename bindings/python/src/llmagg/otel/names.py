"""The names of attributes, in both generations of OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

import os

NAMES: dict[str, tuple[str | None, str | None]] = {
    # what                 conventions 1.37                      the latest (gen_ai_latest_experimental)
    "operation": ("gen_ai.operation.name", "gen_ai.operation.name"),
    "provider": ("gen_ai.provider.name", "gen_ai.provider.name"),
    "model": ("gen_ai.request.model", "gen_ai.request.model"),
    "stream": (None, "gen_ai.request.stream"),
    "max_tokens": ("gen_ai.request.max_tokens", "gen_ai.request.max_tokens"),
    "max_completion_tokens": ("gen_ai.request.max_tokens", "gen_ai.request.max_tokens"),
    "temperature": ("gen_ai.request.temperature", "gen_ai.request.temperature"),
    "top_p": ("gen_ai.request.top_p", "gen_ai.request.top_p"),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", "gen_ai.request.frequency_penalty"),
    "presence_penalty": ("gen_ai.request.presence_penalty", "gen_ai.request.presence_penalty"),
    "seed": ("gen_ai.request.seed", "gen_ai.request.seed"),
    "n": ("gen_ai.request.choice.count", "gen_ai.request.choice.count"),
    "stop": ("gen_ai.request.stop_sequences", "gen_ai.request.stop_sequences"),
    "reasoning_effort": (None, "gen_ai.request.reasoning.level"),
    "server_address": ("server.address", "server.address"),
    "server_port": ("server.port", "server.port"),
    "response_id": ("gen_ai.response.id", "gen_ai.response.id"),
    "response_model": ("gen_ai.response.model", "gen_ai.response.model"),
    "finish_reasons": ("gen_ai.response.finish_reasons", "gen_ai.response.finish_reasons"),
    "first_chunk": (None, "gen_ai.response.time_to_first_chunk"),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.input_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.output_tokens"),
    "cached_tokens": (None, "gen_ai.usage.cache_read.input_tokens"),
    "cache_write_tokens": (None, "gen_ai.usage.cache_write.input_tokens"),
    "reasoning_tokens": (None, "gen_ai.usage.reasoning.output_tokens"),
    "input_messages": ("gen_ai.input.messages", "gen_ai.input.messages"),
    "output_messages": ("gen_ai.output.messages", "gen_ai.output.messages"),
}
"""Our names → the names in the two generations; None where a generation has none."""

PROVIDERS = {
    "azure": "azure.ai.openai", "bedrock": "aws.bedrock", "gemini": "gcp.gemini", "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai", "xai": "x_ai",
}  # fmt: skip
"""The conventions' names of providers, where ours differ."""


def generation() -> dict[str, str]:
    """The names that ``OTEL_SEMCONV_STABILITY_OPT_IN`` asks for."""
    asked = os.environ.get("OTEL_SEMCONV_STABILITY_OPT_IN", "").replace(" ", "").split(",")
    column = 1 if "gen_ai_latest_experimental" in asked else 0
    return {what: name for what, names in NAMES.items() if (name := names[column]) is not None}
