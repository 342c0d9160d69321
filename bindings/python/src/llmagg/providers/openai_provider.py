"""OpenAI, and every OpenAI-compatible endpoint."""

from __future__ import annotations

from typing import ClassVar

from .. import _names
from ..catalog import spoken_by_core
from ..responses import ChatCompletionResponse, StreamResponse  # noqa: F401 - a test may patch what reads an answer
from .vendor import CLIENTS, VendorClient, VendorProvider

__getattr__ = _names.of_module(__name__)


@spoken_by_core
class OpenAIClient(VendorClient):
    """A model with OpenAI's API."""

    VENDOR: ClassVar[str] = "openai"


CLIENTS.update({"openai": OpenAIClient, "openai-compatible": OpenAIClient})


class OpenAIProvider(VendorProvider):
    """Models of OpenAI or of an OpenAI-compatible endpoint."""

    VENDOR: ClassVar[str] = "openai"
    DEFAULT_MODEL: ClassVar[str] = "gpt-3.5-turbo"
    CLIENT: ClassVar[type[VendorClient]] = OpenAIClient
