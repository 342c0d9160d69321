"""The clients and providers of vendors."""

from __future__ import annotations

from .deepseek_provider import DeepSeekClient, DeepSeekProvider
from .gemini_provider import GeminiClient, GeminiProvider
from .openai_provider import OpenAIClient, OpenAIProvider
from .vendor import VendorProvider

PROVIDERS: dict[str, type[VendorProvider]] = {
    "openai": OpenAIProvider,
    "deepseek": DeepSeekProvider,
    "gemini": GeminiProvider,
}
"""The vendors with classes of their own; all other providers use OpenAIProvider, and the core knows their formats."""

__all__ = ["DeepSeekClient", "DeepSeekProvider", "GeminiClient", "GeminiProvider", "OpenAIClient", "OpenAIProvider"]
