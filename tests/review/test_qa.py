"""Checks of quality: who draws them, what they leave alone, what they show and to whom."""

import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access import clock
from access.models import Conflict, Entry, Notice, Outbox, Role, User
from review import appeals, claiming, moderation, publishing, qa, submitting
from review.models import Decision, Draw, Look, Opinion, ReviewTerms, Share, Submission
from tests import make
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db


def terms(cast: Cast, *, percent: int = 0, first: int = 0, golden: int = 0) -> ReviewTerms:
    return publishing.publish_terms(cast.program, by=None, qa_percent=percent, qa_first=first, golden_percent=golden)


def settled(decision: Decision, at: At) -> datetime:
    """The clock a minute after the decision, when it is in effect."""
    instant = decision.decided_at + timedelta(minutes=1)
    at(instant)
    return instant


def third(cast: Cast) -> User:
    return make.reviewer(program=cast.program)


# --- the draw ----------------------------------------------------------------------------------------------------


def test_a_decision_is_drawn_once_it_is_in_effect_and_not_before(cast: Cast, at: At) -> None:
    terms(cast, percent=100)
    decision = cast.approval()
    assert qa.draw(decision.effective_at - timedelta(microseconds=1)) == 0 and not Draw.objects.exists()
    assert qa.draw(decision.effective_at) == 1
    drawn = Draw.objects.get()
    assert drawn.why == "chance" and drawn.look.kind == "qa" and drawn.look.state == "waiting"
    assert qa.draw(decision.effective_at) == 0 and Draw.objects.count() == Look.objects.filter(kind="qa").count() == 1


def test_what_was_undone_is_never_drawn(cast: Cast, at: At) -> None:
    terms(cast, percent=100)
    decision = cast.approval()
    moderation.undo(decision, by=cast.reviewer)
    assert qa.draw(settled(decision, at)) == 0


def test_what_was_overturned_before_the_draw_is_never_drawn_but_what_took_its_place_is(cast: Cast, at: At) -> None:
    terms(cast, percent=100)
    third(cast)
    no = cast.rejection(at)
    new = cast.overturn(no)
    qa.draw(clock.now())
    assert list(Draw.objects.values_list("decision", flat=True)) == [new.pk]


def test_a_row_stays_of_each_decision_and_anybody_can_compute_it_again(cast: Cast, at: At) -> None:
    terms(cast, percent=40)
    decisions = [cast.approval() for _ in range(12)]
    qa.draw(settled(decisions[-1], at))
    rows = list(Draw.objects.all())
    assert len(rows) == 12
    for row in rows:
        assert row.number == qa.number_of(row.seed, row.decision_id)
        assert (row.why == "chance") == (row.number < 0.4) == (row.look is not None)
    [entry] = Entry.objects.filter(act="draw")
    seed = Entry.objects.get(chain=entry.chain, hash=rows[0].seed)
    assert f'"seed_entry":{seed.number}' in entry.facts and seed.number == entry.number - 1
    drawn = sorted(str(row.pk) for row in rows if row.look)
    assert json.loads(entry.facts)["drawn"] == drawn and json.loads(entry.facts)["seen"] == 12


def test_numbers_are_spread_evenly() -> None:
    numbers = [qa.number_of("seed", uuid.UUID(int=n)) for n in range(2000)]
    assert min(numbers) >= 0 and max(numbers) < 1
    assert sum(number < 0.05 for number in numbers) == pytest.approx(100, abs=35)
    assert qa.number_of("a", uuid.UUID(int=1)) != qa.number_of("b", uuid.UUID(int=1))


def test_all_of_a_new_reviewers_first_ones_are_drawn_and_no_more(cast: Cast, at: At) -> None:
    terms(cast, percent=0, first=2)
    decisions = [cast.approval() for _ in range(3)]
    qa.draw(settled(decisions[-1], at))
    assert [decision.draw.why for decision in decisions] == ["new_reviewer", "new_reviewer", ""]


def test_with_nothing_new_the_sweep_asks_little(cast: Cast, at: At) -> None:
    terms(cast, percent=0)
    decisions = [cast.approval() for _ in range(4)]
    now = settled(decisions[-1], at)
    qa.draw(now)
    with CaptureQueriesContext(connection) as asked:
        assert qa.draw(now) == 0 and qa.drop_moot(now) == 0
    assert len(asked) <= 3


def test_blanks_are_kept_in_few_statements(cast: Cast, at: At) -> None:
    terms(cast, percent=0)
    decisions = [cast.approval() for _ in range(6)]
    now = settled(decisions[-1], at)
    with CaptureQueriesContext(connection) as asked:
        assert qa.draw(now) == 6
    assert sum('INSERT INTO "review_look"' in query["sql"] for query in asked) == 0


# --- who checks --------------------------------------------------------------------------------------------------


def drawn_look(cast: Cast, at: At, *, verdict: str = "approved") -> Look:
    """A check of a decision that the cast's reviewer made."""
    terms(cast, percent=100)
    held = cast.claim(cast.submission())
    decision = cast.give(held, verdict).decision
    qa.draw(settled(decision, at))
    return decision.draw.look


def test_nobody_who_had_part_checks(cast: Cast, at: At) -> None:
    look = drawn_look(cast, at)
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    assert claiming.claim_next(cast.rival, program=cast.program).look == look


def test_a_check_looks_like_a_fresh_one(cast: Cast, at: At) -> None:
    look = drawn_look(cast, at)
    fresh = cast.look(cast.submission())
    assert look.rank == fresh.rank == 0
    assert look.due_at - look.asked_at == fresh.due_at - fresh.asked_at == timedelta(hours=48)
    assert look.asked_at == clock.now() and look.reserved_for is None and not look.for_leads


def test_no_check_while_somebodys_answer_is_due_within_the_hour(cast: Cast, at: At) -> None:
    drawn_look(cast, at)
    waiting = cast.look(cast.submission())
    waiting.submission.looks.update(due_at=clock.now() + timedelta(minutes=59))
    held = claiming.claim_next(cast.rival, program=cast.program)
    assert held.look == waiting
    claiming.release(held)
    claiming.claim(waiting, reviewer=cast.reviewer)
    assert claiming.claim_next(cast.rival, program=cast.program) is None


def test_too_few_people_and_no_check_is_made(cast: Cast, at: At) -> None:
    terms(cast, percent=100)
    Role.objects.filter(user=cast.rival).update(revoked_at=clock.now())
    qa.draw(settled(cast.approval(), at))
    assert Draw.objects.get().look is None and Draw.objects.get().why == "chance"
    assert not Look.objects.filter(kind="qa").exists()


def test_a_no_is_checked_only_if_people_are_left_for_its_appeals(cast: Cast, at: At) -> None:
    """One person said no: if it turns out to be critique a second looks, and then the artist may appeal to a third."""
    terms(cast, percent=100)
    third(cast)
    decision = cast.rejection(at)
    qa.draw(clock.now())
    assert decision.draw.look is None
    third(cast)
    another = cast.rejection(at)
    qa.draw(clock.now())
    assert another.draw.look is not None


def test_whoever_may_not_look_does_not_count(cast: Cast, at: At) -> None:
    terms(cast, percent=100)
    facts = {"judge": cast.rival, "artist": cast.artist.user, "reason": "Friends.", "declared_at": clock.now()}
    Conflict.objects.create(program=cast.program, **facts)
    qa.draw(settled(cast.approval(), at))
    assert Draw.objects.get().look is None


# --- the artist ---------------------------------------------------------------------------------------------------


def shown_to_artist(cast: Cast, submission: Submission) -> list[str]:
    """Every page on which the artist could see anything of it, less the keys of forms and the head of the program's
    chain, which moves with whatever anybody does. Who opened the clip is told, whatever they opened it for."""
    client = Client()
    client.force_login(cast.artist.user)
    pages = [("submission", submission.pk), ("submissions",), ("library",), ("job", submission.output.job_id)]
    texts = [client.get(reverse(name, args=[cast.program.slug, *args])).content.decode() for name, *args in pages]
    keys = r'(csrfmiddlewaretoken|_key)" value="[^"]*"|hx-headers="[^"]*"'
    moving = keys + r'|<code title="\w{64}">\d+:\w+…</code>|<ul class="openings.*?</ul>'
    return [re.sub(moving, "", text) for text in texts]


def state_of(cast: Cast) -> list[Any]:
    """All that concerns an artist, row by row."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Submission, Decision, Share)
    ] + [list(model.objects.filter(**whose).values()) for model, whose in (
        (Notice, {"user": cast.artist.user}), (Outbox, {"to": cast.artist.user.email}),
    )]  # fmt: skip


@pytest.mark.parametrize("said", ["approved", "rejected", "changes"])
def test_nothing_of_the_artists_changes_by_a_check(cast: Cast, at: At, said: str) -> None:
    terms(cast, percent=100)
    decision = cast.approval()
    settled(decision, at)
    rows, pages = state_of(cast), shown_to_artist(cast, decision.submission)
    qa.draw(clock.now())
    assert (state_of(cast), shown_to_artist(cast, decision.submission)) == (rows, pages)
    held = claiming.reveal(claiming.claim_next(cast.rival, program=cast.program))
    assert cast.give(held, said).decision is None
    assert Opinion.objects.filter(kind="qa", verdict=said).count() == 1
    assert (state_of(cast), shown_to_artist(cast, decision.submission)) == (rows, pages)


def test_the_artist_may_go_on_and_appeal_while_a_check_waits(cast: Cast, at: At) -> None:
    third(cast), third(cast)
    look = drawn_look(cast, at, verdict="rejected")
    appeals.open_appeal(Decision.objects.get(), by=cast.artist.user, words="Look again.")
    assert qa.drop_moot(clock.now()) == 1
    look.refresh_from_db()
    assert look.state == "dropped"


def test_a_check_that_somebody_holds_is_left_to_them(cast: Cast, at: At) -> None:
    third(cast), third(cast)
    look = drawn_look(cast, at, verdict="rejected")
    held = claiming.reveal(claiming.claim(look, reviewer=cast.rival))
    appeals.open_appeal(Decision.objects.get(), by=cast.artist.user, words="Look again.")
    assert qa.drop_moot(clock.now()) == 0
    assert cast.give(held, "rejected").opinion.kind == "qa"


def test_a_check_that_nobody_came_to_is_never_late_in_its_old_place(cast: Cast, at: At) -> None:
    third(cast), third(cast)
    look, held = drawn_look(cast, at), cast.claim(cast.submission(), by=cast.rival)
    at(look.due_at)
    assert qa.put_off(clock.now()) == 1
    look.refresh_from_db()
    assert look.state == "waiting" and look.due_at - clock.now() == timedelta(hours=48)
    assert held.look.due_at == Look.objects.get(pk=held.look_id).due_at, "what was promised to an artist stays"
    assert qa.put_off(clock.now()) == 0


def test_the_checks_of_a_sweep_are_so_many_and_no_more(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    terms(cast, percent=100)
    qa.draw(settled([cast.approval() for _ in range(3)][-1], at))
    Role.objects.filter(user=cast.rival).update(revoked_at=clock.now())
    monkeypatch.setattr(qa, "BATCH", 2)
    assert [qa.drop_moot(clock.now()) for _ in range(3)] == [2, 1, 0]


def test_a_check_of_what_was_sent_back_ends_when_the_artist_answers(cast: Cast, at: At) -> None:
    third(cast), third(cast)
    look = drawn_look(cast, at, verdict="changes")
    assert qa.drop_moot(clock.now()) == 0
    submitting.answer(look.submission, by=cast.artist.user, words="It is a brush.")
    assert qa.drop_moot(clock.now()) == 1


def test_a_check_that_nobody_may_do_any_more_is_dropped(cast: Cast, at: At) -> None:
    drawn_look(cast, at)
    Role.objects.filter(user=cast.rival).update(revoked_at=clock.now())
    assert qa.drop_moot(clock.now()) == 1
