"""What a process keeps to itself: its key, and a network that is broken for it alone."""

from __future__ import annotations

import socket
import threading

from processes import DEAD, Workers, asked, config_of
from server import Server

from llmagg.faultwall import FaultWall


class Monitor:
    """Everything that a server is asked, from now until the end."""

    def __init__(self, store: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", store.port), 5)
        self._socket.sendall(b"*1\r\n$7\r\nMONITOR\r\n")
        self.heard = self._socket.recv(1 << 16)
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while data := self._socket.recv(1 << 16):
            self.heard += data

    def end(self) -> bytes:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()
        return self.heard


def test_no_key_reaches_the_store() -> None:
    """Whatever is told, asked for or leased: a route that fails, one that waits, a key that is refused, a rate."""
    script = {
        "models": {
            "dead": {"steps": [{"status": 503}]},
            "waits": {"steps": [{"status": 429, "headers": {"Retry-After": "1"}}]},
            "refused": {"steps": [{"status": 401}]},
        }
    }
    with Server() as store, FaultWall(script) as wall:
        monitor = Monitor(store)
        config = config_of(wall, {"url": store.url}, rate={"rpm": 6000})
        config["openai"]["models"] = {"dead": {}, "waits": {}, "refused": {}, **config["openai"]["models"]}
        workers = Workers(config, 2, 3, callers=1)
        workers.go()
        reports = workers.reports()
        said = monitor.end()
    assert sum(r["failed"] for r in reports) == 0, reports
    for seen in (b'"XADD"', b'"opened"', b'"wait"', b'"block"', b'"EVAL"', b'"ZADD"'):
        assert seen in said, seen
    assert b"sk-test" not in said


def test_a_network_that_is_broken_for_one_process_opens_no_circuit_of_others() -> None:
    """The others are only suspicious of the route for which it has no way, and go on to use it."""
    with Server() as store, FaultWall(None) as wall:
        fleet = {"url": store.url}
        broken = Workers(config_of(wall, fleet, proxy="http://127.0.0.1:1"), 1, 3, callers=3)
        others = Workers(config_of(wall, fleet), 3, 3, callers=3)
        broken.go()
        others.go()
        (alone,), rest = broken.reports(), others.reports()
        made = asked(wall, "a")
    assert alone["failed"] + sum(r["failed"] for r in rest) == 0, (alone, rest)
    assert alone["circuits"]["openai/a"] != "closed", alone
    assert [r["circuits"]["openai/a"] for r in rest] == ["closed"] * 3
    assert all(r["fleet"]["heard"] > 0 for r in rest), "they heard of it"
    assert made == sum(r["calls"] for r in rest), "all of their calls went to the route"


def test_twelve_processes_ask_a_dead_route_a_fourth_as_often() -> None:
    """Two find out, and ten more do not ask, from the first call of each."""
    with Server() as store, FaultWall(DEAD) as wall:
        config = config_of(wall, {"url": store.url})
        first = Workers(config, 2, 6, callers=1)
        first.go()
        rest = Workers(config, 10, 2, heard=2)
        before = asked(wall, "a")
        rest.go()
        reports = [*first.reports(), *rest.reports()]
        together = asked(wall, "a")
    assert len(reports) == 12
    assert sum(r["failed"] for r in reports) == 0, reports
    assert max(r["fleet"]["processes"] for r in reports) == 12
    print(f"{together} requests on the dead route, {before} of them before it was known; 60 would be 5 of each process")
    assert together == before <= 12 * 5 / 4
