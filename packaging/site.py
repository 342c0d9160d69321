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
        markdown = markdown.replace("<!-- the header -->", header(page.file.src_uri.endswith(".zh.md")))
    return markdown


_ROLE = re.compile(r":(?:class|meth|func|mod|attr|data|exc):(?=<code>)")


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - mkdocs names them
    """The marks of docstrings, roles such as :class: and the two colons before a block, are left out."""
    return _ROLE.sub("", html).replace("<code>~llmagg.", "<code>llmagg.").replace("::</p>", ":</p>")


_CHINESE = {
    "the manual": "手册",
    "status": "状态",
    "types": "类型",
    "version": "版本",
    "error, buf": "错误与缓冲区",
    "manager": "管理器",
    "provider": "服务商",
    "client": "客户端",
    "routes": "路由",
    "aggregator": "聚合器",
    "queue": "事件队列",
    "operations": "操作",
    "custom": "自定义客户端",
    "accept": "检查回答",
    "log": "日志",
    "token": "令牌",
    "budget": "预算",
    "cache": "缓存",
    "config": "配置",
    "stats": "统计",
    "wall": "故障服务器",
}  # the sections of llmagg.h; tests/readme holds that all are here


def header(chinese: bool = False) -> str:
    """The manual and the declarations of llmagg.h, a section of it after the other; headings in either language."""
    text = (ROOT / "include" / "llmagg.h").read_text("utf-8")
    manual = re.match(r"/\*\n(.*?)\n \*/", text, re.DOTALL)
    assert manual, "include/llmagg.h does not begin with a comment"
    lines = [line.removeprefix(" *").removeprefix(" ") for line in manual[1].splitlines()]
    sections = re.split(r"^/\* -+ ([\w ,-]+) -- \*/$", text, flags=re.MULTILINE)[1:]
    parts = [f"## {_heading('the manual', chinese)}\n\n```text\n" + "\n".join(lines) + "\n```\n"]
    for name, body in zip(sections[::2], sections[1::2]):
        parts.append(f"## {_heading(name, chinese)}\n\n```c\n{body.strip()}\n```\n")
    return "\n".join(parts)


def _heading(section: str, chinese: bool) -> str:
    return _CHINESE.get(section, section.capitalize()) if chinese else section.capitalize()
