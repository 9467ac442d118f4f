"""A render worker's child: take jobs until there are none. Models are loaded here, never in the parent."""

import io
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

from celery.signals import worker_shutting_down
from django.conf import settings
from PIL import Image

from generation import rendering
from generation.engine import Clip, Engine, Order, Picture
from generation.models import Job, Output, Pipeline
from generation.refusals import CancelAsked, HandBack, LeaseLost, Stop, Trouble

log = logging.getLogger(__name__)

REPORT_EVERY = 1.0  # seconds between writes of progress
PREVIEW_WIDTH = 480

_engines: dict[str, Engine] = {}
_asked_to_end = False


def drain() -> int:
    """Render until no job can be claimed; how many were taken."""
    _listen_for_the_end()
    taken = 0
    while not _asked_to_end and (job := rendering.claim(worker_name())):
        taken += 1
        work_on(job)
    return taken


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def work_on(job: Job) -> Output | None:
    """Render one claimed job to whatever end it meets; its output if it finished."""
    try:
        return _render(job)
    except Trouble as trouble:
        log.error("%s waits: %s", job, trouble)
        rendering.note_trouble(job.pipeline, str(trouble))
        rendering.put_back(job)
    except CancelAsked:
        rendering.end_cancelled(job)
    except LeaseLost:
        log.warning("%s, attempt %d, was given to somebody else: result discarded", job, job.attempt)
    except Stop:  # a halt, or this worker is asked to end
        rendering.put_back(job)
    except Exception:
        log.exception("%s failed", job)
        rendering.fail(job, "The model stopped with an error while it made this clip. Please try again, or change the prompt.")
    return None


def _render(job: Job) -> Output:
    watch = JobWatch(job)
    engine = engine_of(job.pipeline)
    engine.load()
    rendering.note_trouble(job.pipeline, "")
    started = time.monotonic()
    clip = engine.render(order_of(job), watch)
    denoised = watch.seconds_denoising
    watch.phase("encode")
    output = rendering.finish(job, _encode(clip, job))
    around = time.monotonic() - started - denoised
    rendering.note_timing(job.pipeline, per_step=denoised / job.steps, around=around)
    return output


def _encode(clip: Clip, job: Job) -> rendering.Rendered:
    from generation.encoding import encode  # Pillow and ffmpeg, needed in the child only

    return encode(clip, width=int(job.pipeline.studio.get("deliver_width", 768)))


def order_of(job: Job) -> Order:
    brief = job.brief
    return Order(brief.prompt, brief.negative_prompt, brief.steps, brief.guidance, job.seed)


def engine_of(pipeline: Pipeline) -> Engine:
    """The loaded engine of a pipeline; one is kept, since a worker serves one model for now."""
    from generation.diffusers_engine import DiffusersEngine  # torch: in the child only

    if pipeline.slug not in _engines:
        _engines.clear()
        _engines[pipeline.slug] = DiffusersEngine(pipeline.path, pipeline.studio, settings.RENDER_THREADS)
    return _engines[pipeline.slug]


class JobWatch:
    """Asks at each step whether the attempt may go on; writes progress and preview at most once a second."""

    def __init__(self, job: Job) -> None:
        self.job, self.written_at, self.denoising_since, self.seconds_denoising = job, 0.0, 0.0, 0.0

    def step(self, number: int, picture: Callable[[], Picture]) -> None:
        self._ask()
        if time.monotonic() - self.written_at >= REPORT_EVERY:
            self.written_at = time.monotonic()
            rendering.report(self.job, phase="denoise", step=number, jpeg=jpeg_of(picture()))

    def phase(self, name: str) -> None:
        self._ask()
        if name == "denoise":
            self.denoising_since = time.monotonic()
        elif name == "decode":
            self.seconds_denoising = time.monotonic() - self.denoising_since
        step = 0 if name == "denoise" else self.job.steps
        rendering.report(self.job, phase=name, step=step)

    def _ask(self) -> None:
        if _asked_to_end:
            raise HandBack
        rendering.check(self.job)


def jpeg_of(picture: Picture) -> bytes:
    image = Image.fromarray(picture)
    image = image.resize((PREVIEW_WIDTH, round(image.height * PREVIEW_WIDTH / image.width)), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _listen_for_the_end() -> None:
    """From now on SIGTERM lets this child hand its job back instead of dying with it."""
    signal.signal(signal.SIGTERM, _end)


def _end(_signal: int, _frame: FrameType | None) -> None:
    global _asked_to_end
    _asked_to_end = True


@worker_shutting_down.connect  # type: ignore[untyped-decorator]  # celery is untyped
def pass_on(**_: object) -> None:
    """In the parent: a warm shutdown waits for its children, so tell them to hand back."""
    from billiard import active_children

    for child in active_children():
        os.kill(child.pid, signal.SIGTERM)
