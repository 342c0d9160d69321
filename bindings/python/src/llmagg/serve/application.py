"""The server as an ASGI application."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from llmagg._openai import calls
from llmagg._parameters import told_function
from llmagg.aggregator import LLMAggregator
from llmagg.errors import LLMError

from . import bodies
from .failures import RefusedError, failure_response, json_response
from .keys import Keys
from .limits import Limits
from .streams import EventStream, unless_gone

_PATHS = "POST /v1/chat/completions, POST /v1/embeddings and GET /v1/models"
_CALLS = ("/v1/chat/completions", "/v1/embeddings")
Answer = Response | EventStream


@told_function({"aggregator": "llm", "api_keys": "keys", "api_key": "keys"})
def application(llm: LLMAggregator, keys: Keys, limits: Limits | None = None) -> ASGIApp:
    """An ASGI application that answers as OpenAI's API does, with the routes of an initialized aggregator.

    Paths: ``POST /v1/chat/completions``, ``POST /v1/embeddings``, ``GET /v1/models`` and ``/v1/models/NAME``, and
    ``GET /healthz``, which needs no key. The model ``auto`` means the aggregator's list, with failover; other names
    mean routes, as in the aggregator.
    """
    server = _Server(llm, limits or Limits())
    routes = [
        Route("/healthz", _alive, methods=["GET"]),
        Route("/v1/models", server.models, methods=["GET"]),
        Route("/v1/models/{name:path}", server.models, methods=["GET"]),
        *(Route(path, server.limited(partial(server.call, path)), methods=["POST"]) for path in _CALLS),
    ]
    handlers: dict[Any, Any] = {
        LLMError: lambda _, error: failure_response(error),
        RefusedError: lambda _, error: error.response(),
        HTTPException: _not_here,
        ClientDisconnect: lambda *_: Response(status_code=499),
    }
    return _Guarded(Starlette(routes=routes, exception_handlers=handlers), keys)


async def _alive(_: Request) -> Response:
    return json_response({"status": "ok"})


async def _not_here(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(getattr(error, "headers", None) or {})
    asked = f"{request.method} {request.url.path}"
    text = f"this server has no {asked}; it has {_PATHS}"
    return RefusedError(status, text, "unknown_url", headers).response()


class _Guarded:
    """Lets requests with a key pass, and gives each answer an ``x-request-id``."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = f"req_{uuid.uuid4().hex}".encode()

        async def named(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", name)]
            await send(message)

        sent = next((value.decode("latin-1") for header, value in scope["headers"] if header == b"authorization"), "")
        if scope["path"] != "/healthz" and not self._keys.accept(sent):
            text = "the key is missing or wrong; send a key of this server as 'Authorization: Bearer KEY'"
            refused = RefusedError(401, text, "invalid_api_key", {"www-authenticate": "Bearer"})
            await refused.response()(scope, receive, named)
            return
        await self._app(scope, receive, named)


class _Server:
    def __init__(self, llm: LLMAggregator, limits: Limits) -> None:
        self._llm = llm
        self._limits = limits
        self._running = 0

    def limited(self, endpoint: Callable[[Request], Coroutine[Any, Any, Answer]]) -> Any:
        """Refuses calls beyond the limit; a stream counts until its end."""

        async def app(request: Request) -> Any:
            if self._running >= self._limits.calls:
                text = f"the server runs {self._running} calls, its limit; try again later"
                raise RefusedError(503, text, "overloaded", {"retry-after": "1"})
            self._running += 1
            try:
                answer = await endpoint(request)
            except BaseException:
                self._running -= 1
                raise
            return self._counted(answer)

        return app

    def _counted(self, answer: Answer) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async def send(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await answer(scope, receive, send)
            finally:
                self._running -= 1

        return send

    async def models(self, request: Request) -> Response:
        """The routes and ``auto``, or the one that the path names."""
        return json_response(calls.listed(self._llm, request.path_params.get("name", "")))

    async def call(self, path: str, request: Request) -> Answer:
        """Vectors, or an answer, whole or as a stream. A stream's status is sent with its first token."""
        asked = calls.read("POST", path, await bodies.read(request, self._limits))
        assert asked is not None, "the path is one of those that it knows"
        found = getattr(self._llm, asked.method)(**asked.arguments)
        if asked.method == "stream":
            try:
                first = await unless_gone(request.receive, anext(found))
            except BaseException:
                await found.aclose()
                raise
            return EventStream(first, found, usage=asked.form)
        answer, headers = calls.answered(asked, await unless_gone(request.receive, found))
        return json_response(answer, headers=headers)
