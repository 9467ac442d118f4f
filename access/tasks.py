from celery import shared_task

from access import telling, verifying


@shared_task(name="access.deliver")
def deliver() -> None:
    telling.deliver()


@shared_task(name="access.verify_media")
def verify_media() -> None:
    verifying.verify_media()
