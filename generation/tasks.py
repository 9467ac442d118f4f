from celery import shared_task

from generation import renditions, upkeep, uploading, watchdog, worker

__all__ = ["watchdog"]  # imported for its signals


@shared_task(name="generation.render", ignore_result=True)
def render() -> None:
    worker.serve()


@shared_task(name="generation.sweep", ignore_result=True)
def sweep() -> None:
    upkeep.sweep()


@shared_task(name="generation.complete_renditions", ignore_result=True)
def complete_renditions() -> None:
    renditions.complete_all()


@shared_task(name="generation.clear_unused_pictures", ignore_result=True)
def clear_unused_pictures() -> None:
    uploading.clear_unused()
