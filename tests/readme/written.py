"""The Chinese twins of pages that commands write: each text of the English page by ``written_zh.json``, figures unchanged.

``python3 tests/readme/written.py`` writes them; ``make wall``, ``make bench`` and ``make real-servers`` end with it. A text that the
table does not have stays English, and is printed. The table has whole texts, and forms: regular expressions whose groups are
texts in turn.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["docs/scorecard.md", "docs/benchmarks.md", "docs/real-servers.md"]
_PROMISE = re.compile(r"^- \*\*([A-Z]\d+)\*\* (.+?)[。；：]", re.MULTILINE)
_PLAIN = re.compile(r"(`[^`]*`|[^a-z ]|\b[a-z]\b|\.\w+)*")  # code, figures, names in capitals


class Words:
    """What written_zh.json has, and what it lacks."""

    def __init__(self) -> None:
        table = json.loads((ROOT / "tests/readme/written_zh.json").read_text("utf-8"))
        self.texts: dict[str, str] = table["texts"]
        self.forms = [(re.compile(form), text) for form, text in table["forms"]]
        self.promises = dict(_PROMISE.findall((ROOT / "docs/promises.zh.md").read_text("utf-8")))
        self.missing: list[str] = []

    def known(self, text: str) -> str | None:
        """The text in Chinese, None if the table does not have it."""
        if text in self.texts:
            return self.texts[text]
        if (clause := re.fullmatch(r"([A-Z]\d+): .*", text)) and clause[1] in self.promises:
            return f"{clause[1]}：{self.promises[clause[1]]}"
        for form, chinese in self.forms:
            if found := form.fullmatch(text):
                return re.sub(r"\\(\d)", lambda at: self._group(text, found[int(at[1])]), chinese)
        parts = text.split("; ")
        texts = [self.known(part) for part in parts] if len(parts) > 1 else [None]
        return None if None in texts else "；".join(str(part) for part in texts)

    def _group(self, text: str, part: str) -> str:
        return part if part == text else self.known(part) or part

    def of(self, text: str) -> str:
        chinese = self.known(text)
        if chinese is None and " " in text and not _PLAIN.fullmatch(text):
            self.missing.append(text)
        return text if chinese is None else chinese


def slug(heading: str) -> str:
    """The anchor that a heading has in the English page."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def translated(page: str, words: Words) -> str:
    """The Chinese page of an English one."""
    text = (ROOT / page).read_text("utf-8")
    linked = set(re.findall(r"\]\(#([^)]+)\)", text))
    return "\n\n".join(_block(block, words, linked) for block in text.strip().split("\n\n")) + "\n"


def _block(block: str, words: Words, linked: set[str]) -> str:
    if heading := re.fullmatch(r"(#+) (.*)", block):
        anchor = f" {{ #{slug(heading[2])} }}" if slug(heading[2]) in linked else ""
        return f"{heading[1]} {words.of(heading[2])}{anchor}"
    if block.startswith("|"):
        return "\n".join(_row(line, words) for line in block.splitlines())
    if block.startswith("- "):
        items = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
        return "\n".join("- " + words.of(" ".join(item.split())) for item in items)
    return words.of(" ".join(block.split()))


def _row(line: str, words: Words) -> str:
    if not line.strip("|- "):
        return line
    cells = re.split(r" ?(?<!\\)\| ?", line)[1:-1]
    return "| " + " | ".join(words.of(cell) for cell in cells) + " |"


def twin(page: str) -> Path:
    return ROOT / page.replace(".md", ".zh.md")


if __name__ == "__main__":
    words = Words()
    for page in PAGES:
        twin(page).write_text(translated(page, words), "utf-8")
    for text in words.missing:
        print(f"without Chinese, for tests/readme/written_zh.json: {json.dumps(text, ensure_ascii=False)}")
