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
from bench.inside import people
from generation.models import Brief, Job, Output, Pipeline, Rendition
from review.models import Look, Policy, Submission

FRAMES, RATE = 14, 8.0  # 1.75 s: played within the second's grace, at double speed, however soon the verdict comes
MASTER, PLAYABLE, SMALL = 400_000, 150_000, 30_000  # bytes, as pocket clips have
BATCH = 2000


class Queue:
    """A program with reviewers, one artist, and what waits."""

    def __init__(self, reviewers: int) -> None:
        cohort: Cohort = people.cohort()
        self.program: Program = cohort.program
        self.artist: Enrollment = people.artist(cohort)
        self.reviewers = [_reviewer(self.program) for _number in range(reviewers)]
        self.policy = Policy.objects.get(program=self.program)
        self.files = {
            "master": _file(MASTER, "video/x-matroska"),
            "playable": _file(PLAYABLE, "video/mp4"),
            "proxy": _file(PLAYABLE, "video/mp4"),
            "poster": _file(SMALL, "image/webp"),
            "contact_sheet": _file(SMALL, "image/webp"),
        }

    def fill(self, number: int, *, bands: int = 1) -> None:
        """So many whole submissions, a second apart, spread over the risk bands."""
        start = clock.now() - timedelta(seconds=number)
        for begin in range(0, number, BATCH):
            self._fill(range(begin, min(begin + BATCH, number)), start, bands)

    def _fill(self, numbers: range, start: datetime, bands: int) -> None:
        pipeline, master = Pipeline.objects.get(), self.files["master"]
        common: dict[str, Any] = {"program": self.program, "enrollment": self.artist}
        at = {n: start + timedelta(seconds=n) for n in numbers}
        briefs = [
            Brief(
                **common, pipeline=pipeline, prompt=f"a red ball, number {n}", prompt_folded=f"a red ball, number {n}",
                steps=20, guidance=3.0, seed=n, width=96, height=64, frames=FRAMES, idempotency_key=uuid.uuid4(),
                created_at=at[n],
            )
            for n in numbers
        ]  # fmt: skip
        jobs = [
            Job(
                **common, pipeline=pipeline, brief=brief, seed=brief.seed, state="finished", steps=20, step=20,
                queued_at=brief.created_at, ended_at=brief.created_at,
            )
            for brief in briefs
        ]  # fmt: skip
        outputs = [
            Output(
                **common, job=job, master=master, master_sha256=master.sha256, width=96, height=64, frames=FRAMES,
                frame_rate=RATE, provenance={}, created_at=job.queued_at,
            )
            for job in jobs
        ]  # fmt: skip
        renditions = [
            Rendition(
                output=output, parent_sha256=master.sha256, recipe=recipe, file=file, sha256=file.sha256,
                created_at=output.created_at,
            )
            for output in outputs
            for recipe, file in self.files.items()
            if recipe != "master"
        ]  # fmt: skip
        asked = [
            Submission(
                **common, output=output, policy=self.policy, title=f"Number {n}", submitted_at=at[n],
                risk_band=n % bands, due_at=at[n] + timedelta(hours=48),
            )
            for n, output in zip(numbers, outputs, strict=True)
        ]  # fmt: skip
        looks = [
            Look(
                submission=one, program=self.program, artist=self.artist.user, round=1, rank=one.risk_band,
                due_at=one.due_at, asked_at=one.submitted_at,
            )
            for one in asked
        ]  # fmt: skip
        rows: list[list[Any]] = [briefs, jobs, outputs, renditions, asked, looks]
        for of_one_model in rows:
            type(of_one_model[0]).objects.bulk_create(of_one_model, batch_size=BATCH)

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
