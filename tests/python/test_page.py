"""``llmagg dashboard``: its page in a real browser, and who may open it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser import PROGRAM, Browser
from test_top import closed, until

import llmagg
from conftest import aggregator_for
from llmagg.errors import InvalidArgumentError
from llmagg.faultwall import FaultWall
from llmagg.monitor import page as pages
from llmagg.monitor.feed import Feed

EVIL = "<img src=x onerror=document.title='broken'>"
SCRIPT: dict[str, Any] = {
    "models": {
        "down": {"steps": [{"status": 400, "body": {"error": {"message": EVIL}}}]},
        "good": {"steps": [{"text": "one two"}]},
        "slow": {"steps": [{"delay_headers_s": 30}]},
    }
}


@pytest.fixture
def llm(llm_wall: FaultWall) -> llmagg.LLMAggregator:
    llm_wall.script(SCRIPT)
    return aggregator_for(llm_wall, "down", "good", "slow", rate={"rpm": 600})


@pytest.fixture
def page(llm: llmagg.LLMAggregator) -> Iterator[pages.Page]:
    with pages.serve(llm) as page:
        yield page


def get(url: str, path: str = "", host: str = "") -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection("127.0.0.1", parts.port, timeout=20)) as connection:
        connection.request("GET", path or parts.path, headers={"Host": host} if host else {})
        response = connection.getresponse()
        body = b"" if path.endswith("events") else response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, body


def test_who_may_open_it(page: pages.Page) -> None:
    secret = urlsplit(page.url).path
    status, headers, body = get(page.url)
    assert (status, headers["cache-control"]) == (200, "no-store")
    assert "default-src 'none'" in headers["content-security-policy"]
    for outside in (b"http://", b"https://", b"//cdn", b"@import"):
        assert outside not in body
    for path in ("/", "/events", "/wrong/", "/wrong/events", f"{secret}../", f"{secret}other", secret.rstrip("/")):
        assert get(page.url, path)[0] == 404
    assert get(page.url, host="evil.example:80")[0] == 403
    assert get(page.url, f"{secret}events")[:2][1]["content-type"] == "text/event-stream"
    with pytest.raises(InvalidArgumentError, match="Address already in use"):
        pages.serve(port=urlsplit(page.url).port or 0)


@pytest.mark.long
@pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (320, True)])
def test_in_a_browser(page: pages.Page, llm: llmagg.LLMAggregator, tmp_path: Path, width: int, dark: bool) -> None:
    llm.chat_sync("Hello")
    with Browser(tmp_path / "profile", width, dark=dark) as browser:
        browser.open(page.url)
        browser.wait_for("document.querySelectorAll('#calls > li').length == 1")
        text = browser.run("document.body.innerText")
        for told in ("openai/down", "BAD_REQUEST 1", "0 of 10", "1 of 600", "median ≤ 20 ms", "live", EVIL):
            assert told in text
        assert browser.run("document.title").endswith(" · llmagg")
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")
        wide = "[...document.querySelectorAll('.hists')].filter(h => h.clientWidth).every(h => "
        alone = "h.querySelectorAll('.hist')[1].clientWidth == h.clientWidth)"
        assert browser.run(wide + alone), "without first tokens, the other histogram has all the width"
        colour = browser.run("getComputedStyle(document.body).backgroundColor")
        assert colour == ("rgb(20, 22, 26)" if dark else "rgb(246, 247, 249)")

        # With a keyboard alone: a call opens, stays open and keeps the focus while the page goes on.
        focused = "document.activeElement.tagName"
        for wanted in ("A", "BUTTON", "SUMMARY"):
            browser.press("Tab")
            assert browser.run(focused) == wanted
        browser.press("Enter", "\r")
        assert "HTTP 400" in browser.wait_for("document.querySelector('details[open]')?.innerText")
        llm.chat_sync("Hello", model="good")
        browser.wait_for("document.querySelectorAll('#calls > li').length == 2")
        assert browser.run(focused) == "SUMMARY"
        assert browser.run("document.querySelectorAll('details')[1].open")
        browser.press("p", "p")
        browser.wait_for("document.getElementById('status').textContent == 'paused'")
        browser.run("{ const cells = document.querySelector('.sum').children; cells[0].textContent = '#1234567';"
                    " putCode(cells[1], 'STREAM_INTERRUPTED'); cells[2].textContent = '12.3 s' }")  # fmt: skip
        rows = "[...document.querySelector('.sum').children[1].childNodes].map(part => {"
        rows += " const range = document.createRange(); range.selectNode(part); return range.getClientRects().length })"
        assert all(count <= 1 for count in browser.run(rows)), "a code breaks behind an underscore only"
        line = "[...document.querySelector('.sum').children].slice(0, 3).every(cell => "
        most = 30 if width > 700 else 60
        assert browser.run(f"{line}cell.scrollWidth <= cell.clientWidth && cell.clientHeight < {most})")
        browser.press("p", "p")
        browser.wait_for("document.getElementById('status').textContent == 'live'")
        assert browser.errors == []
        browser.picture(tmp_path / "page.png")


CLOSE = "</script><script>document.title = 'broken'</script><!--"


@pytest.fixture
def still(llm: llmagg.LLMAggregator, llm_wall: FaultWall, tmp_path: Path) -> Path:
    """The page of a snapshot whose messages would end its element."""
    down = {"steps": [{"status": 400, "body": {"error": {"message": CLOSE}}}]}
    llm_wall.script({"models": {**SCRIPT["models"], "down": down}})
    feed = Feed(llm)
    llm.chat_sync("Hello")
    until(lambda: [call["outcome"] for call in feed.snapshot()["calls"]] == ["OK"])
    file = tmp_path / "now.html"
    file.write_text(pages.still(feed.snapshot()), encoding="utf-8")
    feed.close()
    return file


def test_a_page_that_is_a_file_has_everything_in_it(still: Path) -> None:
    text = still.read_text(encoding="utf-8")
    assert CLOSE not in text
    assert text.count("</script>") == 2
    told = json.loads(text.split('<script id="kept" type="application/json">')[1].split("</script>")[0])
    assert told["calls"][0]["attempts"][0]["route"] == "openai/down"
    assert CLOSE in told["routes"][0]["last_error"]["message"]
    assert "connect-src 'none'" in text.split("<title>")[0]
    for outside in ("http://", "https://", "//cdn", "@import"):
        assert outside not in text


@pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")
def test_a_page_that_is_a_file_in_a_browser(still: Path, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile", 1280) as browser:
        browser.open(still.as_uri())
        browser.wait_for("document.querySelectorAll('#calls > li').length == 1")
        text = browser.run("document.body.innerText")
        for told in ("openai/down", "BAD_REQUEST 1", "1 of 600", CLOSE):
            assert told in text
        assert browser.run("document.getElementById('status').textContent").startswith("at ")
        assert browser.run("document.getElementById('pause')") is None
        browser.press("p", "p")
        assert browser.errors == []


def test_the_command(llm_wall: FaultWall, tmp_path: Path) -> None:
    code = "import llmagg, sys; llmagg.stats(); print(1, flush=True); sys.stdin.read()"
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "LLMAGG_TOP": "1"}
    running = [sys.executable, "-c", f"{code}"]
    shown = [sys.executable, "-m", "llmagg", "dashboard"]
    with closed(
        subprocess.Popen(running, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        until((tmp_path / "llmagg" / f"{process.pid}.sock").exists)
        command = [*shown, str(process.pid)]
        with closed(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)) as viewer:
            assert viewer.stdout is not None
            assert str(process.pid) in viewer.stdout.readline()
            url = viewer.stdout.readline().strip()
            with closing(http.client.HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=20)) as connection:
                connection.request("GET", f"{urlsplit(url).path}events")
                events = connection.getresponse()
                assert json.loads(events.readline().removeprefix(b"data: "))["pid"] == process.pid
                process.kill()
                while line := events.readline():
                    last = line
                    if line == b"event: end\n":
                        break
            assert last == b"event: end\n"
