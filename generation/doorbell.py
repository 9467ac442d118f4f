"""Celery as the doorbell: a message says "look", never what. Losing one costs seconds, since the sweep rings again."""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import KombuError

log = logging.getLogger(__name__)


def ring(*, times: int = 1) -> None:
    """Ring for so many render workers once the transaction has committed. A bell that fails is only logged."""
    for _ in range(times):
        transaction.on_commit(_ring, robust=True)


def _ring() -> None:
    try:
        current_app.send_task("generation.render", queue="render", retry=False, expires=3600)
    except (KombuError, OSError) as trouble:
        log.warning("the doorbell is broken, the sweep will ring: %s", trouble)
