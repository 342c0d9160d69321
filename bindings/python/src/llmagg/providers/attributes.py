"""The attributes of the original's clients, and the original's methods that no longer exist.

``base_url``, ``chat_url`` and ``model_name`` may be set on a client or in a subclass. Attributes of HTTP in Python (a
session, a vendor's SDK) cannot be replaced: that would have no effect, and a test would send real requests.
"""

from __future__ import annotations

import inspect
import warnings
from operator import attrgetter
from typing import Any

from .. import _strange
from ..client import given_config
from ..config import shown_url
from ..errors import InvalidArgumentError, LLMError

STATE = "_llmagg_set"
"""Where a client keeps the settings that were made on it."""
_END = "/chat/completions"
_INSTEAD = (
    "the core speaks HTTP, so this would have no effect; override or replace chat_completion (a canned answer) or "
    "_chat_completion_impl (one exchange), or set base_url to a test server such as llmagg.faultwall"
)
_GET = "get_config"
GONE = ("_get_session",)
"""Methods of the original that are never called."""


def of(client: Any) -> dict[str, Any] | None:
    """The settings made on a client instead of in its configuration, as fields of a ModelConfig."""
    own: dict[str, Any] | None = vars(client).get(STATE)
    redefined = type(client)._redefined
    if not redefined:
        return own
    own = {**(_from_get_config(client) if _GET in redefined else {}), **(own or {})}
    for name in redefined:
        if name != _GET and (value := getattr(client, name)) is not None:
            own.update(_FIELDS[name](value))
    return own


def _from_chat_url(value: Any) -> dict[str, Any]:
    from urllib.parse import urlsplit, urlunsplit  # slow to import

    parts = urlsplit(str(value))
    path = parts.path.rstrip("/")
    if not path.endswith(_END):
        raise InvalidArgumentError(f"chat_url is {shown_url(value)!r}; expected a URL whose path ends in {_END}")
    return {"base_url": urlunsplit(parts._replace(path=path.removesuffix(_END)))}


def _from_get_config(client: Any) -> dict[str, Any]:
    """What a subclass's own ``get_config`` says, but the names by which the route is known."""
    given = given_config(client)
    if given is None:
        return {}
    return {key: value for key, value in vars(given).items() if key not in ("provider", "name")}


_FIELDS: dict[str, Any] = {
    "base_url": lambda value: {"base_url": value},
    "chat_url": _from_chat_url,
    "model_name": lambda value: {"model": value},
}


class Setting:
    """An attribute that stands for a field of the route's configuration."""

    def __set_name__(self, _: type, name: str) -> None:
        self.name = name

    def __get__(self, client: Any, _: Any = None) -> Any:
        if client is None:
            return self
        own = of(client) if self.name not in type(client)._redefined else vars(client).get(STATE)
        own = own or {}
        if self.name == "model_name":
            return own.get("model") or client.config.model
        base = _base_url(client, own.get("base_url"))
        if self.name == "base_url":
            return base
        from urllib.parse import urlsplit, urlunsplit

        parts = urlsplit(base)
        return urlunsplit(parts._replace(path=parts.path.rstrip("/") + _END))

    def __set__(self, client: Any, value: Any) -> None:
        known = vars(client).get(STATE, {})
        vars(client)[STATE] = {**known, **_FIELDS[self.name](value)}

    def __delete__(self, client: Any) -> None:
        """The configuration counts again; mock.patch.object ends so."""
        known = vars(client).get(STATE, {})
        field = "model" if self.name == "model_name" else "base_url"
        vars(client)[STATE] = {key: value for key, value in known.items() if key != field}


def _base_url(client: Any, own: Any) -> str:
    """The API's root. If none is configured, it is the core's default."""
    given: str = own or client.config.base_url or ""
    if given:
        return given.rstrip("/")
    from .._native import route

    core = {**route.core_config(client.config, None, client.VENDOR), "api_key": "-"}
    try:
        found: str = route.info(core)["config"]["base_url"]
    except LLMError:
        return given
    return found


class Gone(property):
    """An attribute of the original without effect here. It may be set only to None. Of a class it is read quickly, as
    each call does, since a property needs no function for that.
    """

    def __init__(self) -> None:
        super().__init__(self._of, self._put, self._drop)

    def __set_name__(self, _: type, name: str) -> None:
        self.name = name

    def _of(self, client: Any) -> Any:
        return vars(client).get(self.name)

    def _put(self, client: Any, value: Any) -> None:
        if value is not None and not _answers_itself(type(client)):
            raise TypeError(f"{type(client).__name__}.{self.name} cannot be replaced: {_INSTEAD}")
        vars(client)[self.name] = value

    def _drop(self, client: Any) -> None:
        vars(client).pop(self.name, None)


_ANSWERS = (
    "chat_completion", "_chat_completion_impl", "chat_completion_stream", "_chat_completion_stream_impl",
    "_retry_request",
)  # fmt: skip
"""What a test may replace to answer without the core."""


def watched(cls: type) -> tuple[Any, Any]:
    """A function that gets the attributes without effect of one of our classes, and what they are: see
    :func:`refuse_replaced`.
    """
    names = dict.fromkeys(name for base in cls.__mro__ for name, value in vars(base).items() if isinstance(value, Gone))
    read = attrgetter(*names)
    return read, read(cls)


def refuse_replaced(client: Any) -> None:
    """Raises TypeError if an attribute without effect is replaced in the client's class, as ``mock.patch.object`` does,
    and nothing that answers is replaced with it: a real request would be sent.
    """
    cls = type(client)
    read, original = cls._gone
    if read(cls) == original:
        return
    ours = [base for base in cls.__mro__ if base.__module__.startswith(__package__)]
    for name in (gone.name for gone in original):
        owner = next(base for base in cls.__mro__ if name in vars(base))
        value = vars(owner)[name]
        if value is None or isinstance(value, Gone) or (owner not in ours and name not in GONE):
            continue  # what a subclass has under another name is its own
        if any(own in vars(client) or getattr(cls, own) is not getattr(ours[-1], own) for own in _ANSWERS):
            return
        raise TypeError(f"{owner.__name__}.{name} cannot be replaced: {_INSTEAD}")


def _answers_itself(cls: type) -> bool:
    """Whether a subclass of a vendor's client has its own way to an answer."""
    base = _vendors_client(cls)
    return any(getattr(cls, name) is not getattr(base, name) for name in ("chat_completion", "_chat_completion_impl"))


def _is_used(cls: type, name: str) -> bool:
    """Whether the application's code in a class or its bases has a name."""
    own = [value for known in cls.__mro__ if not _strange.is_ours(known) for value in vars(known).values()]
    return any(_mentions(value, name) for value in own)


def _mentions(value: Any, name: str) -> bool:
    value = getattr(value, "fget", None) or getattr(value, "__func__", value)
    pending = [code] if (code := getattr(inspect.unwrap(value), "__code__", None)) else []
    while pending:
        code = pending.pop()
        if name in code.co_names or name in code.co_consts:
            return True
        pending += [inner for inner in code.co_consts if inspect.iscode(inner)]
    return False


def _vendors_client(cls: type) -> Any:
    return next(base for base in cls.__mro__ if base.__module__.startswith(__package__))


def check(cls: Any) -> tuple[str, ...]:
    """The settings that a subclass redefines. Raises TypeError if it overrides a method that is never called. Warns of
    a private method that neither the subclass nor the package uses: it may override a method that no longer exists.
    """
    base = _vendors_client(cls)
    if base is cls:
        return ()
    for name in GONE:
        if not isinstance(inspect.getattr_static(cls, name, None), (Gone, type(None))) and not _answers_itself(cls):
            raise TypeError(f"{cls.__name__} overrides {name}, which is never called: {_INSTEAD}")
    for name, method in vars(cls).items():
        private = name.startswith("_") and not name.startswith("__") and not name.startswith(f"_{cls.__name__}__")
        if private and inspect.isfunction(method) and not hasattr(base, name) and not _is_used(cls, name):
            text = f"{cls.__name__}.{name} is never called in its class and overrides no method of {base.__name__}"
            warnings.warn(f"{text}; if it overrode one of the original package, {_INSTEAD}", UserWarning, stacklevel=3)
    redefined = [name for name in _FIELDS if not isinstance(inspect.getattr_static(cls, name), Setting)]
    return (*redefined, *((_GET,) if cls.get_config is not base.get_config else ()))
