"""A provider of one's own takes part in failover, breakers and limits like any other."""

import asyncio
from collections.abc import AsyncGenerator

from llmagg import (
    BaseLLMClient,
    BaseProvider,
    ChatCompletionRequest,
    ChatCompletionResponse,
    LLMAggregator,
    ModelConfig,
    ProviderConfig,
    StreamResponse,
    get_manager,
)


class EchoClient(BaseLLMClient):
    async def chat_completion(self, request: ChatCompletionRequest) -> ChatCompletionResponse:
        text = str(request.messages[-1].content)
        message = {"role": "assistant", "content": f"You said: {text}"}
        return ChatCompletionResponse.from_dict({"choices": [{"message": message, "finish_reason": "stop"}]})

    async def chat_completion_stream(self, request: ChatCompletionRequest) -> AsyncGenerator[StreamResponse, None]:
        for word in str(request.messages[-1].content).split():
            yield StreamResponse.from_dict({"choices": [{"index": 0, "delta": {"content": word + " "}}]})


class EchoProvider(BaseProvider):
    def create_client(self, model_config: ModelConfig) -> EchoClient:
        return EchoClient(model_config)


async def main() -> None:
    config = ModelConfig(model="echo", provider="mine", api_key=None, base_url=None)
    async with EchoProvider(ProviderConfig("mine", {"echo": config})) as provider, LLMAggregator() as llm:
        await provider.initialize_all_models()
        get_manager().register_provider(provider)
        await llm.initialize()
        print(await llm.generate_response([{"role": "user", "content": "Hello there"}]))
        async for text in llm.stream_text([{"role": "user", "content": "one two three"}]):
            print(text, end="", flush=True)
        print()


if __name__ == "__main__":
    asyncio.run(main())
