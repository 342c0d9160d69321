"""Functions of the application that give tokens: an ``api_key``, or an ``auth``, that can be called."""

from __future__ import annotations

import asyncio
import copy
import datetime
import gc
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

import llmagg
from conftest import HELLO
from llmagg import LLMAggregator
from llmagg._native import tokens
from llmagg.config import ModelConfig
from llmagg.errors import AllModelsFailedError, AuthenticationError, ServiceUnavailableError
from llmagg.faultwall import FaultWall
from llmagg.providers import OpenAIClient
from llmagg.requests import ChatCompletionRequest


@pytest.fixture
def wall() -> Iterator[FaultWall]:
    with FaultWall({"require_key": "good"}) as wall:
        yield wall


def config(wall: FaultWall, **models: Any) -> dict[str, Any]:
    return {"p": {"base_url": wall.url, "max_retries": 1, "models": models}}


def made(wall: FaultWall, *names: str, **models: Any) -> LLMAggregator:
    aggregator = LLMAggregator([f"p/{name}" for name in names or models])
    aggregator.initialize_sync(config(wall, **models))
    return aggregator


def said_by(answer: Any) -> str:
    """What an answer says."""
    return answer.choices[0].message.content


class Vault:
    """Gives its tokens one after another, the last one again and again."""

    def __init__(self, *gives: Any) -> None:
        self.gives, self.asked, self.threads = list(gives), 0, set()
        self.loops: list[asyncio.AbstractEventLoop] = []

    def now(self) -> Any:
        self.threads.add(threading.current_thread().name)
        given = self.gives[min(self.asked, len(self.gives) - 1)]
        self.asked += 1
        if isinstance(given, BaseException):
            raise given
        return given

    async def later(self) -> Any:
        self.loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return self.now()

    def __deepcopy__(self, _: Any) -> Any:
        raise AssertionError("a vault is not copied")


class AccessToken(NamedTuple):
    """As azure.core has it."""

    token: str
    expires_on: int


@pytest.mark.parametrize(
    "given",
    ["good", ("good", None), ("good", time.time() + 3600), AccessToken("good", int(time.time()) + 3600),
     ("good", datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1))],
)  # fmt: skip
def test_what_a_function_may_give(wall: FaultWall, given: Any) -> None:
    vault = Vault(given)
    with made(wall, m={"api_key": vault.now}) as aggregator:
        assert said_by(aggregator.chat_sync(HELLO)) == "Hello from m."
    assert vault.asked == 1


@pytest.mark.parametrize("key", ["api_key", "auth"])
def test_it_is_asked_once_for_all_calls_and_models(wall: FaultWall, key: str) -> None:
    vault = Vault("good")
    with made(wall, a={key: vault.now}, b={key: vault.now}) as aggregator:
        for _ in range(3):
            assert said_by(aggregator.chat_sync(HELLO)) == "Hello from a."
            assert said_by(aggregator.chat_sync(HELLO, model="p/b")) == "Hello from b."
    assert vault.asked == 1 and threading.current_thread().name not in vault.threads


def test_of_a_provider_and_of_one_of_its_models(wall: FaultWall) -> None:
    vault, other = Vault("good"), Vault("good")
    aggregator = LLMAggregator(["p/a", "p/b"])
    models = {"a": {"api_key": "bad"}, "b": {}, "c": {"api_key": other.now}}
    aggregator.initialize_sync({"p": {"base_url": wall.url, "auth": vault.now, "models": models}})
    aggregator.models = ["p/a", "p/b"]
    with aggregator:
        answer = aggregator.chat_sync(HELLO)
        assert said_by(answer) == "Hello from b." and vault.asked == 1
        assert said_by(aggregator.chat_sync(HELLO, model="p/c")) == "Hello from c."
        assert (vault.asked, other.asked) == (1, 1)


def test_a_coroutine_function_runs_on_the_loop_of_the_calls(wall: FaultWall, run: Any) -> None:
    vault = Vault("bad", "good")
    run(_calls(wall, vault))
    assert vault.asked == 2 and len(set(vault.loops)) == 1


async def _calls(wall: FaultWall, vault: Vault) -> None:
    aggregator = LLMAggregator(["p/m"])
    await aggregator.initialize(config(wall, m={"api_key": vault.later}))
    async with aggregator:
        answers = await asyncio.gather(*(aggregator.chat(HELLO) for _ in range(8)))
    assert {said_by(answer) for answer in answers} == {"Hello from m."}
    assert set(vault.loops) == {asyncio.get_running_loop()}


def test_a_coroutine_function_without_a_loop(wall: FaultWall) -> None:
    vault = Vault("good")
    with made(wall, m={"api_key": vault.later}) as aggregator:
        assert said_by(aggregator.chat_sync(HELLO)) == "Hello from m."


@pytest.mark.parametrize(
    ("gives", "said"),
    [(OSError("the vault is closed"), "OSError: the vault is closed"), (SystemExit(3), "SystemExit: 3"),
     (None, "must return a str"), (("good", "tomorrow"), "ValueError"), (ValueError("\ud800"), "ValueError")],
)  # fmt: skip
def test_a_failure_is_the_attempts_and_the_next_route_is_asked(wall: FaultWall, gives: Any, said: str) -> None:
    with made(wall, m={"api_key": Vault(gives).now}, n={"api_key": "good"}) as aggregator:
        answer = aggregator.chat_sync(HELLO)
        assert said_by(answer) == "Hello from n."
        assert [a.outcome for a in answer.attempts] == ["UNAVAILABLE", "OK"] and said in answer.attempts[0].message
        with pytest.raises((ServiceUnavailableError, AllModelsFailedError), match="gave no token"):
            aggregator.chat_sync(HELLO, model="p/m")


def test_a_refused_token_is_replaced_once_and_shown_nowhere(wall: FaultWall) -> None:
    vault = Vault("secret-1", "secret-2")
    client = OpenAIClient(ModelConfig("m", "p", vault.now, wall.url, max_retries=1))
    with pytest.raises(AuthenticationError) as raised:
        client.chat_completion_sync(ChatCompletionRequest("m", HELLO))
    assert vault.asked == 2
    assert "secret" not in repr(raised.value) + str(raised.value) + repr(client.config)


def test_a_configuration_with_a_function_can_be_copied(wall: FaultWall) -> None:
    def give() -> str:
        return "good"

    known = ModelConfig("m", "p", give, wall.url)
    assert copy.deepcopy(known).api_key is give
    assert known.to_core()["auth"] == ModelConfig("n", "p", None, wall.url, auth=give).to_core()["auth"]
    assert "api_key" not in known.to_core()


def test_a_function_goes_with_its_routes(wall: FaultWall) -> None:
    vault = Vault("good")
    with made(wall, m={"api_key": vault.now}) as aggregator:
        aggregator.chat_sync(HELLO)
        assert vault.now in _functions()
    del aggregator
    llmagg.get_manager().clear()
    gc.collect()
    assert vault.now not in _functions()


def _functions() -> list[Any]:
    return [known.function for known in tokens._known.values()]


def test_the_collector_may_end_a_route_wherever_a_function_is_looked_at(wall: FaultWall) -> None:
    vault = Vault("good")
    aggregator = made(wall, m={"api_key": vault.now})
    aggregator.chat_sync(HELLO)
    aggregator.close_sync()
    llmagg.get_manager().clear()
    held = [aggregator]

    def end() -> None:
        with tokens._lock:  # as where the collector runs within reference()
            held.clear()
            gc.collect()

    del aggregator
    thread = threading.Thread(target=end, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive() and vault.now not in _functions()


def test_a_function_outlives_the_end_of_its_first_route_while_the_second_is_made() -> None:
    class Handle: ...

    give, first, second = Vault("good").now, Handle(), Handle()
    tokens.hold(first, {"auth": tokens.reference(give)})
    core = tokens.refer({"api_key": give})
    del first
    gc.collect()
    tokens.hold(second, core)
    assert give in _functions()
    del second, core
    gc.collect()
    assert give not in _functions()
