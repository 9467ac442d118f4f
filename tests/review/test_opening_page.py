"""Opening a program, and publishing how it reviews: by its staff, in versions that stay."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from access.models import Entry, Program, Role, User
from review.models import Policy, ReviewTerms
from review.staff_forms import TermsForm
from tests import make
from tests.review.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(cast: Cast) -> User:
    Program.objects.filter(pk=cast.program.pk).update(opened_at=None)
    cast.program.refresh_from_db()
    return make.staff(program=cast.program)


def client(user: User) -> Client:
    made = Client()
    made.force_login(user)
    return made


def read(user: User, name: str, program: Program) -> str:
    return client(user).get(reverse(name, args=[program.slug])).content.decode()


def post(user: User, name: str, program: Program, fields: dict[str, Any] | None = None) -> HttpResponse:
    return client(user).post(reverse(name, args=[program.slug]), fields or {}, follow=True)  # type: ignore[return-value]


# --- opening ------------------------------------------------------------------------------------------------------


def test_the_page_counts_who_is_missing(cast: Cast, staff: User) -> None:
    page = read(staff, "review_opening", cast.program)
    assert "Before the program opens" in page and "2 reviewers are missing" in page and "There is no lead" in page
    assert cast.reviewer.name in page and "disabled>Open the program" in page
    make.lead(program=cast.program)
    page = read(staff, "review_opening", cast.program)
    assert "1 reviewer is missing" in page and "There is no lead" not in page


def test_a_program_that_has_what_it_needs_opens(cast: Cast, staff: User) -> None:
    refused = post(staff, "review_opening", cast.program)
    assert refused.status_code == 403 and "fewer reviewers" in refused.content.decode()
    make.lead(program=cast.program)
    make.reviewer(program=cast.program)
    assert "disabled" not in read(staff, "review_opening", cast.program).split("Open the program")[0][-40:]
    page = post(staff, "review_opening", cast.program).content.decode()
    assert "The program is open" in page and "It has what its own rules need" in page
    assert Program.objects.get(pk=cast.program.pk).opened_at
    assert Entry.objects.filter(act="open_program", actor=str(staff.pk)).count() == 1


def test_an_open_program_that_lost_reviewers_is_told(cast: Cast) -> None:
    page = read(make.staff(program=cast.program), "review_opening", cast.program)
    assert "fewer reviewers by now than its own rules need" in page and 'type="submit">Open the program' not in page


def test_without_grounds_nothing_opens() -> None:
    program = make.program(opened_at=None)
    staff = make.staff(program=program)
    for _ in range(4):
        make.lead(program=program)
    page = read(staff, "review_opening", program)
    assert "not published yet" in page and "disabled>Open the program" in page
    assert "not published its policy" in post(staff, "review_opening", program).content.decode()


def test_somebody_who_reviews_in_two_roles_is_one_person(cast: Cast, staff: User) -> None:
    Role.objects.create(program=cast.program, user=cast.reviewer, kind="lead", granted_at=cast.program.created_at)
    page = read(staff, "review_opening", cast.program)
    assert page.count(f">{cast.reviewer.name}</span>") == 1 and "2 reviewers are missing" in page


# --- terms --------------------------------------------------------------------------------------------------------


def terms_of(program: Program, **changes: object) -> dict[str, Any]:
    """What the browser sends: every field, with these changes; a box that is not ticked is not sent."""
    before = TermsForm(terms=ReviewTerms.objects.in_force(program)).before | changes
    return {name: "on" if value is True else value for name, value in before.items() if value is not False}


def test_terms_are_published_in_versions(cast: Cast, staff: User) -> None:
    fields = terms_of(cast.program, hours_severe=6, every_output=True, sheet_bands=1)
    page = post(staff, "review_terms", cast.program, fields).content.decode()
    terms = ReviewTerms.objects.in_force(cast.program)
    assert (terms.number, terms.hours_severe, terms.every_output, terms.sheet_bands) == (1, 6, True, 1)
    assert terms.hours_low == 48, "what was not changed stays"
    assert "Version 1, published on" in page and "<dd>of low risk</dd>" in page
    post(staff, "review_terms", cast.program, terms_of(cast.program, pauses_on_weekends=True))
    assert ReviewTerms.objects.in_force(cast.program).number == 2
    assert ReviewTerms.objects.get(number=1).pauses_on_weekends is False
    assert Entry.objects.filter(act="publish_terms").count() == 2


def test_terms_that_change_nothing_or_promise_nothing_are_not_published(cast: Cast, staff: User) -> None:
    same = post(staff, "review_terms", cast.program, terms_of(cast.program))
    assert same.status_code == 422 and "Nothing is different" in same.content.decode()
    for wrong in (
        {"hours_low": 0},
        {"qa_percent": 101},
        {"appeal_days": ""},
        {"sheet_bands": 4},
        {"hours_high": 10**9},
    ):
        answer = post(staff, "review_terms", cast.program, terms_of(cast.program, **wrong))
        assert answer.status_code == 422 and "errorlist" in answer.content.decode(), wrong
    assert not ReviewTerms.objects.exists()


# --- grounds ------------------------------------------------------------------------------------------------------


def grounds(*clauses: tuple[str, str, str], left_out: int | None = None) -> dict[str, str]:
    fields = {"clause-TOTAL_FORMS": str(len(clauses)), "clause-INITIAL_FORMS": "0"}
    for number, clause in enumerate(clauses):
        fields |= {
            f"clause-{number}-{name}": said for name, said in zip(("code", "title", "text"), clause, strict=True)
        }
    return fields | ({f"clause-{left_out}-DELETE": "on"} if left_out is not None else {})


def test_grounds_are_published_as_the_next_version(cast: Cast, staff: User) -> None:
    page = read(staff, "review_policies", cast.program)
    assert "Criticism of the sponsor or of this program is not a ground" in page and "Violence" in page
    fields = grounds(("1", "Real people", "With consent only."), ("4", "Hate", "None."), ("", "", ""))
    page = post(staff, "review_policies", cast.program, fields).content.decode()
    newest = Policy.objects.get(number=2)
    assert [(c.code, c.title) for c in newest.clauses.all()] == [("1", "Real people"), ("4", "Hate")]
    assert cast.policy.clauses.count() == 3 and "Version 2, published on" in page
    assert Entry.objects.get(act="publish_policy").actor == str(staff.pk)


def test_a_clause_can_be_left_out(cast: Cast, staff: User) -> None:
    clauses = [(c.code, c.title, c.text) for c in cast.policy.clauses.all()]
    fields = grounds(*clauses, left_out=1) | {"clause-INITIAL_FORMS": "3"}
    post(staff, "review_policies", cast.program, fields)
    assert [c.code for c in Policy.objects.get(number=2).clauses.all()] == ["1", "3"]


@pytest.mark.parametrize(
    ("clauses", "said"),
    [
        ([], "Keep one clause at least"),
        ([("1", "A", "a"), ("1", "B", "b")], "Two clauses have the same code"),
        ([("1", "A", "")], "This field is required"),
    ],
)
def test_grounds_with_a_mistake_are_not_published_and_not_lost(
    cast: Cast, staff: User, clauses: list[tuple[str, str, str]], said: str
) -> None:
    answer = post(staff, "review_policies", cast.program, grounds(*clauses))
    page = answer.content.decode()
    assert answer.status_code == 422 and said in page and Policy.objects.count() == 1
    assert all(f'value="{title}"' in page for _code, title, _text in clauses)


def test_a_form_that_is_none_publishes_nothing(cast: Cast, staff: User) -> None:
    for name in ("review_terms", "review_policies"):
        assert post(staff, name, cast.program).status_code == 422
    assert not ReviewTerms.objects.exists() and Policy.objects.count() == 1
