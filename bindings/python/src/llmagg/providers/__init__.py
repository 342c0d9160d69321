"""The vendors that the library knows."""

from __future__ import annotations

from .deepseek_provider import DeepSeekClient, DeepSeekProvider
from .gemini_provider import GeminiClient, GeminiProvider
from .openai_provider import OpenAIClient, OpenAIProvider

PROVIDERS: dict[str, type[OpenAIProvider]] = {
    "openai": OpenAIProvider,
    "deepseek": DeepSeekProvider,
    "gemini": GeminiProvider,
}
"""The provider class of each vendor; any other name is an OpenAI-compatible endpoint."""

__all__ = ["DeepSeekClient", "DeepSeekProvider", "GeminiClient", "GeminiProvider", "OpenAIClient", "OpenAIProvider"]
