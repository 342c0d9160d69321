"""Files and standard input that are not UTF-8, as shells and editors of Windows write them, and output that is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import llmagg
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

CONFIG = '{"p": {"base_url": "http://127.0.0.1:9/v1", "models": {"é": {}}}}'
UTF_16 = "is UTF-16; expected UTF-8"
LATIN_1 = "is not UTF-8 at byte 56; expected UTF-8"


def command(*arguments: str, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "llmagg", *arguments], capture_output=True, timeout=60, input=stdin,
        env={**os.environ, "NO_COLOR": "1", "OPENAI_API_KEY": "k-123456789", **env},
    )  # fmt: skip
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(("encoding", "says"), [("utf-16", UTF_16), ("latin-1", LATIN_1)])
def test_a_configuration_in_another_encoding(tmp_path: Path, encoding: str, says: str) -> None:
    path = tmp_path / "llm.json"
    path.write_bytes(CONFIG.encode(encoding))
    path.chmod(0o600)
    with pytest.raises(llmagg.InvalidArgumentError) as caught:
        llmagg.LLMAggregator().initialize_sync(path)
    assert caught.value.message == f"the configuration file {str(path)!r} {says}"


def test_a_path_of_one_sign_is_shown() -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match=r"configuration file '\.' cannot be read: Is a directory"):
        llmagg.LLMAggregator().initialize_sync(".")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (json.dumps({"models": {}}).encode("utf-16"), "cannot be read: it is UTF-16; expected UTF-8"),
        (b'{"models": ', "cannot be read: "),
        (b"[]", "script: "),
        (b'{"options": []}', "options: "),
    ],
)
def test_a_script_of_the_wall_that_is_none(tmp_path: Path, script: bytes, says: str) -> None:
    path = tmp_path / "script.json"
    path.write_bytes(script)
    done = command("wall", "--port", "1", "--script", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ") and says in done.stderr and done.stderr.count("\n") == 1


def test_a_question_that_is_not_utf_8(llm_wall: FaultWall) -> None:
    asked = command("ask", "Sum up:", stdin="Grüße".encode("latin-1"), OPENAI_BASE_URL=llm_wall.url)
    assert asked.returncode == 2
    assert asked.stderr == (
        "Error: standard input is not UTF-8 at character 2; convert it, for example: iconv -f LATIN1 -t UTF-8\n"
    )
    marked = command("ask", stdin="\ufeffHi".encode(), OPENAI_BASE_URL=llm_wall.url)
    assert marked.returncode == 0, marked.stderr
    assert llm_wall.seen()["requests"][-1]["body"]["messages"][-1]["content"] == "Hi"


def test_output_for_which_there_is_no_room() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "llmagg", "models"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "Error: what the command prints cannot be written: No space left on device\n"


def test_a_vendor_without_models_and_an_input_without_rows(llm_wall: FaultWall, tmp_path: Path) -> None:
    listed = command("models", "openai", OPENAI_BASE_URL=llm_wall.url)
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "", "openai lists no models\n")
    (tmp_path / "none.jsonl").touch()
    done = command(
        "batch", f"{tmp_path}/none.jsonl", f"{tmp_path}/out.jsonl", "-m", "openai/m", "--quiet",
        OPENAI_BASE_URL=llm_wall.url,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "the input has no rows: nothing was asked\n")


def test_the_doctor_names_the_variable_of_the_vendor(llm_wall: FaultWall) -> None:
    root = llm_wall.url.removesuffix("/v1")
    env = {"OPENAI_BASE_URL": llm_wall.url, "GEMINI_API_KEY": "k-123456789", "GOOGLE_GEMINI_BASE_URL": root}
    told = command("doctor", "-m", "openai/m", "-m", "gemini/m", **env).stdout
    assert "from OPENAI_BASE_URL" in told and "from GOOGLE_GEMINI_BASE_URL" in told


def test_a_cache_in_a_place_without_room() -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="is full; make room there, or choose another path"):
        llmagg.SqliteCache("/dev/full")
