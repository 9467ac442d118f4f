"""What a verdict must say: a no its reasons, a yes for whom it holds."""

from datetime import datetime

from review.beside import appeal_of
from review.models import Claim, Submission, Verdict
from review.refusals import (
    AppealWantsVerdict,
    ChangesSpent,
    ClauseForeign,
    EmbargoPassed,
    RangeOutside,
    ReasonsMissing,
)
from review.verdicts import Reasons, Scope


def check_reasons(claim: Claim, verdict: str, reasons: Reasons, *, longest: int) -> Reasons:
    """The reasons that count: all of a no; of a yes only the notes, and the words that answer an appeal.

    Args:
        claim: with its submission as it is under the lock.
        longest: milliseconds of the clip.

    Raises:
        ReasonsMissing, ClauseForeign, RangeOutside, AppealWantsVerdict, ChangesSpent.
    """
    if verdict == Verdict.APPROVED:
        # A yes needs no reasons, half-typed ones are not sent; an answer to an appeal has its words either way.
        words = reasons.words if appeal_of(claim.look) else ""
        return Reasons(words=words, private_note=reasons.private_note, remarks=reasons.remarks)
    if not (reasons.clause and reasons.words.strip()) or reasons.range is None:
        raise ReasonsMissing
    if reasons.clause.policy_id != claim.submission.policy_id:
        raise ClauseForeign
    ranges = [reasons.range, *((remark.from_ms, remark.to_ms) for remark in reasons.remarks)]
    if not all(0 <= start <= end <= longest for start, end in ranges):
        raise RangeOutside
    if verdict == Verdict.CHANGES:
        _check_changes(claim)
    return reasons


def _check_changes(claim: Claim) -> None:
    if appeal_of(claim.look):
        raise AppealWantsVerdict
    if claim.submission.changes_made >= Submission.MOST_CHANGES:
        raise ChangesSpent


def check_scope(verdict: str, scope: Scope, at: datetime) -> Scope | None:
    """For whom a yes holds. A no holds for nobody: what the form says of it besides is left out.

    Raises:
        EmbargoPassed.
    """
    if verdict != Verdict.APPROVED:
        return None
    if scope.embargo_until is not None and scope.embargo_until <= at:
        raise EmbargoPassed
    return scope
