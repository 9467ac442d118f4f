from celery import shared_task

from access import beat, storing, telling, verifying

__all__ = ["beat"]  # imported for its signals


@shared_task(name="access.deliver")
def deliver() -> None:
    telling.deliver()


@shared_task(name="access.clear_abandoned")
def clear_abandoned() -> None:
    storing.clear_abandoned()


@shared_task(name="access.clear_orphans")
def clear_orphans() -> None:
    storing.clear_orphans()


@shared_task(name="access.verify_some")
def verify_some() -> None:
    verifying.verify_some()
