"""An artist asks to share an output, answers when changes are asked for, says that it is critique, or takes it back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from access import audit, clock, storing
from access.locking import share_halt_lock
from access.models import AgreementVersion, Cohort, Credential, Enrollment, Halt, User
from access.policies import may_review
from access.refusals import AgreementUnsigned, Halted, NotAllowed, ProgramClosed, WordsMissing
from generation.doorbell import ring_early
from generation.models import Output
from review import appeals, claiming, clocks, policies, scrutiny, weighing
from review.models import Answer, Critique, Decision, Look, Policy, ReviewTerms, Submission, Verdict
from review.refusals import (
    BytesChanged,
    CritiqueSaidAlready,
    NoLongerWaiting,
    NotSentBack,
    PolicyMissing,
    RedTeamNeverShared,
    RenditionsMissing,
    SubmittedAlready,
)

NEEDED = ("playable", "poster", "contact_sheet")  # what a reviewer is shown and a link serves
FIRST_TO_THE_SAME = timedelta(hours=24)  # an answered submission waits so long for whoever sent it back


@dataclass(frozen=True)
class Wish:
    """What an artist says with a submission."""

    title: str
    credit: str = ""
    statement: str = ""
    publish_on_approval: bool = False
    is_critique: bool = False


def submit(
    output: Output,
    *,
    enrollment: Enrollment,
    wish: Wish,
    credential: Credential | None = None,
    answers: Submission | None = None,
) -> Submission:
    """Ask for the approval of an output; it is due within the hours that the program promises for its risk band.

    Args:
        answers: the submission of an earlier output that was sent back; this one goes on in its place.

    Raises:
        NotAllowed: somebody else's output, or of another program.
        RedTeamNeverShared, AgreementUnsigned, RenditionsMissing, BytesChanged, PolicyMissing, ProgramClosed.
        Halted: a stop covers the artist, or the credential they came with.
        SubmittedAlready: the output has a submission that was not withdrawn.
        NotSentBack: nobody waits for an answer to that earlier submission.
        AppealOpen: somebody looks again at what it was sent back for.
    """
    _check_may_submit(output, enrollment)
    if answers and not policies.may_go_on(enrollment, answers):
        raise NotAllowed
    _check_files(output)  # before the locks: nobody waits for a disk
    program = enrollment.program
    with audit.recorded():
        share_halt_lock(program)
        if Halt.objects.covering(enrollment, credential).exists():
            raise Halted
        asked = Submission(output=output, enrollment=enrollment, program=program, title=wish.title, credit=wish.credit)
        asked.statement, asked.publish_on_approval = wish.statement, wish.publish_on_approval
        ring_early("review.look_over", expires=15)  # a machine looks before somebody has watched it
        return enter(asked, answers=answers, is_critique=wish.is_critique, by=enrollment.user)


def enter(
    asked: Submission, *, by: User | None, answers: Submission | None = None, is_critique: bool = False
) -> Submission:
    """Weigh a submission, give it its deadline and put its first look into the queue, in the caller's transaction.

    ``by`` is None where the program looks at every output and nobody asked to share it.
    """
    before = _lock_answered(answers) if answers else None
    now = clock.now()
    policy = Policy.objects.in_force(asked.program, now)
    if policy is None:
        raise PolicyMissing
    brief = asked.output.job.brief
    weight = weighing.weigh(asked.program, [brief.prompt, asked.title, asked.statement])
    scrutiny.add_noticed(weight, asked.output)  # a machine may have looked at it before, or at the same bytes
    asked.policy, asked.submitted_at, asked.risk_band, asked.people = policy, now, weight.band, weight.people
    terms = ReviewTerms.objects.in_force(asked.program)
    asked.due_at = clocks.deadline(terms, weight.band, now)
    if before:
        _follow(asked, before, terms)
    _insert(asked)
    weighing.flag(asked, weight, now)
    if is_critique:
        Critique.objects.create(submission=asked, said_at=now)
    _ask(asked, before)
    _trace(asked, by)
    return asked


def _check_may_submit(output: Output, enrollment: Enrollment) -> None:
    if not policies.may_submit(enrollment, output):
        raise NotAllowed
    if enrollment.program.opened_at is None:
        raise ProgramClosed
    if Cohort.Kind.RED_TEAM in (output.enrollment.cohort.kind, enrollment.cohort.kind):
        raise RedTeamNeverShared
    if AgreementVersion.objects.unsigned_by(enrollment).exists():
        raise AgreementUnsigned


def _check_files(output: Output) -> None:
    renditions = [output.rendition(recipe) for recipe in NEEDED]
    if None in renditions:
        raise RenditionsMissing
    if not all(storing.is_intact(file) for file in [output.master, *(made.file for made in renditions if made)]):
        raise BytesChanged


def _insert(asked: Submission) -> None:
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
    except IntegrityError:
        if not Submission.objects.filter(output=asked.output).exclude(state=Submission.State.WITHDRAWN).exists():
            raise  # another rule said no
        raise SubmittedAlready from None


def _ask(asked: Submission, before: Decision | None) -> Look:
    """The first look. A brief of several clips is looked at together; an answer goes to the same reviewer first."""
    brief = asked.output.job.brief
    look = Look(
        submission=asked, program=asked.program, artist=asked.enrollment.user, round=asked.round,
        rank=asked.risk_band, due_at=asked.due_at, asked_at=asked.submitted_at,
        brief=brief if brief.variations > 1 else None,
    )  # fmt: skip
    if before:
        _reserve(look, before, asked.submitted_at)
    look.save(force_insert=True)
    return look


def _trace(asked: Submission, by: User | None) -> None:
    facts = {
        "output": str(asked.output_id),
        "master_sha256": asked.output.master_sha256,
        "policy": asked.policy.number,
        "risk_band": asked.risk_band,
        "due_at_us": audit.microseconds(asked.due_at),
        "answers": str(asked.answers_id or ""),
    }
    words = "\n".join([asked.title, asked.credit, asked.statement])
    audit.trace(
        "submit", program=asked.program, at=asked.submitted_at, actor=by, subject=asked, facts=facts, private=words
    )


def sent_back(submission: Submission, at: datetime) -> Decision | None:
    """The request for changes that the artist may answer now."""
    asked = submission.decisions.effective(at).filter(verdict=Verdict.CHANGES, round=submission.round)
    return asked.first() if submission.state == Submission.State.DECIDED else None


def _lock_answered(answers: Submission) -> Decision:
    locked = Submission.objects.select_for_update(of=("self",), no_key=True).get(pk=answers.pk)
    before = sent_back(locked, clock.now())
    if before is None or not Submission.objects.filter(pk=locked.pk, state="decided").update(state="answered"):
        raise NotSentBack
    appeals.check_nobody_looks(locked)
    return before


def _follow(asked: Submission, before: Decision, terms: ReviewTerms) -> None:
    """Go on where the submission before was sent back: its scrutiny, its clock, its count of changes."""
    earlier = before.submission
    asked.answers, asked.changes_made = earlier, earlier.changes_made + 1
    asked.risk_band, asked.people = max(asked.risk_band, earlier.risk_band), max(asked.people, earlier.people)
    asked.due_at = clocks.go_on(
        terms, asked.risk_band, stopped_at=before.decided_at, was_due=earlier.due_at, at=asked.submitted_at
    )


def answer(submission: Submission, *, by: User, words: str) -> Submission:
    """Go on with the same clip after changes were asked for, with words about it; the clock goes on where it stood.

    Raises:
        NotAllowed: ``by`` is not the artist.
        WordsMissing: an answer with the same clip needs words.
        NotSentBack: nobody waits for an answer.
        AppealOpen: somebody looks again at what it was sent back for.
    """
    if not policies.may_answer(by, submission):
        raise NotAllowed
    if not words.strip():
        raise WordsMissing
    with audit.recorded():
        locked = Submission.objects.select_for_update(of=("self",), no_key=True)
        found = locked.select_related("program", "enrollment__user").get(pk=submission.pk)
        now = clock.now()
        before = sent_back(found, now)
        if before is None:
            raise NotSentBack
        appeals.check_nobody_looks(found)
        _next_round(found, before, now)
        Answer.objects.create(submission=found, round=found.round, words=words.strip(), given_at=now)
        audit.trace("answer", program=found.program, at=now, actor=by, subject=found, private=words)
    return found


def _next_round(found: Submission, before: Decision, at: datetime) -> None:
    terms = ReviewTerms.objects.in_force(found.program)
    due = clocks.go_on(terms, found.risk_band, stopped_at=before.decided_at, was_due=found.due_at, at=at)
    Submission.objects.filter(pk=found.pk).update(
        state=Submission.State.WAITING, round=F("round") + 1, changes_made=F("changes_made") + 1, due_at=due
    )
    found.refresh_from_db()
    look = Look(
        submission=found, program=found.program, artist=found.enrollment.user, round=found.round, rank=found.risk_band,
        due_at=due, asked_at=found.submitted_at,
    )  # fmt: skip
    _reserve(look, before, at)
    look.save(force_insert=True)


def _reserve(look: Look, before: Decision, at: datetime) -> None:
    """Whoever sent it back is first, if they still review here; for half the time that is left, and a day at most."""
    if may_review(before.decided_by, look.program):
        look.reserved_for = before.decided_by
        look.reserved_until = at + min(FIRST_TO_THE_SAME, (look.due_at - at) / 2)


def say_critique(submission: Submission, *, by: User) -> Critique:
    """The artist says that the clip is critique: a no to it needs two people, also one that was given already.

    No reviewer sees it before the verdict, and it moves neither order nor clock.

    Raises:
        NotAllowed: ``by`` is not the artist.
        CritiqueSaidAlready.
    """
    if not policies.may_answer(by, submission):
        raise NotAllowed
    with audit.recorded():
        locked = Submission.objects.select_for_update(of=("self",), no_key=True).select_related("program")
        found = locked.get(pk=submission.pk)
        now = clock.now()
        if Critique.objects.filter(submission=found).exists():
            raise CritiqueSaidAlready
        said = Critique.objects.create(submission=found, said_at=now)
        audit.trace("say_critique", program=found.program, at=now, actor=by, subject=found)
        for alone in appeals.lonely_noes(now).filter(submission=found):
            appeals.ask_second(alone, at=now)
    return said


def withdraw(submission: Submission, *, by: User) -> None:
    """Take a waiting submission back, also out of a reviewer's hands; the output can be submitted anew.

    If it was an answer, what it answered waits for another one.

    Raises:
        NotAllowed: ``by`` is not the artist.
        NoLongerWaiting: a verdict was faster. It says no more than that: the verdict is not in effect yet.
    """
    if not policies.may_withdraw(by, submission):
        raise NotAllowed
    with audit.recorded():
        before = [submission.answers_id] if submission.answers_id else []
        answered = Submission.objects.filter(pk__in=before, state=Submission.State.ANSWERED)
        list(answered.select_for_update(no_key=True))  # what was there before it is locked before it
        taken_back = {"state": Submission.State.WITHDRAWN, "answers": None}
        if not Submission.objects.waiting().filter(pk=submission.pk).update(**taken_back):
            raise NoLongerWaiting
        now = clock.now()
        answered.update(state=Submission.State.DECIDED)
        submission.looks.waiting().update(state=Look.State.DROPPED)
        claiming.end_those(Q(submission=submission))
        audit.trace("withdraw", program=submission.program, at=now, actor=by, subject=submission)
