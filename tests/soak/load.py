"""The load: every way in which applications call, at full speed, and a count of what was begun and what ended."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import llmagg

HELLO = [{"role": "user", "content": "Hello!"}]
PATIENCE = 20.0
"""Seconds after which a call counts as one without an answer; its own limits are below 4 s."""


def config(url: str, **more: Any) -> dict[str, Any]:
    """Six routes at the wall with short limits; ``more`` goes into each."""
    route = {
        "api_key": "sk-soak", "base_url": url, "timeout": 1.0, "idle_timeout": 1.0, "max_retries": 2,
        "max_concurrent_calls": 64, "retry": {"backoff_s": 0.01, "backoff_max_s": 0.05, "wait_s": 0.2},
        "breaker": {"open_s": 1.0, "block_s": 1.0}, **more,
    }  # fmt: skip
    names = ("good", "faulty", "slow", "endless", "silent", "large")
    return {"soak": {"models": {name: dict(route) for name in names}}}


class PythonClient(llmagg.BaseLLMClient):
    """A client whose answers come from Python; every fifth call fails."""

    calls = 0

    async def chat_completion(self, request: llmagg.ChatCompletionRequest) -> llmagg.ChatCompletionResponse:
        self.calls += 1
        await asyncio.sleep(0)
        if self.calls % 5 == 0:
            raise llmagg.ServiceUnavailableError("this client fails now and then")
        answer = {"index": 0, "message": {"role": "assistant", "content": "Python"}, "finish_reason": "stop"}
        return llmagg.ChatCompletionResponse.from_dict({"id": "1", "model": request.model, "choices": [answer]})

    async def chat_completion_stream(
        self, request: llmagg.ChatCompletionRequest
    ) -> AsyncIterator[llmagg.StreamResponse]:
        for text in ("Py", "thon"):
            self.calls += 1
            yield llmagg.StreamResponse.from_dict({"choices": [{"index": 0, "delta": {"content": text}}]})
            if self.calls % 7 == 0:
                raise llmagg.ServiceUnavailableError("this stream breaks now and then")
        yield llmagg.StreamResponse.from_dict({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})


class Load:
    """Runs for a while and counts. One at a time."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.random = random.Random(seed)
        self.outcomes: Counter[str] = Counter()
        self.unanswered: list[str] = []
        self._lock = threading.Lock()  # guards the counts that follow
        self.begun = self.ended = 0
        self.until = 0.0
        self.aggregator = llmagg.LLMAggregator()
        self.aggregator.initialize_sync(config(url))
        provider = llmagg.OpenAIProvider(llmagg.ProviderConfig("own", {}))
        provider.clients = {"python": PythonClient(llmagg.ModelConfig("python", "python", "own", "", ""))}
        llmagg.get_manager().register_provider(provider)
        self.failing_over = llmagg.LLMAggregator(["faulty", "good"])
        self.failing_over.initialize_sync()

    def run(self, seconds: float, tasks: int = 24, threads: int = 3) -> None:
        """Returns when the time is over and everything that was begun has ended."""
        self.until = time.monotonic() + seconds
        workers = [threading.Thread(target=self._blocking, args=(n,), daemon=True) for n in range(threads)]
        for worker in workers:
            worker.start()
        asyncio.run(self._loop(tasks))
        for worker in workers:
            worker.join(2 * PATIENCE)
            if worker.is_alive():
                self.unanswered.append(f"a blocking call in {worker.name}")

    async def _loop(self, tasks: int) -> None:
        kinds = [getattr(self, name) for name in dir(self) if name.startswith("do_")]
        await asyncio.gather(*(self._worker(kinds, n) for n in range(tasks)))
        await self._use_each_route()
        await self.aggregator.close()

    async def _use_each_route(self) -> None:
        """A client gets its handle when it is first used, so each is used after the last ``do_reconfigure``: how many
        handles there are no longer depends on what chance called since then.
        """
        await self.aggregator.health_check()
        with contextlib.suppress(llmagg.LLMError):
            await self.do_python_client()

    async def _worker(self, kinds: list[Any], number: int) -> None:
        choose = random.Random(self.random.random() + number)
        while time.monotonic() < self.until:
            kind = choose.choice(kinds)
            if kind == self.do_reconfigure and choose.random() > 0.05:
                continue
            self._begin()
            task = asyncio.ensure_future(kind())
            done, _ = await asyncio.wait([task], timeout=PATIENCE)
            if not done:
                self.unanswered.append(kind.__name__)
                task.cancel()
                continue
            self._end(kind.__name__[3:], task.exception())

    def _begin(self) -> None:
        with self._lock:
            self.begun += 1

    def _end(self, name: str, error: BaseException | None) -> None:
        with self._lock:
            self.ended += 1
            self.outcomes[f"{name}: {type(error).__name__ if error else 'ok'}"] += 1
            if error is not None and not isinstance(error, (llmagg.LLMError, asyncio.TimeoutError)):
                self.unanswered.append(f"{name} raised {error!r}")

    async def do_call(self) -> None:
        """A whole answer."""
        assert await self.aggregator.generate_response(HELLO, model="good") == "Hello from good."

    async def do_large(self) -> None:
        """A large answer, by failover rules of the aggregator."""
        assert len(await self.aggregator.generate_response(HELLO, model="large")) == 200000

    async def do_stream(self) -> None:
        """A stream, read to its end."""
        text = "".join([piece async for piece in self.aggregator.stream_text(HELLO, model="slow")])
        assert text == "Hello from slow."

    async def do_leave(self) -> None:
        """An endless stream that its reader leaves."""
        stream = self.aggregator.stream(HELLO, model="endless")
        for _ in range(5):
            await stream.__anext__()
        await stream.aclose()

    async def do_cancel(self) -> None:
        """A cancelled task."""
        task = asyncio.ensure_future(self.aggregator.chat(HELLO, model="silent"))
        await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def do_time_out(self) -> None:
        """A call that its caller gives up."""
        await asyncio.wait_for(self.aggregator.chat(HELLO, model="silent"), 0.02)

    async def do_deadline(self) -> None:
        """A call that the core gives up."""
        await self.aggregator.chat(HELLO, model="silent", deadline=0.05)

    async def do_fail(self) -> None:
        """A call of a route that breaks in many ways."""
        await self.aggregator.chat(HELLO, model="faulty")

    async def do_failing_stream(self) -> None:
        """The same for a stream."""
        async for _ in self.aggregator.stream(HELLO, model="faulty", on_interrupt="restart"):
            pass

    async def do_fail_over(self) -> None:
        """Two routes in order, the broken one first."""
        await self.failing_over.generate_response(HELLO)

    async def do_refuse(self) -> None:
        """Arguments that are wrong."""
        with contextlib.suppress(llmagg.InvalidArgumentError):
            await self.aggregator.chat(HELLO, temperature=float("nan"))

    async def do_health(self) -> None:
        """Health checks of all routes."""
        await self.aggregator.health_check()

    async def do_client(self) -> None:
        """A client called directly."""
        client = llmagg.get_manager().get_llm_client("soak", "good")
        await client.chat_completion(llmagg.ChatCompletionRequest("good", [llmagg.Message("user", "x")]))

    async def do_python_client(self) -> None:
        """A client written in Python, which the core calls back."""
        await self.aggregator.chat(HELLO, model="python")

    async def do_python_stream(self) -> None:
        """A stream of it."""
        async for _ in self.aggregator.stream(HELLO, model="python"):
            pass

    async def do_reconfigure(self) -> None:
        """Another configuration for all routes, while calls run on the old one."""
        with contextlib.suppress(llmagg.LLMError):
            await self.aggregator.initialize(config(self.url, max_concurrent_calls=self.random.randint(32, 96)))

    def _blocking(self, number: int) -> None:
        choose = random.Random(number)
        while time.monotonic() < self.until:
            self._begin()
            error: BaseException | None = None
            try:
                if choose.random() < 0.5:
                    self.aggregator.chat_sync(HELLO, model=choose.choice(["good", "faulty", "slow"]))
                else:
                    for _ in zip(range(choose.randint(1, 6)), self.aggregator.stream_sync(HELLO, model="endless")):
                        pass
            except Exception as raised:
                error = raised
            self._end("blocking", error)
