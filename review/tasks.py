from celery import shared_task

from review import beat, transparency


@shared_task(name="review.settle")
def settle() -> None:
    beat.settle()


@shared_task(name="review.look_over")
def look_over() -> None:
    beat.look_over()


@shared_task(name="review.count_figures")
def count_figures() -> None:
    transparency.renew_due()
