"""What pages of a lower floor show of review. Templates stand above all floors; code never looks up."""

from typing import Any

from django import template

from access import clock
from generation.models import Output
from review.models import Decision, Submission

register = template.Library()


@register.simple_tag
def submission_of(output: Output) -> Submission | None:
    """The live submission of an output, if its artist asked to share it."""
    return Submission.objects.filter(output=output).exclude(state=Submission.State.WITHDRAWN).first()


@register.simple_tag
def with_submissions(works: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The library's works, each with ``known``: what its artist may know of its submission, empty if there is none."""
    submitted = Submission.objects.filter(output__in=[work["id"] for work in works]).exclude(state="withdrawn")
    states = dict.fromkeys(submitted.values_list("output", flat=True), "waiting")
    decided = Decision.objects.effective(clock.now()).filter(submission__in=submitted)
    states |= dict(decided.values_list("submission__output", "verdict"))
    return [{**work, "known": states.get(work["id"], "")} for work in works]
