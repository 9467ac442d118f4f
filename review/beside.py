"""What stands beside a clip while it is judged, and what must not: an opinion that is asked for blind stays blind.

The rule is one for all kinds of looks: what came before the look's round, and nothing of the round itself. So a check
of quality shows what the ordinary look of its round showed. An artist's appeal shows the decision that it is against;
the second look that a rule asks for, since a clip turned out to be critique, is as blind as any other second one.
"""

from dataclasses import dataclass, field
from datetime import datetime

from generation.models import Output
from review.models import Answer, Appeal, Decision, Escalation, Look, Note, Submission


@dataclass
class Beside:
    """The words and clips that came before."""

    decisions: list[Decision] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)  # that went out with them
    answers: list[Answer] = field(default_factory=list)
    earlier: Output | None = None  # the output that this one was made in place of
    appeal: Appeal | None = None
    escalations: list[Escalation] = field(default_factory=list)
    parent: Output | None = None  # the artist's own clip that it was made from


def beside(look: Look, at: datetime) -> Beside:
    """What the reviewer of this look is shown beside the clip."""
    submission = look.submission
    before = submission.answers
    found = Beside(earlier=before.output if before else None, parent=_parent(submission))
    found.appeal = appeal_of(look)
    found.decisions = _decisions(look, found.appeal, at)
    found.notes = list(Note.objects.filter(opinion__in=[said for made in found.decisions for said in made.opinions]))
    found.answers = list(submission.given_answers.filter(round__lte=look.round).order_by("round"))
    found.escalations = list(look.escalations.order_by("asked_at"))
    return found


def appeal_of(look: Look) -> Appeal | None:
    """The artist's appeal that a look answers. What a rule asks for is none, and nothing on the page tells of it."""
    if look.kind != Look.Kind.APPEAL:
        return None
    return Appeal.objects.filter(look=look, is_critique=False).first()


def _decisions(look: Look, appeal: Appeal | None, at: datetime) -> list[Decision]:
    """Effective ones of earlier rounds, and of the submission that this one answers; the one appealed against."""
    chain = [look.submission_id, *([look.submission.answers_id] if look.submission.answers_id else [])]
    known = Decision.objects.effective(at).filter(submission__in=chain)
    known = known.select_related("clause", "first", "second", "tie_break").order_by("decided_at")
    appealed = appeal.decision_id if appeal else None
    return [
        made
        for made in known
        if made.submission_id != look.submission_id or made.round < look.round or made.pk == appealed
    ]


def _parent(submission: Submission) -> Output | None:
    parent = submission.output.job.brief.parent
    return getattr(parent, "output", None) if parent else None
