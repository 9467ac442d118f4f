"""Looks on while a batch renders: asks for each member whether it may go on, writes progress and previews."""

import io
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from PIL import Image

from generation import ending, rendering
from generation.engine import Picture
from generation.models import Job
from generation.refusals import CancelAsked, Deserted, HaltMet, HandBack, LeaseLost, Stop

log = logging.getLogger(__name__)
T = TypeVar("T")

REPORT_EVERY = 1.0  # seconds between writes of progress
FIRST_SEEN = 0.3  # seconds until the first picture
PREVIEW_WIDTH = 480
DATABASE_AGAIN = 0.25  # seconds until a lost database is asked again


class BatchWatch:
    """One for each batch; its members are counted by their place in it.

    A member that may not go on leaves the batch at once: its fence is closed, nothing more of it is shown or decoded.
    When the last has left, the render is stopped.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = list(jobs)
        self.live = set(range(len(jobs)))
        self.denoised = threading.Event()  # from here on the next batch may be denoised
        self.lets_others_denoise = True  # once it is decoded; an engine may know better
        self.now, self.at_step = str(Job.Phase.LOAD), 0
        self.written_at = time.monotonic()  # by the claim
        self.shown = -1  # whose preview was written last
        self.denoising_since: float | None = None  # before that nothing was rendered, only waited and loaded
        self.seconds_denoising = 0.0

    # --- what engines call ---
    def step(self, number: int, picture: Callable[[int], Picture]) -> None:
        self._ask()
        self.at_step = number
        if self._is_due() or self._may_be_seen_first():
            self._report(self._next_shown(), picture)

    def phase(self, name: str) -> None:
        self._ask()
        if name == "denoise":
            self.denoising_since = time.monotonic()
        elif name == "decode":
            self.seconds_denoising = time.monotonic() - (self.denoising_since or time.monotonic())
            if self.lets_others_denoise:
                self.denoised.set()
        self.now, self.at_step = name, 0 if name == "denoise" else self.jobs[0].steps
        self._report()

    def is_live(self, place: int) -> bool:
        return place in self.live

    def beat(self) -> None:
        """A sign of life of those that wait for a lock, an encoder or another turn; asks whether they may go on."""
        if self._is_due():
            self._ask()
            self._report()

    # --- what the worker asks ---
    def members(self) -> list[tuple[int, Job]]:
        """Those that are still wanted."""
        return [(place, self.jobs[place]) for place in sorted(self.live)]

    def share(self) -> float:
        """Worker seconds of one member so far; waiting and loading are nobody's."""
        return (time.monotonic() - self.denoising_since) / len(self.jobs) if self.denoising_since else 0.0

    def silent_for(self) -> float:
        """Seconds past the lease in which nothing was heard; below zero while there is no reason to worry."""
        lease = min((rendering.lease_seconds(job, self.now) for _, job in self.members()), default=float("inf"))
        return time.monotonic() - self.written_at - lease

    def leave(self, place: int, why: Stop) -> None:
        """End a member's part as its reason demands."""
        job = self.jobs[place]
        self.live.discard(place)
        if isinstance(why, CancelAsked):
            rendering.end_cancelled(job, seconds=self.share())
        elif isinstance(why, LeaseLost):
            log.warning("%s, attempt %d, is over: result discarded", job, job.attempt)
        else:
            rendering.put_back(job)

    def keep_at(self, place: int, call: Callable[[], T]) -> T | None:
        """What the call for a member gives; None if the member had to leave meanwhile."""
        try:
            return self._patiently(call)
        except (CancelAsked, HaltMet, LeaseLost) as why:
            self.leave(place, why)
            return None

    # --- within ---
    def _ask(self) -> None:
        if ending.is_asked():
            raise HandBack
        if members := self.members():
            standings = self._patiently(lambda: rendering.standings([job for _, job in members]))
            for (place, _), why in zip(members, standings, strict=True):
                if why:
                    self.leave(place, why)
        if not self.live:
            raise Deserted

    def _patiently(self, call: Callable[[], T]) -> T:
        """Wait for a database that restarts, as long as the lease may last; nothing is rendered unasked meanwhile."""
        until = time.monotonic() + min(rendering.lease_seconds(job, "denoise") for job in self.jobs)
        while True:
            try:
                return call()
            except (OperationalError, InterfaceError):
                if time.monotonic() > until or ending.is_asked():
                    raise
                log.warning("the database is away; asking again")
                connection.close()
                time.sleep(DATABASE_AGAIN)

    def _is_due(self) -> bool:
        return time.monotonic() - self.written_at >= REPORT_EVERY

    def _may_be_seen_first(self) -> bool:
        """The first picture comes sooner than the next ones: who waits sees that something arises."""
        return self.shown < 0 and time.monotonic() - self.written_at >= FIRST_SEEN

    def _report(self, shown: int | None = None, picture: Callable[[int], Picture] | None = None) -> None:
        self.written_at = time.monotonic()
        for place, job in self.members():
            jpeg = jpeg_of(picture(place)) if picture and place == shown else b""
            self.keep_at(place, partial(rendering.report, job, phase=self.now, step=self.at_step, jpeg=jpeg))

    def _next_shown(self) -> int:
        """Members take turns: a preview of each at every report would cost the batch more than it shows."""
        later = [place for place in sorted(self.live) if place > self.shown]
        self.shown = later[0] if later else min(self.live)
        return self.shown


def jpeg_of(picture: Picture) -> bytes:
    image = Image.fromarray(picture)
    image = image.resize((PREVIEW_WIDTH, round(image.height * PREVIEW_WIDTH / image.width)), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
