"""The command ``llmagg``: its answers, pipes and exit codes against the fault wall, and a talk in a real terminal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import FAST, python
from llmagg.__main__ import main
from llmagg.faultwall import FaultWall

Command = Callable[..., "subprocess.CompletedProcess[str]"]
KEY = "sk-0123456789"


@pytest.fixture
def config(llm_wall: FaultWall, tmp_path: Path) -> Path:
    """A configuration with two routes; the first is down."""
    llm_wall.script({"models": {"bad": {"steps": [{"status": 503}]}}})
    models = {name: {"api_key": KEY, "base_url": llm_wall.url, **FAST} for name in ("bad", "good")}
    path = tmp_path / "llm.json"
    path.write_text(json.dumps({"shop": {"models": models}}))
    path.chmod(0o600)
    return path


@pytest.fixture
def command(config: Path) -> Command:
    """Runs the command with that configuration."""

    def run(*arguments: str, given: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "llmagg", *arguments], capture_output=True, text=True, timeout=60,
            env={**os.environ, "LLMAGG_CONFIG": str(config), "NO_COLOR": "1", **env},
            **({"stdin": subprocess.DEVNULL} if given is None else {"input": given}),
        )  # fmt: skip

    return run


def test_the_help_tells_each_command_in_a_line(command: Command) -> None:
    told = command("--help", COLUMNS="80").stdout.partition("Commands:")[2]
    assert "models" in told
    assert "..." not in told


def test_an_answer_goes_to_standard_output(command: Command) -> None:
    done = command("ask", "Hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello from good.\n", "")


def test_verbose_tells_which_route_answered_and_why(command: Command) -> None:
    done = command("ask", "-v", "Hello")
    assert done.stdout == "Hello from good.\n"
    assert "shop/bad: UNAVAILABLE (HTTP 503)" in done.stderr
    assert "shop/good · 3 attempts" in done.stderr


def test_pipes(command: Command, llm_wall: FaultWall) -> None:
    command("ask", "-m", "shop/good", "Summarize:", given="a long text\n")
    assert command("ask", "-m", "shop/good", "-s", "Be short.", given="only this").returncode == 0
    first, second = (seen["body"]["messages"] for seen in llm_wall.seen()["requests"] if seen["kind"] == "chat")
    assert first == [{"role": "user", "content": "Summarize:\n\na long text"}]
    assert second == [{"role": "system", "content": "Be short."}, {"role": "user", "content": "only this"}]


def test_json(command: Command) -> None:
    answer = json.loads(command("ask", "--json", "Hello").stdout)
    assert answer["choices"][0]["message"]["content"] == "Hello from good."
    assert [attempt["outcome"] for attempt in answer["attempts"]] == ["UNAVAILABLE", "UNAVAILABLE", "OK"]
    done = command("ask", "--json", "-m", "shop/bad", "Hello")
    failed = json.loads(done.stdout)["error"]
    assert (done.returncode, failed["attempts"][0]["route"]) == (1, "shop/bad")


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["ask", "-m", "shop/bad", "Hello"], 1, "shop/bad: UNAVAILABLE (HTTP 503)"),
        (["ask"], 2, "there is no question"),
        (["ask", "--mode", "x", "Hello"], 2, "--model"),
        (["ask", "-m", "shop/godo", "Hello"], 2, "shop/good"),
        (["ask", "-c", "/nowhere.json", "Hello"], 2, "'/nowhere.json' cannot be read"),
        (["models", "nobody"], 2, "known are openai"),
    ],
)
def test_exit_codes(command: Command, arguments: list[str], code: int, told: str) -> None:
    done = command(*arguments)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_an_answer_that_breaks_off(command: Command, llm_wall: FaultWall) -> None:
    cut = {"text": "one two three", "cut": {"how": "close", "after_events": 2}}
    llm_wall.script({"default": {"steps": [cut]}})
    done = command("ask", "-m", "shop/good", "Hello")
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("one")
    assert "Error: the connection broke" in done.stderr


def test_no_configuration_says_what_to_set(command: Command) -> None:
    done = command("ask", "Hello", LLMAGG_CONFIG="")
    assert done.returncode == 2
    assert "LLMAGG_MODELS" in done.stderr


def test_doctor_finds_nothing(command: Command) -> None:
    done = command("doctor", "--live", "-m", "shop/good")
    assert done.returncode == 0, done.stdout
    for word in ("llm.json': readable, mode 0600", "key: present", "answers (HTTP", "clock: agrees", "live: answered"):
        assert word in done.stdout
    assert KEY not in done.stdout + done.stderr


@pytest.mark.long
def test_doctor_says_what_to_change(command: Command, config: Path) -> None:
    config.chmod(0o644)
    models = {
        "dead": {"api_key": "your-key-here", "base_url": "http://127.0.0.1:9/v1"},
        "nowhere": {"api_key": KEY, "base_url": "http://no-such-host.invalid/v1"},
    }
    config.write_text(json.dumps({"shop": {"models": models}}))
    done = command("doctor", "--live", "--json")
    assert done.returncode == 1
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert "chmod 600" in found[f"file '{config}'"]["advice"]
    assert "placeholder" in found["shop/dead: key"]["text"]
    assert "start the server" in found["127.0.0.1:9: address"]["advice"]
    assert "no-such-host.invalid is unknown" in found["no-such-host.invalid: address"]["text"]
    assert found["shop/dead: live"]["level"] == "error"


@pytest.mark.long
def test_doctor_tells_a_wrong_key_and_a_wrong_clock(command: Command, llm_wall: FaultWall) -> None:
    late = {"status": 401, "headers": {"Date": "Sat, 01 Jan 2022 00:00:00 GMT"}}
    llm_wall.script({"default": {"steps": [late]}})
    found = {finding["subject"]: finding for finding in json.loads(command("doctor", "--live", "--json").stdout)}
    assert "the server refuses the key" in found["shop/good: live"]["advice"]


@pytest.mark.long
def test_doctor_tells_of_a_broken_configuration(command: Command, config: Path) -> None:
    config.write_text('{"shop": {"models": {"m": {"base_ulr": "http://127.0.0.1:9/v1"}}}}')
    done = command("doctor")
    assert done.returncode == 1
    assert "base_ulr" in done.stdout
    assert "base_url" in done.stdout


def test_clocks_and_certificates() -> None:
    from llmagg.cli import checks

    assert checks._clock("s", "Sat, 01 Jan 2022 00:00:00 GMT").level == "error"
    assert checks._clock("s", "yesterday").level == "warning"
    assert checks._certificate("s", "Jan  1 00:00:00 2200 GMT").level == "ok"
    soon = time.strftime("%b %d %H:%M:%S %Y GMT", time.gmtime(time.time() + 3 * 86400))
    assert checks._certificate("s", soon).level == "warning"


@pytest.mark.long
def test_models(command: Command, llm_wall: FaultWall) -> None:
    assert "shop/good" in command("models", "--routes").stdout
    rows = {row["vendor"]: row for row in json.loads(command("models", "--json", OPENAI_API_KEY=KEY).stdout)}
    assert (rows["openai"]["key_from"], rows["anthropic"]["key_from"]) == ("OPENAI_API_KEY", None)
    done = command("models", "openai", OPENAI_API_KEY=KEY, OPENAI_BASE_URL=llm_wall.url)
    assert done.stdout == "bad\n", done.stderr
    assert "cannot be reached" in command("models", "vllm", VLLM_BASE_URL="http://127.0.0.1:9/v1").stderr


@pytest.mark.long
def test_models_of_a_configured_provider_come_from_its_own_address(
    command: Command, config: Path, llm_wall: FaultWall, tmp_path: Path
) -> None:
    assert command("models", "shop").stdout == "bad\n"  # the file of LLMAGG_CONFIG
    file = tmp_path / "other.json"
    file.write_text(json.dumps({"openai": {"models": {"m": {"base_url": llm_wall.url}}}}))
    done = command("models", "openai", "-c", str(file), "--json", OPENAI_API_KEY=KEY, LLMAGG_MODELS="groq/x")
    assert (done.returncode, json.loads(done.stdout)) == (0, ["bad"]), done.stderr
    assert llm_wall.seen()["requests"][-1]["headers"]["authorization"] == f"Bearer {KEY}"


def test_a_question_is_utf_8_whatever_the_locale(command: Command, llm_wall: FaultWall) -> None:
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = command("ask", "Grüße, 你好", "--system", "Höflich", **locale)
    assert (done.returncode, done.stderr) == (0, "")
    sent = llm_wall.seen()["requests"][-1]["body"]["messages"]
    assert [message["content"] for message in sent] == ["Höflich", "Grüße, 你好"]
    done = command("ask", "Gr\udcfc\udcdfe")
    assert done.returncode == 2
    assert "QUESTION is not UTF-8 at byte 2; write it in UTF-8, or give it on standard input: iconv" in done.stderr


def test_without_the_extra_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; from llmagg.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = python(code, "ask", "Hello")
    assert done.returncode == 2
    assert "pip install 'llmagg[cli]' (in a checkout: pip install './bindings/python[cli]')" in done.stderr
    missing = python(code.replace("'typer'", "'prometheus_client'"), "serve-metrics", "app.py")
    assert (missing.returncode, "pip install 'llmagg[metrics]'" in missing.stderr) == (2, True)


def test_all_commands_look_alike(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    def command(*arguments: str) -> tuple[int, str, str]:  # in this process: there are more than twenty of them
        return main([*arguments]), *capsys.readouterr()

    told = command("--help")[1].partition("Commands:")[2]
    names = [line.split()[0] for line in told.splitlines() if line.strip()]
    assert {"ask", "batch", "wall", "dropin", "prices", "c-library", "serve-metrics"} <= set(names)
    for name in names:
        code, out, _ = command(name, "-h")
        assert (code, out.startswith(f"Usage: llmagg {name} [OPTIONS]")) == (0, True), out
        code, out, err = command(name, "--no-such-option")
        assert (code, out) == (2, ""), out
        assert f"Try 'llmagg {name} --help' for help." in err, err
        assert "Error: No such option: --no-such-option" in err, err


@pytest.mark.long
def test_dropin_check(command: Command, tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text("from pkg.core.llm import LLMAggregator\nfrom pkg.core.llm.types import Message\n")
    done = command("dropin", "--check", str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "2 uses of pkg.core.llm in 1 files; 0 would fail\n")
    source.write_text("from pkg.core.llm import Gone\nimport pkg.core.llm.lost\n")
    done = command("dropin", "--check", str(tmp_path))
    assert done.returncode == 1
    assert f"{source}:1: pkg.core.llm has no Gone" in done.stdout
    assert f"{source}:2: there is no module pkg.core.llm.lost" in done.stdout
    assert command("dropin", "--check", str(tmp_path / "none")).returncode == 1


class Terminal:
    """A real terminal, by tmux, which is asked again and again: it has no event for what a screen shows."""

    def __init__(self, program: list[str], env: dict[str, str]) -> None:
        self._name = f"llmagg-{uuid.uuid4().hex[:8]}"
        settings = [f"{name}={value}" for name, value in env.items()]
        self._tmux("new-session", "-d", "-x", "100", "-y", "30", "env", *settings, *program)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._name, "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout

    def type(self, text: str, *keys: str) -> None:
        if text:
            self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", *keys)

    def paste(self, text: str) -> None:
        self._tmux("set-buffer", text)
        self._tmux("paste-buffer", "-p")

    def wait_for(self, text: str, times: int = 1) -> str:
        until = time.monotonic() + 20
        while (screen := self._tmux("capture-pane", "-p")).count(text) < times:
            assert time.monotonic() < until, screen
            time.sleep(0.05)
        return screen

    def wait_for_end(self) -> None:
        until = time.monotonic() + 20
        command = ["tmux", "-L", self._name, "has-session"]
        while not subprocess.run(command, capture_output=True, check=False).returncode:
            assert time.monotonic() < until, self._tmux("capture-pane", "-p")
            time.sleep(0.05)

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._name, "kill-server"], capture_output=True, timeout=20, check=False)


@pytest.fixture
def terminal(config: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    made = Terminal([sys.executable, "-m", "llmagg", "chat"], {**env, "LLMAGG_CONFIG": str(config), "LANG": "C.UTF-8"})
    yield made
    made.close()


def test_a_talk_in_a_terminal(terminal: Terminal, llm_wall: FaultWall) -> None:
    terminal.wait_for("\n>")
    terminal.type("Hello", "Enter")
    screen = terminal.wait_for("tokens")
    assert "Hello from good." in screen
    assert "shop/bad: UNAVAILABLE (HTTP 503)" in screen
    assert "shop/good · 3 attempts" in screen
    terminal.type("", "Up")  # the earlier question comes back, to be asked again
    terminal.wait_for("> Hello", 2)
    terminal.type("", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace")
    terminal.type("/nonsense", "Enter")
    terminal.wait_for("/nonsense is unknown")
    slow = {"text": "one two three four", "delay_event_s": 1}
    llm_wall.script({"models": {"bad": {"steps": [{"status": 503}]}, "good": {"steps": [slow]}}})
    terminal.type("Slowly", "Enter")
    terminal.wait_for("one")
    terminal.type("", "C-c")
    terminal.wait_for("stopped")
    llm_wall.script({})
    terminal.type("Again", "Enter")
    terminal.wait_for("Hello from ", 2)
    sent = [seen["body"]["messages"] for seen in llm_wall.seen()["requests"] if seen["kind"] == "chat"][-1]
    assert [message["content"] for message in sent] == ["Hello", "Hello from good.", "Again"]
    terminal.type("half a quest", "C-c")  # takes back what is typed; the conversation stays
    terminal.wait_for("again to leave")
    terminal.type("More", "Enter")
    terminal.wait_for("Hello from ", 3)
    assert len([seen for seen in llm_wall.seen()["requests"] if seen["kind"] == "chat"][-1]["body"]["messages"]) == 5
    terminal.type("", "C-c")
    terminal.wait_for("again to leave", 2)
    terminal.type("", "C-c")
    terminal.wait_for_end()


def test_pasted_lines_are_one_question(terminal: Terminal, llm_wall: FaultWall) -> None:
    terminal.wait_for("\n>")
    terminal.paste("one\ntwo\nthree\n")
    terminal.wait_for("three")
    terminal.type("", "Enter")
    terminal.wait_for("tokens")
    sent = [seen["body"]["messages"] for seen in llm_wall.seen()["requests"] if seen["kind"] == "chat"]
    assert {json.dumps(messages) for messages in sent} == {'[{"role": "user", "content": "one\\ntwo\\nthree"}]'}
    terminal.type("exit", "Enter")  # no question
    terminal.wait_for_end()
