"""The pages of quality: what they show equals the queries, and who sees whom."""

from datetime import timedelta
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access import clock, roles
from access.models import Role, User
from access.refusals import NotAllowed
from review import agreement, claiming, contesting, evenness, goldens, qa
from review.agreement import Period
from review.models import Contest, Decision, Draw
from review.templatetags.quality import share
from tests import make
from tests.review.cast import At, Cast
from tests.review.test_qa import settled, terms

pytestmark = pytest.mark.django_db


def page(who: User, name: str, *args: object, **posted: str) -> str:
    client = Client()
    client.force_login(who)
    url = reverse(name, args=args)
    answer = client.post(url, posted, follow=True) if posted else client.get(url)
    assert answer.status_code in (200, 422)
    return answer.content.decode()


def checked(cast: Cast, at: At, said: str = "rejected") -> Decision:
    """An approval of the cast's reviewer, and what the rival's check says."""
    terms(cast, percent=100)
    decision = cast.approval()
    qa.draw(settled(decision, at))
    cast.give(claiming.reveal(claiming.claim(decision.draw.look, reviewer=cast.rival)), said)
    return decision


def test_few_are_never_a_figure_and_nobody_is_named(cast: Cast, at: At) -> None:
    checked(cast, at)
    text = page(make.lead(program=cast.program), "review_agreement", cast.program.slug)
    assert "too few" in text and "% (" not in text
    assert "reviewer " in text
    for who in (cast.reviewer, cast.rival, cast.artist.user):
        assert who.email not in text and who.name not in text


def test_the_figures_are_the_queries(cast: Cast, at: At) -> None:
    decisions = [checked(cast, at, said) for said in ("approved", "rejected", "approved")]
    period = Period(cast.program, clock.now() - timedelta(days=90), clock.now())
    found = agreement.agreement(agreement.checks(period)).raw
    same = [made for made in decisions if Draw.objects.get(pk=made.pk).look.opinion.verdict == made.verdict]
    assert (found.hits, found.n) == (len(same), len(decisions)) == (2, 3)
    first = evenness.evenness(period)
    assert first.other.n == 3 and first.critique.n == 0 and first.other.approved.hits == 3
    with mock.patch.object(agreement, "FEWEST", 1), mock.patch.object(evenness, "FEWEST", 1):
        text = page(make.lead(program=cast.program), "review_agreement", cast.program.slug)
    assert share(found) in text and share(first.other.approved) in text


def test_critique_counts_only_what_is_decided_and_was_called_so_before(cast: Cast, at: At) -> None:
    make.reviewer(program=cast.program)
    cast.submission(is_critique=True)
    decision = cast.approve(cast.claim(cast.submission(is_critique=True)))
    settled(decision, at)
    found = evenness.evenness(Period(cast.program, clock.now() - timedelta(days=1), clock.now()))
    assert (found.critique.n, found.other.n) == (1, 0)


def test_a_reviewer_reads_what_the_other_said_and_contests_it(cast: Cast, at: At) -> None:
    decision = checked(cast, at)
    assert "None of yours was checked yet" in page(cast.reviewer, "review_qa", cast.program.slug), "not the same day"
    at(clock.now() + timedelta(days=1))
    text = page(cast.reviewer, "review_qa", cast.program.slug)
    assert "The knife at the end." in text and cast.rival.email not in text
    text = page(cast.reviewer, "contest", cast.program.slug, decision.first_id, words="It is a brush.")
    assert "It is a brush." in text and "has not answered yet" in text
    lead = make.lead(program=cast.program)
    assert "It is a brush." in page(lead, "review_agreement", cast.program.slug)
    page(lead, "answer_contest", cast.program.slug, decision.first_id, stands="yes", answer="You are right.")
    assert Contest.objects.get().stands
    assert "You are right." in page(cast.reviewer, "review_qa", cast.program.slug)


def test_a_check_shows_nothing_before_it_is_in(cast: Cast, at: At) -> None:
    terms(cast, percent=100)
    qa.draw(settled(cast.approval(), at))
    at(clock.now() + timedelta(days=1))
    assert "None of yours was checked yet" in page(cast.reviewer, "review_qa", cast.program.slug)


def test_words_typed_are_kept_when_something_is_missing(cast: Cast, at: At) -> None:
    decision = checked(cast, at)
    page(cast.reviewer, "contest", cast.program.slug, decision.first_id, words="It is a brush.")
    lead = make.lead(program=cast.program)
    text = page(lead, "answer_contest", cast.program.slug, decision.first_id, answer="Half an answer.")
    assert "Half an answer." in text and not Contest.objects.get().answered_at


def test_a_lead_chooses_on_a_page(cast: Cast, at: At) -> None:
    decision = checked(cast, at, "approved")
    lead = make.lead(program=cast.program)
    text = page(lead, "review_agreement", cast.program.slug)
    assert reverse("choose_golden", args=[cast.program.slug, decision.submission_id]) in text
    assert "Mix it in" in page(lead, "choose_golden", cast.program.slug, decision.submission_id)
    text = page(lead, "choose_golden", cast.program.slug, decision.submission_id, why="Nothing is in it.")
    assert "Nothing is in it." in text and "Retire" in text


def test_a_lead_reads_nothing_of_their_own_clips(cast: Cast, at: At) -> None:
    decision = checked(cast, at)
    goldens.choose_golden(decision.submission, by=make.lead(program=cast.program), why="Nothing is in it.")
    contesting.contest(decision.first, by=cast.reviewer, words="It is a brush.")
    roles.grant_role(cast.artist.user, Role.Kind.LEAD, program=cast.program, by=None)
    shown = page(make.lead(program=cast.program), "review_agreement", cast.program.slug)
    assert "Tide" in shown and "It is a brush." in shown and "Retire" in shown
    own = page(cast.artist.user, "review_agreement", cast.program.slug)
    assert "Tide" not in own and "It is a brush." not in own and "Retire" not in own
    with pytest.raises(NotAllowed):
        contesting.answer_contest(Contest.objects.get(), by=cast.artist.user, stands=True, answer="Yes.")


def test_an_opinion_is_compared_with_its_own_other_sides_alone(cast: Cast, at: At) -> None:
    decision, asked = checked(cast, at), []
    agreement.against(decision.first, clock.now())  # its submission and program are read by now
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            [pair] = agreement.against(decision.first, clock.now())
        assert pair.one.opinion == decision.first
        asked.append(len(queries))
        checked(cast, at)
    assert asked[0] == asked[1]
    [pair] = agreement.against(decision.draw.look.opinion, clock.now())
    assert pair.other.opinion == decision.draw.look.opinion
