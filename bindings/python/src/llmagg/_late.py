"""Types for annotations whose modules are slow to import: ``typing.get_type_hints`` imports them, other code does not;
and modules that are imported where they are first used.

An annotation says ``_late.Budget``; as all annotations of the package, it is a text until somebody evaluates it.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from typing_extensions import TypeForm, Unpack

    from . import oldstyle, summary
    from ._native.calls import Call
    from .budget import Budget
    from .cache import Cache
    from .embeddings import EmbeddingResponse
    from .growing import Growing
    from .other_params import EmbedParams, InputType, NamedEmbedParams, NamedRerankParams, RerankParams
    from .params import ChatParams, GenerateParams, Messages, RowParams, Strategy, ToolParams
    from .parsing import Parsed
    from .rankings import RerankResponse
    from .tools import ToolRun

__all__ = (
    "Budget", "Cache", "Call", "ChatParams", "EmbedParams", "EmbeddingResponse", "GenerateParams", "Growing",
    "InputType", "Messages", "NamedEmbedParams", "NamedRerankParams", "Parsed", "RerankParams", "RerankResponse",
    "RowParams", "Strategy", "ToolParams", "ToolRun", "TypeForm", "Unpack", "oldstyle", "summary",
)  # fmt: skip
_PARAMS = ("ChatParams", "GenerateParams", "Messages", "RowParams", "Strategy", "ToolParams")
_OTHER = ("EmbedParams", "InputType", "NamedEmbedParams", "NamedRerankParams", "RerankParams")
_PLACES = {
    "Budget": "budget", "Cache": "cache", "Call": "_native.calls", "Growing": "growing", "Parsed": "parsing",
    "EmbeddingResponse": "embeddings", "RerankResponse": "rankings", "ToolRun": "tools", "oldstyle": "oldstyle",
    "summary": "summary", **dict.fromkeys(_PARAMS, "params"),
    **dict.fromkeys(_OTHER, "other_params"),
}  # fmt: skip


class _Plain:
    """Stands for ``Unpack`` on Python 3.10 without typing_extensions: the parameters are those of the TypedDict."""

    def __class_getitem__(cls, item: typing.Any) -> typing.Any:
        return item


class _Form:
    """Stands for ``TypeForm``, which no Python has yet: a form may be anything that describes a type."""

    def __class_getitem__(cls, _: typing.Any) -> typing.Any:
        return typing.Any


def __getattr__(name: str) -> typing.Any:
    from importlib import import_module

    if name == "Unpack":
        found = getattr(typing, name, None)
        return found if found is not None else _Plain
    if name == "TypeForm":
        return _Form
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_PLACES[name]}", __package__)
    return module if name == _PLACES[name] else getattr(module, name)
