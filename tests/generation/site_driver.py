"""The other side of test_kill.py: a process that knows the site, and does what it is told by lines on its input."""
# ruff: noqa: E402  models can be imported once Django is set up

import json
import os
import sys
import uuid
from collections.abc import Callable
from io import StringIO
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.generation.kill_settings")

import django

django.setup()

from django.conf import settings
from django.core.management import call_command

import vernissage.celery  # noqa: F401  the broker, for ringing
from access import enrollment
from access.models import AgreementVersion, Enrollment, StoredFile
from access.storing import hash_of
from generation import jobs, upkeep
from generation.models import Job, Pipeline


def artist() -> Enrollment:
    return Enrollment.objects.get(user__email="artist@vernissage.test")


def open_site() -> str:
    call_command("migrate", verbosity=0)
    call_command("seed_demo", stdout=StringIO())
    for version in AgreementVersion.objects.unsigned_by(artist()):
        enrollment.sign(version, enrollment=artist(), credential=None, seen_sha256=version.sha256)
    return "open"


def submit(seed: str) -> str:
    wish = jobs.Wish("a red ball", steps=20, seed=int(seed))
    brief = jobs.submit(wish, enrollment=artist(), pipeline=Pipeline.objects.get(), credential=None, key=uuid.uuid4())
    return str(brief.jobs.get().pk)


def look(pk: str) -> dict[str, Any]:
    job = Job.objects.get(pk=pk)
    return {
        "state": job.state,
        "attempt": job.attempt,
        "failures": job.failures,
        "worker": job.worker,
        "outputs": int(hasattr(job, "output")),
        "renditions": job.output.renditions.count() if hasattr(job, "output") else 0,
        "quota": sorted(job.quota_entries.values_list("kind", flat=True)),
        "notices": artist().user.notices.filter(kind="clip_ready", url__contains=pk).count(),
    }


def sweep() -> int:
    return upkeep.sweep()


def faults() -> list[str]:
    """What is wrong with the store and the chains; of files without a row, those that a retry will not make again."""
    said = StringIO()
    call_command("reconcile", stdout=said)
    call_command("verify_audit", stdout=StringIO())  # raises if a chain does not hold
    alone = [line for line in said.getvalue().splitlines() if "without" in line]
    torn = [path.name for path in settings.MEDIA_DIR.glob("??/*") if hash_of(path) != path.name]
    changed = [str(row) for row in StoredFile.objects.all() if hash_of(row.path) != row.sha256]
    return [*alone, *torn, *changed]


COMMANDS: dict[str, Callable[..., Any]] = {
    "open_site": open_site,
    "submit": submit,
    "look": look,
    "sweep": sweep,
    "faults": faults,
}

if __name__ == "__main__":
    for line in sys.stdin:
        name, *words = line.split()
        sys.stdout.write(json.dumps(COMMANDS[name](*words)) + "\n")
        sys.stdout.flush()
