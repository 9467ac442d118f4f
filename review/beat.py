"""What review does by itself, every few seconds. Each step is a verb; one that fails holds up no other."""

from collections.abc import Callable

from access import clock
from review import appeals, banking, claiming, clocks, digest, proof, qa, scrutiny, sharing, watching_all

Step = Callable[[], object]

STEPS: tuple[Step, ...] = (
    clocks.apply_pauses,  # before anything is called late
    clocks.find_breaches,
    claiming.end_expired,
    banking.drop_fallen,
    appeals.ask_due_seconds,
    watching_all.settle,
    sharing.settle,
    proof.settle,
    digest.settle,
    lambda: qa.draw(clock.now()),
    lambda: qa.drop_moot(clock.now()),
    lambda: qa.put_off(clock.now()),
)
LOOKS: tuple[Step, ...] = (banking.settle, scrutiny.settle)


def settle() -> None:
    """Whatever became due.

    Raises:
        ExceptionGroup: of the steps that failed, after all were tried.
    """
    _try_all("settle", STEPS)


def look_over() -> None:
    """Machines look at clips, which takes seconds each. The worker that does it may be the one that settles, sweeps and
    sends mail, with one pair of hands: therefore each step begins nothing more after a few seconds.

    Raises:
        ExceptionGroup: of the steps that failed, after all were tried.
    """
    _try_all("look over", LOOKS)


def _try_all(name: str, steps: tuple[Step, ...]) -> None:
    troubles = []
    for step in steps:
        try:
            step()
        except Exception as trouble:  # noqa: BLE001  told below, with the others
            troubles.append(trouble)
    if troubles:
        raise ExceptionGroup(f"{name}: {len(troubles)} of {len(steps)} steps failed", troubles)
