"""What the command says to people who set something wrong: of keys, addresses, variables, ports and lists of models."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from conftest import chats
from llmagg import __main__ as entry
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long

KEY = "k-123456789"


class Shell:
    """Commands with a key of OpenAI's and the wall as OpenAI in the environment."""

    def __init__(self, wall: FaultWall) -> None:
        self.wall = wall

    def __call__(self, *arguments: str, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, with a text on its standard input."""
        shown = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": self.wall.url, "NO_COLOR": "1", **env}
        return subprocess.run(
            [sys.executable, "-m", "llmagg", *arguments], capture_output=True, text=True, timeout=60,
            env={**os.environ, **shown}, input=given,
        )  # fmt: skip

    def doctor(self, *arguments: str, **env: str) -> dict[str, Any]:
        """What the doctor found, by its subjects."""
        return {found["subject"]: found for found in json.loads(self("doctor", "--json", *arguments, **env).stdout)}


@pytest.fixture
def shell(llm_wall: FaultWall) -> Shell:
    return Shell(llm_wall)


def test_closed_streams(shell: Shell, llm_wall: FaultWall) -> None:
    """Nothing is asked, and paid, whose answer nobody can read; what only tells errors may be closed."""

    def closed(which: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": shell.wall.url}
        command = ["sh", "-c", f'"$@" {which}', "sh", sys.executable, "-m", "llmagg", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)

    asked = closed(">&-", "ask", "Hello!", "-m", "openai/gpt-a")
    assert (asked.returncode, chats(llm_wall)) == (1, [])
    assert asked.stderr == "Error: standard output is closed; what the command prints would be lost\n"
    for which in ("<&-", "2>&-", "<&- 2>&-"):
        asked = closed(which, "ask", "Hello!", "-m", "openai/gpt-a")
        assert (asked.returncode, asked.stdout) == (0, "Hello from gpt-a.\n")
    assert closed("<&- >&- 2>&-", "models").returncode == 1


TWO = ("-m", "anthropic/claude-a", "-m", "openai/gpt-a")


def test_a_model_without_a_key_is_left_out_of_every_command(shell: Shell) -> None:
    """As it is left out of calls: the doctor called it unknown, and looked at no other."""
    found = shell.doctor(*TWO)
    assert found["openai/gpt-a: key"]["level"] == "ok"
    assert [one["level"] for one in found.values()].count("error") == 0, found
    assert "ANTHROPIC_API_KEY" in found["configuration"]["text"]
    listed = shell("models", "--routes", *TWO)
    assert listed.returncode == 0, listed.stderr
    assert "openai/gpt-a" in listed.stdout
    assert "anthropic" not in listed.stdout


def test_the_doctor_says_where_keys_and_addresses_come_from(shell: Shell) -> None:
    found = shell.doctor("-m", "openai/gpt-a")
    host = shell.wall.url.split("/")[2]
    assert found["openai/gpt-a: key"]["text"].endswith("from OPENAI_API_KEY")
    assert found[f"{host}: address"]["text"].endswith("from OPENAI_BASE_URL")


GATEWAY = "sk-gateway-Abc123Def456Ghi789"


def paths(wall: FaultWall) -> set[str]:
    """The paths that were asked for."""
    return {seen["path"] for seen in wall.seen()["requests"]}


def test_the_doctor_and_models_ask_the_address_of_calls(shell: Shell, tmp_path: Path) -> None:
    """It is asked as it stands in the environment, and shown without the key in it."""
    at = shell.wall.url.removesuffix("/v1") + "/" + GATEWAY
    done = shell("doctor", "--json", "-m", "openai/gpt-a", OPENAI_BASE_URL=f"{at}/v1")
    assert paths(shell.wall) == {f"/{GATEWAY}/v1"}
    assert "from OPENAI_BASE_URL" in done.stdout
    listed = shell("models", "openai", OPENAI_BASE_URL=f"{at}/v1")
    file = tmp_path / "llm.json"
    file.write_text(json.dumps({"mine": {"models": {"m": {"api_key": KEY, "base_url": "${GW}/v1"}}}}))
    file.chmod(0o600)
    own = shell("models", "mine", "--config", str(file), GW=at)
    told = shell("models", "--routes", "--config", str(file), GW=at)
    assert f"/{GATEWAY}/v1/models" in paths(shell.wall)
    assert "/***/v1" in told.stdout
    for command in (done, listed, own, told):
        assert command.returncode == 0, command.stderr
        assert GATEWAY not in command.stdout + command.stderr


def test_a_key_whose_variable_is_not_set_is_told_and_the_others_are_used(
    shell: Shell, llm_wall: FaultWall, tmp_path: Path
) -> None:
    file = tmp_path / "llm.json"
    entry = {"base_url": llm_wall.url, "api_keys": ["${ONE_KEY}", "${OTHER_KEY}"], "models": {"m": {}, "n": {}}}
    file.write_text(json.dumps({"mine": entry}))
    file.chmod(0o600)
    told = '"api_keys[1]" refers to the environment variable OTHER_KEY, which is not set; the other keys are used'
    done = shell("doctor", "--json", "--config", str(file), ONE_KEY=KEY)
    texts = [found["text"] for found in json.loads(done.stdout) if found["subject"] == "configuration"]
    assert texts == [f'provider "mine": {told}']
    asked = shell("ask", "Hello!", "--config", str(file), ONE_KEY=KEY)
    assert (asked.returncode, asked.stdout) == (0, "Hello from m.\n")
    assert asked.stderr.count(told) == 1, asked.stderr


def test_the_doctor_says_that_no_key_is_sent(shell: Shell) -> None:
    shell.wall.script({"require_key": KEY})
    found = shell.doctor("-m", "openai/gpt-a", "--live", OPENAI_API_KEY="")
    assert found["openai/gpt-a: key"]["text"] == "none"
    assert found["openai/gpt-a: live"]["advice"] == "no key was sent: set OPENAI_API_KEY"


def test_the_doctor_says_that_a_server_speaks_no_tls(shell: Shell) -> None:
    at = shell.wall.url.replace("http://", "https://")
    found = shell.doctor("-m", "openai/gpt-a", OPENAI_BASE_URL=at)
    address = found[at.split("/")[2] + ": address"]
    assert address["text"] == "the server speaks plain http there, no https"
    assert "http://" in address["advice"]


def test_the_doctors_own_deadline_is_told(shell: Shell) -> None:
    shell.wall.script({"default": {"steps": [{"delay_headers_s": 30}]}})
    found = shell.doctor("-m", "openai/gpt-a", "--live", "--deadline", "0.2")
    assert "--deadline" in found["openai/gpt-a: live"]["advice"]


def test_a_misspelt_variable_is_told(shell: Shell) -> None:
    found = shell.doctor(LLMAGG_MODEL="openai/gpt-b", LLMAGG_OTHERS="mine", LLMAGG_TOP_K="5")
    assert found["environment"]["text"] == "nothing reads LLMAGG_MODEL"
    assert found["environment"]["advice"] == "did you mean LLMAGG_MODELS?"


def test_an_address_without_a_scheme_is_told_by_its_variable(shell: Shell) -> None:
    for models in ((), ("-m", "openai/gpt-a")):
        done = shell("ask", "Hi", *models, OPENAI_BASE_URL="127.0.0.1:9")
        assert done.returncode == 2
        told = 'OPENAI_BASE_URL begins neither with http:// nor with https://; write "http://127.0.0.1:9"'
        assert f"the environment variable {told}" in done.stderr


def test_commas_separate_models_as_in_the_variable(shell: Shell) -> None:
    shell.wall.script({"models": {"bad": {"steps": [{"status": 400}]}}})
    done = shell("ask", "Hi", "-m", "openai/bad, openai/gpt-a")
    assert done.stdout == "Hello from gpt-a.\n", done.stderr
    assert {request["body"]["model"] for request in chats(shell.wall)} == {"bad", "gpt-a"}


def test_models_shows_the_addresses_of_calls(shell: Shell) -> None:
    """In this environment, not the vendor's own; and why a call cannot go anywhere."""
    shown = {"COHERE_BASE_URL": "gate.test/v1", "AZURE_OPENAI_ENDPOINT": ""}
    rows = {row["vendor"]: row for row in json.loads(shell("models", "--json", **shown).stdout)}
    assert rows["openai"]["base_url"] == shell.wall.url
    assert rows["deepseek"]["base_url"] == "https://api.deepseek.com/v1"
    assert (rows["cohere"]["base_url"], rows["azure"]["base_url"]) == ("", "")
    assert "error" not in rows["azure"]
    told = 'the environment variable COHERE_BASE_URL begins neither with http:// nor with https://; write "https://gate'
    assert rows["cohere"]["error"].startswith(told)
    table = shell("models", **shown).stdout
    assert shell.wall.url in table and "api.openai.com" not in table and told in table
    assert shell("models", "-m", "openai/gpt-a").stdout.split() == ["route", "address", "openai/gpt-a", shell.wall.url]


def test_a_misspelt_command_or_option_is_told_the_nearest(shell: Shell) -> None:
    for arguments, meant in (
        (["modles"], "models"), (["Ask", "Hi"], "ask"), (["models", "--jsn"], "--json"),
        (["ask", "--modle", "openai/gpt-a", "Hi"], "--model"), (["chat", "--deadlin", "3"], "--deadline"),
        (["prices", "--from", "litelm", "x.json"], "litellm"),
    ):  # fmt: skip
        done = shell(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert meant in done.stderr.partition("Error: ")[2], done.stderr
    assert chats(shell.wall) == []


def test_options_that_would_have_no_effect_are_refused(shell: Shell, tmp_path: Path) -> None:
    for arguments, told in (
        (["models", "openai", "--routes"], "leave out --routes"),
        (["models", "openai", "-m", "openai/gpt-a"], "leave out --model"),
        (["doctor", "--deadline", "3"], "add --live"),
        (["top", "--html", "x.html", "--json"], "leave out --json"),
        (["top", "--fleet", "valkey://h", "7"], "leave out PROCESS"),
        (["batch", "--export", "a", "b", "--prompt", "x", "-m", "openai/gpt-a"], "leave out --model, --prompt"),
        (["dropin", "--check", "--replace", str(tmp_path)], "leave out --replace"),
        (["prices", "--path", "openai/gpt-4o"], "leave out NAME"),
    ):
        done = shell(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), (arguments, done.stderr)
        assert told in " ".join(done.stderr.split()), done.stderr


def test_a_talk_through_pipes_prints_only_its_answers(shell: Shell) -> None:
    cut = {"text": "one two", "cut": {"how": "close", "after_events": 2}}
    shell.wall.script({"models": {"bad": {"steps": [{"status": 400}]}, "cut": {"steps": [cut]}}})
    done = shell("chat", "-m", "openai/gpt-a", given="Hello\n/help\nAgain\n")
    assert (done.returncode, done.stdout) == (0, "Hello from gpt-a.\nHello from gpt-a.\n")
    assert "openai/gpt-a" in done.stderr and "/quit" in done.stderr
    failed = shell("chat", "-m", "openai/bad", given="Hello\n")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "Error: " in failed.stderr
    broken = shell("chat", "-m", "openai/cut", given="Hello\n")
    assert (broken.returncode, broken.stdout) == (3, "one\n")


def test_an_error_of_the_configuration_is_json_too(shell: Shell) -> None:
    done = shell("ask", "Hi", "--json", "-m", "gpt-a")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["name"] == "NOT_INITIALIZED", done.stdout
    assert done.stderr == ""


def test_what_stands_in_the_place_of_a_command(shell: Shell) -> None:
    for arguments, told in (
        (["What is up?"], "to ask it: llmagg ask 'What is up?'"),
        (["x = 3; 2x?"], "to ask it: llmagg ask 'x = 3; 2x?'"),
        (["--model", "openai/gpt-a", "ask", "Hi"], "--model stands behind the command: llmagg ask --model …"),
        (["help"], "help is no command; write: llmagg --help"),
        (["version"], "version is no command; write: llmagg --version"),
        (["--json=1", "models"], "--json stands behind the command: llmagg models --json …"),
    ):
        done = shell(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"Error: {done.stderr[7:]}"), done.stderr
        assert told in done.stderr
    assert shell("--version").returncode == 0


@pytest.mark.parametrize("command", ["serve", "dashboard", "wall", "serve-metrics"])
def test_a_port_that_there_is_not(shell: Shell, command: str) -> None:
    """A server listened at another port, the number without its highest bits."""
    done = shell(command, "--port", "99999", *(["x.py"] if command == "serve-metrics" else []))
    assert (done.returncode, done.stdout) == (2, "")
    assert "65535" in done.stderr


def test_a_talk_that_is_no_text(shell: Shell) -> None:
    command = [sys.executable, "-m", "llmagg", "chat", "-m", "openai/gpt-a"]
    env = {**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": shell.wall.url}
    done = subprocess.run(command, input=b"\xff\xfe\n", capture_output=True, timeout=60, env=env, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"standard input is not" in done.stderr and b"iconv" in done.stderr


def test_a_port_that_is_taken(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = shell("wall", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr == (
        f"Error: cannot listen at 127.0.0.1, port {port}: Address already in use; "
        "choose another port (0: any free port)\n"
    )


def test_a_script_that_is_not_there(shell: Shell, tmp_path: Path) -> None:
    done = shell("wall", "--script", str(tmp_path / "none.json"))
    assert done.returncode == 2
    assert done.stderr == f"Error: the script '{tmp_path}/none.json' cannot be read: No such file or directory\n"


def test_a_narrow_terminal_gets_rows_as_lines(shell: Shell) -> None:
    main, side = pty.openpty()
    try:
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        env = {**os.environ, "NO_COLOR": "1", "COLUMNS": "60"}
        with subprocess.Popen([sys.executable, "-m", "llmagg", "models"], stdout=side, env=env) as running:
            os.close(side)
            side = -1
            read = b""
            while True:
                try:
                    piece = os.read(main, 65536)
                except OSError:  # its end
                    break
                if not piece:
                    break
                read += piece
            assert running.wait() == 0
    finally:
        os.close(main)
        if side >= 0:
            os.close(side)
    lines = read.decode().splitlines()
    at = lines.index("cohere")
    assert lines[at + 1] == "  key variables: COHERE_API_KEY, CO_API_KEY"
    assert lines[at + 2] == "  address: https://api.cohere.ai/compatibility/v1"


@pytest.mark.parametrize(("encoding", "sign"), [("ascii", "?"), ("ascii:backslashreplace", r"\u2717"), ("utf-8", "✗")])
def test_signs_that_the_encoding_lacks(encoding: str, sign: str) -> None:
    """A sign stands for them, or what the user has chosen."""
    done = subprocess.run(
        [sys.executable, "-m", "llmagg", "doctor"], capture_output=True, text=True, timeout=60, encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": encoding, "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.stdout.startswith(f"{sign} configuration: ") and done.stderr == ""


def test_an_interrupt_while_a_command_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its modules take a moment to import: Ctrl-C ends it then as it does later, without a traceback."""

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("llmagg.cli.app.main", interrupted)
    assert entry.main(["models"]) == 130
    monkeypatch.setattr(entry, "import_module", interrupted)
    assert entry.main(["models"]) == 130
