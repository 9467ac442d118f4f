"""What pages of a lower floor show of review. Templates stand above all floors; the code below them does not look up."""

from django import template

from generation.models import Output
from review.models import Submission

register = template.Library()


@register.simple_tag
def submission_of(output: Output) -> Submission | None:
    """The live submission of an output, if its artist asked to share it."""
    return Submission.objects.filter(output=output).exclude(state=Submission.State.WITHDRAWN).first()
