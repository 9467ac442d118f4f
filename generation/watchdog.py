"""In a render worker's parent: end a child that outlives its lease, and pass a shutdown on to the children.

Celery starts a new child for one that was killed. What the killed one had in hand is given back as soon as its death is
seen, and the sweep requeues what nobody saw die.
"""

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from datetime import datetime, timedelta
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from celery.worker import state
from django.conf import settings
from django.db import Error, connection, connections

from access import clock
from generation import upkeep
from generation.doorbell import ring
from generation.models import Job

log = logging.getLogger(__name__)

POLL = 2.0  # seconds
GRACE = timedelta(seconds=3)  # past the lease: a child that can still notice by itself does so at its next step

_looking = threading.Lock()  # no child is forked while a connection is open here: SQLite must not cross a fork
os.register_at_fork(before=_looking.acquire, after_in_parent=_looking.release, after_in_child=_looking.release)


class Watchdog(threading.Thread):
    """Knows the last lease it saw each child hold, since the sweep may take an expired one from a child that hangs.

    Of two hands of which one hangs, the child takes care itself (``generation.worker.Hands``).
    """

    def __init__(self, pool: Any) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.pool = pool
        self.leases: dict[int, datetime] = {}
        self.known: set[int] = set()  # the children that it saw last

    def run(self) -> None:
        connections["default"] = _without_pool()
        while True:
            self.greet()
            time.sleep(POLL)
            for pid in self.overdue():
                log.error("child %d outlived its lease: killed", pid)
                self.leases.pop(pid, None)
                _tell(pid, signal.SIGKILL)

    def greet(self) -> None:
        """Give back at once what dead children had in hand, and ring for those that are new.

        Nobody else rings for a child that replaces another, before the sweep; and without a bell it does not even load.
        """
        children = pool_pids(self.pool)
        if children == self.known:
            return
        try:
            with _looking:
                for pid in self.known - children:
                    upkeep.give_up(f"{socket.gethostname()}:{pid}")
                for queue in settings.RENDER_QUEUES:
                    ring(queue=queue)
                connection.close()
            self.known = children
        except Error as trouble:
            log.warning("the watchdog cannot ring: %s", trouble)  # tried again with the next look

    def overdue(self) -> list[int]:
        """The children that should be dead."""
        try:
            now, held = _look()
        except Error as trouble:
            log.warning("the watchdog cannot look: %s", trouble)
            return []
        expired = {pid: lease for pid, lease in self.leases.items() if lease < now}
        self.leases = {pid: lease for pid, lease in {**expired, **held}.items() if pid in pool_pids(self.pool)}
        return [pid for pid, lease in self.leases.items() if lease < now - GRACE]


def _look() -> tuple[datetime, dict[int, datetime]]:
    with _looking:
        try:
            return clock.now(), held_leases()
        finally:
            connection.close()


def _without_pool() -> Any:
    own = connection.copy()
    own.settings_dict.get("OPTIONS", {}).pop("pool", None)
    return own


def held_leases() -> dict[int, datetime]:
    """Until when each process of this host may hold the job it runs."""
    mine = Job.objects.running().filter(worker__startswith=f"{socket.gethostname()}:", lease_until__isnull=False)
    rows = mine.values_list("worker", "lease_until").order_by("-lease_until")  # of several, the first to run out
    return {int(worker.rpartition(":")[2]): lease for worker, lease in rows if lease is not None}


def pool_pids(pool: Any) -> set[int]:
    """The ids of a pool's children; never this process, which other kinds of pools call one of theirs."""
    return {pid for pid in pool.info.get("processes", []) if pid} - {os.getpid()}  # None: it is just being forked


_pools: list[Any] = []  # the pool of this worker, if it renders


@worker_ready.connect
def watch(sender: Any, **_: object) -> None:
    """Start watching, in the parent of a worker that renders."""
    if not set(settings.RENDER_QUEUES).isdisjoint(sender.app.amqp.queues.consume_from):
        _pools.append(sender.pool)
        Watchdog(sender.pool).start()


@worker_shutting_down.connect
def pass_on(**_: object) -> None:
    """A warm shutdown waits for its children, so tell them to hand back what they have."""
    children = {pid for pool in _pools for pid in pool_pids(pool)}
    for pid in children & {request.worker_pid for request in state.active_requests}:
        _tell(pid, signal.SIGTERM)


def _tell(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself in the meantime
        os.kill(pid, number)
