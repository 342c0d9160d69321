"""The commands of the pages: each line of a ``sh`` block is run, or checked where it would install something."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from pages import ROOT, Block

sys.path.append(str(Path(__file__).parents[1]))
from ports import free_port

PORT = re.compile(r"\b800[01]\b")
EXTRAS = re.compile(r"^(\w+) = \[", re.MULTILINE)
RUN = {"llmagg", "python", "cc", "c++", "curl", "go", "pytest"}
INSTALL = ("pip install ", "go get ", "go mod ", "npm install ", "apt-get install ", "git clone ")


def lines(code: str) -> list[str]:
    """The commands without comments and prompts; a backslash joins two lines."""
    joined = code.replace("\\\n", " ")
    return [line for raw in joined.splitlines() if (line := re.sub(r"(^|\s)#.*", "", raw).strip())]


def installable(line: str) -> None:
    """Fails where an extra does not exist."""
    project = (ROOT / "bindings/python/pyproject.toml").read_text()
    known = EXTRAS.findall(project.partition("[project.optional-dependencies]")[2].partition("\n[")[0])
    for extras in re.findall(r"(?:llmagg|bindings/python)\[([\w,]+)\]", line):
        assert set(extras.split(",")) <= set(known), line


def target(line: str) -> None:
    """Fails where a target of make does not exist."""
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for word in line.split()[1:]:
        assert "=" in word or re.search(rf"^\s+{re.escape(word)}\b", told, re.MULTILINE), line


def run(block: Block, folder: Path, env: dict[str, str]) -> None:
    """Runs the block's commands in the folder."""
    for line in lines(block.code):
        words = shlex.split(line)
        if line.startswith(INSTALL):
            installable(line)
        elif words[0] == "make":
            target(line)
        elif words[0] == "export":
            continue
        elif block.serves:
            serve(line, block.serves, folder, env)
        else:
            assert words[0] in RUN or "| llmagg" in line, f"no rule how to check {line!r} (tests/readme/commands.py)"
            done = subprocess.run(
                line,
                shell=True,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def serve(line: str, serves: str, folder: Path, env: dict[str, str]) -> None:
    """Starts the server of the line at a free port, and asks it."""
    path, _, wanted = serves.partition(" -> ")
    port = free_port()
    if line.startswith("llmagg serve"):
        line += " --port 8001"
    assert PORT.search(line), f"{line}: the wall listens on port 8000, the page's other servers on 8001"
    log = folder / "server.log"
    with log.open("w") as out:
        command = shlex.split(PORT.sub(str(port), line))
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out)
    try:
        answer = asked(f"http://127.0.0.1:{port}{path}", server)
    finally:
        server.terminate()
        try:
            # gunicorn tells each worker once. A worker that it is just forking loses that, and is killed after 30 s.
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            raise
    assert wanted in answer, f"{line}\n{answer}\n{log.read_text()}"


def asked(url: str, server: subprocess.Popen[bytes]) -> str:
    """What the server answers as soon as it listens; nothing if it ends or is not up within 30 s."""
    end = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code}: {error.read().decode()}"
        except OSError:
            time.sleep(0.05)
    return ""
