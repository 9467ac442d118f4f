"""Take a copy of one's own clip, or of its recipe, out of the house."""

from django.db import models

from access import audit, clock
from access.models import User
from generation.models import Output
from generation.policies import may_download
from generation.refusals import NoDownload


class Kind(models.TextChoices):
    """What a copy is of."""

    CLIP = "clip"
    RECIPE = "recipe"


def take_copy(output: Output, *, by: User, kind: Kind) -> None:
    """Record that an artist takes a copy with them: the clip as it is played, or what one needs to make it again.

    Raises:
        NoDownload: no agreement that they signed and that is in force allows it.
    """
    if not may_download(by, output):
        raise NoDownload
    playable = output.rendition("playable") if kind == Kind.CLIP else None
    facts = {"sha256": playable.sha256 if playable else output.master_sha256}
    with audit.recorded():
        audit.trace(f"download_{kind}", program=output.program, at=clock.now(), actor=by, subject=output, facts=facts)
