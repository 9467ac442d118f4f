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
    found = found.exclude(enrollment__cohort__kind=Cohort.Kind.RED_TEAM).filter(Exists(_inside()))
    for recipe in submitting.NEEDED:
        made = Rendition.objects.filter(output=OuterRef("pk"), recipe=recipe, personal_to=None)
        found = found.filter(Exists(made))
    before = Submission.objects.filter(
        output=OuterRef("pk")
    )  # also what the artist took back: only they bring it again
    free = found.exclude(Exists(before))
    return free.select_related("program", "enrollment", "job__brief").order_by("created_at", "pk")


def _inside() -> QuerySet[Enrollment]:
    """The live enrollment of an output's artist, who may have moved to another cohort; none under a halt."""
    live = Enrollment.objects.live().filter(user=OuterRef("enrollment__user"), program=OuterRef("program"))
    return live.exclude(cohort__kind=Cohort.Kind.RED_TEAM).exclude(Exists(halts_over("")))


def _enter(output: Output) -> bool:
    """One into the queue; not if a stop or the artist was faster."""
    with audit.recorded():
        share_halt_lock(output.program)
        if not unwatched(output.program, clock.now()).filter(pk=output.pk).exists():
            return False
        artist = output.enrollment.user_id
        inside = Enrollment.objects.live().select_related("user").get(user=artist, program=output.program)
        asked = Submission(output=output, enrollment=inside, program=output.program, asked=False)
        asked.title = Truncator(" ".join(output.job.brief.prompt.split())).chars(80) or _("Untitled")
        try:
            submitting.enter(asked, by=None)
        except SubmittedAlready:
            return False
    return True
