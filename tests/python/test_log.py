"""Logging: quiet by default, through logging.getLogger("llmagg") when the application configures it."""

from __future__ import annotations

import json

import pytest

from conftest import python
from llmagg.faultwall import FaultWall

PROGRAM = """
import asyncio, logging, sys, threading, time
import llmagg
%s
def threads():
    return [thread.name for thread in threading.enumerate()]
assert threads() == ["MainThread"], threads()
config = {"api_key": "sk-secret-key", "base_url": sys.argv[1], "retry": {"backoff_s": 0.01}}
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"openai": {"models": {"bad": config, "good": config}}})
for _ in range(8):
    aggregator.chat_sync([{"role": "user", "content": "x"}])
%s
"""
FAILING = {"models": {"bad": {"steps": [{"status": 503}]}}}


def test_quiet_by_default(llm_wall: FaultWall) -> None:
    llm_wall.script(FAILING)
    result = python(PROGRAM % ("", 'assert threads() == ["MainThread"]'), llm_wall.url)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_through_the_applications_handlers(llm_wall: FaultWall) -> None:
    llm_wall.script(FAILING)
    after = """
deadline = time.monotonic() + 5
while not records and time.monotonic() < deadline:
    time.sleep(0.01)  # the thread of records tells nobody
assert "llmagg-log" in threads()
for record in records:
    print(record.name, record.levelname, record.getMessage())
"""
    before = """
records = []
class Keep(logging.Handler):
    def emit(self, record):
        if record.name == "llmagg":
            records.append(record)
logging.basicConfig(level=logging.DEBUG, handlers=[Keep()])
"""
    result = python(PROGRAM % (before, after), llm_wall.url)
    assert result.returncode == 0, result.stderr
    assert "llmagg" in result.stdout
    assert "bad" in result.stdout
    assert "sk-secret" not in result.stdout + result.stderr


def test_records_are_structured(llm_wall: FaultWall) -> None:
    llm_wall.script(FAILING)
    before = """
records = []
class Keep(logging.Handler):
    def emit(self, record):
        if record.name == "llmagg" and "attempt failed" in record.getMessage():
            records.append(record)
logging.basicConfig(level=logging.DEBUG, handlers=[Keep()])
"""
    after = """
deadline = time.monotonic() + 5
while not records and time.monotonic() < deadline:
    time.sleep(0.01)
import json
print(json.dumps(records[0].llmagg))
"""
    result = python(PROGRAM % (before, after), llm_wall.url)
    assert result.returncode == 0, result.stderr
    about = json.loads(result.stdout)
    fields = "event time route provider model code error_owner status call wait duration error"  # in observability.md
    assert set(about) == set(fields.split())
    assert about["event"] == "attempt failed"
    assert about["route"] == "openai/bad"
    assert about["code"] == "UNAVAILABLE"
    assert about["error_owner"] == "provider"
    assert about["status"] == 503
    assert about["call"] >= 1
    assert about["wait"] >= 0
    assert "sk-secret" not in result.stdout


def test_a_handler_that_raises_ends_no_call_and_no_thread(llm_wall: FaultWall) -> None:
    llm_wall.script(FAILING)
    before = """
records = []
class Broken(logging.Handler):
    def emit(self, record):
        if record.name == "llmagg":
            records.append(record)
            raise OSError("the disk of the log is full")
logging.basicConfig(level=logging.DEBUG, handlers=[Broken()])
"""
    after = """
deadline = time.monotonic() + 5
while sum("attempt failed" in r.getMessage() for r in records) < 2 and time.monotonic() < deadline:
    time.sleep(0.01)  # the thread of records tells nobody
assert "llmagg-log" in threads()
client = llmagg.get_manager().get_llm_client("openai", "good")
def broken():
    raise ValueError("no switch")
client.is_available = broken
assert llmagg.get_manager().get_all_models() == {"openai": ["bad"]}
print(sum("attempt failed" in r.getMessage() for r in records) >= 2, sum(r.levelname == "WARNING" for r in records) > 0)
print(*{r.filename for r in records if "registered" in r.getMessage() or "is_available" in r.getMessage()})
"""
    result = python(PROGRAM % (before, after), llm_wall.url)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] == "True True"
    assert "log.py" not in result.stdout.split()
    assert "the disk of the log is full" in result.stderr


WAYS = {
    "chat": "loop.run_until_complete(aggregator.chat(HELLO))",
    "stream": "loop.run_until_complete(listed(aggregator.stream(HELLO)))",
    "chat_sync": "aggregator.chat_sync(HELLO)",
    "stream_sync": "list(aggregator.stream_sync(HELLO))",
    "client": "loop.run_until_complete(client.chat_completion(REQUEST))",
    "client_stream": "loop.run_until_complete(listed(client.chat_completion_stream(REQUEST)))",
    "client_sync": "client.chat_completion_sync(REQUEST)",
}
CHANGES = {
    "handler": ("", "logger.addHandler(Keep())"),
    "handler_of_root": ("", "root.addHandler(Keep())"),
    "handlers": ("", "logger.handlers = [Keep()]"),
    "parent": ("", "(parent := logging.Logger('other')).addHandler(Keep()); logger.parent = parent"),
    "level": ("logger.addHandler(Keep()); logger.setLevel(logging.CRITICAL)", "logger.setLevel(logging.DEBUG)"),
    "level_of_root": ("logger.addHandler(Keep()); root.setLevel(logging.CRITICAL)", "root.setLevel(logging.DEBUG)"),
}
CHANGING = """
import asyncio, contextlib, logging, queue, sys
import llmagg
HELLO = [{"role": "user", "content": "x"}]
REQUEST = llmagg.ChatCompletionRequest("bad", [llmagg.Message("user", "x")])
records = queue.Queue()
class Keep(logging.Handler):
    def emit(self, record):
        if "attempt failed" in record.getMessage():
            records.put(record.levelname)
async def listed(chunks):
    return [chunk async for chunk in chunks]
logger, root, loop = logging.getLogger("llmagg"), logging.getLogger(), asyncio.new_event_loop()
config = {"api_key": "sk-secret-key", "base_url": sys.argv[1], "retry": {"backoff_s": 0.01}}
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"openai": {"models": {"bad": config}}})
client = llmagg.get_manager().get_llm_client("openai", "bad")
%s
for change in ("", %r):
    assert records.empty()
    exec(change)
    with contextlib.suppress(llmagg.LLMError):
        %s
print(records.get(timeout=10))
"""


@pytest.mark.long
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", WAYS)
def test_a_change_between_two_calls(way: str, change: str, llm_wall: FaultWall) -> None:
    llm_wall.script(FAILING)
    before, after = CHANGES[change]
    result = python(CHANGING % (before, after, WAYS[way]), llm_wall.url)
    assert (result.returncode, result.stdout) == (0, "WARNING\n"), result.stderr


def test_a_configuration_for_the_originals_loggers_alone(llm_wall: FaultWall) -> None:
    """``dictConfig`` disables the loggers that it does not name, as long as nobody tells it not to."""
    llm_wall.script({"models": {"bad": {"steps": [{"status": 401}]}}})
    before = """
import logging.config, pkg.core.llm
handler = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
named = {"pkg": {"handlers": ["here"], "level": "WARNING"}}
logging.config.dictConfig({"version": 1, "handlers": {"here": handler}, "loggers": named})
"""
    result = python(PROGRAM % (before, "sys.stdout.flush()"), llm_wall.url)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("attempt failed")
