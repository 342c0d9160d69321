"""Hooks of mkdocs: links into the repository lead to its files on the web, and the header is a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"\]\((\.\./[^)#]*)")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - mkdocs names it
    """Links that leave the folder docs lead to the repository; they fail where the file does not exist."""
    folder = Path(page.file.abs_src_path).parent
    docs = Path(config.docs_dir)

    def link(found: re.Match[str]) -> str:
        target = (folder / found[1]).resolve()
        if target.is_relative_to(docs):
            return found[0]
        if not target.exists():
            raise FileNotFoundError(f"{page.file.src_uri} links to {found[1]}, which does not exist")
        kind = "tree" if target.is_dir() else "blob"
        return f"]({config.repo_url}/{kind}/main/{target.relative_to(ROOT)}"

    markdown = _LINK.sub(link, markdown)
    if "<!-- the header -->" in markdown:
        markdown = markdown.replace("<!-- the header -->", header())
    return markdown


_ROLE = re.compile(r":(?:class|meth|func|mod|attr|data|exc):(?=<code>)")


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - mkdocs names them
    """The marks of docstrings, roles such as :class: and the two colons before a block, are left out."""
    return _ROLE.sub("", html).replace("<code>~llmagg.", "<code>llmagg.").replace("::</p>", ":</p>")


def header() -> str:
    """The manual and the declarations of llmagg.h, a section of it after the other."""
    text = (ROOT / "include" / "llmagg.h").read_text("utf-8")
    manual = re.match(r"/\*\n(.*?)\n \*/", text, re.DOTALL)
    assert manual, "include/llmagg.h does not begin with a comment"
    lines = [line.removeprefix(" *").removeprefix(" ") for line in manual[1].splitlines()]
    parts = ["## The manual\n\n```text\n" + "\n".join(lines) + "\n```\n"]
    sections = re.split(r"^/\* -+ ([\w ,-]+) -- \*/$", text, flags=re.MULTILINE)[1:]
    for name, body in zip(sections[::2], sections[1::2]):
        parts.append(f"## {name.capitalize()}\n\n```c\n{body.strip()}\n```\n")
    return "\n".join(parts)
