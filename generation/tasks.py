from celery import shared_task

from generation import rendering


@shared_task(name="generation.render", ignore_result=True)
def render() -> None:
    from generation import worker  # registers signals and, in the child, loads the model

    worker.drain()


@shared_task(name="generation.sweep", ignore_result=True)
def sweep() -> None:
    rendering.sweep()
