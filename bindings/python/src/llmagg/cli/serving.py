"""``llmagg serve``: the server of :mod:`llmagg.serve` as a process, by uvicorn."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from llmagg import InvalidArgumentError, LLMAggregator, configfile
from llmagg._listening import cannot_listen
from llmagg._shown import shown_path
from llmagg.serve import Keys, Limits, application
from llmagg.serve.limits import MEBIBYTE

from . import FAILED, OK, routes
from .heads import PromptHeads

_GRACE = 10  # seconds for running calls after SIGINT or SIGTERM


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InvalidArgumentError if the address cannot be used."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise cannot_listen(host, port, error) from None


def keys(file: Path | None) -> list[str]:
    """The keys in a file or in LLMAGG_SERVE_KEY, where commas separate them; [] if neither is given."""
    if file is None:
        return [key for key in os.environ.get("LLMAGG_SERVE_KEY", "").split(",") if key.strip()]
    try:
        content, mode = configfile.read(file)
    except OSError as error:
        raise InvalidArgumentError(f"the file of keys {shown_path(file)} cannot be read: {error.strerror}") from None
    configfile.warn_if_exposed(file, mode)
    found = [line for line in content.decode("utf-8", "replace").splitlines() if line.strip()]
    if not found:
        raise InvalidArgumentError(f"the file of keys {shown_path(file)} is empty; expected a key in each line")
    return found


class _Announced(uvicorn.Server):
    """A server that says where it is when it serves, and a signal would end it; ``announce`` says it."""

    announce: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.announce()


def server_of(app: Any) -> _Announced:
    """The server of an ASGI application."""
    config = uvicorn.Config(
        app, http=PromptHeads, log_level="warning", access_log=False, server_header=False, lifespan="off", ws="none",
        timeout_graceful_shutdown=_GRACE, timeout_keep_alive=75, proxy_headers=False,
    )  # fmt: skip
    return _Announced(config)


def run(llm: LLMAggregator, listener: socket.socket, given: list[str], max_body: int, max_calls: int) -> int:
    """Serves until SIGINT or SIGTERM. Returns the exit code."""
    _refuse_itself(llm, listener)
    made = [] if given else [Keys.generate()]
    app = application(llm, Keys(given or made), Limits(body_bytes=max_body * MEBIBYTE, calls=max_calls))
    server = server_of(app)
    server.announce = lambda: _tell(llm, listener, made)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn sends it again when it has ended its calls
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # before the server runs, and again from uvicorn
        return OK
    finally:
        llm.close_sync()
    return OK if server.started else FAILED


def _refuse_itself(llm: LLMAggregator, listener: socket.socket) -> None:
    """Raises InvalidArgumentError if a route leads to this server, as with its own OPENAI_BASE_URL in the shell."""
    host, port = listener.getsockname()[:2]
    for route in routes.routes(llm):
        at = urlsplit(route.base_url)
        if at.port == port and at.hostname in (host, "localhost", "127.0.0.1", "::1"):
            raise InvalidArgumentError(
                f"the route {route.name} leads to this server itself, {route.address}; unset the variable that "
                "says so (OPENAI_BASE_URL), or give the model another base_url"
            )


def _tell(llm: LLMAggregator, listener: socket.socket, made: list[str]) -> None:
    """Says where the server is, and the key if a new one was made."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"llmagg serves {', '.join(route.name for route in routes.routes(llm))}")
    print(f"  OPENAI_BASE_URL=http://{shown}:{port}/v1")
    print(f"  OPENAI_API_KEY={made[0]}" if made else "  with the given keys", flush=True)
    if not ipaddress.ip_address(host).is_loopback:
        print(
            f"warning: {host} is reachable from other machines, and keys and answers are not encrypted on the way; "
            "put a proxy with TLS before it",
            file=sys.stderr,
        )
