"""Mistakes that type checkers find. Each ``ignore`` must be needed: a checker that stays silent makes the test fail."""

from __future__ import annotations

import llmagg
from llmagg import LLMAggregator


async def mistakes(llm: LLMAggregator) -> None:
    """Each call has one mistake."""
    await llm.chat("Hello", deadlin=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await llm.chat("Hello", hedge=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await llm.chat("Hello", num_retries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await llm.chat("Hello", fallbacks=["a"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await llm.chat("Hello", temperature="hot")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await llm.chat("Hello", on_interrupt="stop")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await llm.chat("Hello", strategy="fastest")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await llm.chat("Hello", response_format={"type": "jsn"})  # type: ignore[arg-type]  # pyright: ignore
    await llm.chat("Hello", prompt_cache_retention="1h")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await llm.chat("Hello", prompt_cache_options={"mod": "explicit"})  # type: ignore[arg-type]  # pyright: ignore
    await llm.chat("Hello", web_search_options={"search_context_size": "tiny"})  # type: ignore[arg-type]  # pyright: ignore
    await llm.chat("Hello", safety_identifier=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await llm.chat("Hello", moderation={})  # type: ignore[arg-type]  # pyright: ignore
    await llm.embed("Hello", deadlin=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await llm.embed("Hello", hedge_after=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await llm.embed("Hello", input_type="questions")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    llm.rerank_sync("a", ["b"], topn=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await llmagg.rerank("a", ["b"], timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    llmagg.embed_sync("Hello", num_retries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    LLMAggregator(strategy="fastest")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await llm.chat(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    llm.chat_sync("Hello", deadlin=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await llmagg.chat("Hello", deadlin=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    print((await llmagg.chat("Hello")).txt)  # type: ignore[attr-defined]  # pyright: ignore
