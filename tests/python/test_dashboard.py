"""The dashboard and the alerts in examples/grafana: a real Prometheus scrapes this process and runs their PromQL.

Without Debian's ``prometheus`` the tests that need it are skipped; ``make prometheus``, a part of ``make check-deep``,
installs it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest

import llmagg
from conftest import HELLO, config_for
from llmagg._native import route
from llmagg.faultwall import FaultWall
from ports import free_port

FOLDER = Path(__file__).parents[2] / "examples/grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "llmagg.json").read_text())
GOLDEN = (FOLDER.parents[1] / "core/meter/testdata/metrics.txt").read_text()
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed (apt-get install prometheus)"
)


def test_the_dashboard_is_whole() -> None:
    panels = DASHBOARD["panels"]
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["uid"] == "llmagg"
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
        assert not taken & cells, f"{panel['title']} lies on another panel"
        taken |= cells
        assert panel["title"]
        assert panel["description"]
        assert panel["type"] in ("timeseries", "state-timeline")
        assert all(target["expr"] and target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - {"__rate_interval", "__all"} == variables


def test_every_metric_that_they_name_exists() -> None:
    exist = set(re.findall(r"^(llmagg_\w+)\{", GOLDEN, re.MULTILINE))
    rules = (FOLDER / "alerts.yml").read_text()
    named = set(re.findall(r"\bllmagg_\w+", " ".join([*QUERIES.values(), *re.findall(r"expr: (.*)", rules)])))
    assert named <= exist
    drawn = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exist}
    shown = {re.sub(r"_bucket$", "", name) for name in re.findall(r"\bllmagg_\w+", " ".join(QUERIES.values()))}
    assert shown == drawn, "each metric has a panel"


@needs_prometheus
def test_the_alerts_fire_when_they_should() -> None:
    for what in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(["promtool", *what], cwd=FOLDER, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A Prometheus that scrapes one target each second."""

    def __init__(self, folder: Path, target: int) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{FOLDER / 'alerts.yml'}]\n"
            f"scrape_configs: [{{job_name: llmagg, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
        )
        self.log = (folder / "prometheus.log").open("w")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.address}"],
            stdout=self.log, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def ask(self, path: str, **params: str) -> Any:
        with urllib.request.urlopen(f"http://{self.address}{path}?{urllib.parse.urlencode(params)}", timeout=10) as got:
            return json.loads(got.read())["data"]

    def query(self, expr: str) -> list[Any]:
        found: list[Any] = self.ask("/api/v1/query", query=expr)["result"]
        return found

    def wait(self, expr: str, seconds: float = 30) -> list[Any]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if found := self.query(expr):
                    return found
            except OSError:  # it starts
                assert self.process.poll() is None
            time.sleep(0.2)
        raise AssertionError(f"nothing after {seconds} s: {expr}")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@pytest.fixture
def prometheus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Prometheus]:
    """A Prometheus that scrapes this process."""
    monkeypatch.setattr(route, "counting", False)
    registry = prometheus_client.CollectorRegistry()
    registry.register(llmagg.metrics.collector())
    server, thread = prometheus_client.start_http_server(0, "127.0.0.1", registry)
    started = Prometheus(tmp_path, server.server_port)
    yield started
    started.close()
    server.shutdown()
    server.server_close()
    thread.join()


@needs_prometheus
def test_a_real_prometheus_runs_every_query(llm_wall: FaultWall, prometheus: Prometheus) -> None:
    llm_wall.script({"models": {"bad": {"steps": [{"status": 503}]}, "limited": {"steps": [{"status": 429}, {}]}}})
    aggregator = llmagg.LLMAggregator(cache=True)
    aggregator.initialize_sync(
        config_for(llm_wall, "bad", "limited", "good", max_retries=2, price={"input": 1, "output": 2})
    )
    prometheus.wait("up == 1")
    until = time.monotonic() + 8
    while time.monotonic() < until:
        aggregator.chat_sync(HELLO, cache="off")
        list(aggregator.stream_sync(HELLO, cache="off"))
        aggregator.chat_sync(HELLO)
        time.sleep(0.02)
    prometheus.wait('llmagg_attempts_total{model="good",outcome="OK"} > 0')
    page = prometheus_page(prometheus)
    assert "sk-test" not in page
    for title, expr in QUERIES.items():
        query = expr.replace("$__rate_interval", "8s").replace("$provider", ".*").replace("$model", ".*")
        found = prometheus.query(query)
        assert found, f"{title}: {query}"
        assert all(float(series["value"][1]) >= 0 or "NaN" in series["value"][1] for series in found), title
    assert prometheus.query("llmagg_circuit == 2")[0]["metric"]["model"] == "bad"
    rules = prometheus.ask("/api/v1/rules")["groups"][0]["rules"]
    assert {rule["health"] for rule in rules} == {"ok"}
    (opened,) = [rule for rule in rules if rule["name"] == "LlmaggCircuitOpen"]
    assert opened["state"] == "pending", "it has been open for less than a minute"
    (failovers,) = prometheus.query("sum(llmagg_failovers_total) / sum(llmagg_attempts_total)")
    assert float(failovers["value"][1]) > 0  # once the circuit is open, calls pass the route by


def prometheus_page(prometheus: Prometheus) -> str:
    target = prometheus.ask("/api/v1/targets")["activeTargets"][0]["scrapeUrl"]
    with urllib.request.urlopen(target, timeout=10) as got:
        page: str = got.read().decode()
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return page
