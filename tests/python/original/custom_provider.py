from pkg.core.llm.provider import BaseProvider
from pkg.core.llm.client import BaseLLMClient

class MyCustomClient(BaseLLMClient):
    async def chat_completion(self, request):
        # 实现具体的API调用
        pass
    
    async def chat_completion_stream(self, request):
        # 实现流式API调用
        pass

class MyCustomProvider(BaseProvider):
    def create_client(self, model_config):
        return MyCustomClient(model_config)
