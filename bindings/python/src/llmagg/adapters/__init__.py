"""Other libraries over an aggregator. Each module needs the library that it is named after; nothing else imports it.

- :mod:`llmagg.adapters.openai`: a transport for the official ``openai`` client
- :mod:`llmagg.adapters.pydantic_ai`: a model for agents of ``pydantic-ai``
- :mod:`llmagg.adapters.langchain`: a chat model for LangChain
- :mod:`llmagg.adapters.llama_index`: an LLM for LlamaIndex
"""
