"""How a response looks in a shell and in a notebook: its text, the routes tried, the time and the tokens."""

from __future__ import annotations

from html import escape
from typing import Any

from .attempt import Attempt

_LONGEST = 80


def line(response: Any) -> str:
    """The ``repr``: one line, with at most 80 characters of the text."""
    text = response.text
    parts = [repr(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")]
    if calls := response.tool_calls:
        parts.append(f"tool_calls={[call.name for call in calls]}")
    parts.append(f"model={response.model!r}")
    if reason := response.choices[0].finish_reason if response.choices else None:
        parts.append(f"finish_reason={reason!r}")
    if response.attempts:
        parts.append(f"attempts={len(response.attempts)}")
    return f"<{type(response).__name__} {', '.join([*parts, _tokens(response)])}>"


def facts(response: Any) -> str:
    """The route, the number of attempts, the time and the tokens, in one line."""
    attempts = response.attempts
    parts = [f"from the cache ({response.cache})" if response.cached else response.route or response.model]
    if len(attempts) > 1:
        parts.append(f"{len(attempts)} attempts")
    if attempts:
        parts.append(f"{max(a.start + a.duration for a in attempts) - min(a.start - a.wait for a in attempts):.2f} s")
    if response.cost is not None:
        parts.append(f"{response.cost.amount:.4g} {response.cost.currency}")
    return " · ".join([*filter(None, parts), _tokens(response)])


def markdown(response: Any) -> str:
    """The text, then the facts, then each failed attempt."""
    failed = [f"- {_plain(attempt)}" for attempt in response.attempts if attempt.outcome != "OK"]
    return "\n".join(
        [response.text, *_called(response), "", f"*{facts(response)}*", *([""] if failed else []), *failed]
    )


def html(response: Any) -> str:
    """The same as HTML. The text is escaped: an answer cannot put markup or scripts into the page."""
    body = escape(response.text)
    rows = "".join(f"<li>{escape(str(attempt))}</li>" for attempt in response.attempts if attempt.outcome != "OK")
    called = "".join(f"<pre>{escape(text)}</pre>" for text in _called(response))
    tried = f"<ul>{rows}</ul>" if rows else ""
    text = f'<div style="white-space: pre-wrap">{body}</div>'
    return f"<div>{text}{called}<small>{escape(facts(response))}</small>{tried}</div>"


def _tokens(response: Any) -> str:
    usage = response.usage
    return f"{usage.prompt_tokens} + {usage.completion_tokens} tokens" if usage else "tokens unknown"


def _called(response: Any) -> list[str]:
    return [f"{call.name}({call.arguments})" for call in response.tool_calls]


def _plain(attempt: Attempt) -> str:
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in str(attempt)).replace("\n", " ")
