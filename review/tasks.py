from celery import shared_task

from access import clock
from review import claiming, clocks, sharing


@shared_task(name="review.settle")
def settle() -> None:
    clocks.apply_pauses()
    clocks.find_breaches()
    claiming.end_expired(clock.now())
    sharing.settle()
