"""The program of ``python -m pkg.core.llm.llm_aggrator`` and ``….aggregator``: it asks a model a question."""

from __future__ import annotations

import sys


def main() -> None:
    """Prints the answer to the question on the command line. After a failure, prints the reason and exits with 1."""
    from .errors import LLMError
    from .llm_aggrator import LLMAggrator

    question = " ".join(sys.argv[1:]) or "Hello, who are you?"
    try:
        with LLMAggrator() as llm:
            print(llm.generate_response_sync([{"role": "user", "content": question}]))
    except LLMError as error:
        sys.exit(f"{type(error).__name__}: {error}")
