"""An artist asks to share an output, or takes the question back."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from access import audit, clock, storing
from access.locking import share_halt_lock
from access.models import AgreementVersion, Cohort, Credential, Enrollment, Halt, User
from access.refusals import AgreementUnsigned, Halted, NotAllowed
from generation.models import Output
from review import policies
from review.models import Claim, Policy, Submission
from review.refusals import (
    BytesChanged,
    NoLongerWaiting,
    PolicyMissing,
    RedTeamNeverShared,
    RenditionsMissing,
    SubmittedAlready,
)

NEEDED = ("playable", "poster", "contact_sheet")  # what a reviewer is shown and a link serves


def submit(
    output: Output,
    *,
    enrollment: Enrollment,
    title: str,
    credit: str,
    statement: str,
    publish_on_approval: bool,
    credential: Credential | None = None,
) -> Submission:
    """Ask for the approval of an output; it is due within the hours that the program promises.

    Raises:
        NotAllowed: somebody else's output, or of another program.
        RedTeamNeverShared, AgreementUnsigned, RenditionsMissing, BytesChanged, PolicyMissing.
        Halted: a stop covers the artist, or the credential they came with.
        SubmittedAlready: the output has a submission that was not withdrawn.
    """
    _check_may_submit(output, enrollment)
    _check_files(output)  # before the locks: nobody waits for a disk
    program = enrollment.program
    with audit.recorded():
        share_halt_lock(program)
        now = clock.now()
        if Halt.objects.covering(enrollment, credential).exists():
            raise Halted
        asked = Submission(output=output, enrollment=enrollment, program=program, title=title, credit=credit)
        asked.statement, asked.publish_on_approval = statement, publish_on_approval
        submission = _create(asked, now)
        facts = {"output": str(output.pk), "master_sha256": output.master_sha256, "policy": submission.policy.number}
        words = "\n".join([title, credit, statement])
        audit.trace(
            "submit", program=program, at=now, actor=enrollment.user, subject=submission, facts=facts, private=words
        )
    return submission


def _check_may_submit(output: Output, enrollment: Enrollment) -> None:
    if not policies.may_submit(enrollment, output):
        raise NotAllowed
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


def _create(asked: Submission, at: datetime) -> Submission:
    policy = Policy.objects.in_force(asked.program, at)
    if policy is None:
        raise PolicyMissing
    asked.policy, asked.submitted_at = policy, at
    asked.due_at = at + timedelta(hours=asked.program.review_hours)
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
    except IntegrityError:
        raise SubmittedAlready from None
    return asked


def withdraw(submission: Submission, *, by: User) -> None:
    """Take a waiting submission back, also out of a reviewer's hands; the output can be submitted anew.

    Raises:
        NotAllowed: ``by`` is not the artist.
        NoLongerWaiting: a verdict was faster. It says no more than that: the verdict is not in effect yet.
    """
    if not policies.may_withdraw(by, submission):
        raise NotAllowed
    with audit.recorded():
        if not Submission.objects.waiting().filter(pk=submission.pk).update(state=Submission.State.WITHDRAWN):
            raise NoLongerWaiting
        now = clock.now()
        Claim.objects.filter(submission=submission, released_at=None).update(released_at=now)
        audit.trace("withdraw", program=submission.program, at=now, actor=by, subject=submission)
