"""The library of an artist with few outputs and of one with many: the page as the site answers it, in process."""

import json
import time
import uuid
from datetime import timedelta
from statistics import median
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access import clock
from access.models import Enrollment, StoredFile
from bench.inside import people
from generation.models import Brief, Job, Output, Pipeline, Rendition

FEW, MANY = 1_000, 100_000
ROUNDS = 30


def fill(enrolled: Enrollment, many: int) -> None:
    """So many finished clips, a minute apart; rows as the worker writes them, all of one file."""
    start, pipeline = clock.now() - timedelta(minutes=many), Pipeline.objects.get()
    file = StoredFile.objects.get_or_create(
        sha256="0" * 64,
        defaults={"size": 1, "content_type": "video/mp4", "mtime_ns": 0, "inode": 0, "created_at": start},
    )[0]
    common: dict[str, Any] = {"program": enrolled.program, "enrollment": enrolled}
    for begin in range(0, many, 5000):
        numbers = range(begin, min(begin + 5000, many))
        briefs = [
            Brief(
                **common, pipeline=pipeline, prompt=f"a red ball, number {n}", prompt_folded=f"a red ball, number {n}",
                steps=20, guidance=3.0, seed=n, width=96, height=64, frames=17, idempotency_key=uuid.uuid4(),
                created_at=start + timedelta(minutes=n),
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
                **common, job=job, master=file, master_sha256=file.sha256, width=96, height=64, frames=17,
                frame_rate=8.0, provenance={}, created_at=job.queued_at,
            )
            for job in jobs
        ]  # fmt: skip
        made = [
            Rendition(
                output=output, parent_sha256=file.sha256, recipe=recipe, file=file, sha256=file.sha256,
                created_at=output.created_at,
            )
            for output in outputs
            for recipe in ("playable", "poster")
        ]  # fmt: skip
        Brief.objects.bulk_create(briefs, batch_size=2000)
        Job.objects.bulk_create(jobs, batch_size=2000)
        Output.objects.bulk_create(outputs, batch_size=2000)
        Rendition.objects.bulk_create(made, batch_size=2000)


def visit(enrolled: Enrollment, where: str = "") -> tuple[float, int]:
    """Median seconds of the page, and its queries."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(enrolled.user)
    path = f"/p/{enrolled.program.slug}/library/{where}"
    seconds = []
    for _ in range(ROUNDS + 3):
        started = time.perf_counter()
        answer = client.get(path)
        seconds.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer.status_code
    with CaptureQueriesContext(connection) as asked:
        client.get(path)
    return median(seconds[3:]), len(asked)


def main() -> None:
    cohort = people.cohort()
    few, many = people.artist(cohort), people.artist(cohort)
    fill(few, FEW)
    fill(many, MANY)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    middle = Output.objects.filter(enrollment=many).order_by("-created_at", "id")[MANY // 2].pk
    found = {"few": visit(few), "many": visit(many), "deep": visit(many, f"?after={middle}")}
    print(json.dumps({**found, "database": connection.vendor}))
