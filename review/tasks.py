from celery import shared_task

from access import clock
from review import appeals, claiming, clocks, digest, proof, sharing, transparency


@shared_task(name="review.settle")
def settle() -> None:
    clocks.apply_pauses()
    clocks.find_breaches()
    claiming.end_expired()
    appeals.ask_due_seconds()
    sharing.settle()
    proof.settle()
    digest.settle()


@shared_task(name="review.count_figures")
def count_figures() -> None:
    transparency.renew_all()
