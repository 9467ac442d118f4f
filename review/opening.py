"""A program opens only with as many reviewers as its own rules need: without them, somebody would wait for ever."""

from dataclasses import dataclass

from access import audit, clock
from access.models import Program, Role, User
from access.refusals import NotAllowed
from review import policies
from review.models import Policy
from review.refusals import LeadMissing, PolicyMissing, TooFewReviewers


@dataclass(frozen=True)
class Need:
    """How many people a program needs, and has, to review by its own rules. ``reasons`` add up to ``needed``."""

    needed: int
    have: int
    leads_missing: int
    reasons: tuple[tuple[str, int], ...]

    @property
    def missing(self) -> int:
        return max(0, self.needed - self.have)


# A no to critique always needs a second person, so every program needs the three of a disagreement, and for its appeal
# somebody who had no part.
REASONS = (("first", 1), ("second", 1), ("tie_break", 1), ("appeal", 1))


def need_of(program: Program) -> Need:
    """What the rules need: first, second, third and somebody for the appeal; one of them a lead, for the questions."""
    roles = Role.objects.reviewers().filter(program=program, user__is_active=True)
    have = roles.values("user").distinct().count()
    leads = roles.filter(kind=Role.Kind.LEAD).count()
    return Need(sum(n for _reason, n in REASONS), have, max(0, 1 - leads), REASONS)


def open_program(program: Program, *, by: User | None) -> Program:
    """Let artists work in the program from now on. Opening what is open is no change.

    Raises:
        NotAllowed: not staff of the program. ``by=None`` is the system itself.
        PolicyMissing: no grounds are published yet.
        TooFewReviewers: the rules need more people; ``missing`` among the facts.
        LeadMissing: they are enough, and none of them leads.
    """
    if by is not None and not policies.may_open(by, program):
        raise NotAllowed
    with audit.recorded():
        locked = Program.objects.select_for_update(no_key=True).get(pk=program.pk)
        if locked.opened_at is not None:
            return locked
        now = clock.now()
        if Policy.objects.in_force(locked, now) is None:
            raise PolicyMissing
        need = need_of(locked)
        if need.missing or need.leads_missing:
            raise LeadMissing if need.leads_missing and not need.missing else TooFewReviewers(missing=need.missing)
        Program.objects.filter(pk=locked.pk).update(opened_at=now)
        locked.opened_at = now
        facts = {"needed": need.needed, "have": need.have}
        audit.trace("open_program", program=locked, at=now, actor=by, subject=locked, facts=facts)
    return locked
