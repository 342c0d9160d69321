"""What the process sets in its own environment counts: proxies and authorities."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import python
from llmagg.faultwall import FaultWall

ASK = """
import os, sys
import llmagg
url, ca = sys.argv[1:3]
def ask():
    llmagg.get_manager().clear()
    aggregator = llmagg.LLMAggregator(["p/m"])
    aggregator.initialize_sync({"p": {"models": {"m": {"base_url": url, "api_key": "k-test", "max_retries": 1}}}})
    try:
        return aggregator.generate_response_sync([{"role": "user", "content": "hi"}])
    except llmagg.LLMError as error:
        return str(error)
"""


@pytest.mark.long
def test_an_authority_that_the_process_names_itself(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with FaultWall({"options": {"tls": True, "ca_file": str(ca)}}) as wall:
        for code in (
            "os.environ['SSL_CERT_FILE'] = ca; print(ask())",
            "os.environ['SSL_CERT_DIR'] = os.path.dirname(ca); print(ask())",
            "print('SSL_CERT_FILE' not in ask()); os.environ['SSL_CERT_FILE'] = ca; print(ask())",
            (
                "os.environ['SSL_CERT_FILE'] = ca; print(ask()); del os.environ['SSL_CERT_FILE']; "
                "print('certificate' not in ask())"
            ),
        ):
            said = python(ASK + code, wall.url, str(ca)).stdout.split()
            before = ["False"] if code.startswith("print") else []
            after = ["False"] if "del " in code else []
            assert said == [*before, "Hello", "from", "m.", *after], code


def test_what_makes_an_authority_known_is_said(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with FaultWall({"options": {"tls": True, "ca_file": str(ca)}}) as wall:
        said = python(ASK + "os.environ['REQUESTS_CA_BUNDLE'] = ca; print(ask())", wall.url, str(ca)).stdout
    for word in ("certificate", "ca_file", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE is not read"):
        assert word in said


@pytest.mark.long
def test_a_proxy_that_the_process_names_itself() -> None:
    with FaultWall({}) as wall:  # plays the proxy: a path with a host in it shows that it was asked as one
        for name in ("http_proxy", "ALL_PROXY", "all_proxy"):
            code = f"os.environ[{name!r}] = ca; print(ask())"
            said = python(ASK + code, "http://llm.test/v1", wall.url.removesuffix("/v1")).stdout
            assert said.strip() == "Hello from m.", name
        assert "llm.test" in wall.seen()["requests"][0]["host"]


def test_a_route_keeps_the_proxy_that_the_environment_had_at_its_first_call() -> None:
    with FaultWall({}) as wall:
        code = """
def made():
    llmagg.get_manager().clear()
    aggregator = llmagg.LLMAggregator(["p/m"])
    aggregator.initialize_sync({"p": {"models": {"m": {"base_url": url, "api_key": "k-test", "max_retries": 1}}}})
    return aggregator
def ask(aggregator):
    try:
        return aggregator.generate_response_sync([{"role": "user", "content": "hi"}]) == "Hello from m."
    except llmagg.LLMError:
        return False
first = made()
os.environ["http_proxy"] = ca
print(ask(first))
del os.environ["http_proxy"]
print(ask(first), ask(made()))
"""
        said = python(ASK + code, "http://llm.invalid/v1", wall.url.removesuffix("/v1")).stdout.split()
    assert said == ["True", "True", "False"]
