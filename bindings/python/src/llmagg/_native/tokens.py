"""Asks functions of the application for tokens: an ``api_key``, or an ``auth``, that can be called.

The core names the function in an event of one queue, which a daemon thread reads. A coroutine runs on an event loop
that makes calls, if one is running, since what it uses may belong to that loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from .. import _patience, errors
from .._wire import decode, encode
from . import load
from .bridge import running_loop
from .queue import Queue
from .signatures import TOKEN

Function = Callable[[], Any]

_CREDENTIALS = ("api_key", "api_keys", "auth")  # settings of which a model has one
_PATIENCE = 30.0  # seconds that the core waits for a token
_numbers = itertools.count(1)
_lock = threading.Lock()  # guards the queue, and that a function has one name; no finalizer takes it
_known: dict[str, _Known] = {}  # by name
_queue: Queue | None = None


class _Known:
    """A function, and the handles that need it."""

    __slots__ = ("function", "name", "users")

    def __init__(self, function: Function) -> None:
        self.function = function
        self.name = f"python-{next(_numbers)}"
        self.users: set[int] = set()

    def end(self, user: int) -> None:
        """Forgets the function with its last handle. The garbage collector may call this anywhere, so it takes no
        lock: each step is one of a set or of a dict, and a handle that came meanwhile has its function back.
        """
        self.users.discard(user)
        if not self.users:
            _known.pop(self.name, None)
            if self.users:
                _known[self.name] = self


class _Reference(dict[str, str]):
    """The ``auth`` by which the core asks for a function's token. It keeps the function until a handle does."""

    def __init__(self, known: _Known) -> None:
        super().__init__(type="function", name=known.name)
        self.known = known


def reference(function: Function) -> dict[str, str]:
    """The ``auth`` by which the core asks for a function's token. The same function has the same name."""
    _attach()
    with _lock:
        for known in list(_known.values()):
            if known.function is function or known.function == function:
                return _Reference(known)
        made = _Known(function)
        _known[made.name] = made
    return _Reference(made)


def hold(handle: Any, core: dict[str, Any]) -> None:
    """Keeps the function that a configuration names for as long as its native handle lives."""
    auth = core.get("auth")
    name = auth.get("name") if isinstance(auth, dict) and auth.get("type") == "function" else None
    known = auth.known if isinstance(auth, _Reference) else _known.get(name or "")
    if known is not None:
        user = next(_numbers)
        known.users.add(user)
        _known[known.name] = known
        weakref.finalize(handle, known.end, user).atexit = False


def referring(config: Any) -> Any:
    """A copy of a configuration of providers in which functions are named, for the core."""
    return {provider: _provider(entry) for provider, entry in config.items()}


def _provider(entry: Any) -> Any:
    models = entry.get("models") if isinstance(entry, dict) else None
    if not isinstance(models, dict):
        return _model(entry)
    own = {key: entry[key] for key in _CREDENTIALS if entry.get(key)}  # of the models without one
    named = {
        name: _model({**own, **m} if isinstance(m, dict) and not any(map(m.get, _CREDENTIALS)) else m)
        for name, m in models.items()
    }
    return {**{key: value for key, value in entry.items() if key not in own}, "models": named}


def _model(model: Any) -> Any:
    return refer(dict(model)) if isinstance(model, dict) else model


def refer(core: dict[str, Any]) -> dict[str, Any]:
    """Names the function of a model's configuration, which is changed."""
    for key in ("api_key", "auth"):
        if callable(function := core.get(key)):
            del core[key]
            if others := [other for other in _CREDENTIALS if core.get(other)]:
                name = core.get("name", "a model")
                raise errors.InvalidArgumentError(f"{name} has {key} and {others[0]}; expected one of them")
            core["auth"] = reference(function)
    return core


def _attach() -> None:
    """Starts the thread, and names its queue to the core."""
    global _queue
    with _lock:
        if _queue is None:
            queue = Queue()
            load.call("llmagg_token_to_queue", queue.handle.pointer)
            queue.follow("llmagg-tokens", _drain)
            _queue = queue


def _drain(queue: Queue) -> None:
    while batch := queue.drain():
        while batch:
            kind, _, op, _, payload = batch.pop()
            if kind == TOKEN:  # a thread of its own: a function that waits holds up no other
                name = decode(payload, "a question for a token")["name"]
                threading.Thread(target=_answer, args=(op, name), name=f"llmagg-token-{op}", daemon=True).start()


def _answer(op: int, name: str) -> None:
    try:
        answer = _told(_asked(_known[name].function))
    except BaseException as error:  # whatever it is, the calls that wait are told
        text = f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace").decode()
        answer = {"error": text}
    data = encode(answer)
    with contextlib.suppress(errors.LLMError):  # nobody waits any more
        load.call("llmagg_token_answer", op, data, len(data))


def _asked(function: Function) -> Any:
    value = function()
    if not inspect.isawaitable(value):
        return value
    loop = running_loop()
    if loop is None:
        return asyncio.run(_awaited(value))
    future = asyncio.run_coroutine_threadsafe(_awaited(value), loop)
    try:
        return _patience.result(future, _PATIENCE)
    finally:
        future.cancel()


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _told(value: Any) -> dict[str, Any]:
    """The answer for a token: a text, (text, expires), or an object with ``token`` and ``expires_on``."""
    token, expires = value, None
    if isinstance(value, (tuple, list)) and len(value) == 2:
        token, expires = value
    elif hasattr(value, "token"):
        token, expires = value.token, getattr(value, "expires_on", None)
    if not isinstance(token, str) or not token:
        raise TypeError(f"a function for a token must return a str or (str, expires), got {type(value).__name__}")
    answer: dict[str, Any] = {"token": token}
    if expires is not None:
        answer["expires"] = float(expires.timestamp() if hasattr(expires, "timestamp") else expires)
    return answer


def _forget() -> None:
    global _lock, _queue
    _lock, _queue = threading.Lock(), None


load.on_fork(_forget)
