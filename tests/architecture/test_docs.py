"""What the documents point to is there: files, folders, headings."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
OURS = ("access", "bench", "docs", "generation", "review", "scripts", "static", "templates", "tests", "vernissage")
DOCUMENTS = [*ROOT.glob("*.md"), *(found for name in OURS for found in (ROOT / name).rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(rf"`((?:{'|'.join(OURS)})/[\w./-]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """The headings as addresses name them."""
    return {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in HEADING.findall(document.read_text())
    }


def dangling(document: Path) -> list[str]:
    text, wrong = document.read_text(), []
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (heading and heading not in anchors(target)):
            wrong.append(link)
    return wrong + [path for path in NAMED.findall(text) if not (ROOT / path).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda found: str(found.relative_to(ROOT)))
def test_what_a_document_points_to_is_there(document: Path) -> None:
    assert dangling(document) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    here = tmp_path / "here.md"
    here.write_text(
        "# A head, a tail\n[a](https://example.org/) [b](here.md#a-head-a-tail) [c](#c) [d](no.md) `docs/no.md`"
    )
    assert dangling(here) == ["#c", "no.md", "docs/no.md"]
