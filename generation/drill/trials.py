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
STILL = 4.0  # seconds in which no file came or went
LATE_WITHIN = 120.0  # until the files nobody waits for are there: a task makes up for those a minute old every 30 s
LEFT = ("orphan", "leftover", "late")  # may be there after a death; what is late must come in the end
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
    phase: str
    why: str


def chosen(only: Sequence[str], phases: Sequence[str]) -> list[tuple[Fault, str]]:
    """The trials whose fault has one of these words in its name, at these phases; all of them if none is given."""
    faults = [fault for fault in FAULTS if not only or any(word in fault.name for word in only)]
    return [(fault, phase) for fault in faults for phase in fault.phases if not phases or phase in phases]


def away(site: Site, trials: Sequence[tuple[Fault, str]]) -> list[NotRun]:
    """What of them this site cannot have, with the reason."""
    present = {"", site.database.kind, site.broker.kind}
    return [NotRun(fault.name, phase, f"needs {fault.needs}") for fault, phase in trials if fault.needs not in present]


def run(site: Site, trials: Sequence[tuple[Fault, str]], jobs: int) -> Iterator[Row]:
    """Run the trials that the site can have, one by one on the same site; the rows as they come.

    A finding is counted in the trial in which it is first seen. The last row is on all jobs together: what was late in
    between must have come by then.
    """
    known: set[Finding] = set()
    impossible = {(trial.fault, trial.phase) for trial in away(site, trials)}
    for fault, phase in (trial for trial in trials if (trial[0].name, trial[1]) not in impossible):
        row, findings = run_one(site, fault, phase, jobs, known)
        known |= findings
        yield row
    yield in_the_end(site)


def run_one(site: Site, fault: Fault, phase: str, jobs: int, known: set[Finding]) -> tuple[Row, set[Finding]]:
    """Submit, wait until a child stands at the phase, strike, wait for quiet, judge."""
    begun, troubles = time.monotonic(), list[str]()
    scene = Scene(site, site.tend(), phase)
    try:
        site.stop_at(phase)
        scene.jobs += site.submit(jobs)
        scene.begin()
        fault.strike(scene)
    except (Refused, Unexpected, TimeoutError) as otherwise:
        troubles.append(str(otherwise))
    site.go()  # whatever still stands there
    wait_for_quiet(site, scene.jobs)
    findings = settled(site) - known
    return judge(scene, fault, findings, troubles, time.monotonic() - begun), findings


def in_the_end(site: Site) -> Row:
    """All jobs of all trials, judged once more when everything had its time."""
    begun = time.monotonic()
    scene = Scene(site, site.tend(), "-", jobs=list(site.submitted))
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: not any(found.kind == "late" for found in settled(site)), "late", within=LATE_WITHIN)
    end = Fault("in the end", lambda scene: None, ("-",), recovers=None, may_leave_bytes=True, may_fail=True)
    findings = settled(site)
    late = [f"{finding.subject} is late" for finding in findings if finding.kind == "late"]
    return judge(scene, end, findings, late, time.monotonic() - begun)


def wait_for_quiet(site: Site, jobs: list[str]) -> None:
    """Until the jobs have ended; a worker that closed is started again. What does not end, the judge will name."""
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: site.tend().is_alive and not site.unended(jobs), "quiet", within=QUIET_WITHIN, every=0.3)


def settled(site: Site) -> set[Finding]:
    """The judge's findings once they have not changed for a while: files come and go a little after their job."""
    found, since = set[Finding](), time.monotonic() - STILL / 2
    while time.monotonic() - since < STILL:
        findings = set(checker.judge(site.database.place, site.media, submitted=site.submitted))
        if findings != found:
            found, since = findings, time.monotonic()
        time.sleep(0.5)
    return found


def judge(scene: Scene, fault: Fault, findings: set[Finding], troubles: list[str], took: float) -> Row:
    site = scene.site
    evidence = checker.read(site.database.place, site.media)
    ended = Counter(evidence.jobs[job].state for job in scene.jobs if job in evidence.jobs)
    counts = Counter(finding.kind for finding in findings)
    row = Row(
        fault.name,
        scene.phase,
        len(scene.jobs),
        ended["finished"],
        ended["failed"],
        [str(finding) for finding in sorted(findings)],
        {kind: counts[kind] for kind in checker.KINDS},
        checker.returns(evidence, scene.hit, scene.at),
        checker.restarts(evidence, scene.hit, scene.at),
        limit_of(site, fault, scene.phase),
        took,
        list(dict.fromkeys(scene.notes)),
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
    tolerated = {"leftover", "late", *(["orphan"] if fault.may_leave_bytes else [])}
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
