"""Clients and providers as an application would write them."""

from __future__ import annotations

import asyncio
from typing import Any

import llmagg
from conftest import FAST
from llmagg import BaseLLMClient, BaseProvider, ChatCompletionRequest, ChatCompletionResponse, Message, StreamResponse

REQUEST = ChatCompletionRequest("m", [Message("user", "hi")])


def answer(text: str) -> ChatCompletionResponse:
    return ChatCompletionResponse.from_dict(
        {
            "id": "1",
            "model": "mine",
            "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        }
    )


def piece(text: str | None, finish: str | None = None) -> StreamResponse:
    delta = {} if text is None else {"content": text}
    return StreamResponse.from_dict({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


class MyClient(BaseLLMClient):
    """Behaves as its test says."""

    def __init__(self, config: llmagg.ModelConfig) -> None:
        super().__init__(config)
        self.requests: list[ChatCompletionRequest] = []
        self.closed = 0
        self.failures: list[BaseException] = []
        self.running = self.most = 0
        self.delay = 0.0

    async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        self.requests.append(request)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.running -= 1
        if self.failures:
            raise self.failures.pop(0)
        return answer(f"from {self.config.model}")

    async def chat_completion_stream(self, request: ChatCompletionRequest) -> Any:
        self.requests.append(request)
        for text in ("from ", self.config.model):
            if self.failures:
                raise self.failures.pop(0)
            yield piece(text)
        yield piece(None, "stop")

    async def close(self) -> None:
        self.closed += 1
        await super().close()


class MyProvider(BaseProvider):
    def create_client(self, model_config: llmagg.ModelConfig) -> MyClient:
        return MyClient(model_config)


def my_aggregator(*models: str, **options: Any) -> tuple[llmagg.LLMAggregator, MyProvider]:
    configs = {m: llmagg.ModelConfig(m, "mine", "", "", **{"retry": FAST["retry"], **options}) for m in models}
    provider = MyProvider(llmagg.ProviderConfig("mine", configs))
    provider.initialize_all_models_sync()
    llmagg.get_manager().register_provider(provider)
    aggregator = llmagg.LLMAggregator()
    aggregator.initialize_sync()
    return aggregator, provider
