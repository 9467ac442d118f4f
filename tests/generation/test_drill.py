"""The drill's judge finds what is planted. Trials and their verdicts are in test_drill_trials.py."""

import ast
import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from generation import jobs, rendering
from generation.drill import checker
from generation.drill.checker import Finding
from tests import make

pytestmark = pytest.mark.django_db
AFTER = 4_000_000_000.0  # an instant at which every lease is over


# --- the judge --------------------------------------------------------------------------------------------------------
@dataclass
class Books:
    """A healthy site as files: a clip made, one failed and one cancelled, by the product's own verbs.

    No constraint and no trigger protects the copy, so that anything can be planted.
    """

    database: Path
    media: Path
    made: str
    failed: str
    cancelled: str

    def plant(self, sql: str, *values: object) -> None:
        with sqlite3.connect(self.database) as file:
            assert file.execute(sql, values).rowcount, "nothing was planted"

    def judge(self) -> list[Finding]:
        submitted = [self.made, self.failed, self.cancelled]
        return checker.judge(str(self.database), self.media, submitted=submitted, at=AFTER)

    @property
    def file(self) -> Path:
        return next(path for path in sorted(self.media.glob("??/*")))


@pytest.fixture(scope="module")
def healthy(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Books:
    """Made once, copied for each test; the database of the tests is left as it was."""
    if connection.vendor != "sqlite":
        pytest.skip("the copy to plant in is a SQLite file")
    folder = tmp_path_factory.mktemp("healthy")
    with django_db_blocker.unblock(), override_settings(MEDIA_DIR=folder / "media"), transaction.atomic():
        named = _live()
        with sqlite3.connect(folder / "copy.sqlite3") as copy:
            copy.create_function("REGEXP", 2, lambda pattern, text: bool(re.search(pattern, text)))  # of a constraint
            copy.executescript("PRAGMA foreign_keys = OFF;" + "\n".join(connection.connection.iterdump()))
            loosen(copy)
        transaction.set_rollback(True)
    return Books(folder / "copy.sqlite3", folder / "media", *named)


def _live() -> tuple[str, str, str]:
    """A clip made, one failed, one cancelled."""
    artist = make.artist(program=make.program())
    made = make.output(enrollment=artist).job
    failed = make.job(enrollment=artist, seed=71)
    rendering.fail(make.claimed(), "The model ran out of memory while it made this clip.", is_final=True)
    cancelled = jobs.cancel(make.job(enrollment=artist, seed=72), by=artist.user)
    return str(made.pk), str(failed.pk), str(cancelled.pk)


@pytest.fixture
def books(healthy: Books, tmp_path: Path) -> Books:
    shutil.copytree(healthy.media, tmp_path / "books")
    shutil.copy(healthy.database, tmp_path / "books.sqlite3")
    return replace(healthy, database=tmp_path / "books.sqlite3", media=tmp_path / "books")


def loosen(copy: sqlite3.Connection) -> None:
    for (trigger,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        copy.execute(f'DROP TRIGGER "{trigger}"')
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for (table,) in copy.execute(tables).fetchall():
        copy.execute(f'CREATE TABLE loose AS SELECT * FROM "{table}"')
        copy.execute(f'DROP TABLE "{table}"')
        copy.execute(f'ALTER TABLE loose RENAME TO "{table}"')


def hexed(pk: str) -> str:
    """As SQLite keeps it."""
    return pk.replace("-", "")


def again(table: str, where: str) -> str:
    return f"INSERT INTO {table} SELECT * FROM {table} WHERE {where}"


def test_healthy_books_are_found_healthy(books: Books) -> None:
    assert books.judge() == []
    assert {"finished", "failed", "cancelled"} == set(checker.states(str(books.database)).values())


PLANTED: dict[str, tuple[str, Callable[[Books], None]]] = {
    "a job is gone": (
        "lost",
        lambda b: b.plant("DELETE FROM generation_job WHERE id = ?", hexed(b.made)),
    ),
    "a brief has fewer jobs than asked for": (
        "lost",
        lambda b: b.plant("UPDATE generation_brief SET variations = 2"),
    ),
    "an output is gone": ("lost", lambda b: b.plant("DELETE FROM generation_output")),
    "a rendition is gone": (
        "late",
        lambda b: b.plant("DELETE FROM generation_rendition WHERE recipe = 'contact_sheet'"),
    ),
    "a state that nobody knows": (
        "lost",
        lambda b: b.plant("UPDATE generation_job SET state = 'limbo' WHERE id = ?", hexed(b.made)),
    ),
    "nobody was told": ("lost", lambda b: b.plant("DELETE FROM access_notice WHERE kind = 'clip_ready'")),
    "two outputs": ("double", lambda b: b.plant(again("generation_output", "1"))),
    "an output of a job that failed": (
        "double",
        lambda b: b.plant("UPDATE generation_output SET job_id = ?", hexed(b.failed)),
    ),
    "spent twice": (
        "double",
        lambda b: b.plant(again("generation_quotaentry", "kind = 'spend' AND job_id = ?"), hexed(b.made)),
    ),
    "given back twice": (
        "double",
        lambda b: b.plant(again("generation_quotaentry", "kind = 'refund' AND job_id = ?"), hexed(b.failed)),
    ),
    "told twice": ("double", lambda b: b.plant(again("access_notice", "kind = 'clip_ready'"))),
    "finished twice by the record": (
        "double",
        lambda b: b.plant(again("access_entry", "act = 'finish_job'")),
    ),
    "still waiting": (
        "stuck",
        lambda b: b.plant("UPDATE generation_job SET state = 'queued' WHERE id = ?", hexed(b.cancelled)),
    ),
    "running without a lease in force": (
        "stuck",
        lambda b: b.plant(
            "UPDATE generation_job SET state = 'running', lease_until = '2026-01-01 00:00:00' WHERE id = ?",
            hexed(b.cancelled),
        ),
    ),
    "failed without a reason": (
        "unreadable",
        lambda b: b.plant("UPDATE generation_job SET reason = '' WHERE id = ?", hexed(b.failed)),
    ),
    "failed with a programmer's reason": (
        "unreadable",
        lambda b: b.plant(
            "UPDATE generation_job SET reason = ? WHERE id = ?", "KeyError: 'frames' in worker.", hexed(b.failed)
        ),
    ),
    "a file is gone": ("torn", lambda b: b.file.unlink()),
    "a file is shorter": ("torn", lambda b: rewrite(b.file, lambda raw: raw[:-1])),
    "a bit of a file is another": ("torn", lambda b: rewrite(b.file, lambda raw: bytes([raw[0] ^ 1]) + raw[1:])),
    "a file has no row": ("orphan", lambda b: rewrite(b.media / "ab" / ("ab" + "0" * 62), lambda _: b"stray")),
    "a file is where none belongs": ("orphan", lambda b: rewrite(b.media / "stray.mp4", lambda _: b"stray")),
    "a temporary file is left": ("leftover", lambda b: rewrite(b.media / "tmp/x/y.mkv", lambda _: b"half")),
    "a row of a file is gone": ("torn", lambda b: b.plant("DELETE FROM access_storedfile WHERE rowid = 1")),
    "an entry says something else": (
        "audit",
        lambda b: b.plant("UPDATE access_entry SET actor = 'nobody' WHERE act = 'claim_job'"),
    ),
    "the end of the record is cut off": (
        "audit",
        lambda b: b.plant("DELETE FROM access_entry WHERE number = (SELECT MAX(number) FROM access_entry)"),
    ),
    "an attempt without a claim": (
        "audit",
        lambda b: b.plant("UPDATE generation_job SET attempt = 2 WHERE id = ?", hexed(b.made)),
    ),
    "a clip that cost nothing": (
        "quota",
        lambda b: b.plant("DELETE FROM generation_quotaentry WHERE job_id = ?", hexed(b.made)),
    ),
    "a clip given back and kept": (
        "quota",
        lambda b: b.plant(
            "UPDATE generation_quotaentry SET job_id = ? WHERE kind = 'refund' AND job_id = ?",
            hexed(b.made),
            hexed(b.cancelled),
        ),
    ),
    "a failure that costs": (
        "quota",
        lambda b: b.plant("DELETE FROM generation_quotaentry WHERE kind = 'refund' AND job_id = ?", hexed(b.failed)),
    ),
}


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    path.write_bytes(change(before))


@pytest.mark.parametrize("fault", PLANTED)
def test_what_is_planted_is_found(books: Books, fault: str) -> None:
    kind, plant = PLANTED[fault]
    plant(books)
    assert kind in {finding.kind for finding in books.judge()}, books.judge()


def test_every_kind_of_finding_has_been_planted() -> None:
    assert {kind for kind, _ in PLANTED.values()} == set(checker.KINDS)


def test_a_lease_in_force_is_no_finding_but_a_job_at_rest_is(books: Books) -> None:
    books.plant(
        "UPDATE generation_job SET state = 'running', lease_until = '2200-01-01' WHERE id = ?", hexed(books.made)
    )
    assert Finding("stuck", books.made, "still running") in books.judge()
    assert Finding("stuck", books.made, "running, and its lease is over") not in books.judge()


def test_the_judge_imports_nothing_of_the_product() -> None:
    source = ast.parse(Path(checker.__file__).read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(source)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= {*sys.stdlib_module_names, "psycopg"}
    assert {"sqlite3", "hashlib", "os"} <= imported


def test_pixels_are_told_by_their_hash(books: Books) -> None:
    books.plant("UPDATE generation_output SET provenance = ?", json.dumps({"frames_sha256": "ab12"}))
    assert checker.frames(str(books.database)) == {books.made: "ab12"}
