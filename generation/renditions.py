"""Renditions that did not follow their master, since a worker was killed or the disk was full: made from the master."""

import logging
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from access import clock
from access.storing import is_intact
from generation import rendering
from generation.encoding import delivered_width, encode_rest, frames_of
from generation.engine import Clip
from generation.models import Output, OutputQuerySet, Rendition
from generation.refusals import Trouble

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=60)  # in which the worker makes them by itself
LOOK_BACK = timedelta(days=7)
AT_ONCE = 20
AT_A_TIME = 5.0  # seconds


def complete_all() -> int:
    """Make what is missing of a few outputs, drawn by lot: some may be past repair, and shall not be in others' way.

    How many it was made for.
    """
    missing = incomplete(clock.now()).select_related("master", "job__pipeline", "program").order_by("?")
    return sum(_try(output) for output in clock.within(AT_A_TIME, missing[:AT_ONCE]))


def _try(output: Output) -> bool:
    try:
        complete(output)
    except Trouble as trouble:
        log.warning("the renditions of %s are missing: %s", output, trouble)
    except Exception:  # of this output or of this moment: the others are tried all the same
        log.exception("the renditions of %s are missing", output)
    else:
        return True
    return False


def incomplete(now: datetime) -> OutputQuerySet:
    """Outputs of the last days whose contact sheet and proxy should have followed by now.

    How the picture arose is not among them: only the worker that rendered it knew.
    """
    recent = Output.objects.filter(created_at__gt=now - LOOK_BACK, created_at__lt=now - GRACE)
    return recent.filter(~Q(_has("contact_sheet")) | ~Q(_has("proxy")))


def _has(recipe: str) -> Exists:
    return Exists(Rendition.objects.filter(output=OuterRef("pk"), recipe=recipe, personal_to=None))


def complete(output: Output) -> None:
    """Make the renditions of an output from its master.

    Raises:
        Trouble: the master lost its bytes, or ffmpeg or the disk fail.
    """
    if not is_intact(output.master):
        raise Trouble("Its master has not the bytes it was stored with.")
    clip = Clip(frames_of(output.master.path, width=output.width, height=output.height), output.frame_rate)
    rendering.add_renditions(output, encode_rest(clip, width=_width(output)))


def _width(output: Output) -> int | None:
    """Of its playable, unless that is known to be no proxy: what the model declares may have changed since."""
    has_proxy = output.rendition("proxy") is not None
    return delivered_width(output.job.pipeline, drawn=output.width) if has_proxy else None
