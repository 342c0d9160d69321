"""The original's names for this package: modules with two names, and names that tests patch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any

from . import log

_LATE = ("asyncio", "json", "logging", "time")  # imported when they are first used, since they are slow to import
_PUBLIC = frozenset((
    "APIError", "BaseLLMClient", "BaseProvider", "ChatCompletionRequest", "ChatCompletionResponse", "Choice",
    "Function", "LLMClient", "LLMError", "Message", "MessageRole", "ModelConfig", "ModelNotFoundError", "Provider",
    "ProviderConfig", "ProviderNotFoundError", "StreamChoice", "StreamResponse", "Usage", "logger",
))  # fmt: skip
"""What the original's modules imported of each other, so that an application may have it from any of them."""
_SPOKE = {"aiohttp": "HTTP", "httpx": "HTTP", "genai": "Gemini's API", "openai": "OpenAI's API"}


class _AnyName(SourceFileLoader):
    """Gives a module's code under each of its names: ``python -m`` asks by the name on the command line."""

    def get_code(self, _: str) -> CodeType | None:
        return super().get_code(self.name)


def answer_to(name: str) -> None:
    """Makes each loaded module of this package also the module of the same name in the package ``name``."""
    import_module(f"{__package__}.llm_aggrator")  # the only one of the original's that ``import llmagg`` leaves out
    ours = __package__ + "."
    for key, module in list(sys.modules.items()):
        if not key.startswith(ours):
            continue
        sys.modules[f"{name}.{key.removeprefix(ours)}"] = module
        spec = getattr(module, "__spec__", None)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = module.__loader__ = _AnyName(spec.loader.name, spec.loader.path)
    log.stand_in(name)


def of_module(module: str) -> Callable[[str], Any]:
    """A module's ``__getattr__``: the names that the original imported there, for tests that patch them. A patch of an
    HTTP library would have no effect, and the test would send real requests, so these names are missing with a reason.
    """

    def get(name: str) -> Any:
        if name in _LATE:
            return import_module(name)
        if name in _PUBLIC:
            return log.logger if name == "logger" else getattr(sys.modules[__package__], name)
        if name in _SPOKE:
            raise AttributeError(
                f"module {module!r} has no {name}: the core speaks {_SPOKE[name]}; replace a client's chat_completion, "
                "or set base_url to a test server such as llmagg.faultwall"
            )
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return get
