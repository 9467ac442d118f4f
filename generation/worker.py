"""A render worker's child: take batches until there are none. Models are loaded here, never in the parent."""

import logging
import os
import socket
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.conf import settings
from django.db import connections

from generation import ending, engines
from generation.claiming import claim
from generation.doorbell import ring
from generation.models import Pipeline
from generation.refusals import DeviceLost, Trouble
from generation.turns import Turn
from generation.upkeep import note_trouble

log = logging.getLogger(__name__)

LOOK_UP = 0.2  # seconds between two looks of whoever waits here: at the line, and at whether this child is to end
HANGS_AFTER = 3.0  # seconds past its lease, looked at twice: a process that was stopped for long goes on meanwhile
HAND_BACK_WITHIN = 6.0  # seconds after SIGTERM in which a turn may end by itself; a long decode would not


def serve() -> None:
    """Answer the doorbell: render what waits, then have the model at hand for who comes next."""
    drain()
    warm_up()


def warm_up() -> None:
    """Load the pipelines in use unless one is loaded: imports take seconds for which no artist should wait.

    A folder that cannot be loaded is told of now, before anybody waits for it.
    """
    if engines.are_any() or ending.is_asked():
        return
    mine = Pipeline.objects.active().filter(queue__in=settings.RENDER_QUEUES, trouble="").exclude(pinned_at=None)
    for pipeline in mine.order_by("pk")[: settings.RENDER_RESIDENT]:
        try:
            engines.loaded(pipeline)
        except Trouble as trouble:
            note_trouble(pipeline, str(trouble))
        except DeviceLost as lost:
            note_trouble(pipeline, f"The device of a worker is lost: {lost}"[:300])
            ring(queue=pipeline.queue)
            leave()


def drain() -> int:
    """Render until no job can be claimed; how many were taken."""
    if ending.is_forgotten():  # its parent starts another child
        ring(queue=settings.RENDER_QUEUES[0])
        raise SystemExit
    with ending.listening():
        hands = Hands()
        try:
            return _take_all(hands)
        finally:
            hands.end()


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _take_all(hands: "Hands") -> int:
    """While a batch is decoded and encoded, the next is denoised, also one that is sent meanwhile."""
    taken = 0
    while not ending.is_asked():
        if batch := claim(worker_name()):
            taken += len(batch)
            hands.take(Turn(batch))
        elif not hands.rest():
            break
    return taken


class Hands:
    """Two turns at most: one denoises, one is past that. ``RENDER_HANDS`` of 1 is one after the other; of 0 so, too,
    but in place, where a long decode cannot be handed back.

    Whoever waits here looks up now and then whether this child is asked to end.
    """

    def __init__(self) -> None:
        self.many = settings.RENDER_HANDS
        self.pool = ThreadPoolExecutor(self.many, "hand") if self.many else None
        self.turns: dict[Future[None], Turn] = {}
        self.silent_since: dict[Turn, float] = {}

    def take(self, turn: Turn) -> None:
        """Render a batch; returns when the next may be claimed."""
        if self.pool is None:
            turn.run()
            return
        needs_room = turn.is_alone or not engines.is_resident(turn.pipeline)  # loading may free what others still use
        if needs_room and not self._is_let_in(turn):
            return
        self._begin(turn, self.pool)
        while not turn.watch.denoised.wait(LOOK_UP) and not ending.is_asked():
            self._leave_if_one_hangs()
        most = 1 if turn.is_alone or self.many < 2 else 2
        while len(self.turns) >= most and not ending.is_asked():
            self._look()

    def _is_let_in(self, turn: Turn) -> bool:
        """Wait for the others with signs of life; False if meanwhile nobody waits for this one any more."""
        while self.turns and not ending.is_asked():
            self._look()
            if not turn.is_waited_for():
                return False
        return True

    def _begin(self, turn: Turn, pool: ThreadPoolExecutor) -> None:
        turn.has_company = bool(self.turns)
        for other in self.turns.values():
            other.has_company = True
        self.turns[pool.submit(_run, turn)] = turn

    def rest(self) -> bool:
        """Wait a little for a turn to end; False if none was under way."""
        under_way = bool(self.turns)
        self._look()
        return under_way

    def _look(self) -> None:
        for future in wait(self.turns, LOOK_UP, FIRST_COMPLETED).done:
            self.turns.pop(future)
            future.result()  # a turn deals with its own ends; anything else is a defect, and shows
        self._leave_if_one_hangs()

    def _leave_if_one_hangs(self) -> None:
        """A thread cannot be ended, so this child goes with it, for another to take its place.

        The parent cannot see it while the other hand gives signs of life.
        """
        silent = [turn for turn in self.turns.values() if turn.watch.silent_for() > 0]
        since = time.monotonic()
        self.silent_since = {turn: self.silent_since.get(turn, since) for turn in silent}
        if any(since - first > HANGS_AFTER for first in self.silent_since.values()):
            log.error("a batch hangs past its lease; this child ends, and hands the other back")
            for turn in self.turns.values():
                turn.give_up() if turn in self.silent_since else turn.put_back()
            leave()

    def end(self) -> None:
        """Let the turns under way end. Asked to end, hand back what takes too long, and go without it."""
        until: float | None = None
        while self.turns:
            self._look()
            if ending.is_asked():
                until = until or time.monotonic() + HAND_BACK_WITHIN
                if time.monotonic() > until:
                    break
        for turn in self.turns.values():
            turn.put_back()
        if self.turns or ending.is_broken():
            log.warning("this child ends; %d batches handed back unfinished", len(self.turns))
            leave()
        elif self.pool:
            self.pool.shutdown()


def _run(turn: Turn) -> None:
    """A turn in a thread of its own, whose connections end with it."""
    try:
        turn.run()
    finally:
        connections.close_all()


def leave() -> None:
    """End this process at once: a thread in a long decode cannot be ended otherwise."""
    os._exit(0)
