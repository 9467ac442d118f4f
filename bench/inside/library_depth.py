"""The library page of an artist with few outputs and of one with many, as the site answers it, in process."""

import json
from datetime import timedelta

from django.db import connection

from access import clock
from access.models import Enrollment, StoredFile
from bench.inside import clips, people
from bench.inside.pages import visit
from generation.models import Output

FEW, MANY, AT_ONCE = 1_000, 100_000, 5_000


def fill(enrolled: Enrollment, many: int) -> None:
    """So many finished clips, a minute apart, all of one file."""
    start = clock.now() - timedelta(minutes=many)
    file = StoredFile.objects.get_or_create(
        sha256="0" * 64,
        defaults={"size": 1, "content_type": "video/mp4", "mtime_ns": 0, "inode": 0, "created_at": start},
    )[0]
    copies = {"playable": file, "poster": file}
    for begin in range(0, many, AT_ONCE):
        at = [start + timedelta(minutes=n) for n in range(begin, min(begin + AT_ONCE, many))]
        clips.finished(enrolled, at, master=file, renditions=copies, frames=17)


def main() -> None:
    cohort = people.cohort()
    few, many = people.artist(cohort), people.artist(cohort)
    fill(few, FEW)
    fill(many, MANY)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    middle = Output.objects.filter(enrollment=many).order_by("-created_at", "id")[MANY // 2].pk
    library = f"/p/{cohort.program.slug}/library/"
    found = {
        "few": visit(few.user, library),
        "many": visit(many.user, library),
        "deep": visit(many.user, f"{library}?after={middle}"),
    }
    print(json.dumps({**found, "database": connection.vendor}))
