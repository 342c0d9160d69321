"""A scripted server on a loopback port, for tests of programs that call models.

It answers like OpenAI, or as the script says: statuses, delays, cuts, silence; ``SCRIPT`` tells the usual keys.
``llmagg wall --port 0 --script FILE`` runs one until it is interrupted; :class:`FaultWall` and the pytest fixture
``llm_wall`` run one in a test.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._listening import cannot_listen
from ._native import load
from ._native.handle import Handle
from ._shown import shown_path
from ._wire import encode
from .errors import BadResponseError, InvalidArgumentError, LLMError

SCRIPT = """The script is a JSON object:

  {"models": {"gpt-a": {"steps": [{"status": 503, "times": 2}, {"text": "At last."}]}}}

The first two requests for gpt-a get a 503, the third and all later ones a text; any other model answers "Hello from
NAME." Keys: "models" ({name: plan}), "default" (a plan for the others), "require_key" (another key gets 401). A plan
has "steps", one for each request, and "after" ("repeat_last", "loop", "ok"). Usual keys of a step, all optional, times
in seconds:

  status, headers, times        the HTTP status, headers, for so many requests
  text, tool_calls, reasoning   what a healthy answer says
  finish_reason, usage          how it ends, what it cost; null: no usage
  body, events                  the whole body (JSON or text); the whole event stream
  delay_headers_s               before the status line
  delay_event_s                 before each event of a stream

An unknown key is an error that names the nearest known key. Everything is in
https://github.com/llmagg/llmagg/blob/main/core/faultwall/SCRIPT.md
"""


class FaultWall:
    """A running wall, also as a context manager. ``script`` is a dict, or JSON text; with None every call succeeds.

    Raises InvalidArgumentError for a script that cannot be read. Thread-safe.
    """

    def __init__(self, script: Mapping[str, Any] | str | bytes | None = None) -> None:
        data = _text(script)
        self._handle = Handle.new("llmagg_wall_start", "llmagg_wall_free", data, len(data or b""))
        self.url: str = load.call_for_bytes("llmagg_wall_url", self._handle.pointer).decode()

    def script(self, script: Mapping[str, Any] | str | bytes | None) -> None:
        """Replaces the script; answers in progress continue with the old script."""
        data = _text(script) or b"{}"
        load.call("llmagg_wall_script", self._handle.pointer, data, len(data))

    def seen(self) -> dict[str, Any]:
        """A record of everything so far: requests, times, simultaneous calls, disconnects."""
        seen: dict[str, Any] = load.call_for_json("llmagg_wall_seen", self._handle.pointer)
        return seen

    def close(self) -> None:
        """Stops the server and cuts its connections."""
        self._handle.close()

    def __enter__(self) -> FaultWall:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _text(script: Mapping[str, Any] | str | bytes | None) -> bytes | None:
    if script is None or isinstance(script, bytes):
        return script
    return script.encode() if isinstance(script, str) else encode(dict(script), "the script")


def serve(script: Path | None, port: int) -> None:
    """Runs a wall with the script of a file until SIGINT or SIGTERM; prints its base URL."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        made = FaultWall(_with_port(script, port))
    except LLMError as error:
        if "address already in use" not in error.message:
            raise
        raise cannot_listen("127.0.0.1", port, OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))) from None
    with made as wall:
        print(wall.url, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


def _with_port(path: Path | None, port: int) -> bytes | None:
    from ._wire import decode

    try:
        script = {}
        if path is not None:
            script = decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), f"the script {shown_path(path)}")
    except OSError as error:
        assert path is not None
        raise InvalidArgumentError(f"the script {shown_path(path)} cannot be read: {error.strerror}") from None
    except BadResponseError as error:
        raise InvalidArgumentError(error.message) from None
    if port and isinstance(script, dict) and isinstance(options := script.setdefault("options", {}), dict):
        options["addr"] = f"127.0.0.1:{port}"
    return encode(script, "the script") if path or port else None


if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["wall", *sys.argv[1:]]))
