"""A reviewer contests what quality assurance says of an opinion of theirs; a lead answers, and it is counted so."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from access import audit, clock
from access.models import Role, User
from access.refusals import NotAllowed, WordsMissing
from access.telling import tell
from review import policies
from review.agreement import against
from review.models import Contest, Opinion
from review.refusals import ContestAnswered, ContestedAlready, NothingToContest


def contest(opinion: Opinion, *, by: User, words: str) -> Contest:
    """Say once why an opinion was right although another look or the known answer says otherwise.

    Raises:
        NotAllowed: not their own opinion.
        WordsMissing: no reason.
        NothingToContest: nothing was compared with it, or what was says the same.
        ContestedAlready.
    """
    if opinion.reviewer_id != by.pk:
        raise NotAllowed
    if not words.strip():
        raise WordsMissing
    program = opinion.submission.program
    with audit.recorded():
        now = clock.now()
        if not against(opinion, now):
            raise NothingToContest
        made = _keep(opinion, words.strip(), now)
        _tell_whoever_answers(opinion, now)
        audit.trace("contest", program=program, at=now, actor=by, subject=made, private=words)
    return made


def _keep(opinion: Opinion, words: str, at: datetime) -> Contest:
    try:
        with transaction.atomic():
            return Contest.objects.create(opinion=opinion, words=words, contested_at=at)
    except IntegrityError:
        raise ContestedAlready from None


def _tell_whoever_answers(opinion: Opinion, at: datetime) -> None:
    """The leads, but those whose opinion or clip it is; where none is left, the staff, who can make somebody one."""
    program = opinion.submission.program
    live = Role.objects.live().filter(program=program).select_related("user")
    concerned = [opinion.reviewer_id, opinion.submission.enrollment.user_id]
    leads = list(live.filter(kind=Role.Kind.LEAD).exclude(user__in=concerned))
    text, page = _("A reviewer contests a check of quality."), "review_agreement"
    if not leads:
        text = _("A check of quality is contested, and no lead may answer: make somebody else a lead, too.")
        page = "review_opening"
    for role in leads or live.filter(kind=Role.Kind.PROGRAM_STAFF):
        tell(role.user, "contested", text, at=at, program=program, url=reverse(page, args=[program.slug]))


def answer_contest(contested: Contest, *, by: User, stands: bool, answer: str) -> Contest:
    """A lead answers. If the opinion stands it is counted as agreement after all.

    Raises:
        NotAllowed: not a lead of the program, or their own opinion or clip.
        WordsMissing: no words.
        ContestAnswered: somebody was faster.
    """
    opinion = contested.opinion
    program = opinion.submission.program
    if not policies.may_lead(by, program) or by.pk in (opinion.reviewer_id, opinion.submission.enrollment.user_id):
        raise NotAllowed
    if not answer.strip():
        raise WordsMissing
    with audit.recorded():
        now = clock.now()
        said = {"answer": answer.strip(), "stands": stands, "answered_by": by, "answered_at": now}
        if not Contest.objects.filter(pk=contested.pk, answered_at=None).update(**said):
            raise ContestAnswered
        url = reverse("review_qa", args=[program.slug])
        text = _("A lead has answered what you contested.")
        tell(opinion.reviewer, "contest_answered", text, at=now, program=program, url=url)
        facts = {"stands": stands}
        audit.trace("answer_contest", program=program, at=now, actor=by, subject=contested, facts=facts, private=answer)
    contested.refresh_from_db()
    return contested
