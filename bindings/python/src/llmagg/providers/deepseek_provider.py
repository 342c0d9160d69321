"""DeepSeek: like OpenAI, with ``reasoning_content`` beside the content."""

from __future__ import annotations

from typing import ClassVar

from .. import _names
from ..catalog import spoken_by_core
from ..log import logger  # noqa: F401 - tests patch this name
from ..provider import BaseProvider  # noqa: F401
from ..responses import ChatCompletionResponse, StreamResponse  # noqa: F401
from .openai_provider import CLIENTS, OpenAIClient, OpenAIProvider

__getattr__ = _names.of_module(__name__)


@spoken_by_core
class DeepSeekClient(OpenAIClient):
    """A model of DeepSeek; the thoughts of a reasoning model arrive as ``message.reasoning_content``."""

    VENDOR: ClassVar[str] = "deepseek"


CLIENTS["deepseek"] = DeepSeekClient


class DeepSeekProvider(OpenAIProvider):
    """Models of DeepSeek."""

    VENDOR: ClassVar[str] = "deepseek"
    DEFAULT_MODEL: ClassVar[str] = "deepseek-chat"
    CLIENT: ClassVar[type[OpenAIClient]] = DeepSeekClient
