"""What a machine notices in a clip that is approved already. It takes nothing back, since a machine decides nothing:
whoever leads or runs the program hears of it, and people stop the clip or let it be."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from access.models import Role
from access.telling import tell
from generation.models import Output
from review.models import Decision, Signal, Verdict
from review.weighing import RAISES


def tell_of(output: Output, found: list[Signal], at: datetime) -> None:
    """In the transaction that keeps what was found: once, to each lead and each of the staff, if it is grave."""
    grave = [signal for signal in found if signal.kind in RAISES]
    approved = Decision.objects.standing().filter(submission__output=output, verdict=Verdict.APPROVED)
    decision = approved.select_related("submission__program").first() if grave else None
    if decision is None:
        return
    said = _(
        "“%(title)s” was approved before a machine noticed this: %(noticed)s If it must not stay public, the program's "
        "staff can halt its artist, which closes the links while you talk."
    ) % {"title": decision.submission.title, "noticed": " ".join(signal.sentence for signal in grave)}
    program = decision.submission.program
    concerned = Role.objects.live().filter(program=program, kind__in=[Role.Kind.LEAD, Role.Kind.PROGRAM_STAFF])
    roles = concerned.exclude(user=decision.artist_id).select_related("user").order_by("kind")
    desk = {role.user: role.kind == Role.Kind.PROGRAM_STAFF for role in roles}  # who has both can halt
    for user, runs_it in desk.items():
        url = reverse("staff", args=[program.slug]) if runs_it else ""
        tell(user, "found_late", said, at=at, program=program, url=url)
