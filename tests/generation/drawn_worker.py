"""The drill's render worker with a drawn engine: its points to stop at, without torch. For test_kill.py alone."""

import time

from celery.signals import worker_process_init


@worker_process_init.connect
def draw(**_: object) -> None:
    """In the child, once Django is there."""
    from generation import engines
    from tests.generation.conftest import DrawnEngine

    engine = DrawnEngine()
    engine.at_step = {number: lambda: time.sleep(0.02) for number in range(1, 41)}
    engines.make_engine = lambda pipeline: engine


from generation.drill import stage  # noqa: E402  afterwards: what is drawn is staged

__all__ = ["stage"]
