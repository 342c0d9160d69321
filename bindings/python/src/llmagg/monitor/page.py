"""``llmagg dashboard``: a page on loopback that shows a process, live by server-sent events.

:func:`serve` shows the process that calls it::

    page = llmagg.monitor.page.serve()
    print(page.url)

The page needs nothing from outside. Its address holds a secret, so that other users of the machine cannot open it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from llmagg._listening import cannot_listen
from llmagg.errors import InvalidArgumentError

from .feed import Feed, told_safely
from .sockets import PERIOD

_HOSTS = ("127.0.0.1", "localhost")
_VIEWERS = 16  # at the same time


def serve(*sources: Any, port: int = 0) -> Page:
    """Shows this process from now on, until the page is closed. ``sources`` are managers or aggregators; by default the
    process-wide manager and what ``llmagg.chat`` uses. Raises InvalidArgumentError if the port is taken.
    """
    feed = Feed(*sources)

    def snapshots() -> Iterator[dict[str, Any]]:
        while True:
            yield told_safely(feed.snapshot)
            time.sleep(PERIOD)  # a picture is due each period, whatever happens

    return Page(snapshots, port, feed.close)


def still(snapshot: dict[str, Any]) -> str:
    """The page of one snapshot, with everything in it, for a file. It needs no server and asks for nothing."""
    page = _file()
    told = json.dumps(snapshot, separators=(",", ":")).replace("<", r"\u003c")  # a message ends no element
    rules = "; ".join(_rules(page)).replace("connect-src 'self'", "connect-src 'none'")
    head = f'<meta http-equiv="Content-Security-Policy" content="{rules}">\n<title>'
    text = page.decode().replace("<title>", head, 1)
    return text.replace("<script>", f'<script id="kept" type="application/json">{told}</script>\n<script>', 1)


def _file() -> bytes:
    return Path(__file__).with_name("page.html").read_bytes()


class Page:
    """The server of a page; also a context manager. ``url`` is its address."""

    def __init__(
        self, snapshots: Callable[[], Iterable[dict[str, Any]]], port: int = 0, then: Callable[[], None] | None = None
    ) -> None:
        self._then = then
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            if then is not None:
                then()
            raise cannot_listen("127.0.0.1", port, error) from None
        self._server.snapshots = snapshots
        self._server.secret = secrets.token_urlsafe(16)
        self.url = f"http://127.0.0.1:{self._server.server_port}/{self._server.secret}/"
        threading.Thread(target=self._server.serve_forever, name="llmagg-page", daemon=True).start()

    def close(self) -> None:
        """Stops the server."""
        self._server.shutdown()
        self._server.server_close()
        if self._then is not None:
            self._then()

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    snapshots: Callable[[], Iterable[dict[str, Any]]]
    secret: str

    def __init__(self, *arguments: Any) -> None:
        self.room = threading.BoundedSemaphore(_VIEWERS)
        super().__init__(*arguments)

    def handle_error(self, *_: Any) -> None:
        """A viewer that leaves is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 20  # of the socket, in seconds

    def do_GET(self) -> None:
        """Answers a viewer."""
        _, secret, *rest = self.path.split("/") if self.path.count("/") == 2 else ("", "", "")
        if self.headers.get("Host", "").rpartition(":")[0] not in _HOSTS:  # a name that leads here from outside
            self._refuse(HTTPStatus.FORBIDDEN)
        elif not hmac.compare_digest(secret.encode(), self.server.secret.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
        elif rest == [""]:
            self._page()
        elif rest == ["events"]:
            self._events()
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _page(self) -> None:
        page = _file()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "; ".join([*_rules(page), "frame-ancestors 'none'"]))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(page)

    def _events(self) -> None:
        if not self.server.room.acquire(blocking=False):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        try:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            for snapshot in self.server.snapshots():
                self.wfile.write(b"data: " + json.dumps(snapshot, separators=(",", ":")).encode() + b"\n\n")
            self.wfile.write(b"event: end\ndata:\n\n")
        except InvalidArgumentError:  # the process has ended
            with contextlib.suppress(OSError):
                self.wfile.write(b"event: end\ndata:\n\n")
        except OSError:
            pass
        finally:
            self.server.room.release()

    def log_message(self, *_: Any) -> None:
        """Writes nothing: the page's address holds the secret."""


def _rules(page: bytes) -> list[str]:
    """Only the page's own style and script, and its events."""
    rules = ["default-src 'none'", "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'"]
    for kind in (b"style", b"script"):
        found = re.search(b"<" + kind + b">(.*?)</" + kind + b">", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(found[1] if found else b"").digest()).decode()
        rules.append(f"{kind.decode()}-src 'sha256-{digest}'")
    return rules
