"""The same without an event loop: for scripts and threads. Ctrl-C ends a call at once."""

from concurrent.futures import ThreadPoolExecutor

from llmagg import LLMAggregator

QUESTIONS = ["What is a tide?", "What is a comet?", "What is a glacier?"]


def main() -> None:
    llm = LLMAggregator()

    def ask(question: str) -> str:
        return llm.generate_response_sync([{"role": "user", "content": question}], max_retries=2)

    with ThreadPoolExecutor() as pool:
        for question, answer in zip(QUESTIONS, pool.map(ask, QUESTIONS)):
            print(f"{question} {answer}")
    for text in llm.stream_text_sync([{"role": "user", "content": "And a star?"}]):
        print(text, end="", flush=True)
    print()
    llm.close_sync()


if __name__ == "__main__":
    main()
