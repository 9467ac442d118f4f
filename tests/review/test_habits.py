"""How a reviewer wants to work: what they choose counts, is theirs alone, and is held against nobody."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from access import clock
from access.models import Entry, User
from access.refusals import NotAllowed, WordsMissing
from review import claiming, habits
from review.models import Claim, Exposure, Flag, Habit, OptOut, Phrase, Submission
from review.refusals import PhrasesFull
from tests import make
from tests.review.cast import Cast

pytestmark = pytest.mark.django_db


def flagged(cast: Cast, category: str = "violence", **facts: Any) -> Submission:
    made = cast.submission(**facts)
    Flag.objects.create(submission=made, category=category, said_by="rule Knives", raised_at=clock.now())
    return made


def post(user: User, name: str, cast: Cast, *args: object, **fields: object) -> HttpResponse:
    client = Client()
    client.force_login(user)
    return client.post(reverse(name, args=[cast.program.slug, *args]), fields, follow=True)  # type: ignore[return-value]


def read(user: User, cast: Cast) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse("review_mine", args=[cast.program.slug])).content.decode()


# --- what one does not want to see --------------------------------------------------------------------------------


def test_what_somebody_leaves_out_goes_to_others(cast: Cast) -> None:
    flagged(cast, title="Knives")
    cast.submission(title="Ordinary")
    habits.choose_opt_outs(cast.reviewer, categories=["violence"])
    held = claiming.claim_next(cast.reviewer, program=cast.program)
    assert held and held.submission.title == "Ordinary"
    other = claiming.claim_next(cast.rival, program=cast.program)
    assert other and other.submission.title == "Knives"
    claiming.release(held)
    claiming.release(other)
    Submission.objects.get(title="Ordinary").looks.update(state="dropped")
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    habits.choose_opt_outs(cast.reviewer, categories=[])
    assert claiming.claim_next(cast.reviewer, program=cast.program), "and one may come back to it at any time"


def test_what_is_held_of_it_goes_back_at_once(cast: Cast) -> None:
    held, other = cast.claim(flagged(cast)), cast.claim(cast.submission(), by=cast.rival)
    habits.choose_opt_outs(cast.reviewer, categories=["violence", "hate"])
    assert Claim.objects.get(pk=held.pk).released_at and Claim.objects.get(pk=other.pk).released_at is None
    assert Entry.objects.filter(act="see").exists(), "it was revealed, so the record says who saw it"


def test_the_record_says_that_and_when_and_its_words_can_be_erased(cast: Cast) -> None:
    habits.choose_opt_outs(cast.reviewer, categories=["violence", "hate"])
    habits.choose_opt_outs(cast.reviewer, categories=["hate", "violence"])
    entry = Entry.objects.get(act="choose_opt_outs")
    assert entry.actor == str(cast.reviewer.pk) and entry.facts == "{}" and entry.chain.program is None
    assert entry.private.text == "hate, violence"
    since = OptOut.objects.get(category="hate").since
    habits.choose_opt_outs(cast.reviewer, categories=["hate"])
    assert OptOut.objects.get().since == since, "what stays keeps its day"
    assert Entry.objects.filter(act="choose_opt_outs").count() == 2


def test_opting_out_on_the_page(cast: Cast) -> None:
    page = post(cast.reviewer, "review_opt_outs", cast, categories=["violence"]).content.decode()
    assert "Noted." in page and page.count("checked") == 1
    assert habits.opted_out(cast.reviewer) == {"violence"} and habits.opted_out(cast.rival) == set()
    assert post(cast.reviewer, "review_opt_outs", cast, categories=["cats"]).status_code == 422
    assert habits.opted_out(cast.reviewer) == {"violence"}


# --- how clips begin ----------------------------------------------------------------------------------------------


def test_each_chooses_which_bands_begin_revealed(cast: Cast) -> None:
    post(cast.reviewer, "review_reveals", cast, bands=["1", "0"])
    assert Habit.objects.get().reveals == [0, 1]
    page = read(cast.reviewer, cast)
    assert page.count("checked") == 2 and read(cast.rival, cast).count("checked") == 0
    post(cast.reviewer, "review_reveals", cast)
    assert Habit.objects.get().reveals == []
    assert post(cast.reviewer, "review_reveals", cast, bands=["7"]).status_code == 422


# --- saved words --------------------------------------------------------------------------------------------------


def test_words_are_kept_mended_and_thrown_away(cast: Cast) -> None:
    post(cast.reviewer, "review_phrase", cast, clause_code="2", words="A knife is drawn.")
    kept = Phrase.objects.get()
    assert (kept.reviewer, kept.clause_code) == (cast.reviewer, "2")
    assert "A knife is drawn." in read(cast.reviewer, cast) and "A knife" not in read(cast.rival, cast)
    post(cast.reviewer, "review_phrase_edit", cast, kept.pk, clause_code="1", words="A face is real.")
    assert [(p.clause_code, p.words) for p in Phrase.objects.all()] == [("1", "A face is real.")]
    post(cast.reviewer, "review_phrase_delete", cast, kept.pk)
    assert not Phrase.objects.exists()


def test_a_phrase_with_a_mistake_is_not_lost(cast: Cast) -> None:
    answer = post(cast.reviewer, "review_phrase", cast, clause_code="9", words="Words that took a while.")
    assert answer.status_code == 422 and "Words that took a while." in answer.content.decode()
    kept = habits.keep_phrase(cast.reviewer, program=cast.program, clause_code="2", words="Before.")
    answer = post(cast.reviewer, "review_phrase_edit", cast, kept.pk, clause_code="9", words="After a while.")
    assert answer.status_code == 422 and "After a while." in answer.content.decode()


def test_a_phrase_of_a_clause_that_is_gone_can_still_be_kept(cast: Cast) -> None:
    kept = habits.keep_phrase(cast.reviewer, program=cast.program, clause_code="7", words="Of an old policy.")
    post(cast.reviewer, "review_phrase_edit", cast, kept.pk, clause_code="7", words="Of an old policy, mended.")
    assert Phrase.objects.get().words == "Of an old policy, mended."


def test_phrases_of_others_are_out_of_reach(cast: Cast) -> None:
    theirs = habits.keep_phrase(cast.rival, program=cast.program, clause_code="2", words="Theirs.")
    for name in ("review_phrase_edit", "review_phrase_delete"):
        assert post(cast.reviewer, name, cast, theirs.pk, clause_code="2", words="Mine.").status_code == 404
    facts = {"program": cast.program, "clause_code": "2", "words": "Mine."}
    with pytest.raises(NotAllowed):
        habits.keep_phrase(cast.reviewer, instead_of=theirs, **facts)
    with pytest.raises(NotAllowed):
        habits.drop_phrase(theirs, by=cast.reviewer)
    with pytest.raises(NotAllowed):
        habits.keep_phrase(make.user(), **facts)
    assert Phrase.objects.get().words == "Theirs."


def test_empty_words_and_one_too_many_are_refused(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(habits, "MOST_PHRASES", 1)
    habits.keep_phrase(cast.reviewer, program=cast.program, clause_code="2", words="One.")
    with pytest.raises(PhrasesFull):
        habits.keep_phrase(cast.reviewer, program=cast.program, clause_code="2", words="Two.")
    with pytest.raises(WordsMissing):
        habits.keep_phrase(cast.rival, program=cast.program, clause_code="2", words=" \n ")


# --- what one watched ---------------------------------------------------------------------------------------------


def test_the_days_are_ones_own(cast: Cast) -> None:
    today = clock.now().date()
    for who, on, minutes in (
        (cast.reviewer, today, 41), (cast.reviewer, today - timedelta(days=40), 77), (cast.rival, today, 93),
    ):  # fmt: skip
        Exposure.objects.create(reviewer=who, on=on, ms=minutes * 60_000)
    page = read(cast.reviewer, cast)
    assert ">41</td>" in page and ">77</td>" not in page and ">93</td>" not in page
