"""Google Gemini in its native API: generateContent and streamGenerateContent."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import _names
from ..catalog import spoken_by_core
from ..config import ProviderConfig, name_model
from ..responses import ChatCompletionResponse, StreamResponse  # noqa: F401 - a test may patch what reads an answer
from . import attributes
from .vendor import CLIENTS, VendorClient, VendorProvider

__getattr__ = _names.of_module(__name__)


@spoken_by_core
class GeminiClient(VendorClient):
    """A model of Gemini; requests and answers have OpenAI's shape, the core translates them."""

    VENDOR: ClassVar[str] = "gemini"
    client: Any = attributes.Gone()


CLIENTS["gemini"] = GeminiClient


class GeminiProvider(VendorProvider):
    """Models of Gemini."""

    VENDOR: ClassVar[str] = "gemini"
    DEFAULT_MODEL: ClassVar[str] = "gemini-2.5-flash"
    CLIENT: ClassVar[type[VendorClient]] = GeminiClient

    def __init__(self, config: ProviderConfig) -> None:
        super().__init__(config)
        for name, model_config in config.models.items():
            name_model(self.get_provider_name(), name, model_config)
            self._register(model_config)
