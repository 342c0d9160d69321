"""One plain HTTP exchange, for batches and for what the command tells of servers: the answers of calls come from the
core alone.

A key goes to the address that it is meant for and nowhere else: redirects are not followed.
"""

from __future__ import annotations

import base64
import http.client
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class UnreachableError(Exception):
    """No answer; the text says why."""


@dataclass
class Answer:
    """What a server answered. ``certificate`` is that of https, as ``ssl.SSLSocket.getpeercert`` gives it."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    certificate: dict[str, Any] | None = None


def proxy_for(url: str, configured: str | None = None) -> str | None:
    """The proxy for a URL, from the configuration or the environment."""
    if configured:
        return configured
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = getproxies_environment()
    if host in _LOOPBACK or host.startswith("127.") or proxy_bypass(parts.netloc):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")


def exchange(
    url: str, headers: dict[str, str] | None = None, *, proxy: str | None = None, ca_file: str | None = None,
    method: str = "GET", body: bytes = b"", timeout: float = 10, most: int | None = 8 << 20,
) -> Answer:  # fmt: skip
    """The answer to a request, with at most ``most`` bytes of its body; None: all of it. Raises UnreachableError."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    wanted = {"User-Agent": "llmagg", "Accept": "application/json", **(headers or {})}
    sent = {name.title(): value for name, value in wanted.items()}  # each once, however it is written
    connection: http.client.HTTPConnection | None = None
    try:
        through = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else None
        connection = _connection(parts, through, ca_file, timeout)
        if through is not None and parts.scheme == "http":
            target = url
            sent |= _proxy_headers(through)
        connection.request(method, target, body or None, sent)
        certificate = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read(most), certificate)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnreachableError(str(error) or type(error).__name__) from error
    finally:
        if connection is not None:
            connection.close()


def _connection(
    to: SplitResult, through: SplitResult | None, ca_file: str | None, timeout: float
) -> http.client.HTTPConnection:
    if to.scheme not in ("http", "https"):
        raise ValueError(f"the address begins with {to.scheme or 'nothing'}; expected http:// or https://")
    if through is not None and through.scheme not in ("http", ""):
        raise ValueError(f"the proxy's address begins with {through.scheme}://; expected http://")
    host, port = to.hostname or "", to.port or (443 if to.scheme == "https" else 80)
    at, at_port = (through.hostname or "", through.port or 80) if through else (host, port)
    if to.scheme == "http":
        return http.client.HTTPConnection(at, at_port, timeout=timeout)
    context = ssl.create_default_context(cafile=ca_file)
    secure = http.client.HTTPSConnection(at, at_port, timeout=timeout, context=context)
    if through is not None:
        secure.set_tunnel(host, port, _proxy_headers(through))
    return secure


def _proxy_headers(through: SplitResult) -> dict[str, str]:
    if through.username is None:
        return {}
    login = f"{unquote(through.username)}:{unquote(through.password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + base64.b64encode(login).decode()}
