"""Celery as the doorbell: a message says "look", never what. Losing one costs seconds, since the sweep rings again."""

import logging
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import KombuError

log = logging.getLogger(__name__)


def ring(*, queue: str, times: int = 1) -> None:
    """Ring for so many workers of a queue once the transaction has committed. A bell that fails is only logged."""
    transaction.on_commit(lambda: _ring("generation.render", times, queue=queue, expires=3600), robust=True)


def ring_early(task: str, *, expires: float) -> None:
    """Ask for a task of the clock before its turn, once the transaction has committed; its turn comes all the same."""
    transaction.on_commit(lambda: _ring(task, 1, expires=expires), robust=True)


def _ring(task: str, times: int, **options: Any) -> None:
    try:
        for _ in range(times):
            current_app.send_task(task, retry=False, **options)
    except (KombuError, OSError) as trouble:  # once is enough to know: each try may cost 200 ms
        log.warning("the doorbell is broken, the sweep will ring: %s", trouble)
