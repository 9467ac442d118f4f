"""A render worker's child: take batches until there are none. Models are loaded here, never in the parent."""

import logging
import os
import socket
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.conf import settings
from django.db import connections

from generation import ending, engines
from generation.claiming import claim
from generation.doorbell import ring
from generation.models import Pipeline
from generation.refusals import Trouble
from generation.turns import Turn
from generation.upkeep import note_trouble

log = logging.getLogger(__name__)

LOOK_UP = 0.2  # seconds
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
    """While a batch is decoded and encoded, the next is denoised."""
    taken = 0
    while not ending.is_asked():
        if batch := claim(worker_name()):
            taken += len(batch)
            hands.take(Turn(batch))
        elif not hands.wait_for_one():
            break
    return taken


class Hands:
    """Two turns at most: one denoises, one is past that. With ``RENDER_OVERLAP`` off one after the other, in place.

    Whoever waits here looks up now and then whether this child is asked to end.
    """

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2, "hand") if settings.RENDER_OVERLAP else None
        self.turns: dict[Future[None], Turn] = {}

    def take(self, turn: Turn) -> None:
        """Render a batch; returns when the next may be claimed."""
        if self.pool is None:
            turn.run()
            return
        if turn.is_alone or not engines.is_resident(turn.pipeline):  # loading may free what another turn still uses
            self.wait_until_fewer_than(1)
        self.turns[self.pool.submit(_run, turn)] = turn
        while not turn.watch.denoised.wait(LOOK_UP) and not ending.is_asked():
            pass
        self.wait_until_fewer_than(1 if turn.is_alone else 2)

    def wait_for_one(self) -> bool:
        """Wait until a turn ends; False if none is under way."""
        under_way = len(self.turns)
        self.wait_until_fewer_than(under_way)
        return bool(under_way)

    def wait_until_fewer_than(self, many: int) -> None:
        while len(self.turns) >= max(1, many) and not ending.is_asked():
            for future in wait(self.turns, LOOK_UP, FIRST_COMPLETED).done:
                self.turns.pop(future)
                future.result()  # a turn deals with its own ends; anything else is a defect, and shows

    def end(self) -> None:
        """Let the turns under way end. Asked to end, hand back what takes too long, and go without it."""
        if self.pool is None:
            return
        left = wait(self.turns, HAND_BACK_WITHIN if ending.is_asked() else None).not_done
        for future in left:
            self.turns[future].put_back()
        if left:
            log.warning("asked to end: %d batches handed back unfinished", len(left))
            leave()
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
