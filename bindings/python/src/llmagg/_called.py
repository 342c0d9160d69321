"""Arguments that a call lacks, most often since they were given by another library's names (``response_model=``).

Python would say only which argument is missing. So a function that takes any name (``**params``) gets a default for
each argument that it needs, at run time only, and refuses it. Unlike a wrapper this costs a call nothing, and leaves
its traceback as it is. What asks for its signature (inspect, mock's autospec, editors) is given that without defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any, TypeVar

F = TypeVar("F")
_VARKEYWORDS = 0x08  # inspect.CO_VARKEYWORDS; inspect is slow to import


class Missing:
    """Stands for an argument that a function needs and was not given."""

    __slots__ = ("function", "name")

    def __init__(self, function: str, name: str) -> None:
        self.function, self.name = function, name

    def __repr__(self) -> str:
        return "<required>"

    def error(self, params: Mapping[str, Any]) -> Exception:
        """The error for a call with the other keyword parameters ``params``."""
        from . import _misspelt

        return _misspelt.missing(self.function, self.name, params)


def refuse(params: Mapping[str, Any], *needed: Any) -> None:
    """Raises InvalidArgumentError, or TypeError, if one of the arguments ``needed`` was not given."""
    for value in needed:
        if type(value) is Missing:
            raise value.error(params)


def _keep_signature(function: FunctionType) -> None:
    """Lets inspect find the function as it was written, behind ``__wrapped__``. A twin has its coroutine there."""
    if hasattr(function, "__wrapped__"):
        return
    code, scope, closure = function.__code__, function.__globals__, function.__closure__
    plain = FunctionType(code, scope, function.__name__, function.__defaults__, closure)
    plain.__kwdefaults__ = function.__kwdefaults__ and dict(function.__kwdefaults__)
    plain.__annotations__ = function.__annotations__
    plain.__doc__, plain.__qualname__, plain.__module__ = function.__doc__, function.__qualname__, function.__module__
    function.__wrapped__ = plain  # type: ignore[attr-defined]


def told(owner: F) -> F:
    """Gives a function, or the public methods of a class, such defaults."""
    functions = vars(owner).values() if isinstance(owner, type) else (owner,)
    for function in functions:
        if not isinstance(function, FunctionType) or function.__name__[0] == "_":
            continue
        code = function.__code__
        if not code.co_flags & _VARKEYWORDS:
            continue
        plain = code.co_varnames[: code.co_argcount]
        old = function.__defaults__ or ()
        needed = [name for name in plain[: len(plain) - len(old)] if name != "self"]
        _keep_signature(function)
        function.__defaults__ = (*(Missing(function.__name__, name) for name in needed), *old)
    return owner
