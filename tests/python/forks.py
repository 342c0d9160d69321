"""Programs that fork, run as scripts in processes of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

HEAD = '''
import asyncio, faulthandler, os, select, signal, sys, threading, time, llmagg
HELLO = [{"role": "user", "content": "x"}]
URL = sys.argv[1]

def ready(**options):
    """An aggregator of the models m and fast at the wall."""
    made = llmagg.LLMAggregator()
    model = {"api_key": "k", "base_url": URL, "max_concurrent_calls": 100, **options}
    made.initialize_sync({"openai": {"models": {"m": model, "fast": model}}})
    return made

def begin(work, limit=20):
    """Forks; the child does its work and ends within its limit, with 0 if nothing went wrong."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        faulthandler.register(signal.SIGALRM, chain=True)  # says where it hung
        signal.alarm(limit)
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
    return pid

def end(pid):
    """The exit status of a child; negative: the signal that ended it (14: it hung)."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def child(work):
    return end(begin(work))

def forked(attempt, *said):
    """The attempt is a ForkedError, which says these words."""
    try:
        attempt()
    except llmagg.ForkedError as error:
        assert all(words in str(error) for words in said), error
    else:
        raise AssertionError("no error")
'''

CALL = """
aggregator = ready()
def call():
    assert aggregator.generate_response_sync(HELLO) == "Hello from m."
    assert asyncio.run(aggregator.generate_response(HELLO)) == "Hello from m."
    assert "".join(aggregator.stream_text_sync(HELLO)) == "Hello from m."
"""


def run_script(folder: Path, code: str, *arguments: str, limit: float = 60) -> None:
    """Runs code as a script, within the limit in seconds. It must end with status 0 and print "fine" last."""
    script = folder / "program.py"
    script.write_text(f"{code}\nif __name__ == '__main__':\n    print('fine')\n")
    command = [sys.executable, str(script), *arguments]
    environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=limit)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # whatever the program left running
    assert (process.returncode, out) == (0, "fine\n"), f"{out}\n{err}"
