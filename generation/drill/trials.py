"""One fault after the other into a site at work, and what the judge says of each."""

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

from generation.drill import checker, timing
from generation.drill.checker import Evidence, Finding
from generation.drill.faults import FAULTS
from generation.drill.scene import Fault, Scene, Unexpected
from generation.drill.servers import wait_for
from generation.drill.site import Refused, Site
from generation.drill.timing import ColdStart, Wait, percentile

log = logging.getLogger(__name__)

QUIET_WITHIN = 120.0  # seconds beside the lease, from the fault until every job must have ended
STILL = 4.0  # seconds in which no file came or went
LATE_WITHIN = 120.0  # until the files nobody waits for are there: a task makes up for those a minute old every 30 s
LEFT = ("orphan", "leftover", "late")  # may be there after a death; what is late must come in the end
BEYOND = 10.0  # seconds past the lease of its phase within which 95 of 100 jobs that were hit shall run again


@dataclass(frozen=True)
class Row:
    """One trial in the table."""

    fault: str
    phase: str
    jobs: int = 0
    made: int = 0
    failed: int = 0
    findings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(checker.KINDS, 0))
    back: list[Wait] = field(default_factory=list)  # of each job that was hit, until it was in the line again
    again: list[Wait] = field(default_factory=list)  # and until it was claimed again
    seconds: float = 0.0  # of the whole trial
    notes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)  # why the verdict is not "holds"

    @property
    def holds(self) -> bool:
        return not self.troubles

    def to_json(self) -> dict[str, object]:
        """Plain values, seconds rounded; waits as pairs of seconds and limit."""
        waits = {
            name: [[round(wait.seconds, 2), round(wait.limit, 2)] for wait in getattr(self, name)]
            for name in ("back", "again")
        }
        verdict = "holds" if self.holds else "FAILS"
        return {**asdict(self), **waits, "seconds": round(self.seconds, 1), "verdict": verdict}


@dataclass(frozen=True)
class NotRun:
    """A fault that this machine or this site cannot have."""

    fault: str
    phase: str
    why: str


# --- which ------------------------------------------------------------------------------------------------------------
def chosen(only: Sequence[str], phases: Sequence[str]) -> list[tuple[Fault, str]]:
    """The trials whose fault has one of these words in its name, at these phases; all of them if none is given."""
    faults = [fault for fault in FAULTS if not only or any(word in fault.name for word in only)]
    return [(fault, phase) for fault in faults for phase in fault.phases if not phases or phase in phases]


def away(site: Site, trials: Sequence[tuple[Fault, str]]) -> list[NotRun]:
    """What of them this site cannot have, with the reason."""
    present = {"", site.database.kind, site.broker.kind}
    return [NotRun(fault.name, phase, f"needs {fault.needs}") for fault, phase in trials if fault.needs not in present]


# --- how --------------------------------------------------------------------------------------------------------------
def warm(site: Site) -> ColdStart:
    """Start the workers, wait for the first child's model; how long both took.

    Raises:
        TimeoutError.
    """
    site.tend()
    site.wait_until_loaded()
    return timing.cold_start(site)


def run(site: Site, trials: Sequence[tuple[Fault, str]], jobs: int, cold: ColdStart) -> Iterator[Row]:
    """Run the trials that the site can have, one by one on the same site; the rows as they come.

    A trial that errs is a row as well, and the others go on. A finding is counted in the trial in which it is first
    seen. The last row is on all jobs together: what was late in between must have come by then.
    """
    known: set[Finding] = set()
    impossible = {(trial.fault, trial.phase) for trial in away(site, trials)}
    for fault, phase in (trial for trial in trials if (trial[0].name, trial[1]) not in impossible):
        begun = time.monotonic()
        try:
            row, findings = run_one(site, fault, phase, jobs, known, cold)
            known |= findings
        except Exception as defect:  # of the drill, or what no trial can go on with
            log.exception("%s at %s", fault.name, phase)
            row = Row(fault.name, phase, jobs, seconds=time.monotonic() - begun, troubles=[f"errs: {_words(defect)}"])
            mend(site)
        yield row
    yield in_the_end(site)


def run_one(
    site: Site, fault: Fault, phase: str, jobs: int, known: set[Finding], cold: ColdStart
) -> tuple[Row, set[Finding]]:
    """Submit, wait until a child stands at the phase, strike, wait for quiet, judge."""
    begun, troubles = time.monotonic(), list[str]()
    scene = Scene(site, site.tend(), phase)
    try:
        strike(scene, fault, jobs)
    except (Refused, Unexpected, TimeoutError) as otherwise:
        troubles.append(str(otherwise))
        mend(site)
    site.go()  # whatever still stands there
    wait_for_quiet(scene)
    findings = settled(site) - known
    cold = cold.or_longer(timing.cold_start(site, scene.begun_at))
    return judge(scene, fault, findings, troubles, cold, time.monotonic() - begun), findings


def strike(scene: Scene, fault: Fault, jobs: int) -> None:
    scene.site.stop_at(scene.phase)
    scene.submit(jobs)
    scene.begin()
    fault.strike(scene)


def mend(site: Site) -> None:
    """What was broken off left things as they were then. Cannot be mended: the trials that follow will say so."""
    try:
        site.mend()
    except Exception:
        log.exception("the site cannot be mended")


def in_the_end(site: Site) -> Row:
    """All jobs of all trials, judged once more when everything had its time."""
    begun = time.monotonic()
    end = Fault("in the end", lambda scene: None, ("-",), may_leave_bytes=True, may_fail=True)
    try:
        scene = Scene(site, site.tend(), "-", jobs=list(site.submitted))
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: not any(found.kind == "late" for found in settled(site)), "late", within=LATE_WITHIN)
        findings = settled(site)
        late = [f"{finding.subject} is late" for finding in findings if finding.kind == "late"]
        return judge(scene, end, findings, late, ColdStart(0, 0), time.monotonic() - begun)
    except Exception as defect:
        log.exception("in the end")
        return Row(end.name, "-", seconds=time.monotonic() - begun, troubles=[f"errs: {_words(defect)}"])


def wait_for_quiet(scene: Scene) -> None:
    """Until the jobs have ended; a worker that closed is started again. What does not end, the judge will name."""
    site, within = scene.site, QUIET_WITHIN + timing.lease_of(scene.site, scene.phase)
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: site.tend().is_alive and not site.unended(scene.jobs), "quiet", within=within, every=0.3)


def settled(site: Site) -> set[Finding]:
    """The judge's findings once they have not changed for a while: files come and go a little after their job."""
    found, since = set[Finding](), time.monotonic() - STILL / 2
    while time.monotonic() - since < STILL:
        findings = set(checker.judge(site.database.place, site.media, submitted=site.submitted))
        if findings != found:
            found, since = findings, time.monotonic()
        time.sleep(0.5)
    return found


def _words(defect: Exception) -> str:
    return f"{type(defect).__name__}: {defect}"[:300]


# --- the verdict ------------------------------------------------------------------------------------------------------
def judge(scene: Scene, fault: Fault, findings: set[Finding], troubles: list[str], cold: ColdStart, took: float) -> Row:
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
        *waits_of(evidence, scene, fault, cold),
        took,
        list(dict.fromkeys(scene.notes)),
        troubles,
    )
    row.troubles.extend(shortcomings(row, fault))
    return row


def waits_of(evidence: Evidence, scene: Scene, fault: Fault, cold: ColdStart) -> tuple[list[Wait], list[Wait]]:
    return timing.backs(evidence, scene, fault), timing.agains(evidence, scene, fault, cold)


def shortcomings(row: Row, fault: Fault) -> Iterator[str]:
    """Why a trial does not hold."""
    tolerated = {"leftover", "late", *(["orphan"] if fault.may_leave_bytes else [])}
    for kind, count in row.counts.items():
        if count and kind not in tolerated:
            yield f"{count} {kind}"
    if row.failed and not fault.may_fail:
        yield f"{row.failed} failed"
    for words, waits in (("back in the line", row.back), ("running again", row.again)):
        for wait in [wait for wait in waits if wait.is_too_long][-1:]:
            yield f"{words} after {wait.seconds:.1f} s, limit {wait.limit:.1f} s"


# --- all together -----------------------------------------------------------------------------------------------------
def overall(rows: Sequence[Row]) -> str:
    """All trials in a few sentences."""
    held, jobs = sum(row.holds for row in rows), sum(row.jobs for row in rows[:-1])
    took = sum(row.seconds for row in rows)
    said = f"{held} of {len(rows)} trials hold, {jobs} jobs, {took / 60:.0f} minutes."
    for words, waits in (
        ("Back in the line", [wait for row in rows for wait in row.back]),
        ("Running again", [wait for row in rows for wait in row.again]),
    ):
        said += _quantiles(words, [wait.seconds for wait in waits])
    return said + _beyond(rows)


def _quantiles(words: str, waits: list[float]) -> str:
    middle, late = percentile(waits, 0.5), percentile(waits, 0.95)
    if middle is None or late is None:
        return ""
    return f"\n{words}: p50 {middle:.1f} s, p95 {late:.1f} s, most {max(waits):.1f} s, of {len(waits)}."


def _beyond(rows: Sequence[Row]) -> str:
    """Of the jobs that were hit in a lease, how far past it they ran again."""
    beyond = [wait.seconds - wait.lease for row in rows for wait in row.again if row.back]
    late = percentile(beyond, 0.95)
    if late is None:
        return ""
    within = sum(seconds <= BEYOND for seconds in beyond)
    return (
        f"\nRunning again within the lease and {BEYOND:.0f} s: {within} of {len(beyond)};"
        f" p95 is the lease and {late:.1f} s."
    )
