import asyncio
from pkg.core.llm import get_manager, OpenAIProvider, DeepSeekProvider

async def basic_usage():
    # 获取全局Manager
    manager = get_manager()
    
    # 创建并注册Provider
    openai_provider = OpenAIProvider.create_simple(
        api_key="your-openai-key",
        model_name="gpt-3.5-turbo"
    )
    await openai_provider.initialize_all_models()
    manager.register_provider(openai_provider)
    
    # 获取客户端并使用
    client = manager.get_llm_client("openai", "gpt-3.5-turbo")
    
    from pkg.core.llm.types import ChatCompletionRequest, Message, MessageRole
    request = ChatCompletionRequest(
        model="gpt-3.5-turbo",
        messages=[
            Message(role=MessageRole.SYSTEM, content="You are a helpful assistant."),
            Message(role=MessageRole.USER, content="Hello!")
        ]
    )
    
    response = await client.chat_completion(request)
    print(response.choices[0].message.content)
    
    await manager.close_all()

asyncio.run(basic_usage())
