"""One batch in a worker's hands, from its claim to whatever end each of its members meets."""

import hashlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

from django.db import InterfaceError, OperationalError

from generation import ending, engines, rendering, upkeep
from generation.engine import Clip, Order
from generation.line import size_of
from generation.models import Job, Output
from generation.refusals import DeviceLost, OutOfMemory, Stop, Trouble
from generation.rendering import Rendered
from generation.watch import BatchWatch

log = logging.getLogger(__name__)

DATABASE_GONE = (OperationalError, InterfaceError)
BEAT = 0.5  # seconds between two looks at an encoder
ENCODERS = 2  # clips of a batch that are encoded at once
OUT_OF_MEMORY = (
    "The model ran out of memory while it made this clip. Please try a smaller size, a shorter clip or later."
)
STOPPED = "The model stopped with an error while it made this clip. Please try again, or change the prompt."


class Turn:
    """Renders the claimed jobs of one batch. ``watch.denoised`` is set when the next batch may be denoised."""

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs, self.pipeline = jobs, jobs[0].pipeline
        for job in jobs:  # one row of it, on which the engine notes what it found
            job.pipeline = job.brief.pipeline = self.pipeline
            job.brief.enrollment = job.enrollment
        self.watch = BatchWatch(jobs)
        self.has_company = False  # whether another batch was in this child's memory at the same time
        self.finished: list[tuple[Output, Clip]] = []

    @property
    def is_alone(self) -> bool:
        """A job that broke before renders while nothing else does, so that it can break nothing else."""
        return any(job.failures for job in self.jobs)

    def run(self) -> None:
        """Render, encode and finish; every way in which this can end is dealt with here."""
        try:
            self._attempt()()
        finally:
            self.watch.denoised.set()

    def _attempt(self) -> Callable[[], None]:
        """Render; what is to be done then. Not done in the handlers: their tracebacks hold the model in memory."""
        try:
            self._render()
        except Trouble as trouble:
            log.warning("%s waits: %s", self, trouble)
            return partial(self._leave_alone, str(trouble))
        except DATABASE_GONE:  # locked, full or gone: nothing that the jobs did
            log.exception("%s waits", self)
            return partial(self._leave_alone, "The worker cannot use its database.")
        except Stop:  # asked to end, or nobody left who waits for it
            return self.put_back
        except OutOfMemory:
            log.exception("%s does not fit", self)
            return partial(self._fail, OUT_OF_MEMORY, is_final=len(self.jobs) == 1 and self._had_all_memory())
        except DeviceLost:
            log.exception("%s lost its device", self)
            return self._lose_device
        except Exception:
            log.exception("%s failed", self)
            return partial(self._fail, STOPPED)
        return self._follow_up

    def _had_all_memory(self) -> bool:
        return self.is_alone or not (self.has_company or engines.are_several())

    def is_waited_for(self) -> bool:
        """Give a sign of life of a turn that waits for another; False if it need not begin any more."""
        try:
            self.watch.beat()
        except Stop:
            self.put_back()
            return False
        return True

    # --- how it ends ---
    def put_back(self) -> None:
        """What is still in hand returns to its old place."""
        self._settle_each(rendering.put_back)

    def give_up(self) -> None:
        """Nothing was heard of it for too long."""
        self._settle_each(lambda job: rendering.fail(job, upkeep.GAVE_UP))

    def _leave_alone(self, trouble: str) -> None:
        """The jobs wait in their places; their pipeline says why, and is tried again after a rest, from the files."""
        try:
            upkeep.note_trouble(self.pipeline, trouble)
        except DATABASE_GONE:
            log.exception("the trouble of %s cannot be noted", self.pipeline)
        self.put_back()
        engines.free(self.pipeline)

    def _fail(self, reason: str, *, is_final: bool = False) -> None:
        seconds = self.watch.share()
        self._settle_each(lambda job: rendering.fail(job, reason, is_final=is_final, seconds=seconds))
        engines.free(self.pipeline)  # an error may leave a model in any state; the next job loads it anew

    def _lose_device(self) -> None:
        """Nothing runs in this process any more, not even giving memory back: another child takes over."""
        self._settle_each(lambda job: rendering.fail(job, STOPPED))
        ending.break_off()

    def _settle_each(self, settle: Callable[[Job], None]) -> None:
        """Whatever is still in hand leaves it. One that cannot be settled is found by its lease."""
        for place, job in self.watch.members():
            self.watch.live.discard(place)
            try:
                settle(job)
            except DATABASE_GONE:
                log.exception("%s cannot be settled", job)

    # --- on the way ---
    def _render(self) -> None:
        if self.is_alone:
            engines.free_others(self.pipeline)
        engine = engines.loaded(self.pipeline)
        self.watch.lets_others_denoise = engine.overlaps
        clips = engine.render([order_of(job) for job in self.jobs], self.watch)
        since = time.monotonic()
        with ThreadPoolExecutor(ENCODERS, "encoder") as encoders:
            encoding = {
                place: encoders.submit(self._encode, place, clip)
                for place, clip in enumerate(clips)
                if clip is not None and self.watch.is_live(place)
            }
            self.watch.phase("encode")  # asks and writes while the encoders work already
            for place, future in encoding.items():
                self._finish(place, clips[place], future)
        self._note_timing(time.monotonic() - since)

    def _encode(self, place: int, clip: Clip) -> Rendered | None:
        from generation.encoding import encode  # Pillow and ffmpeg, needed in the child only

        if not self.watch.is_live(place):
            return None
        clip.provenance.update(self._circumstances(place, clip))
        lease = rendering.lease_seconds(self.jobs[0], "encode")
        return encode(clip, width=self._width(clip), lease=lease)

    def _finish(self, place: int, clip: Clip | None, encoding: "Future[Rendered | None]") -> None:
        while not encoding.done():
            wait([encoding], BEAT)
            self.watch.beat()
        rendered = encoding.result()
        if rendered is None or clip is None or not self.watch.is_live(place):
            return
        job, seconds = self.jobs[place], self.watch.share()
        output = self.watch.keep_at(place, lambda: rendering.finish(job, rendered, seconds=seconds))
        self.watch.live.discard(place)
        if output:
            self.finished.append((output, clip))

    def _circumstances(self, place: int, clip: Clip) -> dict[str, object]:
        """What provenance says beyond what the engine knows: the batch, and the pixels by their hash."""
        batch = {"id": str(self.jobs[0].batch), "size": len(self.jobs), "place": place}
        return {"batch": batch, "frames_sha256": hashlib.sha256(clip.frames.tobytes()).hexdigest()}

    def _width(self, clip: Clip) -> int:
        from generation.encoding import delivered_width

        return delivered_width(self.pipeline, drawn=clip.frames.shape[2])

    def _note_timing(self, encoding: float) -> None:
        """Only a turn that went well says how long one takes, and that encoder and disk work."""
        if not self.finished:
            return
        upkeep.note_trouble(self.pipeline, "")
        clips = len(self.jobs) * size_of(self.jobs[0])
        watch = self.watch
        around = max(encoding, watch.share() * len(self.jobs) - watch.seconds_denoising)
        upkeep.note_timing(
            self.pipeline, per_step=watch.seconds_denoising / self.jobs[0].steps / clips, around=around / clips
        )

    def _follow_up(self) -> None:
        """The renditions nobody waits for. What goes wrong here is made up for by ``renditions.complete_all``."""
        from generation.encoding import encode_rest

        for output, clip in self.finished:
            try:
                rendering.add_renditions(output, encode_rest(clip, width=self._width(clip)))
            except Exception:  # the clip is finished; neither its model nor its batch has to suffer
                log.exception("the renditions of %s follow later", output)

    def __str__(self) -> str:
        return f"batch {self.jobs[0].batch} of {len(self.jobs)}"


def order_of(job: Job) -> Order:
    brief = job.brief
    return Order(
        brief.prompt,
        brief.negative_prompt,
        brief.steps,
        brief.guidance,
        job.seed,
        brief.width,
        brief.height,
        brief.frames,
        brief.first_frame.file.path if brief.first_frame else None,
    )
