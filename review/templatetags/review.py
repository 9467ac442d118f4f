"""What pages of a lower floor show of review. Templates stand above all floors; code never looks up."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access import clock
from access.models import Program
from generation.models import Job, Output
from review import story
from review.models import Decision, ReviewTerms, Submission
from review.words import band_words

register = template.Library()
HOURS_IN_WORDS = 48  # from here on in days


@register.simple_tag
def submission_of(output: Output) -> Submission | None:
    """The live submission of an output, if its artist asked to share it."""
    return Submission.objects.filter(output=output).exclude(state=Submission.State.WITHDRAWN).first()


@register.simple_tag
def with_submissions(works: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The library's works, each with ``known``: what its artist may know of its submission, empty if there is none;
    and with ``asked``: whether they asked to share it, or the program watches it unasked."""
    submitted = list(Submission.objects.filter(output__in=[work["id"] for work in works]).exclude(state="withdrawn"))
    decided = {made.submission_id: made for made in story.outcomes(clock.now()).filter(submission__in=submitted)}
    found = {one.output_id: (story.known(one, decided.get(one.pk)), one.asked) for one in submitted}
    return [
        {**work, **dict(zip(("known", "asked"), found.get(work["id"], ("", False)), strict=True))} for work in works
    ]


@register.simple_tag
def is_all_watched(program: Program) -> bool:
    """Whether a person watches every clip that is made, by the program's terms of review."""
    return ReviewTerms.objects.in_force(program).every_output


@register.simple_tag
def no_to(job: Job | None) -> Decision | None:
    """The no, or the request for changes, that stands against a job's clip: what a remix of it may want to mend."""
    if job is None:
        return None
    against = story.outcomes(clock.now()).filter(submission__output__job=job).exclude(verdict="approved")
    return against.select_related("clause", "submission__program", "submission__policy").first()


@register.filter
def timecode(milliseconds: int) -> str:
    """A moment of a clip as minutes, seconds and hundredths, e.g. ``0:03.25``."""
    minutes, rest = divmod(int(milliseconds), 60_000)
    return f"{minutes}:{rest // 1000:02}.{rest % 1000 // 10:02}"


@register.filter
def seconds(milliseconds: int) -> str:
    """Milliseconds as seconds with a point, for addresses and attributes, whatever the language."""
    return f"{milliseconds / 1000:g}" if milliseconds % 1000 else f"{milliseconds / 1000:.1f}"


@register.filter
def fraction(part: float) -> str:
    """A part of a picture as a number with a point, for attributes, whatever the language."""
    return f"{part:.4f}"


@register.filter
def roughly_until(instant: datetime, now: datetime) -> str:
    """How long until an instant, no finer than an estimate is: whole hours, from two days on whole days."""
    hours = round((instant - now) / timedelta(hours=1))
    if hours >= HOURS_IN_WORDS:
        return _("%(n)d days") % {"n": round(hours / 24)}
    return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours} if hours else _("less than an hour")


@register.filter
def band_name(band: int) -> str:
    """A risk band in words, e.g. ``high risk``."""
    return str(band_words(band))
