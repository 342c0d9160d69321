"""What ``python -m pkg.core.llm.llm_aggrator`` and ``….aggregator`` do: they ask a question."""

from __future__ import annotations

import sys


def main() -> None:
    """Prints the answer to the question on the command line; exits with 1 and the reason if there is none."""
    from .errors import LLMError
    from .llm_aggrator import LLMAggrator

    question = " ".join(sys.argv[1:]) or "Hello, who are you?"
    try:
        with LLMAggrator() as llm:
            print(llm.generate_response_sync([{"role": "user", "content": question}]))
    except LLMError as error:
        sys.exit(f"{type(error).__name__}: {error}")
