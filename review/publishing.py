"""Publish the grounds for a no and the terms of review. Criticism of the sponsor or the program is no ground."""

from access import audit, clock
from access.models import Program, User
from access.policies import holds
from access.refusals import NotAllowed
from review.models import Clause, Policy, ReviewTerms

# What a version of the terms says: every column but its name and day.
CHOSEN = tuple(
    field.attname
    for field in ReviewTerms._meta.concrete_fields
    if field.attname not in ("id", "program_id", "number", "published_at")
)


def publish_policy(program: Program, *, clauses: list[tuple[str, str, str]], by: User | None) -> Policy:
    """The program's next policy, from (code, title, text) of each clause. What was submitted before keeps its own.

    Raises:
        NotAllowed: ``by`` is not staff of the program. ``by=None`` is the system itself.
    """
    if by is not None and not holds(by, program, "program_staff"):
        raise NotAllowed
    with audit.recorded():
        Program.objects.select_for_update().get(pk=program.pk)
        now = clock.now()
        number = program.policies.count() + 1
        policy = Policy.objects.create(program=program, number=number, published_at=now)
        Clause.objects.bulk_create(
            Clause(policy=policy, code=code, title=title, text=text) for code, title, text in clauses
        )
        codes = [code for code, _title, _text in clauses]
        facts = {"number": number, "clauses": codes}
        audit.trace("publish_policy", program=program, at=now, actor=by, subject=policy, facts=facts)
    return policy


def publish_terms(program: Program, *, by: User | None, **terms: int | bool) -> ReviewTerms:
    """The next version of how the program reviews: the last one with these changes. It counts for what comes after it.

    Raises:
        NotAllowed: ``by`` is not staff of the program. ``by=None`` is the system itself.
    """
    if by is not None and not holds(by, program, "program_staff"):
        raise NotAllowed
    with audit.recorded():
        Program.objects.select_for_update(no_key=True).get(pk=program.pk)
        now = clock.now()
        last = ReviewTerms.objects.in_force(program)
        kept = {name: getattr(last, name) for name in CHOSEN} | terms
        made = ReviewTerms.objects.create(program=program, number=last.number + 1, published_at=now, **kept)
        audit.trace("publish_terms", program=program, at=now, actor=by, subject=made, facts=kept)
    return made
