"""Clips with a known answer, and what a reviewer may say against a check."""

import uuid
from datetime import timedelta
from unittest import mock

import pytest

from access import clock, roles
from access.models import Entry, Notice, Role, User
from access.refusals import NotAllowed, WordsMissing
from review import agreement, appeals, claiming, contesting, escalating, goldens, publishing, qa
from review.agreement import Period
from review.models import Contest, Decision, Draw, Golden, Look, Opinion
from review.refusals import (
    ContestAnswered,
    ContestedAlready,
    GoldenAlready,
    GoldenRetired,
    NothingKnown,
    NothingToContest,
)
from tests import make
from tests.review.cast import At, Cast
from tests.review.test_qa import settled, terms

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(cast: Cast) -> User:
    return make.lead(program=cast.program)


def golden(cast: Cast, at: At, lead: User, verdict: str = "rejected") -> Golden:
    """A clip that the cast's rival decided on and the lead chose."""
    decision = cast.give(cast.claim(cast.submission(), by=cast.rival), verdict).decision
    settled(decision, at)
    return goldens.choose_golden(decision.submission, by=lead, why="The blade is in every frame.")


def deal(cast: Cast, at: At, **facts: int) -> Look | None:
    """Everybody's every decision brings a golden one; the reviewer makes one."""
    terms(cast, **facts)
    with mock.patch.object(
        qa, "number_of", lambda seed, decision, drawn_for="qa": 0.0 if drawn_for == "golden" else 0.9
    ):
        qa.draw(settled(cast.approval(), at))
    return Look.objects.filter(kind="golden").first()


# --- choosing ----------------------------------------------------------------------------------------------------


def test_a_lead_chooses_a_decided_clip_and_says_why(cast: Cast, at: At, lead: User) -> None:
    chosen = golden(cast, at, lead)
    assert (chosen.verdict, chosen.clause, chosen.chosen_by) == ("rejected", cast.clause, lead)
    entry = Entry.objects.get(act="choose_golden")
    assert '"clause":"2"' in entry.facts and entry.private.text == "The blade is in every frame."
    with pytest.raises(GoldenAlready):
        goldens.choose_golden(chosen.submission, by=lead, why="Again.")


def test_only_a_lead_chooses_and_never_without_a_word(cast: Cast, at: At, lead: User) -> None:
    decision = cast.approval()
    settled(decision, at)
    with pytest.raises(NotAllowed):
        goldens.choose_golden(decision.submission, by=cast.rival, why="Plain.")
    with pytest.raises(WordsMissing):
        goldens.choose_golden(decision.submission, by=lead, why="  ")
    assert not Golden.objects.exists()


def test_what_may_still_change_is_no_known_answer(cast: Cast, at: At, lead: User) -> None:
    decision = cast.reject(cast.claim(cast.submission()))
    with pytest.raises(NothingKnown):
        goldens.choose_golden(decision.submission, by=lead, why="Not in effect yet.")
    settled(decision, at)
    appeals.open_appeal(decision, by=cast.artist.user, words="Look again.")
    with pytest.raises(NothingKnown):
        goldens.choose_golden(decision.submission, by=lead, why="Appealed.")


def test_a_golden_one_is_retired_once_and_its_waiting_looks_go(cast: Cast, at: At, lead: User) -> None:
    chosen = golden(cast, at, lead)
    look = deal(cast, at, golden=2)
    with pytest.raises(NotAllowed):
        goldens.retire_golden(chosen, by=cast.reviewer)
    goldens.retire_golden(chosen, by=lead)
    look.refresh_from_db()
    assert look.state == "dropped" and not goldens.in_use(clock.now()).exists()
    with pytest.raises(GoldenRetired):
        goldens.retire_golden(chosen, by=lead)


# --- dealing -----------------------------------------------------------------------------------------------------


def test_it_comes_to_its_reviewer_alone_and_looks_like_any_other(cast: Cast, at: At, lead: User) -> None:
    chosen = golden(cast, at, lead)
    look = deal(cast, at, golden=2)
    assert look.submission_id == chosen.pk and look.reserved_for == cast.reviewer and look.reserved_until is None
    assert look.due_at - look.asked_at == timedelta(hours=48) and look.asked_at == clock.now()
    other = make.reviewer(program=cast.program)
    assert claiming.claim_next(other, program=cast.program) is None
    assert claiming.claim_next(cast.reviewer, program=cast.program).look == look


def test_whoever_had_part_or_chose_it_is_never_dealt_it(cast: Cast, at: At, lead: User) -> None:
    chosen = golden(cast, at, lead)
    newest = publishing.publish_terms(cast.program, by=None, golden_percent=50)
    for who in (cast.rival, lead):
        assert goldens.deal(who, newest, seed="0", at=clock.now()) is None
    assert goldens.deal(cast.reviewer, newest, seed="0", at=clock.now()).submission_id == chosen.pk


def test_nobody_chooses_their_own_clip(cast: Cast, at: At) -> None:
    decision = cast.rejection(at)
    roles.grant_role(cast.artist.user, Role.Kind.LEAD, program=cast.program, by=None)
    with pytest.raises(NotAllowed):
        goldens.choose_golden(decision.submission, by=cast.artist.user, why="Plain.")


def test_no_lead_is_dealt_one_nor_keeps_one(cast: Cast, at: At, lead: User) -> None:
    golden(cast, at, lead)
    other = make.lead(program=cast.program)
    newest = publishing.publish_terms(cast.program, by=None, golden_percent=50)
    assert goldens.deal(other, newest, seed="0", at=clock.now()) is None
    look = goldens.deal(cast.reviewer, newest, seed="0", at=clock.now())
    assert look and qa.drop_moot(clock.now()) == 0
    roles.grant_role(cast.reviewer, Role.Kind.LEAD, program=cast.program, by=None)
    assert qa.drop_moot(clock.now()) == 1


def test_whoever_passed_it_by_is_never_dealt_it(cast: Cast, at: At, lead: User) -> None:
    asked = cast.submission()
    claiming.skip(cast.claim(asked), reason="I know the place.")
    settled(cast.reject(cast.claim(asked, by=cast.rival)), at)
    goldens.choose_golden(asked, by=lead, why="The blade is in every frame.")
    newest = publishing.publish_terms(cast.program, by=None, golden_percent=50)
    assert goldens.deal(cast.reviewer, newest, seed="0", at=clock.now()) is None


def test_one_waits_for_a_reviewer_at_a_time(cast: Cast, at: At, lead: User) -> None:
    golden(cast, at, lead), golden(cast, at, lead)
    newest = publishing.publish_terms(cast.program, by=None, golden_percent=50)
    assert goldens.deal(cast.reviewer, newest, seed="0", at=clock.now()) is not None
    assert goldens.deal(cast.reviewer, newest, seed="1", at=clock.now()) is None


def test_none_is_dealt_whose_answer_fell(cast: Cast, at: At, lead: User) -> None:
    chosen = golden(cast, at, lead)
    look = deal(cast, at, golden=2)
    no = chosen.submission.decisions.get()
    appeals.open_appeal(no, by=cast.artist.user, words="Look again.")
    assert qa.drop_moot(clock.now()) == 1
    look.refresh_from_db()
    assert look.state == "dropped"


def test_none_waits_for_somebody_who_left(cast: Cast, at: At, lead: User) -> None:
    golden(cast, at, lead)
    deal(cast, at, golden=2)
    Role.objects.filter(user=cast.reviewer).update(revoked_at=clock.now())
    assert qa.drop_moot(clock.now()) == 1


def test_a_question_about_one_is_answered_and_it_goes_back(cast: Cast, at: At, lead: User) -> None:
    golden(cast, at, lead)
    look = deal(cast, at, golden=2)
    asked = escalating.escalate(claiming.claim(look, reviewer=cast.reviewer), question="Is it?")
    assert qa.drop_moot(clock.now()) == 0
    escalating.advise(asked, by=make.lead(program=cast.program), answer="Look at the blade.")
    look.refresh_from_db()
    assert (look.state, look.for_leads, look.reserved_for) == ("waiting", False, cast.reviewer)
    assert claiming.claim_next(cast.reviewer, program=cast.program).look == look


def test_one_that_is_passed_by_waits_for_nobody(cast: Cast, at: At, lead: User) -> None:
    golden(cast, at, lead)
    look = deal(cast, at, golden=2)
    claiming.skip(claiming.claim(look, reviewer=cast.reviewer), reason="a friend")
    look.refresh_from_db()
    assert look.state == "dropped"


def test_about_as_many_as_the_terms_say(cast: Cast, at: At, lead: User) -> None:
    """The number that brings one is another than the number that draws a check."""

    ids = [uuid.UUID(int=n) for n in range(3000)]
    hits = [qa.number_of("s", one, drawn_for="golden") < 0.02 for one in ids]
    both = sum(hit and qa.number_of("s", one) < 0.05 for hit, one in zip(hits, ids, strict=True))
    assert 30 <= sum(hits) <= 95 and both < 15


def test_a_golden_opinion_changes_no_state_of_the_artist(cast: Cast, at: At, lead: User) -> None:
    chosen = golden(cast, at, lead)
    look = deal(cast, at, golden=2)
    before = list(Decision.objects.order_by("pk").values()), Notice.objects.filter(user=cast.artist.user).count()
    held = claiming.reveal(claiming.claim(look, reviewer=cast.reviewer))
    assert cast.give(held, "approved").decision is None
    after = list(Decision.objects.order_by("pk").values()), Notice.objects.filter(user=cast.artist.user).count()
    assert before == after and chosen.submission.decisions.get().verdict == "rejected"


# --- contesting --------------------------------------------------------------------------------------------------


def missed(cast: Cast, at: At, lead: User) -> Opinion:
    """An opinion of the reviewer against the known answer."""
    golden(cast, at, lead)
    look = deal(cast, at, golden=2)
    return cast.give(claiming.reveal(claiming.claim(look, reviewer=cast.reviewer)), "approved").opinion


def test_a_miss_is_contested_once_and_answered_once(cast: Cast, at: At, lead: User) -> None:
    opinion = missed(cast, at, lead)
    made = contesting.contest(opinion, by=cast.reviewer, words="It is a brush.")
    assert Notice.objects.filter(user=lead, kind="contested").count() == 1
    with pytest.raises(ContestedAlready):
        contesting.contest(opinion, by=cast.reviewer, words="Still.")
    contesting.answer_contest(made, by=lead, stands=True, answer="You are right.")
    assert Notice.objects.get(user=cast.reviewer, kind="contest_answered")
    with pytest.raises(ContestAnswered):
        contesting.answer_contest(made, by=lead, stands=False, answer="No.")
    assert Contest.objects.get().stands is True
    assert set(Entry.objects.filter(act__contains="contest").values_list("act", flat=True)) == {
        "contest",
        "answer_contest",
    }


def test_where_no_lead_may_answer_the_staff_are_told(cast: Cast, at: At, lead: User) -> None:
    opinion, staff = missed(cast, at, lead), make.staff(program=cast.program)
    Role.objects.filter(user=lead).update(revoked_at=clock.now())
    contesting.contest(opinion, by=cast.reviewer, words="It is a brush.")
    told = Notice.objects.get(kind="contested")
    assert told.user == staff and "no lead may answer" in told.text


def test_what_stands_after_a_contest_counts_as_agreement(cast: Cast, at: At, lead: User) -> None:
    made = contesting.contest(missed(cast, at, lead), by=cast.reviewer, words="It is a brush.")
    period = Period(cast.program, clock.now() - timedelta(days=1), clock.now())
    assert agreement.agreement(agreement.golden_answers(period)).raw.hits == 0
    contesting.answer_contest(made, by=lead, stands=True, answer="You are right.")
    assert agreement.agreement(agreement.golden_answers(period)).raw.hits == 1


def test_who_may_contest_and_answer(cast: Cast, at: At, lead: User) -> None:
    opinion = missed(cast, at, lead)
    with pytest.raises(NotAllowed):
        contesting.contest(opinion, by=cast.rival, words="Not mine.")
    with pytest.raises(WordsMissing):
        contesting.contest(opinion, by=cast.reviewer, words=" ")
    made = contesting.contest(opinion, by=cast.reviewer, words="It is a brush.")
    with pytest.raises(NotAllowed):
        contesting.answer_contest(made, by=cast.rival, stands=True, answer="Yes.")
    with pytest.raises(WordsMissing):
        contesting.answer_contest(made, by=lead, stands=True, answer="")
    assert Contest.objects.get().answered_at is None


def test_a_lead_does_not_answer_their_own(cast: Cast, at: At, lead: User) -> None:
    made = contesting.contest(missed(cast, at, lead), by=cast.reviewer, words="It is a brush.")
    Role.objects.create(program=cast.program, user=cast.reviewer, kind="lead", granted_at=clock.now())
    with pytest.raises(NotAllowed):
        contesting.answer_contest(made, by=cast.reviewer, stands=True, answer="Yes.")


def test_nothing_to_contest_where_nobody_says_otherwise(cast: Cast, at: At, lead: User) -> None:
    terms(cast, percent=100)
    decision = cast.approval()
    qa.draw(settled(decision, at))
    with pytest.raises(NothingToContest):  # the check is not in yet, and its result tells nothing before
        contesting.contest(decision.first, by=cast.reviewer, words="Early.")
    held = claiming.reveal(claiming.claim(Draw.objects.get().look, reviewer=cast.rival))
    check = cast.give(held, "approved").opinion
    for opinion, who in ((decision.first, cast.reviewer), (check, cast.rival)):
        with pytest.raises(NothingToContest):
            contesting.contest(opinion, by=who, words="We agree.")


def test_both_sides_of_a_check_may_contest(cast: Cast, at: At, lead: User) -> None:
    terms(cast, percent=100)
    decision = cast.approval()
    qa.draw(settled(decision, at))
    held = claiming.reveal(claiming.claim(Draw.objects.get().look, reviewer=cast.rival))
    check = cast.give(held, "rejected").opinion
    contesting.contest(decision.first, by=cast.reviewer, words="It is a brush.")
    contesting.contest(check, by=cast.rival, words="It is a knife.")
    assert Contest.objects.count() == 2
