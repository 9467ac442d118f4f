"""Who may do what with submissions, looks, decisions and shares."""

import uuid
from datetime import datetime

from access.models import Conflict, Enrollment, Program, Role, User
from access.policies import holds
from access.refusals import NotAllowed, Refused
from access.sql import run
from generation.models import Output
from review import queueing
from review.models import Decision, Escalation, Look, Opinion, Submission
from review.refusals import ConflictDeclared, ForLeads, HadPart, OptedOut, OwnOutput, SkippedAlready


def may_submit(enrollment: Enrollment, output: Output) -> bool:
    """Artists submit what they made in this program, from whichever cohort they made it."""
    own = output.enrollment.user_id == enrollment.user_id and output.program_id == enrollment.program_id
    return own and enrollment.is_live()


def may_withdraw(user: User, submission: Submission) -> bool:
    return submission.enrollment.user_id == user.pk


def may_go_on(enrollment: Enrollment, submission: Submission) -> bool:
    """Artists answer with another output what they submitted themselves, in the same program."""
    return submission.enrollment.user_id == enrollment.user_id and submission.program_id == enrollment.program_id


def may_answer(user: User, submission: Submission) -> bool:
    return submission.enrollment.user_id == user.pk


def may_appeal(user: User, decision: Decision) -> bool:
    return decision.artist_id == user.pk


def may_lead(user: User, program: Program) -> bool:
    return holds(user, program, Role.Kind.LEAD)


def may_open(user: User, program: Program) -> bool:
    return holds(user, program, Role.Kind.PROGRAM_STAFF)


def may_undo(user: User, decision: Decision) -> bool:
    return decision.decided_by_id == user.pk


def may_share(user: User, decision: Decision) -> bool:
    return decision.artist_id == user.pk


_WHY_NOT = f"""
SELECT l.artist_id = %(me)s,
    (SELECT 1 FROM access_role r WHERE r.program_id = l.program_id AND r.user_id = %(me)s AND r.revoked_at IS NULL
       AND (r.kind = 'lead' OR (r.kind = 'reviewer' AND l.for_leads = %(no)s)) LIMIT 1),
    (SELECT 1 FROM access_role r WHERE r.program_id = l.program_id AND r.user_id = %(me)s AND r.revoked_at IS NULL
       AND r.kind = 'reviewer' LIMIT 1),
    {queueing.CONFLICT}, {queueing.SAID_SOMETHING}, {queueing.ADVISED}, {queueing.SKIPPED}, {queueing.OPTED_OUT}
FROM review_look l WHERE l.id = %(look)s"""  # noqa: S608  fixed words


def why_not(look: Look, user: User, at: datetime) -> Refused | None:
    """Why this person must not judge, in one question to the database; None if they may. Who holds it is another."""
    asked = run(_WHY_NOT, look=look.pk, me=user.pk, now=at, no=False)
    own, may, reviews, conflict, part, advised, skipped, opted_out = asked[0]
    refusals: list[tuple[object, type[Refused]]] = [
        (own, OwnOutput),
        (not may and reviews, ForLeads),
        (not may or not user.is_active, NotAllowed),
        (conflict, ConflictDeclared),
        (part or advised, HadPart),
        (skipped, SkippedAlready),
        (opted_out, OptedOut),
    ]
    return next((refusal() for stands, refusal in refusals if stands), None)


def why_not_advise(look: Look, lead: User, at: datetime) -> Refused | None:
    """Why this lead must not tell somebody how to judge; None if they may. Who opted out or passed it by still may."""
    if why := why_not_touch(look, lead, at):
        return why
    ever = look.kind in (Look.Kind.APPEAL, Look.Kind.QA, Look.Kind.GOLDEN)
    said = Opinion.objects.filter(submission=look.submission_id, reviewer=lead)
    told = Escalation.objects.filter(look__submission=look.submission_id, answered_by=lead).exclude(look=look)
    blind = look.kind not in (Look.Kind.FIRST, Look.Kind.GOLDEN)
    had_part = (said if ever else said.filter(round=look.round)).exists() or (blind and told.exists())
    return HadPart() if had_part else None


def why_not_touch(look: Look, lead: User, at: datetime) -> Refused | None:
    """Why this lead must keep their hands off it, also as a lead; None if they need not."""
    if look.artist_id == lead.pk:
        return OwnOutput()
    return ConflictDeclared() if look.artist_id in conflicts_of(lead, look.program_id, at) else None


def conflicts_of(judge: User, program: int, at: datetime) -> set[uuid.UUID]:
    """The artists whom this person must not judge in a program, by its key."""
    against = Conflict.objects.live(at).filter(program=program, judge=judge)
    return set(against.values_list("artist", flat=True))
