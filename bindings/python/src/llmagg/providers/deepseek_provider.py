"""DeepSeek: like OpenAI, with ``reasoning_content`` beside the content."""

from __future__ import annotations

from typing import ClassVar

from .. import _names
from ..catalog import spoken_by_core
from ..responses import ChatCompletionResponse, StreamResponse  # noqa: F401 - a test may patch what reads an answer
from .vendor import CLIENTS, VendorClient, VendorProvider

__getattr__ = _names.of_module(__name__)


@spoken_by_core
class DeepSeekClient(VendorClient):
    """A model of DeepSeek; the thoughts of a reasoning model arrive as ``message.reasoning_content``."""

    VENDOR: ClassVar[str] = "deepseek"


CLIENTS["deepseek"] = DeepSeekClient


class DeepSeekProvider(VendorProvider):
    """Models of DeepSeek."""

    VENDOR: ClassVar[str] = "deepseek"
    DEFAULT_MODEL: ClassVar[str] = "deepseek-chat"
    CLIENT: ClassVar[type[VendorClient]] = DeepSeekClient
