"""The lead's page: all that needs a lead is on it, and a lead can act on it there."""

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from access import clock, enrollment, halting, roles
from access.models import Conflict, Entry, Role, User
from review import claiming, clocks, escalating
from review.models import Claim, Escalation, Look
from tests import make
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(cast: Cast) -> User:
    return make.lead(program=cast.program)


def read(user: User, cast: Cast) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse("review_lead", args=[cast.program.slug])).content.decode()


def post(user: User, name: str, cast: Cast, *args: object, **fields: object) -> HttpResponse:
    client = Client()
    client.force_login(user)
    return client.post(reverse(name, args=[cast.program.slug, *args]), fields, follow=True)  # type: ignore[return-value]


def ask(cast: Cast, by: User | None = None, **facts: str) -> Escalation:
    return escalating.escalate(cast.claim(cast.submission(**facts), by=by), question="Is this a knife or a brush?")


def test_a_calm_day(cast: Cast, lead: User) -> None:
    page = read(lead, cast)
    for words in ("Nobody waits for an answer", "Nothing is late", "Nobody holds anything"):
        assert words in page
    assert "Nobody may take" not in page and "notice--trouble" not in page


def test_what_is_stranded_stands_there_with_why_and_who_frees_it(cast: Cast, lead: User) -> None:
    cast.submission(title="Stranded")
    for judge in (cast.reviewer, cast.rival, lead):
        facts = {"program": cast.program, "artist": cast.artist.user, "declared_at": clock.now()}
        Conflict.objects.create(judge=judge, reason="Cousins.", **facts)
    page = read(lead, cast)
    assert "Nobody may take these" in page and "Stranded" in page and "The program&#x27;s staff" in page
    assert page.count("must not get this one") == 3


def test_a_clip_with_a_known_answer_is_not_taken_over(cast: Cast, at: At, lead: User) -> None:
    decision = cast.approve(cast.claim(cast.submission(), by=cast.rival))
    at(decision.effective_at + timedelta(minutes=1))
    look = Look.objects.create(
        submission=decision.submission, program=cast.program, artist=cast.artist.user, round=1, kind="golden",
        reserved_for=cast.reviewer, asked_at=clock.now(), due_at=clock.now() + timedelta(days=1),
    )  # fmt: skip
    escalating.escalate(claiming.claim(look, reviewer=cast.reviewer), question="A knife?")
    page = read(lead, cast)
    assert "A knife?" in page and "Take it over" not in page
    ask(cast)
    assert read(lead, cast).count("Take it over") == 1


def test_a_question_is_answered_and_goes_back(cast: Cast, lead: User) -> None:
    asked = ask(cast)
    assert "Is this a knife or a brush?" in read(lead, cast)
    empty = post(lead, "review_advise", cast, asked.pk, answer=" ")
    assert empty.status_code == 422 and "errorlist" in empty.content.decode()
    page = post(lead, "review_advise", cast, asked.pk, answer="It is a brush.").content.decode()
    assert "Nobody waits for an answer" in page
    held = claiming.claim_next(cast.reviewer, program=cast.program)
    assert held and held.look_id == asked.look_id
    late = post(lead, "review_advise", cast, asked.pk, answer="A second answer that took a while.")
    assert late.status_code == 409 and "A second answer that took a while." in late.content.decode()


def test_a_lead_takes_a_question_over(cast: Cast, lead: User) -> None:
    asked = ask(cast)
    page = post(lead, "review_claim", cast, asked.look_id)
    assert page.status_code == 200 and Claim.objects.live(clock.now()).get(look=asked.look).reviewer == lead


def test_nobody_answers_their_own_question(cast: Cast, lead: User) -> None:
    asked = ask(cast, by=lead)
    assert "another lead answers" in read(lead, cast)
    assert post(lead, "review_advise", cast, asked.pk, answer="Yes, I think so.").status_code == 403


def test_a_lead_who_must_not_answer_is_not_asked_to(cast: Cast, lead: User) -> None:
    asked = ask(cast)
    assert "Answer" in read(lead, cast) and "Take it over" in read(lead, cast)
    Conflict.objects.create(
        judge=lead, program=cast.program, artist=cast.artist.user, reason="Cousins.", declared_at=clock.now()
    )
    page = read(lead, cast)
    assert "so another lead answers" in page and "Take it over" not in page
    assert reverse("review_advise", args=[cast.program.slug, asked.pk]) not in page
    assert reverse("review_advise", args=[cast.program.slug, asked.pk]) in read(make.lead(program=cast.program), cast)


def test_a_lead_with_a_conflict_is_not_offered_the_claim_on_it(cast: Cast, lead: User) -> None:
    held = cast.claim(cast.submission())
    url = reverse("review_break", args=[cast.program.slug, held.pk])
    assert url in read(lead, cast)
    Conflict.objects.create(
        judge=lead, program=cast.program, artist=cast.artist.user, reason="Cousins.", declared_at=clock.now()
    )
    page = read(lead, cast)
    assert url not in page and "another lead breaks this claim" in page


def test_what_three_passed_by_is_there_with_their_reasons(cast: Cast, lead: User) -> None:
    asked = cast.submission(title="Unloved")
    for who in (cast.reviewer, cast.rival, make.reviewer(program=cast.program)):
        claiming.skip(cast.claim(asked, by=who), reason=f"Reason of {who.pseudonym}.")
    page = read(lead, cast)
    assert "Passed by" in page and "Unloved" in page and page.count("Reason of ") == 3
    assert post(lead, "review_claim", cast, cast.look(asked).pk).status_code == 200


def test_a_claim_is_broken_with_a_reason(cast: Cast, lead: User) -> None:
    held = cast.claim(cast.submission(title="Held"))
    assert "Held" in read(lead, cast) and cast.reviewer.name in read(lead, cast)
    assert post(lead, "review_break", cast, held.pk).status_code == 422
    assert Claim.objects.get(pk=held.pk).released_at is None
    post(lead, "review_break", cast, held.pk, reason="They left for the day.")
    broken = Claim.objects.get(pk=held.pk)
    assert broken.broken_by == lead and broken.released_at
    assert Entry.objects.get(act="break_claim").private.text == "They left for the day."
    again = post(lead, "review_break", cast, held.pk, reason="Once more, with feeling.")
    assert again.status_code == 409 and "Once more, with feeling." in again.content.decode()


def test_late_ones_are_counted_and_listed(cast: Cast, lead: User, at: At) -> None:
    asked = cast.submission(title="Forgotten")
    at(asked.due_at + timedelta(hours=1))
    clocks.find_breaches()
    page = read(lead, cast)
    assert "1 is past its deadline" in page and "Forgotten" in page


def test_clocks_that_stand_and_that_stood(cast: Cast, lead: User, at: At) -> None:
    cast.submission()
    placed = halting.halt(cast.program, program=cast.program, by=None, reason="The model misbehaves.")
    assert "The model misbehaves." in read(lead, cast) and "clocks stand since" in read(lead, cast)
    at(placed.placed_at + timedelta(hours=3))
    halting.lift(placed, by=None)
    clocks.apply_pauses()
    assert "1 deadline moved on" in read(lead, cast)


def test_a_lead_who_makes_clips_learns_nothing_of_who_looks_at_theirs(cast: Cast, lead: User, at: At) -> None:
    cohort = make.cohort(program=cast.program)
    own = enrollment.accept(enrollment.invite(lead.email, cohort=cohort, by=None).token)
    held = cast.claim(cast.submission(output=make.output(enrollment=own), title="My own"))
    claiming.release(held)
    other = cast.submission(output=make.output(enrollment=own))
    asked = escalating.escalate(cast.claim(other), question="Hm?")
    cast.claim(held.submission, by=cast.rival)
    page = read(lead, cast)
    assert "My own" not in page and "Hm?" not in page and cast.rival.name not in page
    assert post(lead, "review_advise", cast, asked.pk, answer="Let it pass.").status_code == 404
    again = Claim.objects.live(clock.now()).get(submission=held.submission)
    assert post(lead, "review_break", cast, again.pk, reason="Mine.").status_code == 404


def test_another_program_is_another_program(cast: Cast) -> None:
    held, asked = cast.claim(cast.submission()), ask(cast, by=cast.rival)
    elsewhere = make.program()
    stranger = make.lead(program=elsewhere)
    client = Client()
    client.force_login(stranger)
    for name, pk in (("review_break", held.pk), ("review_advise", asked.pk)):
        url = reverse(name, args=[elsewhere.slug, pk])
        assert client.post(url, {"reason": "Mine.", "answer": "Mine."}).status_code == 404


def test_a_program_that_nobody_reviews_says_so(cast: Cast) -> None:
    Role.objects.all().delete()
    elsewhere = make.user()
    roles.grant_role(elsewhere, Role.Kind.LEAD, program=cast.program, by=None)
    assert "Nobody reviews in this program" not in read(elsewhere, cast)
    assert Look.objects.count() == 0
