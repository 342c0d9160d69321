"""Clients as an application would write them; they do what the case says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from llmagg import APIError, BaseLLMClient, BaseProvider, InternalError, ModelConfig, RateLimitError
from llmagg.config import ProviderConfig
from llmagg.requests import ChatCompletionRequest
from llmagg.responses import ChatCompletionResponse, StreamResponse


class Client(BaseLLMClient):
    """Does one thing a call; the last one for all the rest."""

    def __init__(self, config: ModelConfig, does: list[str]) -> None:
        super().__init__(config)
        self.does = does
        self.calls = self.running = self.most = self.cancelled = 0

    async def chat_completion(self, request: ChatCompletionRequest) -> Any:
        deed, takes = self._begin()
        try:
            await self._do(deed, takes)
            if deed == "garbage":
                return 42
            message = {"role": "assistant", "content": f"Hello from {request.model}."}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            if deed == "empty":
                choice = {"index": 0, "message": {"role": "assistant", "content": ""}}
            return ChatCompletionResponse.from_dict({"choices": [choice]})
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

    async def chat_completion_stream(self, request: ChatCompletionRequest) -> AsyncGenerator[Any, None]:
        deed, takes = self._begin()
        try:
            await self._do(deed, takes)
            if deed == "empty":
                delta = {"role": "assistant", "reasoning_content": "hm"}
                yield StreamResponse.from_dict({"choices": [{"index": 0, "delta": delta}]})
                return
            for n, word in enumerate(["Hello", " from", f" {request.model}", "."]):
                if deed == "garbage":
                    yield 42
                elif deed in ("break", "stall") and n == 2:
                    await self._do("foreign" if deed == "break" else "hang", 0)
                yield StreamResponse.from_dict({"choices": [{"index": 0, "delta": {"content": word}}]})
            if deed != "no_finish":
                yield StreamResponse.from_dict({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

    def _begin(self) -> tuple[str, float]:
        deed, _, seconds = self.does[min(self.calls, len(self.does) - 1)].partition(":")
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        return deed, float(seconds or 0)

    async def _do(self, deed: str, takes: float) -> None:
        """What all kinds of calls have in common: it takes its time and fails."""
        if deed == "stubborn":
            await _stubborn(takes)
            return
        await asyncio.sleep(takes)
        if deed == "foreign":
            raise KeyError("the application's own failure")
        if deed == "api_error":
            raise APIError("the application's own failure")
        if deed == "timeout":
            raise TimeoutError("the application's own patience")
        if deed == "rate_limit":
            raise RateLimitError("slow down", status=429)
        if deed == "internal":
            raise InternalError("the application's own bug")
        if deed == "hang":
            await asyncio.Event().wait()


async def _stubborn(seconds: float) -> None:
    """Takes its time whatever is cancelled."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


class Provider(BaseProvider):
    """Has one client."""

    def __init__(self, name: str, models: dict[str, dict[str, Any]], does: list[str]) -> None:
        configs = {
            model: ModelConfig(model=model, provider=name, api_key=None, base_url=None, **options)
            for model, options in models.items()
        }
        super().__init__(ProviderConfig(name, configs))
        self.does = does

    def create_client(self, model_config: ModelConfig) -> Client:
        return Client(model_config, self.does)

    def asked(self) -> dict[str, int]:
        """What its client was asked."""
        client = next(iter(self.clients.values()))
        return {"calls": client.calls, "at_once": client.most, "cancelled": client.cancelled}
