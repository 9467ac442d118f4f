"""What a site of before keeps when it is brought up to date."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """INSERT INTO access_program (name, slug, about, time_zone, review_hours, created_at, opened_at)
VALUES (:slug, :slug, '', 'UTC', :hours, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"""


def migrate(var: Path, *to: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "-v0", *to]
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE"}}
    subprocess.run(command, cwd=ROOT, env={**kept, "VAR_DIR": str(var)}, check=True, timeout=240)


def test_a_promise_of_before_stays_the_promise(tmp_path: Path) -> None:
    """The usual hours need no terms of their own; others are the program's first."""
    migrate(tmp_path, "review", "0003")
    database = next(path for path in tmp_path.iterdir() if path.suffix == ".sqlite3")
    with sqlite3.connect(database) as connection:
        connection.executemany(PROGRAM, [{"slug": "a", "hours": 24}, {"slug": "b", "hours": 48}])
    migrate(tmp_path, "access")
    with sqlite3.connect(database) as connection:
        promised = connection.execute(
            "SELECT p.slug, t.number, hours_low, hours_ordinary, hours_high, hours_severe FROM review_reviewterms t "
            "JOIN access_program p ON p.id = t.program_id"
        ).fetchall()
        columns = {row[1] for row in connection.execute("PRAGMA table_info(access_program)")}
    assert promised == [("a", 1, 24, 24, 24, 24)]
    assert "review_hours" not in columns
