"""The checks of ``llmagg doctor``: each says what was found, and what to change."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from llmagg import LLMAggregator, LLMError, _http, observe
from llmagg._native import fleet
from llmagg._native import route as tables
from llmagg._shown import shown_path

from .routes import Route

_LATE_S = 60
_STORE_S = 4
_PLAIN = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
"""OpenSSL's names of what it read in the place of a handshake."""
_SOON_DAYS = 14
_PLACEHOLDER = re.compile(r"your|xxx|changeme|replace|example|<|\.\.\.|…", re.IGNORECASE)


@dataclass
class Finding:
    """What a check found. ``level`` is "ok", "warning" or "error"; ``advice`` says what to change."""

    subject: str
    level: str
    text: str
    advice: str = ""


def permissions(path: Path) -> Iterator[Finding]:
    """Whether other users can read or write the configuration file."""
    subject = f"file {shown_path(path)}"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        yield Finding(subject, "error", error.strerror or str(error), "correct the path in LLMAGG_CONFIG or --config")
        return
    if mode & 0o066:
        yield Finding(
            subject, "warning", f"other users may read or write it (mode {mode:04o})",
            f"chmod 600 {shown_path(path)}, or refer to keys as ${{NAME}}",
        )  # fmt: skip
    else:
        yield Finding(subject, "ok", f"readable, mode {mode:04o}")


def key(route: Route) -> Iterator[Finding]:
    """Whether there is a key, and whether it looks like one. The key itself is never shown."""
    subject = f"{route.name}: key"
    variables = tables.key_variables(route.provider)
    found = route.key or tables.environment_key(route.provider)
    if not found:
        if variables:
            level = "warning" if route.key_header is not None else "ok"
            yield Finding(subject, level, "none", f"set {' or '.join(variables)}, if the server wants a key")
        return
    source = next((name for name in variables if os.environ.get(name) == found), "the configuration")
    if found.strip() != found or found.strip("'\"") != found:
        advice = "take blanks, line breaks and quotation marks away from both ends"
        yield Finding(subject, "error", "it begins or ends with a blank or a quotation mark", advice)
    elif found.lower().startswith("bearer "):
        yield Finding(subject, "error", "it begins with 'Bearer '", "give the key alone; the library adds 'Bearer '")
    elif _PLACEHOLDER.search(found) or len(found) < 8:
        yield Finding(subject, "warning", "it looks like a placeholder", "put the vendor's key in its place")
    elif not found.isascii() or any(c.isspace() for c in found):
        yield Finding(subject, "error", "it holds characters that no key has", "copy the key again")
    else:
        yield Finding(subject, "ok", f"present, {len(found)} characters, from {source}")


def server(route: Route) -> Iterator[Finding]:
    """Whether the server of a route can be reached: proxy, name, connection, certificate and clock."""
    url = route.base_url
    parts = urlsplit(url)
    subject = urlsplit(route.address).netloc or route.name
    proxy = _http.proxy_for(url, route.proxy)
    at = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else parts
    place = f"{at.hostname}:{at.port or (443 if at.scheme == 'https' else 80)}"
    if proxy:
        yield Finding(f"{subject}: proxy", "ok", f"requests go through {place}")
    try:
        with socket.create_connection((at.hostname or "", int(place.rpartition(":")[2])), timeout=5):
            pass
    except socket.gaierror as error:
        advice = "correct the proxy" if proxy else "correct base_url, or the machine's DNS or network"
        yield Finding(f"{subject}: address", "error", f"the name {at.hostname} is unknown ({error.strerror})", advice)
        return
    except OSError as error:
        advice = f"start {'the proxy' if proxy else 'the server'}, or allow connections to {place}"
        if not proxy and not route.base_url.startswith("http://"):
            advice += "; behind a firewall, set HTTPS_PROXY"
        yield Finding(f"{subject}: address", "error", f"no connection to {place} ({error})", advice)
        return
    yield from _answer(route, subject, proxy)


def _source(route: Route) -> str:
    """The environment variable that has the route's address, for a text; "" if it is configured, or the vendor's."""
    at = f"{route.base_url.rstrip('/')}/"
    vendors = sorted(tables.known().vendors, key=lambda row: row["name"] != route.provider)  # its own first
    addresses = [row["address"] for row in vendors if row.get("address")]
    for name in (*addresses, f"{route.provider.upper()}_BASE_URL", f"{route.provider.upper()}_API_BASE_URL"):
        if (value := os.environ.get(name, "").rstrip("/")) and at.startswith(f"{value}/"):
            return f", from {name}"
    return ""


def _answer(route: Route, subject: str, proxy: str | None) -> Iterator[Finding]:
    try:
        answer = _http.exchange(route.base_url, proxy=proxy, ca_file=route.ca_file)
    except _http.UnreachableError as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            reason = error.__cause__.verify_message
            advice = "for a private authority set ca_file or SSL_CERT_FILE; if a certificate expired, check the clock"
            yield Finding(f"{subject}: certificate", "error", reason, advice)
        elif isinstance(error.__cause__, ssl.SSLError) and error.__cause__.reason in _PLAIN:
            advice = "write http:// in base_url, or the port that speaks https"
            yield Finding(f"{subject}: address", "error", "the server speaks plain http there, no https", advice)
        else:
            yield Finding(f"{subject}: address", "error", str(error), "check base_url: scheme, host and port")
        return
    yield Finding(f"{subject}: address", "ok", f"answers (HTTP {answer.status} without a key){_source(route)}")
    if answer.certificate is not None:
        yield _certificate(subject, str(answer.certificate.get("notAfter", "")))
    if date := answer.headers.get("date"):
        yield _clock(subject, date)


def _certificate(subject: str, until: str) -> Finding:
    days = int((ssl.cert_time_to_seconds(until) - time.time()) // 86400)
    level, advice = ("ok", "") if days >= _SOON_DAYS else ("warning", "tell the server's operator")
    return Finding(f"{subject}: certificate", level, f"valid for {days} days", advice)


def _clock(subject: str, date: str) -> Finding:
    try:
        off = time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return Finding(f"{subject}: clock", "warning", "the server's Date header cannot be read")
    if abs(off) <= _LATE_S:
        return Finding(f"{subject}: clock", "ok", "agrees with the server's")
    text = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the server's"
    return Finding(f"{subject}: clock", "error", text, "set the machine's clock (timedatectl set-ntp true)")


ADVICE = {
    "AUTHENTICATION": "the server refuses the key: check that it is this vendor's, this site's, and not revoked",
    "QUOTA": "pay or raise the limit in the vendor's console",
    "RATE_LIMIT": "wait, or raise the limit in the vendor's console",
    "MODEL_NOT_FOUND": "correct the model's name, or ask the vendor for access to it",
    "TIMEOUT": "raise timeout, or use another route",
    "UNAVAILABLE": "try again later, or use another route",
    "BAD_RESPONSE": "base_url is probably not the API's root, which ends in /v1 at most servers",
}


async def _told() -> None:
    """Returns when the store of this process's fleet has been reached or lost, also before this call."""
    async with observe() as events:
        report = fleet.report()
        if report is None or report["connected"] or report.get("error"):
            return
        async for event in events:
            if event.event in ("fleet_joined", "fleet_lost"):
                return


def store() -> Iterator[Finding]:
    """Whether the store of the configuration's fleet, if it has one, is reached within a few seconds."""
    if fleet.report() is None:
        return
    with contextlib.suppress(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(_told(), _STORE_S))
    report = fleet.report()
    assert report is not None, "a process does not leave its fleet"
    subject = f"fleet {report['name']}: store"
    if report["connected"]:
        yield Finding(subject, "ok", f"reached; {report['processes']} processes, this one included")
        return
    advice = "until it is reached, processes share nothing"
    if share := report["rate_share"]:
        advice += f", and each keeps {share:.0%} of each rate ('processes' of 'fleet' says how many there are)"
    yield Finding(subject, "error", report.get("error") or "no answer", advice)


def live(llm: LLMAggregator, route: Route, deadline: float) -> Iterator[Finding]:
    """Asks a route for one token."""
    subject = f"{route.name}: live"
    try:
        response = llm.chat_sync("Hi", model=route.name, max_tokens=1, max_retries=1, deadline=deadline)
    except LLMError as error:
        cause = error.attempts[-1].outcome if error.attempts else error.name
        text = error.attempts[-1].message if error.attempts else error.message
        advice = ADVICE.get(cause, "")
        if cause == "TIMEOUT" and "deadline" in text:
            advice = "give the route more time with --deadline, or use another route"
        elif cause == "AUTHENTICATION" and not route.key and route.key_header is None:
            variables = tables.key_variables(route.provider)
            advice = f"no key was sent: set {' or '.join(variables) or 'api_key in the configuration'}"
        yield Finding(subject, "error", f"{cause}: {text}", advice)
    else:
        attempt = response.attempts[-1]
        yield Finding(subject, "ok", f"answered in {attempt.duration:.2f} s")
