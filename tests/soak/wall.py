"""The fault wall as a process of its own, that can be killed and come back on the same port."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

FAULTS: list[dict[str, Any]] = [
    {"times": 3},
    {"status": 503},
    {"times": 2},
    {"cut": {"how": "reset", "at": "before_headers"}},
    {"times": 2},
    {"cut": {"how": "close", "after_events": 2}},
    {"status": 429, "headers": {"Retry-After": "0"}},
    {"raw": "\u0000 no HTTP\r\n\r\n"},
    {"close_next": True},
    {"events": [{"text": "Hel"}, {"error": {"message": "overloaded", "type": "server_error"}}]},
    {"body": ""},
]
SCRIPT: dict[str, Any] = {
    "options": {"control": True, "max_requests": 1, "max_body_bytes": -1},
    "models": {
        "good": {"steps": [{}]},
        "faulty": {"steps": FAULTS, "after": "loop"},
        "slow": {"steps": [{"delay_headers_s": 0.02, "delay_event_s": 0.002}]},
        "endless": {"steps": [{"forever": True, "delay_event_s": 0.001}]},
        "silent": {"steps": [{"cut": {"how": "silence", "at": "before_headers"}}]},
        "large": {"steps": [{"text_bytes": 200000, "chunks": 300}]},
    },
}


class WallProcess:
    """``url`` stays the same over ``kill`` and ``start``."""

    def __init__(self, folder: Path) -> None:
        self._script = folder / "wall.json"
        self._script.write_text(json.dumps(SCRIPT))
        self._port = "0"
        self.start()

    def start(self) -> None:
        """Starts it, or starts it again; listens when this returns."""
        command = [sys.executable, "-m", "llmagg", "wall", "--script", str(self._script), "--port", self._port]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the wall did not start on port {self._port}")
        self._port = self.url.split(":")[2].split("/")[0]

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def connections(self) -> int:
        """How many connections it has open, without that of the question."""
        with urllib.request.urlopen(self.url.rsplit("/v1", 1)[0] + "/_wall/seen", timeout=10) as answer:
            return int(json.load(answer)["totals"]["connections_open"]) - 1
