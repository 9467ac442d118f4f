"""A machine looks, late, at what was approved before one could: whoever leads hears what it noticed. It changes nothing
by itself, since a machine decides nothing: the clip stays approved until people stop it."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from access.telling import tell
from generation.models import Output, OutputQuerySet
from review.leading import leads
from review.models import Decision, Examination, Signal, Verdict
from review.weighing import RAISES

FAR_BACK = timedelta(days=14)  # approvals that are looked up; whoever repairs the machines has so long


def unseen(at: datetime) -> OutputQuerySet:
    """Outputs whose approval is in effect and that no machine has looked at."""
    looked = Examination.objects.filter(output=OuterRef("submission__output"), trouble="")
    recent = Decision.objects.effective(at).filter(verdict=Verdict.APPROVED, effective_at__gt=at - FAR_BACK)
    return Output.objects.filter(pk__in=recent.exclude(Exists(looked)).values("submission__output"))


def tell_of(output: Output, found: list[Signal], at: datetime) -> None:
    """In the transaction that keeps what was found: once, to each lead, if it was approved already and is grave."""
    grave = [signal for signal in found if signal.kind in RAISES]
    approved = Decision.objects.standing().filter(submission__output=output, verdict=Verdict.APPROVED)
    decision = approved.select_related("submission__program").first() if grave else None
    if decision is None:
        return
    submission = decision.submission
    said = _(
        "“%(title)s” was approved before a machine had looked at it. One has now: %(noticed)s If it must not stay "
        "public, the program's staff can halt its artist, which closes the links while you talk."
    ) % {"title": submission.title, "noticed": " ".join(signal.sentence for signal in grave)}
    url = reverse("review_lead", args=[submission.program.slug])
    for user in leads(submission.program, but=[decision.artist])[0]:
        tell(user, "found_late", said, at=at, program=submission.program, url=url)
