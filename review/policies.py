"""Who may do what with submissions, decisions and shares."""

from datetime import datetime

from access.models import Enrollment, User
from generation.models import Output
from review.models import Decision, Submission


def may_submit(enrollment: Enrollment, output: Output) -> bool:
    """Artists submit what they made in this program, from whichever cohort they made it."""
    own = output.enrollment.user_id == enrollment.user_id and output.program_id == enrollment.program_id
    return own and enrollment.is_live()


def may_withdraw(user: User, submission: Submission) -> bool:
    return submission.enrollment.user_id == user.pk


def may_judge(user: User, submission: Submission, at: datetime) -> bool:
    return user.is_active and Submission.objects.reviewable_by(user, at).filter(pk=submission.pk).exists()


def may_undo(user: User, decision: Decision) -> bool:
    return decision.decided_by_id == user.pk


def may_share(user: User, decision: Decision) -> bool:
    return decision.artist_id == user.pk
