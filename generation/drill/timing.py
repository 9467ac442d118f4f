"""How long recovery took and how long it may, both from what was measured: the record, and what children noted.

A job that was hit is *back* when it waits in the line again, and runs *again* when it is claimed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from generation.drill.checker import Entry, Evidence
from generation.drill.scene import SUPERVISOR, Fault, Scene
from generation.drill.site import Note, Site, Worker

LEASE_OF = {"commit": "encode"}  # the last phase that a job reports
ENDS = ("finish_job", "fail_job", "requeue_job", "put_back_job", "end_cancelled_job")
Interval = tuple[float, float]  # seconds since 1970


@dataclass(frozen=True)
class Wait:
    """Seconds that a job waited, and that it may."""

    seconds: float
    limit: float
    lease: float = 0.0  # that the job had

    @property
    def is_too_long(self) -> bool:
        return self.seconds > self.limit


@dataclass(frozen=True)
class ColdStart:
    """Seconds from nothing to a model in memory, without waiting for a bell."""

    worker: float  # until it has a child
    child: float  # from its first import

    def or_longer(self, other: "ColdStart") -> "ColdStart":
        return ColdStart(max(self.worker, other.worker), max(self.child, other.child))

    def of(self, starts: str) -> float:
        """What a fault costs that lets a ``child`` or a ``worker`` start anew; 0 for none."""
        return {"": 0.0, "child": self.child, "worker": SUPERVISOR + self.worker + self.child}[starts]


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: the smallest value that at least this share is not above. None of nothing."""
    ordered = sorted(values)
    rank = max(1, -int(-len(ordered) * share // 1))
    return ordered[rank - 1] if ordered else None


# --- cold starts ------------------------------------------------------------------------------------------------------
def cold_start(site: Site, since: float = 0.0) -> ColdStart:
    """The longest since then, of the workers and children that started; 0 if none did."""
    notes = [note for note in site.notes() if note.at >= since]
    workers = [worker for worker in site.workers if worker.renders and worker.started_at >= since]
    return ColdStart(max(_booting(workers, notes), default=0.0), max(_loading(notes), default=0.0))


def _booting(workers: Iterable[Worker], notes: Sequence[Note]) -> Iterator[float]:
    for worker in workers:
        born = [note.at for note in notes if note.event == "born" and note.worker == worker.name]
        if born:
            yield min(born) - worker.started_at


def _loading(notes: Sequence[Note]) -> Iterator[float]:
    """Of each child its first: what it does later finds the imports done."""
    for pid in {note.pid for note in notes if note.event == "born"}:
        own = {note.event: note.at for note in reversed(notes) if note.pid == pid}  # the first of each event stays
        if "loading" in own and "loaded" in own:
            yield own["loaded"] - own["loading"]


# --- waits ------------------------------------------------------------------------------------------------------------
def lease_of(site: Site, phase: str) -> float:
    """Seconds; none while nothing is rendered."""
    return site.leases.get(LEASE_OF.get(phase, phase), 0.0)


def lease_of_job(scene: Scene, fault: Fault, job: str) -> float:
    """Seconds of the lease that a job that was hit had: that of its own phase."""
    return 0.0 if fault.rests else lease_of(scene.site, scene.phases.get(job) or scene.phase)


def base_of(scene: Scene, fault: Fault, job: str) -> float:
    """Seconds within which a job that was hit can be claimed again, were a worker free at once."""
    return fault.recovers + lease_of_job(scene, fault, job)


def backs(evidence: Evidence, scene: Scene, fault: Fault) -> list[Wait]:
    """Of each job that was hit until it was in the line again. One that ended, or was back before, is not counted."""
    moments = (
        (entry.at_us / 1e6, entry.job)
        for entry in evidence.entries
        if entry.act in ("requeue_job", "put_back_job") and scene.hit.get(entry.job) == entry.attempt
    )
    waits = (Wait(at - scene.at, base_of(scene, fault, job)) for at, job in moments if at >= scene.at)
    return sorted(waits, key=lambda wait: wait.seconds)


def agains(evidence: Evidence, scene: Scene, fault: Fault, cold: ColdStart) -> list[Wait]:
    """Of each job that was hit until it was claimed again.

    It may take as long as to be back, one cold start if something starts anew, and what the others that were hit and
    came before rendered meanwhile.
    """
    anew = cold.of(fault.starts)
    loaded = {note.pid: note.at for note in reversed(scene.site.notes()) if note.event == "loaded"}
    claims = claims_again(evidence, scene)
    renders = [(claim, _render_of(claim, evidence, loaded if fault.starts else {})) for claim in claims]
    return [
        Wait(
            at_of(claim) - scene.at,
            base_of(scene, fault, claim.job) + anew + _covered(_before(claim, renders)),
            lease_of_job(scene, fault, claim.job),
        )
        for claim in claims
    ]


def claims_again(evidence: Evidence, scene: Scene) -> list[Entry]:
    """The claims of the jobs that were hit, each for its next attempt, in their order."""
    claims = (entry for entry in evidence.entries if entry.act == "claim_job" and at_of(entry) >= scene.at)
    return sorted((claim for claim in claims if scene.hit.get(claim.job) == claim.attempt - 1), key=at_of)


def at_of(entry: Entry) -> float:
    return entry.at_us / 1e6


def _render_of(claim: Entry, evidence: Evidence, loaded: dict[int, float]) -> Interval:
    """From a claim to the end of its attempt, without the first loading of its child, which counts as a cold start."""
    ends = (
        at_of(entry)
        for entry in evidence.entries
        if entry.act in ENDS and (entry.job, entry.attempt) == (claim.job, claim.attempt)
    )
    begun, pid = at_of(claim), int(str(claim.fact("worker")).rpartition(":")[2] or 0)
    return max(begun, loaded.get(pid, begun)), min(ends, default=begun)


def _before(claim: Entry, renders: Iterable[tuple[Entry, Interval]]) -> Iterator[Interval]:
    """What was rendered before a claim, of jobs that are not in its batch."""
    at = at_of(claim)
    for other, (begun, ended) in renders:
        if begun < at and other.fact("batch") != claim.fact("batch"):
            yield begun, min(ended, at)


def _covered(intervals: Iterable[Interval]) -> float:
    """Seconds in at least one of the intervals."""
    total, until = 0.0, 0.0
    for begun, ended in sorted(intervals):
        total += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return total
