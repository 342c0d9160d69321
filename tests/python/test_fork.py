"""A forked child has a working library of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conftest import python
from llmagg.faultwall import FaultWall

HEAD = """
import asyncio, os, sys, time, llmagg
HELLO = [{"role": "user", "content": "x"}]
aggregator = llmagg.LLMAggregator()
aggregator.initialize_sync({"openai": {"models": {"m": {"api_key": "k", "base_url": sys.argv[1]}}}})
def child(work):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
def call():
    assert aggregator.generate_response_sync(HELLO) == "Hello from m."
    assert asyncio.run(aggregator.generate_response(HELLO)) == "Hello from m."
    assert "".join(aggregator.stream_text_sync(HELLO)) == "Hello from m."
"""
CASES = {
    "after import only": "aggregator.close_sync(); assert child(call) == 0; call()",
    "after use": "call(); assert child(call) == 0; call()",
    "three generations": """
call()
def generation(left):
    call()
    if left:
        assert child(lambda: generation(left - 1)) == 0
generation(3)
""",
    "many children": "call(); assert [child(call) for _ in range(5)] == [0] * 5; call()",
    "an open stream": """
stream = aggregator.stream_text_sync(HELLO)
next(stream)
def work():
    try:
        next(stream)
    except llmagg.ForkedError as error:
        assert "parent" in str(error)
    else:
        raise AssertionError("the parent's stream can be read in the child")
    call()
assert child(work) == 0
assert "".join(stream) == " from m."
""",
    "inside a running loop": """
async def main():
    await aggregator.chat(HELLO)
    status = child(call)
    assert await aggregator.generate_response(HELLO) == "Hello from m."
    return status
assert asyncio.run(main()) == 0
""",
    "multiprocessing": """
import multiprocessing
call()
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
    assert pool.apply(call) is None
call()
""",
}


@pytest.mark.parametrize("name", CASES)
def test_fork(llm_wall: FaultWall, name: str, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(HEAD + CASES[name] + "\nprint('fine')\n")
    result = python(f"import runpy, sys; runpy.run_path({str(script)!r}, run_name='__main__')", llm_wall.url)
    assert (result.returncode, result.stdout) == (0, "fine\n"), result.stderr


def test_without_a_memory_file_the_child_is_told(llm_wall: FaultWall) -> None:
    code = (
        HEAD
        + """
call()
del os.memfd_create
def work():
    try:
        aggregator.chat_sync(HELLO)
    except llmagg.ForkedError as error:
        assert "spawn" in str(error), error
    else:
        raise AssertionError("no error")
assert child(work) == 0
"""
    )
    result = python(code, llm_wall.url)
    assert result.returncode == 0, result.stderr
    assert sys.platform == "linux"
