from celery import shared_task

from access import clock
from review import appeals, banking, claiming, clocks, digest, proof, qa, scrutiny, sharing, transparency


@shared_task(name="review.settle")
def settle() -> None:
    clocks.apply_pauses()
    clocks.find_breaches()
    claiming.end_expired()
    appeals.ask_due_seconds()
    sharing.settle()
    proof.settle()
    digest.settle()
    now = clock.now()
    qa.draw(now)
    qa.drop_moot(now)


@shared_task(name="review.look_over")
def look_over() -> None:
    """Machines look at clips: it takes seconds each, so it does not keep ``settle`` waiting."""
    banking.settle()
    scrutiny.settle()


@shared_task(name="review.count_figures")
def count_figures() -> None:
    transparency.renew_all()
