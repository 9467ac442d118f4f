"""What a trial sees of its site from outside: processes by /proc, jobs by SQL."""

import json
import os
import resource
import time
from pathlib import Path

from generation.drill import checker
from generation.drill.scene import Scene
from generation.drill.site import Site


# --- processes and files ----------------------------------------------------------------------------------------------
def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def size_of(pid: int) -> int:
    """The address space of a process, in bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def used(folder: Path) -> int:
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


# --- jobs -------------------------------------------------------------------------------------------------------------
def lease_left(scene: Scene) -> float:
    """Seconds until the lease of the jobs that were hit is over."""
    (rows,) = checker.select(scene.site.database.place, "SELECT id, lease_until FROM generation_job")
    until = [checker.seconds(lease) for pk, lease in rows if checker.name(pk) in scene.hit]
    return max(0.0, max((moment for moment in until if moment), default=0.0) - time.time())


def failures(scene: Scene) -> int:
    (rows,) = checker.select(scene.site.database.place, "SELECT id, failures FROM generation_job")
    return sum(count for pk, count in rows if checker.name(pk) in scene.jobs)


def reasons(scene: Scene) -> list[str]:
    """Why jobs of the trial were put back in the line, or failed, by the record."""
    (rows,) = checker.select(
        scene.site.database.place,
        "SELECT subject, facts FROM access_entry WHERE act IN ('requeue_job', 'fail_job') ORDER BY id",
    )
    return [json.loads(facts)["reason"] for subject, facts in rows if subject.removeprefix("job:") in scene.jobs]


def taken_over(scene: Scene) -> bool:
    """Whether a job that was hit is at a later attempt."""
    (rows,) = checker.select(scene.site.database.place, "SELECT id, attempt FROM generation_job")
    return any(attempt > scene.hit.get(checker.name(pk), attempt) for pk, attempt in rows)


def trouble(site: Site) -> str:
    """Why the pipeline cannot be used at present, in its own words."""
    (rows,) = checker.select(site.database.place, "SELECT trouble FROM generation_pipeline")
    return " ".join(str(words) for (words,) in rows).strip()
