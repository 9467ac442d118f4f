from celery import shared_task

from generation import rendering, watchdog, worker

__all__ = ["watchdog"]  # imported for its signals


@shared_task(name="generation.render", ignore_result=True)
def render() -> None:
    worker.serve()


@shared_task(name="generation.sweep", ignore_result=True)
def sweep() -> None:
    rendering.sweep()
