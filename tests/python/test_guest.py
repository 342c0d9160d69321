"""What an application sets for its process stays as it is: limits, signals, its loop. In C: tests/capi/loaded."""

from __future__ import annotations

import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from forks import HEAD, run_script

import llmagg
from conftest import HELLO as ASKED
from conftest import aggregator_for, chats, config_for, python
from llmagg.faultwall import FaultWall

pytestmark = pytest.mark.long


def test_the_limit_of_descriptors_stays_and_children_inherit_it(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
import resource, subprocess
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096))
assert ready().generate_response_sync(HELLO) == "Hello from m."
asyncio.run(ready().generate_response(HELLO))
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, 4096)
assert subprocess.check_output(["sh", "-c", "ulimit -n"]) == b"256\\n"
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)


def test_a_signal_of_a_posix_timer_waits_for_its_taker(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
taken = {signal.SIGRTMIN, signal.SIGPROF, signal.SIGCHLD, signal.SIGURG}
signal.pthread_sigmask(signal.SIG_BLOCK, taken)
aggregator = ready()
for number in taken:
    for _ in range(20):
        assert aggregator.generate_response_sync(HELLO) == "Hello from m."
        os.kill(os.getpid(), number)
        assert signal.sigtimedwait({number}, 5).si_signo == number
assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == taken
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)


def test_a_profiling_timer_reaches_python_and_nobody_else(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
import threading
ticks = []
signal.signal(signal.SIGPROF, lambda *_: ticks.append(1))
signal.siginterrupt(signal.SIGPROF, False)
aggregator = ready()
def calls():
    for _ in range(100):
        assert aggregator.generate_response_sync(HELLO) == "Hello from m."
signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
threads = [threading.Thread(target=calls) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
signal.setitimer(signal.ITIMER_PROF, 0)
assert ticks
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)


@pytest.mark.parametrize(
    ("limit", "size", "what"), [("AS", 700, "1.5 GiB of address space"), ("DATA", 100, "of memory for data")]
)
def test_too_little_memory_is_an_error_and_not_the_end(
    llm_wall: FaultWall, tmp_path: Path, limit: str, size: int, what: str
) -> None:
    code = f"""
import resource
limit = resource.RLIMIT_{limit}
hard = resource.getrlimit(limit)[1]
resource.setrlimit(limit, ({size} << 20, hard))
try:
    ready().generate_response_sync(HELLO)
except ImportError as error:
    assert "{what}" in str(error) and "RLIMIT_{limit}" in str(error), error
else:
    raise AssertionError("no error")
resource.setrlimit(limit, (hard, hard))
assert ready().generate_response_sync(HELLO) == "Hello from m."
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)


def test_a_child_that_may_write_small_files_only_is_told(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = """
import resource
aggregator = ready()
assert aggregator.generate_response_sync(HELLO) == "Hello from m."
def work():
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    forked(lambda: aggregator.chat_sync(HELLO), "RLIMIT_FSIZE", "spawn")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert aggregator.generate_response_sync(HELLO) == "Hello from m."
assert child(work) == 0
"""
    run_script(tmp_path, HEAD + code, llm_wall.url)


def test_outside_of_asyncio_the_error_names_asyncio() -> None:
    aggregator = llmagg.LLMAggregator()
    model = {"api_key": "k", "base_url": "http://127.0.0.1:9/v1"}
    aggregator.initialize_sync({"openai": {"models": {"m": model}}})
    call = aggregator.generate_response([{"role": "user", "content": "Hi"}])
    with pytest.raises(RuntimeError, match=r"asyncio or uvloop, not in trio"):
        call.send(None)  # as trio takes the first step


def test_a_configuration_of_another_class_is_read(
    llm_wall: FaultWall, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    aggregator = aggregator_for(llm_wall, "gpt-a")
    client = aggregator.manager.get_client_by_model("gpt-a")
    client.config = SimpleNamespace(**vars(client.config))
    assert run(aggregator.chat(ASKED)).text == "Hello from gpt-a."  # it went to the vendor's own address
    assert chats(llm_wall)[0]["headers"]["authorization"] == "Bearer sk-test-key-1234"
    client.config = SimpleNamespace(api_key="k")
    with pytest.raises(llmagg.InvalidArgumentError, match="must be a ModelConfig with model and provider, got Simple"):
        run(aggregator.chat(ASKED))


def test_eventlet_takes_poll_away(llm_wall: FaultWall) -> None:
    seen = python(
        f"import select; del select.poll\n"
        f"import llmagg; llm = llmagg.LLMAggregator(['openai/gpt-a'])\n"
        f"llm.initialize_sync({config_for(llm_wall, 'gpt-a')!r})\n"
        f"print(llm.chat_sync('hi').text, len(list(llm.stream_sync('hi'))))"
    ).stdout
    assert seen.startswith("Hello from gpt-a. ")


def test_a_package_inside_of_an_archive_says_so(tmp_path: Path) -> None:
    root = Path(llmagg.__file__).parent
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        for file in root.rglob("*.py"):
            archive.write(file, file.relative_to(root.parent))
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'app.zip')!r}); import llmagg\n"
        f"try: llmagg.LLMAggregator().initialize_sync({{'p': {{'models': {{'m': {{'base_url': 'http://h'}}}}}}}})\n"
        f"except ImportError as error: print(error)"
    )
    assert "cannot be loaded from inside an archive" in python(program).stdout


class _OfAnotherClock(BaseHTTPRequestHandler):
    """Refuses each first request of a path for a second. The path says how many seconds its clock is ahead."""

    asked: ClassVar[set[str]] = set()

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        began, ahead = int(time.time()), int(self.path.split("/")[1])
        refused = self.path not in self.asked
        self.asked.add(self.path)
        body = b'{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}'
        self.send_response_only(429 if refused else 200)
        self.send_header("Date", self.date_time_string(began + ahead))
        self.send_header("Retry-After", self.date_time_string(began + ahead + 1))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_date_counts_by_the_clock_of_its_server(tmp_path: Path) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
AHEAD = (-3600, 0, 3600)
llm = llmagg.LLMAggregator()
llm.initialize_sync({f"p{ahead}": {"models": {"m": {"base_url": f"{URL}/{ahead}"}}} for ahead in AHEAD})

def asked(ahead):
    model = f"p{ahead}/m"
    answers = [llm.chat_sync(HELLO, model=model), asyncio.run(llm.chat(HELLO, model=model))]
    waits = [[attempt.wait for attempt in answer.attempts] for answer in answers]
    assert len(waits[0]) == 2 and 0.99 <= waits[0][1] < 1.1 and len(waits[1]) == 1, (ahead, waits)

with ThreadPoolExecutor() as pool:  # at once, since each waits for a whole second
    list(pool.map(asked, AHEAD))
"""
    with ThreadingHTTPServer(("127.0.0.1", 0), _OfAnotherClock) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        run_script(tmp_path, HEAD + code, f"http://127.0.0.1:{httpd.server_address[1]}")
        httpd.shutdown()
        thread.join()


def test_no_refusal_shows_a_password_anywhere(tmp_path: Path) -> None:
    """Neither the error nor its traceback, nor what a program prints, logs and is warned of meanwhile."""
    code = """
import io, logging, traceback, warnings
said = io.StringIO()
logging.basicConfig(level=0, stream=said)
warnings.showwarning = lambda message, *_: print(message, file=said)
secret = "hunter2" + "pass"
places = (
    {"base_url": f"user:{secret}@host:1"}, {"base_url": f"http://user:{secret}@ho st"}, {"base_url": [f"http://{secret}@h"]},
    {"base_url": f"ftp://user:{secret}@host"}, {"base_url": {secret: 1}}, {"proxy": f"user:{secret}@host:1"},
    {"proxy": f"gopher://user:{secret}@host:1"}, {"api_key": {secret: 1}}, {"api_key": f"{secret} \\n"},
    {"api_key": secret.encode()}, {"headers": f"x-api-key: {secret}"}, {"headers": {"authorization": f"{secret}\\1"}},
    {"headers": {"authorization": [secret]}}, {"ca_file": f"http://user:{secret}@host/ca"},
    {"timeout": f"http://user:{secret}@host"}, {"api_keys": f"{secret},{secret}"}, {"max_retries": secret},
)
for place in places:
    aggregator = llmagg.LLMAggregator()
    try:
        aggregator.initialize_sync({"p": {"models": {"m": {"base_url": "http://127.0.0.1:9", **place}}}})
    except Exception as error:
        told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    else:
        told = "no error"
    assert "hunter2" not in told + said.getvalue(), (place, told, said.getvalue())
    assert told != "no error", place
"""
    run_script(tmp_path, HEAD + code, "no server")
