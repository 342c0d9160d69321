"""Metrics of routes for Prometheus, counted in the core and drawn by ``prometheus_client`` (``llmagg[metrics]``).

    from prometheus_client import REGISTRY

    REGISTRY.register(llmagg.metrics.collector())
    llmagg.metrics.start_http_server(9464)

A call costs nothing more in Python: the numbers are read when they are scraped. Counting begins with the collector.
``start_http_server``, ``make_wsgi_app`` and ``generate_latest`` give what those of ``prometheus_client`` give, which
work, too; with many routes they take a fraction of the time. ``python -m llmagg serve-metrics --port 9464 app.py`` runs
a program and serves its metrics. The names and labels are those of the C function ``llmagg_manager_metrics``; labels
hold configured names only.
"""

from __future__ import annotations

import gzip
import re
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ._native import load, route
from ._series import BOUNDS, FAMILIES, Read, merged, reports

try:
    import prometheus_client
    from prometheus_client import REGISTRY, CollectorRegistry
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.metrics_core import Metric
    from prometheus_client.samples import Sample
    from prometheus_client.utils import floatToGoString
except ImportError as error:
    from ._absent import extra

    raise ImportError(f"prometheus_client is not installed; llmagg.metrics needs it: {extra('metrics')}") from error

_BOUNDS = [*map(str, BOUNDS), "+Inf"]
_EOF = b"# EOF\n"  # ends a page of OpenMetrics
_number = lru_cache(4096)(floatToGoString)
_Row = tuple[str, tuple[str, str], str, float]
"""A sample's name without that of its family, its provider and model, its other label's value, its value."""


def collector(*sources: Any) -> Collector:
    """A collector for a registry of ``prometheus_client``.

    ``sources`` are managers, or aggregators with a registry of their own; by default the process-wide manager and the
    routes of ``llmagg.chat``. Routes of the same name are added together.
    """
    return Collector(sources)


class Family(Metric):
    """A family of series. Its samples are made when they are asked for: a page does without them."""

    def __init__(self, kind: str, name: str, help: str, label: str = "") -> None:
        self.rows: list[_Row] = []
        super().__init__(f"llmagg_{name}", help, kind)
        self.label = label
        """The name of the label beside ``provider`` and ``model``, "" if there is none."""

    @property
    def samples(self) -> list[Sample]:
        """The series, as ``prometheus_client`` knows them."""
        return [
            Sample(
                self.name + suffix, {"provider": provider, "model": model, **({self.label: more} if more else {})}, n
            )
            for suffix, (provider, model), more, n in self.rows
        ]

    @samples.setter
    def samples(self, samples: list[Sample]) -> None:
        """Only ``Metric`` itself sets them, to an empty list."""

    def text(self, *, openmetrics: bool) -> str:
        """The same as text, as ``prometheus_client`` writes it."""
        name = self.name if openmetrics or self.type != "counter" else f"{self.name}_total"
        lines = [f"# HELP {name} {self.documentation}\n# TYPE {name} {self.type}\n"]
        first, last = self.label and self.label < "model", self.label > "provider"
        about, known = "", None
        for suffix, route_of, more, n in self.rows:
            if route_of is not known:
                known = route_of
                provider, model = f'provider="{_escaped(route_of[0])}"', f'model="{_escaped(route_of[1])}"'
                about = f"{model},{provider}"
            if not more:
                labels = about
            elif first:
                labels = f'{self.label}="{more}",{about}'
            elif last:
                labels = f'{about},{self.label}="{more}"'
            else:
                labels = f'{model},{self.label}="{more}",{provider}'
            lines.append(f"{self.name}{suffix}{{{labels}}} {_number(n)}\n")
        return "".join(lines)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


_READ: dict[str, tuple[str, Read]] = {
    **FAMILIES, "attempts": ("outcome", lambda r: {"OK": 0, **r["totals"]["attempts"]}.items()),
}  # fmt: skip
_HISTOGRAMS = {"attempt_duration_seconds": "duration", "first_token_seconds": "first_token"}


@cache
def _families() -> list[tuple[str, str, str]]:
    """The name, the kind and the help text of each family, as the page of the core has them."""
    page = load.call_for_bytes("llmagg_manager_metrics", load.manager()).decode()
    return re.findall(r"# HELP llmagg_(\w+?)(?:_total)? (.*)\n# TYPE \w+ (\w+)\n", page)


class Collector:
    """Draws the reports of ``sources`` when it is asked. Thread-safe."""

    def __init__(self, sources: tuple[Any, ...] = ()) -> None:
        self._sources = sources
        route.counting = True
        reports(sources)  # counting begins

    def describe(self) -> list[Any]:
        """Nothing: the names are known at once, and no registry need ask for them."""
        return []

    def collect(self) -> Iterator[Family]:
        """The families of metrics, as ``prometheus_client`` wants them."""
        routes = merged(reports(self._sources))
        for name, help, kind in _families():
            if kind == "histogram":
                family = Family(kind, name, help, "le")
                for labels, row in routes.items():
                    family.rows += _histogram(labels, row["totals"][_HISTOGRAMS[name]])
            else:
                label, read = _READ[name]
                family = Family(kind, name, help, label)
                suffix = "_total" if kind == "counter" else ""
                family.rows = [(suffix, labels, value, n) for labels, row in routes.items() for value, n in read(row)]
            yield family


def _histogram(labels: tuple[str, str], counted: dict[str, Any]) -> Iterator[_Row]:
    total = 0
    for bound, n in zip(_BOUNDS, counted["buckets"]):
        total += n
        yield "_bucket", labels, bound, total
    yield "_count", labels, "", total
    yield "_sum", labels, "", counted["sum"]


class _Others:
    """A registry without the families of routes, which it keeps."""

    def __init__(self, registry: Any) -> None:
        self.registry = registry
        self.ours: list[Family] = []

    def collect(self) -> Iterable[Metric]:
        for metric in self.registry.collect():
            if isinstance(metric, Family):
                self.ours.append(metric)
            else:
                yield metric


def _page(registry: Any, encoder: Callable[[Any], bytes]) -> bytes:
    others = _Others(registry)
    page = encoder(others)
    openmetrics = page.endswith(_EOF)
    ours = "".join([family.text(openmetrics=openmetrics) for family in others.ours]).encode()
    return page.removesuffix(_EOF) + ours + _EOF if openmetrics else page + ours


def generate_latest(registry: Any = REGISTRY) -> bytes:
    """The page of a registry in Prometheus's text format, as ``prometheus_client.generate_latest`` makes it. The series
    of routes stand at its end.
    """
    return _page(registry, prometheus_client.generate_latest)


def make_wsgi_app(registry: Any = REGISTRY) -> Callable[..., Iterable[bytes]]:
    """A WSGI application that serves a registry, as ``prometheus_client.make_wsgi_app`` makes it."""
    theirs: Callable[..., Iterable[bytes]] = prometheus_client.make_wsgi_app(registry)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        accept = environ.get("HTTP_ACCEPT", "")
        special = environ.get("QUERY_STRING") or environ["PATH_INFO"] == "/favicon.ico"
        if environ["REQUEST_METHOD"] != "GET" or special or "escaping=dots" in accept or "escaping=values" in accept:
            return theirs(environ, start_response)
        encoder, kind = choose_encoder(accept)
        page, headers = _page(registry, encoder), [("Content-Type", kind)]
        if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            page = gzip.compress(page, 1)
            headers.append(("Content-Encoding", "gzip"))
        start_response("200 OK", headers)
        return [page]

    return app


def start_http_server(port: int, addr: str = "0.0.0.0", registry: Any = REGISTRY, **tls: Any) -> tuple[Any, Any]:
    """Serves a registry from a thread, as ``prometheus_client.start_http_server`` does. Returns server and thread."""
    server, thread = prometheus_client.start_http_server(port, addr, registry, **tls)
    server.set_app(make_wsgi_app(registry))
    return server, thread


def run(program: str, arguments: list[str], host: str, port: int, *, module: bool) -> None:
    """``llmagg serve-metrics``: runs a program and serves the metrics of its routes. Raises OSError."""
    registry = CollectorRegistry()
    registry.register(Collector())
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        raise OSError(f"cannot serve metrics at {host}:{port}: {error}") from None
    sys.argv = [program, *arguments]
    if module:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(program).resolve().parent))
        runpy.run_path(program, run_name="__main__")
