"""Google Gemini in its native API: generateContent and streamGenerateContent."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import _names
from ..catalog import spoken_by_core
from ..config import ProviderConfig
from ..log import logger  # noqa: F401 - tests patch this name
from ..provider import BaseProvider  # noqa: F401
from ..responses import ChatCompletionResponse, StreamResponse  # noqa: F401
from . import attributes
from .openai_provider import CLIENTS, OpenAIClient, OpenAIProvider

__getattr__ = _names.of_module(__name__)


@spoken_by_core
class GeminiClient(OpenAIClient):
    """A model of Gemini; requests and answers have OpenAI's shape, the core translates them."""

    VENDOR: ClassVar[str] = "gemini"
    client: Any = attributes.Gone()


CLIENTS["gemini"] = GeminiClient


class GeminiProvider(OpenAIProvider):
    """Models of Gemini."""

    VENDOR: ClassVar[str] = "gemini"
    DEFAULT_MODEL: ClassVar[str] = "gemini-2.5-flash"
    CLIENT: ClassVar[type[OpenAIClient]] = GeminiClient

    def __init__(self, config: ProviderConfig) -> None:
        super().__init__(config)
        for name, model_config in config.models.items():
            if model_config.name is None and model_config.model != name:
                model_config.name = name
            self._register(model_config)
