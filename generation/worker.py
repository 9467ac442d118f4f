"""A render worker's child: take jobs until there are none. Models are loaded here, never in the parent."""

import contextlib
import io
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from types import FrameType

from django.conf import settings
from django.db import OperationalError
from PIL import Image

from generation import rendering
from generation.doorbell import ring
from generation.engine import Clip, Engine, Order, Picture
from generation.models import Job, Output, Pipeline
from generation.refusals import CancelAsked, HandBack, LeaseLost, Stop, Trouble

log = logging.getLogger(__name__)

REPORT_EVERY = 1.0  # seconds between writes of progress
PREVIEW_WIDTH = 480
CLOSING = 30.0  # seconds within which a parent that closes ends its children

_engines: dict[str, Engine] = {}
_asked_to_end_at: float | None = None


def serve() -> None:
    """Answer the doorbell: render what waits, then have the model at hand for who comes next."""
    drain()
    warm_up()


def warm_up() -> None:
    """Load the pipeline in use unless one is loaded: its imports take seconds for which no artist should wait.

    A folder that cannot be loaded is told of now, before anybody waits for it.
    """
    pipeline = Pipeline.objects.filter(is_active=True, trouble="").order_by("pk").first()
    if _engines or pipeline is None or is_asked_to_end():
        return
    try:
        engine_of(pipeline).load()
    except Trouble as trouble:
        _engines.clear()
        rendering.note_trouble(pipeline, str(trouble))


def drain() -> int:
    """Render until no job can be claimed; how many were taken."""
    _leave_if_forgotten()
    taken = 0
    with _listening_for_the_end():
        while not is_asked_to_end() and (job := rendering.claim(worker_name())):
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
        log.warning("%s waits: %s", job, trouble)
        _leave_alone(job, str(trouble))
    except OperationalError:  # locked, full or gone: nothing that the job did
        log.exception("%s waits", job)
        _leave_alone(job, "The worker cannot use its database.")
    except CancelAsked:
        rendering.end_cancelled(job)
    except LeaseLost:
        log.warning("%s, attempt %d, is over: result discarded", job, job.attempt)
    except Stop:  # a halt, or this worker is asked to end
        rendering.put_back(job)
    except Exception as error:
        log.exception("%s failed", job)
        _engines.clear()  # an error may leave a model in any state; the next job loads it anew
        rendering.fail(job, _reason(error))
    return None


def _leave_alone(job: Job, trouble: str) -> None:
    """The job waits in its place; its pipeline says why, and is tried again after a rest, from the files."""
    _engines.clear()
    rendering.note_trouble(job.pipeline, trouble)
    rendering.put_back(job)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter is torch's
        return "The model ran out of memory while it made this clip. Please try again, with fewer steps or later."
    return "The model stopped with an error while it made this clip. Please try again, or change the prompt."


def _render(job: Job) -> Output:
    watch = JobWatch(job)
    engine = engine_of(job.pipeline)
    engine.load()
    started = time.monotonic()
    clip = engine.render(order_of(job), watch)
    denoised = watch.seconds_denoising
    watch.phase("encode")
    output = rendering.finish(job, _encode(clip, job))
    around = time.monotonic() - started - denoised
    rendering.note_trouble(job.pipeline, "")  # only now: encoder and disk belong to it
    rendering.note_timing(job.pipeline, per_step=denoised / job.steps, around=around)
    return output


def _encode(clip: Clip, job: Job) -> rendering.Rendered:
    from generation.encoding import encode  # Pillow and ffmpeg, needed in the child only

    return encode(clip, width=int(job.pipeline.studio.get("deliver_width", 768)))


def order_of(job: Job) -> Order:
    brief = job.brief
    return Order(brief.prompt, brief.negative_prompt, brief.steps, brief.guidance, job.seed)


def engine_of(pipeline: Pipeline) -> Engine:
    """The engine of a pipeline; one is kept, since a worker serves one model for now."""
    if pipeline.folder not in _engines:
        _engines.clear()
        _engines[pipeline.folder] = make_engine(pipeline)
    return _engines[pipeline.folder]


def make_engine(pipeline: Pipeline) -> Engine:
    from generation.diffusers_engine import DiffusersEngine  # torch: in the child only

    return DiffusersEngine(pipeline.path, pipeline.studio, settings.RENDER_THREADS)


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
        if is_asked_to_end():
            raise HandBack
        rendering.check(self.job)


def jpeg_of(picture: Picture) -> bytes:
    image = Image.fromarray(picture)
    image = image.resize((PREVIEW_WIDTH, round(image.height * PREVIEW_WIDTH / image.width)), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


# --- the end --------------------------------------------------------------------------------------------------------
def is_asked_to_end() -> bool:
    return _asked_to_end_at is not None


@contextlib.contextmanager
def _listening_for_the_end() -> Iterator[None]:
    """Meanwhile SIGTERM lets this child hand its job back instead of dying with it."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(_signal: int, _frame: FrameType | None) -> None:
    global _asked_to_end_at
    _asked_to_end_at = time.monotonic()


def _leave_if_forgotten() -> None:
    """A child that was asked to end and is not ended by its parent goes by itself; its parent starts another."""
    if _asked_to_end_at is not None and time.monotonic() - _asked_to_end_at > CLOSING:
        ring()
        raise SystemExit
