"""The time in which a client must send the head of its request, which uvicorn does not bound."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from llmagg._patience import waits

HEAD_S = 30.0  # seconds, from the connection or from the head's first byte on

_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class PromptHeads(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's protocol that ends a connection whose request does not begin.

    ``cycle``, the request in uvicorn's protocols, is replaced when the head of the next one is whole. The time of a
    body is bounded by the application, and a connection without a request by uvicorn's ``timeout_keep_alive``.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Waits for the first head."""
        super().connection_made(transport)
        self._connection = transport
        self._last: Any = None  # the request before the head that is awaited
        self._late: asyncio.TimerHandle | None = None
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Waits for the next head from its first byte on."""
        if self._late is None:
            self._wait()
        super().data_received(data)
        if self.cycle is not self._last:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._last = self.cycle
        if self._last is None or self._last.response_complete:
            self._look(waits(HEAD_S, asyncio.get_running_loop().time))

    def _look(self, left: Iterator[float]) -> None:
        """A process that was stopped looks at what has arrived before it ends the connection."""
        if (wait := next(left, None)) is None:
            self._end()
        else:
            self._late = asyncio.get_running_loop().call_later(wait, self._look, left)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        self._late = None
        self._connection.write(_LATE)
        self._connection.close()
