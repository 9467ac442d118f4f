"""Celery as the doorbell: a message says "look", never what. Losing one costs seconds, since the sweep rings again."""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import KombuError

log = logging.getLogger(__name__)


def ring(*, queue: str, times: int = 1) -> None:
    """Ring for so many workers of a queue once the transaction has committed. A bell that fails is only logged."""
    transaction.on_commit(lambda: _ring(queue, times), robust=True)


def _ring(queue: str, times: int) -> None:
    try:
        for _ in range(times):
            current_app.send_task("generation.render", queue=queue, retry=False, expires=3600)
    except (KombuError, OSError) as trouble:  # once is enough to know: each try may cost 200 ms
        log.warning("the doorbell is broken, the sweep will ring: %s", trouble)
