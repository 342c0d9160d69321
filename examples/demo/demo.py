"""The main job of llmagg in one minute: `make demo`.

With OPENAI_API_KEY, DEEPSEEK_API_KEY or GEMINI_API_KEY set it asks those; without keys a scripted server on a loopback
port answers. The failing models of the demonstration are always that server's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys

from llmagg import LLMAggregator, LLMError, get_manager
from llmagg.faultwall import FaultWall
from llmagg.types import ChatCompletionRequest, Message, MessageRole

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
KEYS = {"openai": ("OPENAI_API_KEY", "gpt-4o-mini"), "deepseek": ("DEEPSEEK_API_KEY", "deepseek-flash"),
        "gemini": ("GEMINI_API_KEY", "gemini-flash-latest")}  # fmt: skip
MESSAGES = [{"role": "user", "content": "In one sentence: what is a circuit breaker?"}]
SCRIPT = {
    "models": {
        "helper": {"steps": [{"text": "A circuit breaker stops asking a part that keeps failing, and tries it "
                                      "again after a while.", "delay_event_s": 0.04}], "after": "repeat_last"},
        "broken": {"steps": [{"status": 503}], "after": "repeat_last"},
        "shaky": {"steps": [{"status": 500, "times": 5}, {"text": "I am well again."}], "after": "repeat_last"},
    }
}  # fmt: skip


def paint(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def title(text: str) -> None:
    print("\n" + paint(text, "1;36"), flush=True)


def health_color(alive: bool) -> str:
    return paint("up", "32") if alive else paint("down", "31")


async def manager_chat(provider: str, model: str) -> None:
    title(f"1. A chat through the Manager: {provider}/{model}")
    client = get_manager().get_llm_client(provider, model)
    request = ChatCompletionRequest(model=model, messages=[Message(MessageRole.USER, MESSAGES[0]["content"])])
    response = await client.chat_completion(request)
    print(response.choices[0].message.content)
    tokens = response.usage.total_tokens if response.usage else "unknown"
    print(f"   {tokens} tokens, {response.attempts[0].duration * 1000:.0f} ms")


async def stream(provider: str, model: str) -> None:
    title("2. A stream, as it arrives")
    async with LLMAggregator([f"{provider}/{model}"]) as aggregator:
        await aggregator.initialize()
        async for text in aggregator.stream_text(MESSAGES):
            print(text, end="", flush=True)
    print()


async def failover(provider: str, model: str) -> None:
    title("3. The first model fails, the second one answers")
    async with LLMAggregator(["wall/broken", f"{provider}/{model}"]) as aggregator:
        await aggregator.initialize()
        response = await aggregator.chat(MESSAGES)
    print(response.choices[0].message.content)
    for number, attempt in enumerate(response.attempts, 1):
        print(f"   {number}. " + paint(str(attempt), "32" if attempt.outcome == "OK" else "31"))


async def breaker() -> None:
    title("4. A circuit breaker opens, and closes again")
    async with LLMAggregator(["wall/shaky", "wall/helper"]) as aggregator:
        await aggregator.initialize()

        def circuit() -> str:
            report = next((r for r in aggregator.health_report() if r["model"] == "shaky"), None)
            state = report["circuit"] if report else "closed"
            return paint(state, "32" if state == "closed" else "31")

        for _ in range(5):
            response = await aggregator.chat(MESSAGES, max_retries=1)
            print(f"   asked {[a.model for a in response.attempts]}, the circuit of wall/shaky is {circuit()}")
        print("   … the open circuit is tried again after a second")
        await asyncio.sleep(1.1)
        response = await aggregator.chat(MESSAGES)
        answer = response.choices[0].message.content
        print(f"   asked {[a.model for a in response.attempts]}: {answer!r}, circuit {circuit()}")


async def health() -> None:
    title("5. Health")
    alive = await get_manager().health_check_all()
    reports = {(r["provider"], r["model"]): r for r in get_manager().health_report()}
    for provider, models in alive.items():
        for model, up in models.items():
            report = reports.get((provider, model), {})
            latency = f"{report.get('latency', 0) * 1000:.0f} ms" if report.get("latency") else "-"
            failure = (report.get("last_error") or {}).get("name", "-")
            name = f"{provider}/{model}"
            circuit = report.get("circuit", "-")
            print(f"   {name:<24} {health_color(up)}   {circuit:<10} latency {latency:<8} last failure {failure}")


def other_doors(go: str | None, c: str | None, environment: dict[str, str]) -> None:
    for number, (name, program) in enumerate((("Go", go), ("C", c)), 6):
        if program:
            title(f"{number}. The same chat from {name}")
            done = subprocess.run([program], env=environment, check=True, capture_output=True, text=True, timeout=60)
            print(done.stdout.strip())


async def run(wall: FaultWall) -> tuple[str, str]:
    """The five demonstrations; gives the provider and model that answered."""
    here = {"api_key": "not-a-real-key", "base_url": wall.url}
    tuned = {**here, "retry": {"backoff_s": 0.05}, "breaker": {"open_s": 1.0}}
    config = {"wall": {"models": {name: dict(tuned) for name in SCRIPT["models"]}}}
    provider, model = "wall", "helper"
    for name, (key, default) in KEYS.items():
        if os.environ.get(key):
            address = os.environ.get(f"{name.upper()}_BASE_URL")
            config[name] = {"models": {default: {"api_key": os.environ[key], "base_url": address}}}
            provider, model = name, default
            break
    else:
        print("No OPENAI_API_KEY, DEEPSEEK_API_KEY or GEMINI_API_KEY is set: a scripted server at "
              f"{wall.url} answers instead (real HTTP, no model).")  # fmt: skip
    async with LLMAggregator() as everything:
        await everything.initialize(config)
        try:
            await manager_chat(provider, model)
        except LLMError as error:
            print(paint(f"{provider} does not answer: {error}", "31"))
            print(f"The scripted server at {wall.url} answers instead.")
            provider, model = "wall", "helper"
            await manager_chat(provider, model)
        await stream(provider, model)
        await failover(provider, model)
        await breaker()
        await health()
    return provider, model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--go", help="the Go example, built")
    parser.add_argument("--c", help="the C example, built")
    options = parser.parse_args()
    with FaultWall(SCRIPT) as wall:
        provider, model = asyncio.run(run(wall))
        environment = dict(os.environ)
        if provider != "openai":  # the examples speak to an OpenAI-compatible endpoint
            environment |= {"OPENAI_API_KEY": "not-a-real-key", "OPENAI_BASE_URL": wall.url, "OPENAI_MODEL": "helper"}
        else:
            environment.setdefault("OPENAI_MODEL", model)
        other_doors(options.go, options.c, environment)
    print()


if __name__ == "__main__":
    main()
