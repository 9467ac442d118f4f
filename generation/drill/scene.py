"""What a fault is, and the trial that it strikes in."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from generation.drill import checker
from generation.drill.servers import wait_for
from generation.drill.site import Site, Worker

SWEEP, REST = 10.0, 20.0  # seconds: between two sweeps; a pipeline in trouble is left alone
MARGIN = 5.0  # seconds for beat, bell and claim after a server came back: clients ask again after two, then four
SUPERVISOR = 1.0  # seconds until a dead worker is started again; scripts/supervise.py waits as long the first time
IDLE = "idle"  # the phase of faults that strike while nothing is rendered
PHASES = ("load", "denoise", "decode", "encode", "commit", IDLE)


class Unexpected(Exception):
    """The product did otherwise than it promises; the sentence says what."""


@dataclass
class Scene:
    """One trial under way: who stands where, and what runs."""

    site: Site
    worker: Worker
    phase: str
    jobs: list[str] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)  # the child at the phase, then ffmpeg if it is there
    hit: dict[str, int] = field(default_factory=dict)  # the jobs whose recovery is judged, and the attempt of each
    phases: dict[str, str] = field(default_factory=dict)  # of those that ran when the fault struck: a batch claimed
    # meanwhile is still at ``load`` while the one before is at the phase of the trial
    at: float = 0.0  # seconds since 1970: from here recovery is counted
    notes: list[str] = field(default_factory=list)
    begun_at: float = field(default_factory=time.time)

    def begin(self) -> None:
        """Wait until a child stands at the phase; what runs then will be hit. At ``idle``: until nothing runs.

        Raises:
            TimeoutError: nobody came, or there is no rest.
        """
        if self.phase == IDLE:
            self.pids = self.site.wait_until_idle(self.jobs)
        else:
            self.pids = self.site.wait_until_stopped()
            self.hit = self.site.running()
            self.phases = self.site.phases()
        self.now()

    @property
    def child(self) -> int:
        return self.pids[0]

    def now(self) -> None:
        """Recovery counts from this moment: the fault strikes, or the outage is over."""
        self.at = time.time()

    def mended(self) -> None:
        """Recovery counts from this moment, for every job that waits: their pipeline is in order again."""
        (rows,) = checker.select(
            self.site.database.place, "SELECT id, attempt FROM generation_job WHERE state = 'queued'"
        )
        self.hit = {checker.name(pk): attempt for pk, attempt in rows}
        self.now()

    def submit(self, number: int) -> list[str]:
        """Submit more clips in this trial; their jobs."""
        made = self.site.submit(number)
        self.jobs += made
        return made

    def hit_next(self, number: int = 2) -> None:
        """Submit more clips, whose first claim is judged as if they had been hit."""
        self.hit = dict.fromkeys(self.submit(number), 0)

    def restart(self) -> None:
        """What a supervisor does about a dead worker."""
        time.sleep(SUPERVISOR)
        self.site.start_renderer()

    def wait_until_ended(self, jobs: list[str], within: float = 90) -> None:
        wait_for(lambda: not self.site.unended(jobs), "jobs did not end", within=within, every=0.3)


@dataclass(frozen=True)
class Fault:
    """A fault, the phases it strikes in, and what must then be true.

    ``recovers`` is how long the hit jobs may wait until they can run again, beside the lease of their phase.
    ``rests``: they wait for a pipeline in trouble instead, so their lease does not count. ``starts``: what is started
    anew, a ``child`` or a whole ``worker``, whose cold start is allowed for. ``may_leave_bytes``: an attempt may end
    between storing its files and recording them. ``may_fail``: a job may end as failed, with a reason.
    """

    name: str
    strike: Callable[[Scene], None]
    phases: tuple[str, ...]
    recovers: float = SWEEP
    rests: bool = False
    starts: str = ""
    may_leave_bytes: bool = False
    may_fail: bool = False
    needs: str = ""  # a kind of database or broker
