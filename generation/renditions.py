"""Renditions that did not follow their master, since a worker was killed or the disk was full: made from the master."""

import logging
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from access import clock
from access.storing import is_intact
from generation import rendering
from generation.encoding import encode_rest, frames_of
from generation.engine import Clip
from generation.models import Output, OutputQuerySet, Rendition
from generation.refusals import Trouble

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=60)  # in which the worker makes them by itself
LOOK_BACK = timedelta(days=7)
AT_ONCE = 20


def complete_all() -> int:
    """Make what is missing of a few outputs; how many it was made for."""
    done = 0
    for output in incomplete(clock.now()).select_related("master", "job__pipeline", "program")[:AT_ONCE]:
        try:
            complete(output)
            done += 1
        except Trouble as trouble:
            log.warning("the renditions of %s are missing: %s", output, trouble)
    return done


def incomplete(now: datetime) -> OutputQuerySet:
    """Outputs of the last days whose contact sheet and proxy should have followed by now.

    How the picture arose is not among them: only the worker that rendered it knew.
    """
    recent = Output.objects.filter(created_at__gt=now - LOOK_BACK, created_at__lt=now - GRACE)
    return recent.filter(~Q(_has("contact_sheet")) | ~Q(_has("proxy"))).order_by("created_at")


def _has(recipe: str) -> Exists:
    return Exists(Rendition.objects.filter(output=OuterRef("pk"), recipe=recipe, personal_to=None))


def complete(output: Output) -> None:
    """Make the renditions of an output from its master.

    Raises:
        Trouble: the master lost its bytes, or ffmpeg or the disk fail.
    """
    if not is_intact(output.master):
        raise Trouble("Its master has not the bytes it was stored with.")
    frames = frames_of(output.master.path, width=output.width, height=output.height)
    width = int(output.job.pipeline.studio.get("deliver_width", 768))
    rendering.add_renditions(output, encode_rest(Clip(frames, output.frame_rate), width=width))
