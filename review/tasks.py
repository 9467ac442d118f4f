from celery import shared_task

from review import sharing


@shared_task(name="review.settle")
def settle() -> None:
    sharing.settle()
