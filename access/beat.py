"""Watches the clock of the worker that has one: without it nothing is swept, and no one would notice.

Celery forks it (``-B``) and looks after it no more. A worker whose clock died ends; whoever supervises it starts it
again, with another clock.
"""

import logging
import os
import threading
import time
from typing import Any

from celery.signals import worker_ready, worker_shutting_down

log = logging.getLogger(__name__)

POLL = 2.0  # seconds
_is_closing = threading.Event()


@worker_ready.connect
def watch_beat(sender: Any, **_: object) -> None:
    if beat := getattr(sender.controller, "beat", None):
        threading.Thread(target=_end_without, args=[beat], name="beat's watch", daemon=True).start()


@worker_shutting_down.connect
def let_it_end(**_: object) -> None:
    _is_closing.set()


def _end_without(beat: Any) -> None:
    while beat.is_alive():
        time.sleep(POLL)
    if not _is_closing.is_set():
        log.error("the clock of this worker died; the worker ends, to be started again with another")
        os._exit(1)
