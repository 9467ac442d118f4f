"""Finished clips as rows, as the worker writes them, in bulk: bytes are the caller's, and may be shared by all."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from access.models import Enrollment, StoredFile
from generation.models import Brief, Job, Output, Pipeline, Rendition

BATCH = 2000


def finished(
    enrolled: Enrollment,
    at: Sequence[datetime],
    *,
    master: StoredFile,
    renditions: Mapping[str, StoredFile],
    frames: int,
) -> list[Output]:
    """A clip made at each of these instants, each of a brief of its own."""
    pipeline = Pipeline.objects.get()
    common: dict[str, Any] = {"program": enrolled.program, "enrollment": enrolled}
    briefs = [
        Brief(
            **common, pipeline=pipeline, prompt=f"a red ball, number {n}", prompt_folded=f"a red ball, number {n}",
            steps=20, guidance=3.0, seed=n, width=96, height=64, frames=frames, idempotency_key=uuid.uuid4(),
            created_at=made_at,
        )
        for n, made_at in enumerate(at)
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
            **common, job=job, master=master, master_sha256=master.sha256, width=96, height=64, frames=frames,
            frame_rate=8.0, provenance={}, created_at=job.queued_at,
        )
        for job in jobs
    ]  # fmt: skip
    copies = [
        Rendition(
            output=output, parent_sha256=master.sha256, recipe=recipe, file=file, sha256=file.sha256,
            created_at=output.created_at,
        )
        for output in outputs
        for recipe, file in renditions.items()
    ]  # fmt: skip
    for rows in (briefs, jobs, outputs, copies):
        keep(rows)
    return outputs


def keep(rows: Sequence[Any]) -> None:
    """Into their table."""
    if rows:
        type(rows[0]).objects.bulk_create(rows, batch_size=BATCH)
