"""Where a program's terms say that a person watches every clip: what nobody asked to share comes into the queue too.

Only clips whose brief was written after those terms were published, since the studio says it before anything is made.
"""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from access import audit, clock
from access.locking import share_halt_lock
from access.models import Cohort, Enrollment, Program
from generation.models import Output, Rendition
from review import submitting
from review.models import Policy, ReviewTerms, Submission, halts_over
from review.refusals import SubmittedAlready

BATCH = 100  # outputs in one sweep
FIRST = timedelta(minutes=10)  # in which an artist can ask by themselves, with a title and words of their own


def settle() -> int:
    """Bring what is due into the queue; how many came. Twice at once is once: an output has one submission."""
    now = clock.now()
    programs = Program.objects.filter(opened_at__isnull=False, review_terms__every_output=True).distinct()
    due = [output for program in programs.order_by("pk") for output in unwatched(program, now)[:BATCH]]
    return sum(_enter(output) for output in due)


def promised_since(program: Program) -> datetime | None:
    """Since when the terms have said it without a break; None if those in force do not."""
    since = None
    for terms in ReviewTerms.objects.filter(program=program).order_by("-number"):
        if not terms.every_output:
            break
        since = terms.published_at
    return since


def unwatched(program: Program, at: datetime) -> QuerySet[Output]:
    """The outputs that are to be watched and are in nobody's queue, the oldest first; none of a red team."""
    since = promised_since(program)
    if since is None or Policy.objects.in_force(program, at) is None:
        return Output.objects.none()
    found = Output.objects.filter(program=program, job__brief__created_at__gte=since, created_at__lte=at - FIRST)
    found = found.filter(enrollment__in=Enrollment.objects.live()).exclude(
        enrollment__cohort__kind=Cohort.Kind.RED_TEAM
    )
    for recipe in submitting.NEEDED:
        made = Rendition.objects.filter(output=OuterRef("pk"), recipe=recipe, personal_to=None)
        found = found.filter(Exists(made))
    asked = Submission.objects.filter(output=OuterRef("pk")).exclude(state=Submission.State.WITHDRAWN)
    free = found.exclude(Exists(asked)).exclude(Exists(halts_over("enrollment")))
    return free.select_related("program", "enrollment__user", "job__brief").order_by("created_at", "pk")


def _enter(output: Output) -> bool:
    """One into the queue; not if a stop or the artist was faster."""
    with audit.recorded():
        share_halt_lock(output.program)
        if not Output.objects.filter(pk=output.pk).exclude(Exists(halts_over("enrollment"))).exists():
            return False
        asked = Submission(output=output, enrollment=output.enrollment, program=output.program, asked=False)
        asked.title = Truncator(" ".join(output.job.brief.prompt.split())).chars(80) or _("Untitled")
        try:
            submitting.enter(asked, by=None)
        except SubmittedAlready:
            return False
    return True
