"""One fault after the other into a site at work, and what the judge says of each."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

from generation.drill import checker
from generation.drill.checker import Finding, percentile
from generation.drill.faults import FAULTS, REST, SWEEP, Fault, Scene, Unexpected
from generation.drill.servers import wait_for
from generation.drill.site import Refused, Site

QUIET_WITHIN = 120.0  # seconds from the fault until every job must have ended
SETTLED_WITHIN = 45.0  # and until the files nobody waits for are there: a task makes up for them every 30 s
STILL = 4.0  # seconds in which no file came or went
LEFT = ("orphan", "leftover")
LEASE_OF = {"commit": "encode"}  # the last phase that a job reports


@dataclass(frozen=True)
class Row:
    """One trial in the table."""

    fault: str
    phase: str
    jobs: int
    made: int
    failed: int
    findings: list[str]
    counts: dict[str, int]
    back: list[float]  # seconds until each job that was hit was back in the line
    again: list[float]  # and until it was claimed again: others may have been before it
    limit: float  # seconds
    seconds: float  # of the whole trial
    notes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)  # why the verdict is not "holds"

    @property
    def holds(self) -> bool:
        return not self.troubles

    def to_json(self) -> dict[str, object]:
        """Plain values, seconds rounded."""
        rounded = {name: [round(seconds, 2) for seconds in getattr(self, name)] for name in ("back", "again")}
        verdict = "holds" if self.holds else "FAILS"
        return {**asdict(self), **rounded, "seconds": round(self.seconds, 1), "verdict": verdict}


@dataclass(frozen=True)
class NotRun:
    """A fault that this machine or this site cannot have."""

    fault: str
    why: str


def plan(site: Site, only: Sequence[str]) -> tuple[list[tuple[Fault, str]], list[NotRun]]:
    """The trials to run, and those that cannot be, with the reason."""
    chosen = [fault for fault in FAULTS if not only or any(word in fault.name for word in only)]
    present = {site.database.kind, site.broker.kind}
    trials = [(fault, phase) for fault in chosen if fault.needs in {"", *present} for phase in fault.phases]
    away = [NotRun(fault.name, f"needs {fault.needs}") for fault in chosen if fault.needs not in {"", *present}]
    return trials, away


def run(site: Site, trials: Sequence[tuple[Fault, str]], jobs: int) -> Iterator[Row]:
    """Run the trials one by one on the same site; the rows as they come.

    A finding is counted in the trial in which it is first seen.
    """
    known: set[Finding] = set()
    for fault, phase in trials:
        row, findings = run_one(site, fault, phase, jobs, known)
        known |= findings
        yield row


def run_one(site: Site, fault: Fault, phase: str, jobs: int, known: set[Finding]) -> tuple[Row, set[Finding]]:
    """Submit, wait until a child stands at the phase, strike, wait for quiet, judge."""
    begun, troubles = time.monotonic(), list[str]()
    scene = None
    try:
        scene = set_scene(site, phase, jobs)
        fault.strike(scene)
    except (Refused, Unexpected, TimeoutError) as otherwise:
        troubles.append(str(otherwise))
    site.go()  # whatever still stands there
    made = scene.jobs if scene else []
    wait_for_quiet(site, made)
    findings = settled(site) - known
    row = judge(site, fault, phase, scene, findings, troubles, time.monotonic() - begun)
    return row, findings


def set_scene(site: Site, phase: str, jobs: int) -> Scene:
    worker = site.tend()
    site.stop_at(phase)
    made = site.submit(jobs)
    pids = site.wait_until_stopped()
    return Scene(site, worker, phase, pids, site.running(), time.time(), made)


def wait_for_quiet(site: Site, jobs: list[str]) -> None:
    """Until the jobs have ended; a worker that closed is started again. What does not end, the judge will name."""
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: site.tend().is_alive and not site.unended(jobs), "quiet", within=QUIET_WITHIN, every=0.3)


def settled(site: Site) -> set[Finding]:
    """The judge's findings once they no longer change: files come a little after their job."""
    begun = still = time.monotonic()
    found: set[Finding] | None = None
    while True:
        findings = set(checker.judge(site.database.place, site.media, submitted=site.submitted))
        if findings != found:
            found, still = findings, time.monotonic()
        # What is left of a death stays; what is yet to come is made up for by a task.
        patience = STILL if all(finding.kind in LEFT for finding in findings) else SETTLED_WITHIN
        if not findings or time.monotonic() - (still if patience == STILL else begun) > patience:
            return findings
        time.sleep(1.0)


def judge(
    site: Site, fault: Fault, phase: str, scene: Scene | None, findings: set[Finding], troubles: list[str], took: float
) -> Row:
    evidence = checker.read(site.database.place, site.media)
    jobs = scene.jobs if scene else []
    ended = Counter(evidence.jobs[job].state for job in jobs if job in evidence.jobs)
    counts = Counter(finding.kind for finding in findings)
    hit, since = (scene.hit, scene.at) if scene else ({}, 0.0)
    row = Row(
        fault.name,
        phase,
        len(jobs),
        ended["finished"],
        ended["failed"],
        [str(finding) for finding in sorted(findings)],
        {kind: counts[kind] for kind in checker.KINDS},
        checker.returns(evidence, hit, since),
        checker.restarts(evidence, hit, since),
        limit_of(site, fault, phase),
        took,
        list(dict.fromkeys(scene.notes)) if scene else [],
        troubles,
    )
    row.troubles.extend(shortcomings(row, fault))
    return row


def limit_of(site: Site, fault: Fault, phase: str) -> float:
    """Seconds within which a job that was hit must run again."""
    if fault.recovers is None:
        return REST + SWEEP
    return site.leases[LEASE_OF.get(phase, phase)] + fault.recovers


def shortcomings(row: Row, fault: Fault) -> Iterator[str]:
    """Why a trial does not hold."""
    tolerated = {"leftover", *(["orphan"] if fault.is_deadly else [])}
    for kind, count in row.counts.items():
        if count and kind not in tolerated:
            yield f"{count} {kind}"
    if row.failed and not fault.may_fail:
        yield f"{row.failed} failed"
    if (waited := waited_of(row)) > row.limit:
        yield f"recovery {waited:.1f} s, limit {row.limit:.0f} s"


def waited_of(row: Row) -> float:
    """The longest that a job needed to be back in the line.

    Jobs that were back before the mending wait for their pipeline: then it is the first that runs again.
    """
    return max(row.back) if row.back else min(row.again, default=0.0)


def overall(rows: Sequence[Row]) -> str:
    """One sentence on all trials."""
    times = "".join(
        f" {name}: p50 {percentile(waits, 0.5):.1f} s, p95 {percentile(waits, 0.95):.1f} s of {len(waits)}."
        for name, waits in (
            ("Back in the line", [seconds for row in rows for seconds in row.back]),
            ("Running again", [seconds for row in rows for seconds in row.again]),
        )
        if waits
    )
    held, jobs = sum(row.holds for row in rows), sum(row.jobs for row in rows)
    return f"{held} of {len(rows)} trials hold, {jobs} jobs.{times}"
