"""What the server answers when it refuses a request, or when a call fails."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from llmagg._openai.failures import payload, status_and_headers
from llmagg._wire import encode
from llmagg.errors import LLMError


class RefusedError(Exception):
    """The server itself refuses a request."""

    def __init__(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.payload = {"message": message, "type": kind, "param": None, "code": code}
        self.headers = headers or {}

    def response(self) -> Response:
        """The answer to the client."""
        return json_response({"error": self.payload}, self.status, self.headers)


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response of JSON."""
    return Response(encode(content, "the answer"), status, headers, "application/json")


def failure_response(error: LLMError) -> Response:
    """The answer to the client for a call that failed."""
    return json_response({"error": payload(error)}, *status_and_headers(error))
