from celery import shared_task

from generation import rendering, watchdog, worker

__all__ = ["watchdog", "worker"]  # imported for their signals: one is for the parent, the other for the child


@shared_task(name="generation.render", ignore_result=True)
def render() -> None:
    worker.drain()


@shared_task(name="generation.sweep", ignore_result=True)
def sweep() -> None:
    rendering.sweep()
