"""Lists of known-bad hashes, as text or CSV: a PDQ hash of 64 hex digits on each line, and a label.

``hash,label``, ``hash label``, or the hash alone where all of the list has one label. Blank lines, lines that begin
with ``#`` and a line of column names are passed over. Whatever else is no hash with a label is a bad line, and named.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HASH = re.compile(r"[0-9a-f]{64}")
NAMES = {"hash", "pdq", "pdq_hash"}  # of the first column
LONGEST = 120  # characters of a label


@dataclass(frozen=True)
class Listed:
    """A hash that a list names, and what the list calls it."""

    pdq: str
    label: str


@dataclass(frozen=True)
class BadLine:
    """A line that says nothing, by its number from 1, and why."""

    number: int
    line: str
    why: str


def read(lines: Iterable[str], *, label: str = "") -> Iterator[Listed | BadLine]:
    """What each line of a list says. ``label`` is for lines that have none."""
    for number, line in enumerate(lines, 1):
        text = line.strip().lstrip("\ufeff")
        if not text or text.startswith("#") or _cells(text)[0].lower() in NAMES:
            continue
        yield _read(number, text, label)


def _read(number: int, text: str, label: str) -> Listed | BadLine:
    cells = _cells(text)
    pdq, own = cells[0].lower(), cells[1] if len(cells) > 1 else ""
    if why := _fault(pdq, own or label, len(cells)):
        return BadLine(number, text[:100], why)
    return Listed(pdq, own or label)


def _cells(text: str) -> list[str]:
    """The cells of a line: of CSV, or of plain text without a comma."""
    if "," not in text:
        return text.split(maxsplit=1)
    try:
        return [cell.strip() for cell in next(csv.reader([text]))]
    except csv.Error:
        return [text]


def _fault(pdq: str, label: str, cells: int) -> str:
    if not HASH.fullmatch(pdq):
        return "the first cell is not 64 hex digits"
    if cells > 2:
        return "more than a hash and a label; a label with a comma needs quotes"
    if not label:
        return "no label, and none was given for the whole list"
    if len(label) > LONGEST or not label.isprintable() or "\ufffd" in label:
        return f"the label is longer than {LONGEST} characters, not printable or not UTF-8"
    return ""
