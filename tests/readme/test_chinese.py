"""Each page has a Chinese twin that says the same: the same code, sections, tables, lists and links."""

from __future__ import annotations

import importlib.util
import os
import re

import pytest
import written
from pages import PAGES, READMES, ROOT, text_of

TWINS = [page for page in PAGES if page.endswith(".zh.md")]
_FENCE = re.compile(r"^```\w+[^\n]*\n.*?^```$|^::: [^\n]*(?:\n    [^\n]*)*", re.DOTALL | re.MULTILINE)


def english_of(page: str) -> str:
    """The text of the page's English twin."""
    return text_of(page.replace(".zh.md", ".md"))


def shape(text: str) -> dict[str, object]:
    """What a page and its twin have in common beside the code."""
    prose = re.sub(r"<!--.*?-->", "", _FENCE.sub("", text), flags=re.DOTALL)
    parts = [part for part in re.split(r"\n\s*\n", prose) if part.strip() and not part.startswith("<a id=")]
    links = re.findall(r"\]\(([^)\s]+)\)", prose)
    return {
        "sections": [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)],
        "paragraphs, lists and tables": len(parts),
        "rows of tables": [line.count(" | ") for line in re.findall(r"^\|.*$", prose, re.MULTILINE)],
        "words in code": {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)},
        "items of lists": len(re.findall(r"^ *(?:-|\d+\.) ", prose, re.MULTILINE)),
        "promises": re.findall(r"^- \*\*([A-Z]\d+)\*\*", prose, re.MULTILINE),
        "links": sorted(
            link.replace(".zh.md", ".md") for link in links if not link.endswith(("README.md", "README.zh.md"))
        ),
    }


@pytest.mark.parametrize("page", [page for page in TWINS if page not in READMES])
def test_chinese_pages_have_the_same_code(page: str) -> None:
    """What the English page runs is run for both. With LLMAGG_UPDATE=1 the test copies it."""
    english = _FENCE.findall(english_of(page))
    chinese = _FENCE.findall(text_of(page))
    assert len(chinese) == len(english), "a block of the English page is missing here, or has no counterpart there"
    if os.environ.get("LLMAGG_UPDATE"):
        copies = iter(english)
        (ROOT / page).write_text(_FENCE.sub(lambda _: next(copies), text_of(page)), "utf-8")
        return
    assert chinese == english, "copy the blocks with LLMAGG_UPDATE=1 pytest tests/readme -k same_code"


@pytest.mark.parametrize("page", TWINS)
def test_chinese_pages_say_the_same(page: str) -> None:
    assert shape(text_of(page)) == shape(english_of(page)), f"translate what changed in {page.replace('.zh.md', '.md')}"


@pytest.mark.parametrize("page", TWINS)
def test_anchors_of_chinese_pages(page: str) -> None:
    """A heading in Chinese has no name of its own: one that links lead to is given, as in ``## … { #options }``."""
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", _FENCE.sub("", text_of(page))):
        file = (ROOT / page).parent / target if target else ROOT / page
        twin = file if file.name.endswith(".zh.md") else file.with_name(file.name.replace(".md", ".zh.md"))
        assert re.search(rf'{{ #{re.escape(anchor)} }}|<a id="{re.escape(anchor)}">', twin.read_text("utf-8")), (
            f"{twin.name} has nothing with the id {anchor!r}"
        )


def test_each_page_has_a_chinese_twin() -> None:
    english = {page for page in PAGES if not page.endswith(".zh.md") and page not in READMES}
    assert {page.replace(".md", ".zh.md") for page in english} == {page for page in TWINS if page not in READMES}
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    translated = re.findall(r"^            ([^:\n]+): ", navigation.partition("nav_translations:")[2], re.MULTILINE)
    names = re.findall(r"^ *- ([^:\n]+):", navigation.partition("\nnav:\n")[2], re.MULTILINE)
    assert set(names) - set(translated) == {"Django", "Python", "C", "Go"}, "mkdocs.yml has no Chinese name for a page"


@pytest.mark.parametrize("page", written.PAGES)
def test_twins_of_pages_that_commands_write(page: str) -> None:
    assert written.translated(page, written.Words()) == written.twin(page).read_text("utf-8"), (
        "write it with python3 tests/readme/written.py"
    )


def test_sections_of_the_header_have_chinese_headings() -> None:
    spec = importlib.util.spec_from_file_location("packaging_site", ROOT / "packaging" / "site.py")
    assert spec and spec.loader
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    english = re.findall(r"^## (.*)$", hooks.header(chinese=True), re.MULTILINE)
    assert not [heading for heading in english if heading.isascii()], "packaging/site.py has no Chinese for these"
