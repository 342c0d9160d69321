import asyncio
from pkg.core.llm import LLMAggregator

async def aggregator_usage():
    # 创建聚合器
    aggregator = LLMAggregator()
    
    # 配置多个Provider
    config = {
        "openai": {
            "models": {
                "gpt-3.5-turbo": {
                    "api_key": "your-openai-key",
                    "base_url": "https://api.openai.com/v1"
                },
                "gpt-4": {
                    "api_key": "your-openai-key",
                    "base_url": "https://api.openai.com/v1"
                }
            }
        },
        "deepseek": {
            "models": {
                "deepseek-chat": {
                    "api_key": "your-deepseek-key",
                    "base_url": "https://api.deepseek.com/v1"
                }
            }
        }
    }
    
    # 初始化
    await aggregator.initialize(config)
    
    # 使用 - 自动故障转移
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Hello, who are you?"}
    ]
    
    response = await aggregator.generate_response(messages)
    print(response)
    
    # 健康检查
    health = await aggregator.health_check()
    print(f"Health status: {health}")
    
    await aggregator.close()

asyncio.run(aggregator_usage())
