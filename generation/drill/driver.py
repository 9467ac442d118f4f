"""The inside of a drill's site: a process that knows the product and submits by its verbs, told by lines on its input.

Each line is a word and its arguments; each answer one line of JSON, with ``refused`` if it went wrong.
"""

import json
import logging
import shutil
import sys
import time
import uuid
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import close_old_connections

from access import clock, enrollment
from access.models import Agreement, AgreementVersion, Cohort, Enrollment, Program
from generation import jobs, registry, upkeep
from generation.models import Pipeline

log = logging.getLogger(__name__)

ARTISTS, CONCURRENCY, STEPS = 3, 4, 8
# Seconds. Short enough to wait for, long enough for a busy machine to import torch, and to encode. All but the first
# are the same: a child that denoises one batch and encodes another is killed at the first that runs out.
LEASES = {"load": 40, "denoise": 6, "decode": 6, "encode": 6}

_seeds = count(1)
_turns = count()


def open_site(batch: str, leases: str) -> dict[str, Any]:
    """Make the database, a program with its artists, and the pipeline: a copy of the shipped folder.

    ``leases`` are ``short``, or the ``site``'s own.
    """
    call_command("migrate", verbosity=0)
    now = clock.now()
    program = Program.objects.create(slug="drill", name="Drill", created_at=now, opened_at=now)
    terms = {"seats": ARTISTS, "daily_quota": 10_000, "concurrency": CONCURRENCY, "created_at": now}
    cohort = Cohort.objects.create(program=program, name="Artists", **terms)
    agreement = Agreement.objects.create(program=program, title="Terms")
    enrollment.publish_agreement(agreement, summary="Be fair.", text="Be fair to each other.", by=None)
    for number in range(ARTISTS):
        _enroll(f"artist{number}@drill.test", cohort)
    own = LEASES if leases == "short" else {}
    registry.pin(_register(Path(settings.VAR_DIR) / "model", int(batch), own), by=None)
    return {"leases": {**settings.LEASES, **own}}


def _enroll(email: str, cohort: Cohort) -> None:
    enrolled = enrollment.accept(enrollment.invite(email, cohort=cohort, by=None).token)
    for version in AgreementVersion.objects.unsigned_by(enrolled):
        enrollment.sign(version, enrollment=enrolled, credential=None, seen_sha256=version.sha256)


def _register(folder: Path, batch: int, leases: dict[str, int]) -> Pipeline:
    shutil.copytree(settings.POCKET_FOLDER, folder, dirs_exist_ok=True)
    return Pipeline.objects.create(
        slug="drill",
        name="Drill",
        folder=str(folder),
        leases=leases,
        batch_limit=batch,
        for_every_cohort=True,
        created_at=clock.now(),
    )


def submit(number: str) -> dict[str, Any]:
    """Submit so many clips, the artists in turn; the jobs, and the longest that one submission took in seconds."""
    made, slowest = [], 0.0
    artists = cycle(Enrollment.objects.order_by("joined_at", "pk"))
    for _ in range(next(_turns) % ARTISTS):
        next(artists)
    for _ in range(int(number)):
        begun = time.monotonic()
        made.append(_submit(next(artists), seed=next(_seeds)))
        slowest = max(slowest, time.monotonic() - begun)
    return {"jobs": made, "slowest_s": round(slowest, 3)}


def submit_as(artist: str, seed: str, steps: str) -> dict[str, Any]:
    """Submit one certain clip for the artist of that number; its job."""
    enrolled = Enrollment.objects.order_by("joined_at", "pk")[int(artist)]
    return {"job": _submit(enrolled, seed=int(seed), steps=int(steps))}


def _submit(artist: Enrollment, *, seed: int, steps: int = STEPS) -> str:
    wish = jobs.Wish("a red ball moving left on a white background", steps=steps, seed=seed)
    key = uuid.uuid4()
    brief = jobs.submit(wish, enrollment=artist, pipeline=Pipeline.objects.get(), credential=None, key=key)
    return str(brief.jobs.get().pk)


def sweep() -> dict[str, Any]:
    """Sweep at once, for whoever has no clock that does."""
    return {"ended": upkeep.sweep()}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "open_site": open_site,
    "submit": submit,
    "submit_as": submit_as,
    "sweep": sweep,
}


def answer(line: str) -> dict[str, Any]:
    word, *arguments = line.split()
    close_old_connections()  # as a web process does around each request
    try:
        return COMMANDS[word](*arguments)
    except Exception as trouble:  # told to the drill, which judges it
        log.exception("%s", line)
        return {"refused": f"{type(trouble).__name__}: {trouble}"[:300]}
    finally:
        close_old_connections()


def listen() -> None:
    """Answer line by line until the input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(line)) + "\n")
        sys.stdout.flush()
