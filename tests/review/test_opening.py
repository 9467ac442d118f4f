"""A program opens with enough people to review by its own rules; until then artists neither render nor submit."""

import pytest

from access import clock
from access.models import Entry, Program, Role
from access.refusals import NotAllowed, ProgramClosed
from generation.models import Job
from review import opening
from review.refusals import LeadMissing, PolicyMissing, TooFewReviewers
from tests import make
from tests.review.cast import Cast


def closed(reviewers: int = 3, leads: int = 1, *, policy: bool = True) -> Program:
    program = make.program(opened_at=None)
    if policy:
        make.policy(program)
    for _ in range(reviewers):
        make.reviewer(program=program)
    for _ in range(leads):
        make.lead(program=program)
    return program


pytestmark = pytest.mark.django_db


def test_it_opens_once_and_stays_open() -> None:
    program = closed()
    staff = make.staff(program=program)
    opened = opening.open_program(program, by=staff)
    assert opened.opened_at and opening.open_program(program, by=staff).opened_at == opened.opened_at
    assert Entry.objects.filter(act="open_program").count() == 1


def test_only_its_staff() -> None:
    program = closed()
    for nobody in (make.lead(program=program), make.staff(program=make.program())):
        with pytest.raises(NotAllowed):
            opening.open_program(program, by=nobody)


def test_not_without_a_policy() -> None:
    with pytest.raises(PolicyMissing):
        opening.open_program(closed(policy=False), by=None)


@pytest.mark.parametrize(
    ("reviewers", "leads", "missing", "leads_missing"), [(0, 0, 4, 1), (2, 1, 1, 0), (4, 0, 0, 1), (0, 4, 0, 0)]
)
def test_how_many_are_missing(reviewers: int, leads: int, missing: int, leads_missing: int) -> None:
    program = closed(reviewers, leads)
    need = opening.need_of(program)
    assert (need.missing, need.leads_missing, need.needed) == (missing, leads_missing, sum(n for _, n in need.reasons))
    if not missing + leads_missing:
        assert opening.open_program(program, by=None)
        return
    with pytest.raises(TooFewReviewers if missing else LeadMissing) as refused:
        opening.open_program(program, by=None)
    assert refused.value.facts == ({"missing": missing} if missing else {})


def test_one_person_counts_once_and_who_left_not_at_all() -> None:
    program = closed(reviewers=2)
    lead = Role.objects.get(program=program, kind="lead").user
    Role.objects.create(program=program, user=lead, kind="reviewer", granted_at=clock.now())
    gone = make.reviewer(program=program)
    gone.is_active = False
    gone.save()
    Role.objects.filter(user=make.reviewer(program=program)).update(revoked_at=clock.now())
    assert opening.need_of(program).have == 3


def test_until_it_opens_nothing_is_rendered_and_nothing_submitted(cast: Cast) -> None:
    output = cast.output()
    Program.objects.filter(pk=cast.program.pk).update(opened_at=None)
    cast.artist.refresh_from_db()
    output.enrollment.refresh_from_db()
    before = Job.objects.count()
    with pytest.raises(ProgramClosed):
        make.brief(enrollment=cast.artist)
    with pytest.raises(ProgramClosed):
        cast.submission(output)
    assert Job.objects.count() == before
    for _ in range(2):
        make.lead(program=cast.program)
    opening.open_program(cast.program, by=None)
    cast.artist.refresh_from_db()
    assert make.brief(enrollment=cast.artist)
