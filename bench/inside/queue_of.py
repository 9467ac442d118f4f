"""A review queue of any depth: submissions with outputs, renditions and looks as the verbs write them, in bulk.

What a reviewer comes to within a run is whole, down to files that are hashed at each verdict. The tail behind it, which
no claim reaches, has submissions, looks and outputs, without briefs and renditions; its rows go in by one statement a
table, past triggers and foreign keys, since checking a million rows that nobody touches measures nothing.
"""

import os
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from access import clock, storing
from access.models import Cohort, Enrollment, Program, Role, StoredFile, User
from bench.inside import clips, people
from review.models import Look, Policy, Submission
from review.scrutiny import MACHINES_FIRST

FRAMES = 14  # 1.75 s: played within the second's grace, at double speed, however soon the verdict comes
MASTER, PLAYABLE, SMALL = 400_000, 150_000, 30_000  # bytes, as pocket clips have


class Queue:
    """A program with reviewers, one artist, and what waits."""

    def __init__(self, reviewers: int) -> None:
        self.cohort: Cohort = people.cohort()
        self.program: Program = self.cohort.program
        self.artist: Enrollment = people.artist(self.cohort)
        self.reviewers = [_reviewer(self.program) for _number in range(reviewers)]
        self.policy = Policy.objects.get(program=self.program)
        self.files = {
            "master": _file(MASTER, "video/x-matroska"),
            "playable": _file(PLAYABLE, "video/mp4"),
            "proxy": _file(PLAYABLE, "video/mp4"),
            "poster": _file(SMALL, "image/webp"),
            "contact_sheet": _file(SMALL, "image/webp"),
        }

    def fill(self, number: int, *, bands: int = 1, of: Enrollment | None = None) -> None:
        """So many whole submissions, a second apart, over the risk bands; so old that they wait for no machine."""
        start = clock.now() - MACHINES_FIRST - timedelta(seconds=number)
        for begin in range(0, number, clips.BATCH):
            self._fill(range(begin, min(begin + clips.BATCH, number)), start, bands, of or self.artist)

    def _fill(self, numbers: range, start: datetime, bands: int, of: Enrollment) -> None:
        at = [start + timedelta(seconds=n) for n in numbers]
        copies = {recipe: file for recipe, file in self.files.items() if recipe != "master"}
        outputs = clips.finished(of, at, master=self.files["master"], renditions=copies, frames=FRAMES)
        asked = [
            Submission(
                program=self.program, enrollment=of, output=output, policy=self.policy, title=f"Number {n}",
                submitted_at=output.created_at, risk_band=n % bands, due_at=output.created_at + timedelta(hours=48),
            )
            for n, output in zip(numbers, outputs, strict=True)
        ]  # fmt: skip
        looks = [
            Look(
                submission=one, program=self.program, artist=of.user, round=1, rank=one.risk_band,
                due_at=one.due_at, asked_at=one.submitted_at,
            )
            for one in asked
        ]  # fmt: skip
        clips.keep(asked)
        clips.keep(looks)

    def lengthen(self, number: int) -> None:
        """So many more that wait behind all others."""
        values: dict[str, Any] = {
            "n": number, "program": self.program.pk, "enrollment": self.artist.pk, "artist": self.artist.user_id,
            "policy": self.policy.pk, "master": self.files["master"].pk, "sha": self.files["master"].sha256,
            "at": clock.now(), "due": clock.now() + timedelta(hours=60),
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            for statement in TAIL:
                cursor.execute(statement, values)
            cursor.execute("SET session_replication_role = DEFAULT")
            cursor.execute("ANALYZE")


TAIL = (
    """CREATE TEMP TABLE tail AS SELECT n, gen_random_uuid() AS output, gen_random_uuid() AS submission
    FROM generate_series(1, %(n)s) n""",
    """INSERT INTO generation_output (id, job_id, program_id, enrollment_id, master_id, master_sha256, width, height,
      frames, frame_rate, provenance, repeat_key, created_at)
    SELECT output, output, %(program)s, %(enrollment)s, %(master)s, %(sha)s, 96, 64, 14, 8.0, '{}', '', %(at)s
    FROM tail""",
    """INSERT INTO review_submission (id, program_id, enrollment_id, output_id, policy_id, state, round, risk_band,
      people, changes_made, title, credit, statement, publish_on_approval, asked, submitted_at, due_at)
    SELECT submission, %(program)s, %(enrollment)s, output, %(policy)s, 'waiting', 1, 0, 1, 0, 'Tail ' || n, '', '',
      false, true, %(at)s, %(due)s + n * interval '1 ms' FROM tail""",
    """INSERT INTO review_look (id, submission_id, program_id, artist_id, round, kind, state, fence, rank, due_at,
      asked_at, for_leads)
    SELECT gen_random_uuid(), submission, %(program)s, %(artist)s, 1, 'first', 'waiting', 0, 0,
      %(due)s + n * interval '1 ms', %(at)s, false FROM tail""",
    "DROP TABLE tail",
)


def _reviewer(program: Program) -> User:
    made = User.objects.create_user(f"reviewer-{uuid.uuid4().hex[:8]}@vernissage.test")
    Role.objects.create(program=program, user=made, kind=Role.Kind.REVIEWER, granted_at=clock.now())
    return made


def _file(size: int, content_type: str) -> StoredFile:
    """A file of its own in the store, with its row."""
    with storing.workspace() as folder:
        path = folder / "bytes"
        path.write_bytes(os.urandom(size))
        kept = storing.keep(path, content_type)
    return storing.file_rows([kept])[kept.sha256]
