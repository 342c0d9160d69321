"""Hosts with event loops, interpreters and limits of their own, each in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from forks import CALL, HEAD, run_script

from llmagg.faultwall import FaultWall

# How another framework begins a coroutine: with no loop of asyncio's, and no answer to what asyncio waits with.
FOREIGN = """
aggregator = ready()
manager = aggregator.manager
client = manager.get_client_by_model("m")
request = llmagg.ChatCompletionRequest("m", [llmagg.Message("user", "x")])
def step(coroutine):
    'Takes the first step.'
    try:
        coroutine.send(None)
    except RuntimeError as error:
        assert "run in asyncio or uvloop, not in trio or curio" in str(error), error
    else:
        raise AssertionError(f"{coroutine} began")
for begin in (
    lambda: aggregator.chat(HELLO), lambda: aggregator.stream(HELLO).__anext__(), lambda: aggregator.embed(["x"]),
    lambda: aggregator.rerank("q", ["x"]), lambda: aggregator.run_tools(HELLO, tools=[step]),
    lambda: aggregator.health_check(),
    lambda: aggregator.generate_summary({"title": "t", "description": "d", "content": "c"}, 5),
    lambda: aggregator.parse(HELLO, dict[str, int]), lambda: manager.health_check_all(),
    lambda: manager.get_provider("openai").health_check(), lambda: client.chat_completion(request),
    lambda: client.chat_completion_stream(request).__anext__(),
):
    step(begin())
"""

INTERPRETERS = """
import _interpreters
PART = '''
import asyncio, sys
sys.path[:] = {path!r}
import llmagg
def begin():
    made = llmagg.LLMAggregator()
    config = {{"openai": {{"models": {{"m": {{"api_key": "k", "base_url": {url!r}}}}}}}}}
    {initialize}
    assert made.generate_response_sync([{{"role": "user", "content": "x"}}]) == "Hello from m."
for _ in range(2):
    try:
        begin()
    except ImportError as error:
        assert {own} and "cannot be used in a subinterpreter with a lock of its own" in str(error), error
'''
for own in (True, False):
    for initialize in ("made.initialize_sync(config)", "asyncio.run(made.initialize(config))"):
        made = _interpreters.create("isolated" if own else "legacy")
        part = PART.format(path=sys.path, url=URL, own=own, initialize=initialize)
        assert _interpreters.exec(made, part) is None
        _interpreters.destroy(made)
"""


def test_another_framework_is_told_of_asyncio_by_each_method(llm_wall: FaultWall, tmp_path: Path) -> None:
    run_script(tmp_path, "import warnings\nwarnings.simplefilter('error')\n" + HEAD + FOREIGN, llm_wall.url)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="they share one lock, or asyncio crashes in them")
def test_a_subinterpreter_works_or_says_why_not(llm_wall: FaultWall, tmp_path: Path) -> None:
    run_script(tmp_path, HEAD + INTERPRETERS + CALL + "call()", llm_wall.url)


def test_without_descriptors_a_blocking_call_leaves_no_coroutine(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = (
        """
import gc, resource, warnings
warnings.simplefilter("error")
sys.unraisablehook = lambda told: left.append(told.exc_value)
left = []
aggregator = llmagg.LLMAggregator()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
import llmagg._native.blocking
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, hard))
try:
    aggregator.initialize_sync({"openai": {"models": {"m": {"api_key": "k", "base_url": URL}}}})
except OSError as error:
    assert "Too many open files" in str(error), error
else:
    raise AssertionError("no error")
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
gc.collect()
assert not [error for error in left if "never awaited" in str(error)], left
"""
        + CALL
        + "call()"
    )
    run_script(tmp_path, HEAD + code, llm_wall.url)


def test_a_closed_descriptor_of_a_queue_is_told(llm_wall: FaultWall, tmp_path: Path) -> None:
    """It kept a processor busy: poll() says at once, again and again, that there is no such descriptor."""
    llm_wall.script({"models": {"fast": {"steps": [{"delay_headers_s": 20}]}}})
    code = """
lower = [os.open(os.devnull, os.O_RDONLY) for _ in range(16)]  # for new connections: they take the lowest
call()
from llmagg._native import blocking
for descriptor in lower:
    os.close(descriptor)
os.close(blocking._thread.reader.queue.fileno())
try:
    aggregator.chat_sync(HELLO, model="fast")
except llmagg.LLMError as error:
    assert "was closed by other code of this process" in str(error), error
else:
    raise AssertionError("no error")
call()
"""
    run_script(tmp_path, HEAD + CALL + code, llm_wall.url)


@pytest.mark.skipif(shutil.which("cc") is None, reason="the library that takes the room is compiled")
def test_without_room_for_variables_of_threads_the_error_says_what_to_do(llm_wall: FaultWall, tmp_path: Path) -> None:
    """Libraries of numbers and OpenMP take it, and what is loaded behind them finds none."""
    for size in (256, 8):
        model = '__attribute__((tls_model("initial-exec")))'
        source = f"static __thread char room[{size}] {model};\nchar *f(void) {{ return room; }}\n"
        (tmp_path / "room.c").write_text(source)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / f"{size}.so", tmp_path / "room.c"], check=True)
    code = f"""
import ctypes, shutil
for size in (256, 8):
    for number in range(2000):
        place = shutil.copy(f"{tmp_path}/{{size}}.so", f"{tmp_path}/{{size}}-{{number}}.so")
        try:
            ctypes.CDLL(place)
        except OSError as error:
            break
        finally:
            os.remove(place)
try:
    ready()
except ImportError as error:
    assert "static TLS" in str(error) and "GLIBC_TUNABLES=glibc.rtld.optional_static_tls" in str(error), error
else:
    raise AssertionError("no error")
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)
