"""What docs/threat-model.md claims of the Python package itself."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import llmagg
from conftest import config_for, python
from llmagg.faultwall import FaultWall

FILES: dict[str, tuple[int, dict[str, Any], bool]] = {
    "the owner's": (0o600, {"api_key": "sk-1"}, False),
    "the group reads": (0o640, {"api_key": "sk-1"}, True),
    "all read": (0o604, {"api_key": "sk-1"}, True),
    "all write": (0o602, {"api_key": "sk-1"}, True),
    "the environment's": (0o644, {"api_key": "${TEST_KEY}", "headers": {"X-Token": "Bearer ${TEST_KEY}"}}, False),
    "none": (0o644, {"timeout": 3}, False),
    "a header": (0o644, {"headers": {"X-Auth-Token": "t"}}, True),
    "a secret's header": (0o644, {"headers": {"X-Client-Secret": "s"}}, True),
    "a monkey": (0o644, {"headers": {"X-Monkey": "s", "x-portkey-provider": "openai"}}, False),
    "a proxy's password": (0o644, {"proxy": "http://u:p@127.0.0.1:1"}, True),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("way", ["a path", "LLMAGG_CONFIG"])
def test_a_file_of_keys_that_others_may_read_is_warned_about(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mode, model, warned = FILES[name]
    monkeypatch.setenv("TEST_KEY", "sk-environment")
    file = tmp_path / "llm.json"
    file.write_text(json.dumps({"mine": {"models": {"m": {"base_url": "http://127.0.0.1:9", **model}}}}))
    file.chmod(mode)
    with caplog.at_level(logging.WARNING, "llmagg"):
        if way == "a path":
            llmagg.LLMAggregator().initialize_sync(file)
        else:
            monkeypatch.setenv("LLMAGG_CONFIG", str(file))
            llmagg.LLMAggrator().initialize_sync()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == warned, told
    for text in told:
        assert str(file) in text
        assert "chmod 600" in text
        assert "sk-" not in text


def test_a_server_cannot_forge_lines_of_the_log(llm_wall: FaultWall) -> None:
    forged = "bad\n2026-01-01 CRITICAL root: forged\r\x1b[2J\u2028end"
    llm_wall.script({"models": {"m": {"steps": [{"status": 400, "body": {"error": {"message": forged}}}]}}})
    program = """
import json, logging, sys
import llmagg
records = []
class Keep(logging.Handler):
    def emit(self, record):
        records.append(record.getMessage())
logging.basicConfig(level=logging.DEBUG, handlers=[Keep()])
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync(json.loads(sys.argv[1]))
try:
    aggregator.chat_sync([{"role": "user", "content": "x"}])
except llmagg.LLMError as error:
    assert "forged" in str(error)
import time
end = time.monotonic() + 10
while not any("forged" in text for text in records) and time.monotonic() < end:
    time.sleep(0.01)
lines = [text for text in records if "forged" in text]
assert lines, records
assert all(text.isprintable() for text in lines), lines
"""
    result = python(program, json.dumps(config_for(llm_wall, "m", max_retries=1)))
    assert (result.returncode, result.stderr) == (0, "")


def test_wrong_values_are_not_repeated_where_a_key_stands() -> None:
    for wrong in (
        {"api_key": "sk-test-1\n"},
        {"headers": {"X-Key": "sk-test-1\r\n"}},
        {"base_url": "http://u:sk-test-1@h"},
        {"proxy": "sk-test-1 %"},
    ):
        with pytest.raises(llmagg.InvalidArgumentError) as caught:
            llmagg.LLMAggregator().initialize_sync(
                {"mine": {"models": {"m": {"base_url": "http://127.0.0.1:9", **wrong}}}}
            )
        assert "sk-test" not in f"{caught.value} {caught.value!r}"
