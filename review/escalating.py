"""A reviewer who does not know asks the leads; the clock goes on. A lead advises, or decides it in their place."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from access import audit, clock
from access.models import User
from access.refusals import NotAllowed, WordsMissing
from review import claiming, policies
from review.models import Claim, Escalation, Look
from review.refusals import ClaimLost, QuestionAnswered, QuestionOpen


def escalate(held: Claim, *, question: str) -> Escalation:
    """Put a look before the leads with a question, and out of one's own hands.

    Raises:
        WordsMissing: no question.
        ClaimLost.
        QuestionOpen: a question about it waits already.
    """
    if not question.strip():
        raise WordsMissing
    with audit.recorded():
        look = Look.objects.select_for_update(of=("self",), no_key=True).select_related("program").get(pk=held.look_id)
        now = clock.now()  # behind the lock: whoever waited for it long may hold nothing any more
        if not Claim.objects.live(now).filter(pk=held.pk).exists():
            raise ClaimLost
        try:
            with transaction.atomic():
                made = Escalation.objects.create(
                    look=look, asked_by=held.reviewer, question=question.strip(), asked_at=now
                )
        except IntegrityError:
            raise QuestionOpen from None
        kept = {} if look.kind == Look.Kind.GOLDEN else {"reserved_for": None, "reserved_until": None}
        Look.objects.filter(pk=look.pk).update(for_leads=True, **kept)  # a known answer is for its reviewer alone
        claiming.end(held, now)
        audit.trace(
            "escalate", program=look.program, at=now, actor=held.reviewer, subject=held.submission, private=question,
            facts={"look": str(look.pk), "fence": held.fence},
        )  # fmt: skip
    return made


def advise(escalation: Escalation, *, by: User, answer: str) -> Escalation:
    """Answer the question: the look goes back to whoever asked, first, with the advice beside it.

    Whoever advises has part in the decision, so an appeal against it goes to somebody else.

    Raises:
        NotAllowed: not a lead of the program, or a lead asking themselves.
        OwnOutput, ConflictDeclared, HadPart: a lead who must not have a say in it.
        WordsMissing: no answer.
        QuestionAnswered.
    """
    look = escalation.look
    if not policies.may_lead(by, look.program) or by.pk == escalation.asked_by_id:
        raise NotAllowed
    if not answer.strip():
        raise WordsMissing
    with audit.recorded():
        Look.objects.select_for_update(no_key=True).get(pk=look.pk)
        now = clock.now()
        if why := policies.why_not_advise(look, by, now):
            raise why
        open_ = Escalation.objects.filter(pk=escalation.pk, answered_at=None)
        if not open_.update(answered_by=by, answer=answer.strip(), answered_at=now):
            raise QuestionAnswered
        back = {"for_leads": False, "reserved_for": escalation.asked_by, "reserved_until": now + claiming.LONGEST}
        Look.objects.waiting().filter(pk=look.pk).update(**back)
        audit.trace("advise", program=look.program, at=now, actor=by, subject=escalation, private=answer)
    escalation.refresh_from_db()
    return escalation


def take_over(look: Look, *, by: User, at: datetime) -> None:
    """A lead decided what they were asked about: the question is answered by that, in the verdict's transaction."""
    open_ = Escalation.objects.filter(look=look, answered_at=None)
    open_.update(answered_by=by, answer=_("Decided by a lead."), answered_at=at)
