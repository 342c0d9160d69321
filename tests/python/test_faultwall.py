"""The wall from Python: context manager, command line, and the fixture that users of the package get."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import llmagg
from llmagg.faultwall import FaultWall

ASK = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()


def ask(url: str) -> str:
    request = urllib.request.Request(url + "/chat/completions", ASK, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return str(json.load(reply)["choices"][0]["message"]["content"])


@pytest.mark.long
@pytest.mark.parametrize("command", [["llmagg", "wall"], ["llmagg.faultwall"]])
def test_help_tells_how_a_script_is_written(command: list[str], llm_wall: FaultWall) -> None:
    shown = subprocess.run([sys.executable, "-m", *command, "--help"], capture_output=True, text=True).stdout
    steps = shown[shown.index('{"models"') :].splitlines()[0]
    llm_wall.script(steps)
    for line in shown[shown.index("  status,") : shown.index("An unknown key")].splitlines():
        for key in line[:32].replace(",", " ").split():
            try:
                llm_wall.script({"default": {"steps": [{key: [["a value of a wrong type"]]}]}})
            except llmagg.InvalidArgumentError as error:
                assert "unknown key" not in error.message


@pytest.mark.parametrize("form", ["dict", "text", "bytes"])
def test_scripts_in_each_form(form: str) -> None:
    script = {"models": {"m": {"steps": [{"text": "scripted"}]}}}
    given = {"dict": script, "text": json.dumps(script), "bytes": json.dumps(script).encode()}[form]
    with FaultWall(given) as wall:
        assert ask(wall.url) == "scripted"
        wall.script(None)
        assert ask(wall.url) == "Hello from m."
        assert wall.seen()["totals"]["requests"] == 2


def test_a_bad_script_says_where() -> None:
    with pytest.raises(llmagg.InvalidArgumentError, match="stepz"):
        FaultWall({"models": {"m": {"stepz": []}}})


def test_close_twice_and_use_after_close() -> None:
    wall = FaultWall()
    wall.close()
    wall.close()
    with pytest.raises(llmagg.LLMError):
        wall.seen()


@pytest.mark.long
def test_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "script.json").write_text('{"default": {"steps": [{"text": "from a file"}]}}')
    command = [sys.executable, "-m", "llmagg", "wall", "--port", "0", "--script", str(tmp_path / "script.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert ask(url) == "from a file"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.long
def test_the_command_line_refuses_nonsense(tmp_path: Path) -> None:
    for arguments in (["--port", "99999"], ["--script", str(tmp_path / "none.json")], ["--what"]):
        result = subprocess.run([sys.executable, "-m", "llmagg", "wall", *arguments], capture_output=True, text=True)
        assert result.returncode != 0
        assert "Traceback" not in result.stderr


@pytest.mark.long
def test_the_fixture_comes_with_the_package(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import llmagg\n"
        "def test_it(llm_wall):\n"
        "    llm_wall.script({'default': {'steps': [{'text': 'hi'}]}})\n"
        "    provider = llmagg.OpenAIProvider.create_simple('k', 'm', llm_wall.url)\n"
        "    provider.initialize_all_models_sync()\n"
        "    request = llmagg.ChatCompletionRequest('m', [llmagg.Message('user', 'x')])\n"
        "    assert provider.clients['m'].chat_completion_sync(request).choices[0].message.content == 'hi'\n"
    )
    result = subprocess.run([sys.executable, "-m", "pytest", "-q", str(tmp_path)], capture_output=True, text=True)
    assert "1 passed" in result.stdout, result.stdout
