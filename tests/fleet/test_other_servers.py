"""The other servers that a fleet may have: Debian's Redis, with TLS, behind a sentinel, and as a cluster."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import DEAD, config_of, run, used_again
from server import Certificates, Cluster, Server, redis, sentinel

from llmagg.faultwall import FaultWall

# A store that is back is used again within 2 s; three times that on a machine that does other work, too.
USED_AGAIN = 3 * 2.0


def works(fleet: dict[str, Any], processes: int = 2) -> list[dict[str, Any]]:
    """Runs processes whose store is there: they hear of each other."""
    with FaultWall(DEAD) as wall:
        reports = run(config_of(wall, fleet), processes, 1.5)
    for r in reports:
        assert r["failed"] == 0, r
        assert r["fleet"]["connected"] and r["fleet"]["processes"] >= processes, r["fleet"]
        assert r["fleet"]["heard"] > 0, r["fleet"]
    return reports


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(str(tmp_path))


def test_redis_is_a_store() -> None:
    with Server(program=redis()) as store:
        works({"url": store.url})


def test_a_server_that_knows_no_hello_is_a_store() -> None:
    """Redis 5 and older: what is left of valkey-go in the library still tells it from other errors."""
    with Server("--rename-command", "HELLO", "", program=redis()) as store:
        works({"url": store.url})


def test_tls_with_a_root_of_ones_own(certificates: Certificates) -> None:
    with Server("--tls-auth-clients", "no", program=redis(), certificates=certificates) as store:
        works({"url": store.url, "ca_file": certificates.ca})
        works({"url": store.url.replace("rediss://127.0.0.1", "valkeys://localhost"), "ca_file": certificates.ca})
        with FaultWall(None) as wall:
            (report,) = run(config_of(wall, {"url": store.url}), 1, 0.5)
            assert report["failed"] == 0
            assert "unknown authority" in report["fleet"]["error"]
            (report,) = run(config_of(wall, {"url": store.url.replace("rediss", "redis")}), 1, 0.5)
            assert report["failed"] == 0
            assert not report["fleet"]["connected"] and report["fleet"]["error"]


@contextlib.contextmanager
def watched() -> Iterator[tuple[Server, Server, Server]]:
    """A primary, its replica and a sentinel that knows both."""
    with (
        Server(program=redis()) as primary,
        Server("--replicaof", "127.0.0.1", str(primary.port), program=redis()) as replica,
        sentinel(primary) as watcher,
    ):
        for _ in range(1500):
            if b"slaves=1" in watcher.say("INFO", "sentinel") and b"master_link_status:up" in replica.say("INFO", "replication"):
                break
            time.sleep(0.02)  # servers tell nobody what they have found
        else:
            raise TimeoutError("the sentinel does not find the replica")
        yield primary, replica, watcher


def took_over(replica: Server) -> bool:
    try:
        return b"role:master" in replica.say("INFO", "replication")
    except ConnectionError:  # it ends connections when its role changes
        return False


def test_a_replica_that_takes_over_is_used() -> None:
    back = 0.0
    with watched() as (primary, replica, watcher), FaultWall(DEAD) as wall:

        def fail_over() -> None:
            nonlocal back
            time.sleep(1)  # calls run on the primary for so long
            primary.kill()
            while not took_over(replica):
                time.sleep(0.02)  # a replica tells nobody that it took over
            back = time.time()

        reports = run(config_of(wall, {"url": f"redis://127.0.0.1:{watcher.port}?sentinel=main"}), 3, 10, fail_over)
        told = replica.say("XLEN", "llmagg:{default}:changes")
    assert sum(r["failed"] for r in reports) == 0, reports
    again = [used_again(r, back) for r in reports]
    print(f"used again after {max(again):.2f} s; {told!r} changes on the replica")
    assert all(len(r["connections"]) >= 3 for r in reports), "nobody noticed"
    assert max(again) <= USED_AGAIN, reports


def test_a_cluster_is_a_store_and_a_slot_may_move() -> None:
    with Cluster() as cluster:
        works({"url": cluster.url})
        back = 0.0

        def move() -> None:
            nonlocal back
            time.sleep(1)  # calls run on the first slot for so long
            cluster.move()
            back = time.time()

        with FaultWall(DEAD) as wall:
            reports = run(config_of(wall, {"url": cluster.url}), 3, 8, move)
        assert sum(r["failed"] for r in reports) == 0, reports
        again = [used_again(r, back) for r in reports]
        print(f"used again after {max(again):.2f} s")
        assert max(again) <= USED_AGAIN, reports
