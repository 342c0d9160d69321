"""Batches at their vendors: OpenAI's files and batches, Anthropic's message batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .. import _http
from ..errors import BadResponseError, ServiceUnavailableError


class Result(NamedTuple):
    """A line of results; without ``status`` the request was not worked off (expired, cancelled)."""

    name: str
    status: int | None
    body: bytes


class Place(NamedTuple):
    """Where a route's server is, and what it wants to see."""

    base_url: str
    headers: dict[str, str]
    proxy: str | None
    ca_file: str | None


def exchange(place: Place, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> bytes:
    """One HTTP exchange. ``path`` may be a whole URL of the same origin. Raises ServiceUnavailableError."""
    whole = path if "://" in path else place.base_url.rstrip("/") + path
    url, origin = urlsplit(whole), urlsplit(place.base_url)
    if (url.scheme, url.netloc) != (origin.scheme, origin.netloc):
        here, there = (address.netloc.rpartition("@")[2] for address in (origin, url))  # a password may stand before @
        raise ServiceUnavailableError(f"{here} refers to another server for a batch's results: {there}")
    headers = {"Accept": "*/*", **place.headers, "Content-Type": kind}
    try:
        answer = _http.exchange(
            whole, headers, proxy=_http.proxy_for(whole, place.proxy), ca_file=place.ca_file, method=method, body=body,
            timeout=120, most=None,
        )  # fmt: skip
    except _http.UnreachableError as error:
        raise ServiceUnavailableError(f"{url.hostname} cannot be reached for a batch: {error}") from None
    if answer.status >= 300:
        said = " ".join(answer.body[:300].decode("utf-8", "replace").split())
        asked = url.path.removeprefix(origin.path.rstrip("/"))  # a key may stand in the base_url
        text = f"{url.hostname} refused {method} {asked}: HTTP {answer.status} {said}"
        raise ServiceUnavailableError(text, status=answer.status)
    return answer.body


def _object(data: bytes, *names: str) -> dict[str, Any]:
    """An answer, in which these names are. Raises BadResponseError."""
    with suppress(ValueError):
        read = json.loads(data)
        if isinstance(read, dict) and all(name in read for name in names):
            return read
    said = " ".join(data[:100].decode("utf-8", "replace").split())
    raise BadResponseError(f"the answer about a batch is not an object with {', '.join(map(repr, names))}: {said}")


def _in(data: dict[str, Any], name: str, inside: str) -> Any:
    """A field of the object under a name; None without."""
    found = data.get(name)
    return found.get(inside) if isinstance(found, dict) else None


class TornResultsError(BadResponseError):
    """Results of which some lines cannot be read."""


def _lines(data: bytes, lenient: bool) -> list[dict[str, Any]]:
    """The results of a file. Raises TornResultsError for a line that is none, which ``lenient`` passes over;
    BadResponseError, if none of the lines is any.
    """
    found, torn = [], 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        read = None
        with suppress(ValueError):
            read = json.loads(line)
        if isinstance(read, dict) and "custom_id" in read:
            found.append(read)
        else:
            torn = torn or number
    if torn and not found:
        said = " ".join(data[:100].decode("utf-8", "replace").split())
        raise BadResponseError(f"no line of a batch's results can be read: {said}")
    if torn and not lenient:
        raise TornResultsError(f"line {torn} of a batch's results cannot be read; the results may be cut off")
    return found


class OpenAIBatches:
    """OpenAI's, also for other endpoints than chat completions."""

    most_requests = 50_000
    most_bytes = 190 << 20

    def __init__(self, place: Place, endpoint: str) -> None:
        self._place = place
        self.endpoint = endpoint

    def line(self, name: str, body: bytes) -> bytes:
        """A request in the form of the batch."""
        head = json.dumps({"custom_id": name, "method": "POST", "url": self.endpoint})
        return head[:-1].encode() + b', "body": ' + body + b"}"

    def begin(self, lines: list[bytes], mark: str) -> str:
        """Sends a batch; returns its name."""
        said = f"--{mark}\r\nContent-Disposition: form-data; "
        form = f'{said}name="purpose"\r\n\r\nbatch\r\n{said}name="file"; filename="batch.jsonl"\r\n'
        form += "Content-Type: application/jsonl\r\n\r\n"
        data = form.encode() + b"\n".join(lines) + f"\n\r\n--{mark}--\r\n".encode()
        sent = exchange(self._place, "POST", "/files", data, f"multipart/form-data; boundary={mark}")
        asked: dict[str, Any] = {
            "input_file_id": _object(sent, "id")["id"],
            "endpoint": self.endpoint,
            "completion_window": "24h",
        }
        asked["metadata"] = {"llmagg": mark}
        made = exchange(self._place, "POST", "/batches", json.dumps(asked).encode())
        return str(_object(made, "id")["id"])

    def find(self, mark: str) -> str | None:
        """The name of a batch that was sent with a mark; None if it never arrived."""
        listed = _object(exchange(self._place, "GET", "/batches?limit=100"), "data")["data"]
        objects = [made for made in listed if isinstance(made, dict)] if isinstance(listed, list) else []
        return next((made["id"] for made in objects if "id" in made and _in(made, "metadata", "llmagg") == mark), None)

    def ended(self, name: str) -> dict[str, Any] | None:
        """What is known of a batch that has ended; None before. Raises LLMError."""
        told = _object(exchange(self._place, "GET", f"/batches/{name}"), "status")
        return told if told["status"] in ("completed", "expired", "cancelled", "failed") else None

    def cancel(self, name: str) -> None:
        """Ends a batch."""
        exchange(self._place, "POST", f"/batches/{name}/cancel")

    def why(self, told: dict[str, Any]) -> str:
        """Why a batch failed as a whole; "" if it did not."""
        if told["status"] != "failed":
            return ""
        error = _in(told, "errors", "data") or told.get("errors")
        if isinstance(error, list):
            error = error[0] if error else None
        if isinstance(error, dict):
            error = error.get("message") or error.get("code")
        return f"the batch failed: {error if isinstance(error, str) and error else 'no reason is told'}"

    def results(self, told: dict[str, Any], lenient: bool) -> Iterator[Result]:
        """The lines of the results, in any order."""
        for key in ("output_file_id", "error_file_id"):
            if not told.get(key):
                continue
            for read in _lines(exchange(self._place, "GET", f"/files/{told[key]}/content"), lenient):
                response, name = read.get("response"), str(read["custom_id"])
                if isinstance(response, dict) and isinstance(response.get("status_code"), int):
                    yield Result(name, response["status_code"], json.dumps(response.get("body")).encode())
                else:
                    yield Result(name, None, b"")


class AnthropicBatches:
    """Anthropic's message batches."""

    most_requests = 100_000
    most_bytes = 240 << 20

    def __init__(self, place: Place, endpoint: str) -> None:
        self._place = place._replace(headers={"anthropic-version": "2023-06-01", **place.headers})
        self._at = endpoint + "/batches"

    def line(self, name: str, body: bytes) -> bytes:
        """A request in the form of the batch."""
        return b'{"custom_id": ' + json.dumps(name).encode() + b', "params": ' + body + b"}"

    def begin(self, lines: list[bytes], mark: str) -> str:
        """Sends a batch; returns its name. Batches here cannot be marked."""
        del mark
        body = b'{"requests": [' + b",".join(lines) + b"]}"
        return str(_object(exchange(self._place, "POST", self._at, body), "id")["id"])

    def find(self, mark: str) -> str | None:
        """None: batches here cannot be marked."""
        del mark
        return None

    def ended(self, name: str) -> dict[str, Any] | None:
        """What is known of a batch that has ended; None before. Raises LLMError."""
        told = _object(exchange(self._place, "GET", f"{self._at}/{name}"), "processing_status")
        return told if told["processing_status"] == "ended" else None

    def cancel(self, name: str) -> None:
        """Ends a batch."""
        exchange(self._place, "POST", f"{self._at}/{name}/cancel")

    def why(self, told: dict[str, Any]) -> str:
        """Nothing: batches here do not fail as a whole."""
        del told
        return ""

    def results(self, told: dict[str, Any], lenient: bool) -> Iterator[Result]:
        """The lines of the results, in any order."""
        for read in _lines(exchange(self._place, "GET", str(told.get("results_url"))), lenient):
            result, name = read.get("result"), str(read["custom_id"])
            kind = result.get("type") if isinstance(result, dict) else None
            if isinstance(result, dict) and kind == "succeeded":
                yield Result(name, 200, json.dumps(result.get("message")).encode())
            elif isinstance(result, dict) and kind == "errored" and isinstance(result.get("error"), dict):
                error = result["error"]
                refused = "invalid_request_error" in (error.get("type"), _in(error, "error", "type"))
                yield Result(name, 400 if refused else 500, json.dumps(error).encode())
            else:
                yield Result(name, None, b"")
