"""Object stores for tests: versitygw, a server of S3 over a folder, Azurite, and a way to it that answers with errors."""

from __future__ import annotations

import base64
import contextlib
import email.utils
import hmac
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from ports import free_port

_ENGINES = Path(__file__).parents[2] / "build/engines"
BUCKET = "answers"
KEY, SECRET = "robot-of-the-tests", "hunter2-Zx81-of-the-tests"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "NO_PROXY": "127.0.0.1,localhost"}
AZURITE = os.environ.get("LLMAGG_AZURITE", str(_ENGINES / "azurite/node_modules/.bin/azurite-blob"))
PROGRAM = os.environ.get("LLMAGG_VERSITYGW", str(_ENGINES / "bin/versitygw"))


class ObjectServer:
    """A server on a loopback port with one bucket, ended with the test."""

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.folder = tempfile.TemporaryDirectory()
        self.bucket = Path(self.folder.name, BUCKET)
        self.bucket.mkdir()
        self.start()

    def start(self) -> None:
        """Starts the server, also after ``kill``."""
        self.process = subprocess.Popen(
            [PROGRAM, "--port", f"127.0.0.1:{self.port}", "--quiet", "posix", self.folder.name],
            env={**os.environ, "ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise TimeoutError("the server does not start")

    def url(self, job: str = "job", options: str = "") -> str:
        """The ledger of a job."""
        return f"s3://{BUCKET}/jobs/{job}?endpoint={self.endpoint}{options}"

    def names(self, job: str = "job", folder: str = "") -> list[Path]:
        """The objects of a job."""
        return [path for path in (self.bucket / "jobs" / job / folder).rglob("*") if path.is_file()]

    def kill(self) -> None:
        """Ends the server at once."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> ObjectServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.folder.cleanup()


class AzureServer:
    """Azurite, a server of Azure's blobs in memory, with one container, ended with the test."""

    ACCOUNT = "devstoreaccount1"  # with the key that all of its kind have
    KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    def __init__(self) -> None:
        self.port = free_port()
        self.environment = {
            "AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{self.port}",
        }  # fmt: skip
        self.process = subprocess.Popen(
            ["node", AZURITE, "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", str(self.port),
             "--skipApiVersionCheck", "--disableTelemetry"], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert any("successfully listens" in line for line in self.process.stdout)
        threading.Thread(target=self.process.stdout.read, daemon=True).start()  # a full pipe would stop it
        self._make_container()

    def _make_container(self) -> None:
        date = email.utils.formatdate(usegmt=True)
        signed = f"PUT{12 * chr(10)}x-ms-date:{date}\nx-ms-version:2021-08-06\n"
        signed += f"/{self.ACCOUNT}/{self.ACCOUNT}/{BUCKET}\nrestype:container"
        signature = base64.b64encode(hmac.digest(base64.b64decode(self.KEY), signed.encode(), "sha256")).decode()
        there = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        there.request("PUT", f"/{self.ACCOUNT}/{BUCKET}?restype=container", headers={
            "x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {self.ACCOUNT}:{signature}",
        })  # fmt: skip
        assert there.getresponse().status == 201
        there.close()

    def __enter__(self) -> AzureServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


class Gate:
    """A way to the server that counts requests by their methods and answers some of them itself: ``refused`` has a
    method (or "") and what such requests get: a status, the code and the message of an error.
    """

    def __init__(self, server: ObjectServer) -> None:
        self.seen: Counter[str] = Counter()
        self.refused: dict[str, tuple[int, str, str]] = {}
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                gate.seen[self.command] += 1
                if error := gate.refused.get(self.command) or gate.refused.get(""):
                    status, code, message = error
                    said = f"<Error><Code>{code}</Code><Message>{message}</Message><Key>{SECRET}</Key></Error>"
                    self.tell(status, {}, said.encode())
                    return
                there = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
                there.request(self.command, self.path, body, dict(self.headers))
                answer = there.getresponse()
                self.tell(answer.status, dict(answer.getheaders()), answer.read())
                there.close()

            def tell(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
            setattr(Handler, f"do_{method}", Handler.pass_on)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, job: str = "job", options: str = "") -> str:
        """The ledger of a job."""
        return f"s3://{BUCKET}/jobs/{job}?endpoint={self.endpoint}{options}"

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
