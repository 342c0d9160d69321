"""The data types, all dataclasses, and the exceptions of the original interface."""

from __future__ import annotations

from .attempt import Attempt
from .config import ModelConfig, ProviderConfig
from .errors import APIError, LLMError, ModelNotFoundError, ProviderNotFoundError
from .messages import Function, Message, MessageRole
from .requests import ChatCompletionRequest
from .responses import ChatCompletionResponse, Choice, StreamChoice, StreamResponse, Usage

__all__ = [
    "APIError", "Attempt", "ChatCompletionRequest", "ChatCompletionResponse", "Choice", "Function", "LLMError",
    "Message", "MessageRole", "ModelConfig", "ModelNotFoundError", "ProviderConfig", "ProviderNotFoundError",
    "StreamChoice", "StreamResponse", "Usage",
]  # fmt: skip
