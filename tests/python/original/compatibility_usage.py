import asyncio
from pkg.core.llm.llm_aggrator import LLMAggrator

async def compatibility_usage():
    # 使用原有的接口，但底层使用新架构
    llm_aggrator = LLMAggrator()
    
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Hello!"}
    ]
    
    response = await llm_aggrator.generate_response(messages)
    print(response)
    
    await llm_aggrator.close()

asyncio.run(compatibility_usage())
