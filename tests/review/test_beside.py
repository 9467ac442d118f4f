"""What stands beside a clip on the review screen, and what must not; variants together; calm."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from access import clock, media
from access.models import Conflict, Enrollment, Role, User
from review import claiming, drafting, moderation, resting, submitting
from review.models import (
    Appeal,
    Claim,
    Decision,
    Examination,
    Look,
    Opinion,
    Phrase,
    ReviewTerms,
    Signal,
    Submission,
)
from tests import make
from tests.review.cast import At, Cast
from tests.review.screens import ballot, no, page_of, path, signed_in

pytestmark = pytest.mark.django_db


# --- blind ------------------------------------------------------------------------------------------------------------


def scrubbed(page: str) -> str:
    """The page without what differs between any two: ids, tokens, hashes, instants."""
    page = re.sub(r'value="[A-Za-z0-9]{64}"|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}', "#", page)
    page = re.sub(r"<dd>\d{6,}</dd>", "#", page)  # the seed
    return re.sub(r"datetime=\"[^\"]*\"|\d\d:\d\d|in \d+[^<]*|title=\S+", "#", page)


@pytest.mark.parametrize("kind", ["qa", "golden"])
def test_a_check_of_quality_is_byte_for_byte_an_ordinary_look(cast: Cast, at: At, kind: str) -> None:
    ordinary = page_of(signed_in(cast.rival), cast, cast.claim(cast.submission(), by=cast.rival))
    decision = cast.reject(cast.claim(cast.submission()))
    at(decision.effective_at + timedelta(minutes=1))
    look = Look.objects.create(
        submission=decision.submission, program=cast.program, artist=cast.artist.user, round=1, kind=kind,
        due_at=clock.now() + timedelta(days=1), asked_at=clock.now(),
        reserved_for=cast.rival if kind == "golden" else None,
    )  # fmt: skip
    Claim.objects.update(released_at=clock.now())
    held = claiming.reveal(claiming.claim(look, reviewer=cast.rival))
    shown = page_of(signed_in(cast.rival), cast, held)
    assert scrubbed(shown) == scrubbed(ordinary)
    assert "The knife at the end." not in shown


def test_a_verdict_that_is_sent_again_does_not_tell_a_check_from_others(cast: Cast, at: At) -> None:
    decision = cast.reject(cast.claim(cast.submission()))
    at(decision.effective_at + timedelta(minutes=1))
    Look.objects.create(
        submission=decision.submission, program=cast.program, artist=cast.artist.user, round=1, kind="qa",
        due_at=clock.now() + timedelta(days=1), asked_at=clock.now(),
    )  # fmt: skip
    client, said = signed_in(cast.rival), []
    for asked in (decision.submission, cast.submission()):
        held = cast.claim(asked, by=cast.rival)
        client.post(path("decide", cast, held.look_id), ballot(held, next=""))
        again = client.post(path("decide", cast, held.look_id), no(cast, held))
        assert again.status_code == 409
        said.append(re.findall(r'role="alert" data-code.*?</p>', again.content.decode()))
    assert said[0] == said[1] and len(said[0]) == 1 and "Your verdict, approved, is recorded already" in said[0][0]


@pytest.mark.parametrize("kind", ["second", "tie_break"])
def test_the_second_and_third_are_blind(cast: Cast, kind: str) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    cast.give(cast.claim(asked), "rejected", words="said first")
    if kind == "tie_break":
        cast.give(cast.claim(asked, by=cast.rival), "approved")
    third = make.reviewer(program=cast.program)
    held = cast.claim(asked, by=third)
    assert held.look.kind == kind
    shown = page_of(signed_in(third), cast, held)
    assert "said first" not in shown and "Said before" not in shown
    assert cast.reviewer.pseudonym not in shown and cast.rival.pseudonym not in shown


def test_an_appeal_shows_what_it_is_against(cast: Cast, at: At) -> None:
    from review import appeals

    no_ = cast.rejection(at)
    appeals.open_appeal(no_, by=cast.artist.user, words="It is a brush.")
    held = cast.claim(no_.submission, by=cast.rival)
    client = signed_in(cast.rival)
    shown = page_of(client, cast, held)
    assert "It is a brush." in shown and "The knife at the end." in shown and "Rejected" in shown
    answer = client.post(path("decide", cast, held.look_id), ballot(held))
    assert answer.status_code == 422 and "gets an answer either way" in answer.content.decode()
    sent = ballot(held, words="It is a brush indeed.")
    assert client.post(path("decide", cast, held.look_id), sent).status_code == 302
    assert Decision.objects.standing().get().is_approval


def test_a_second_look_by_rule_is_as_blind_as_any_other_and_does_not_say_why_it_came(cast: Cast, at: At) -> None:
    ordinary = page_of(signed_in(cast.rival), cast, cast.claim(cast.submission(), by=cast.rival))
    Claim.objects.update(released_at=clock.now())
    no_ = cast.rejection(at)
    submitting.say_critique(no_.submission, by=cast.artist.user)
    held = cast.claim(no_.submission, by=cast.rival)
    client = signed_in(cast.rival)
    assert held.look.kind == "appeal"
    assert scrubbed(page_of(client, cast, held)) == scrubbed(ordinary)
    sent = ballot(held, words="half of a no")
    assert client.post(path("decide", cast, held.look_id), sent).status_code == 302
    assert Decision.objects.standing().get().is_approval
    assert Appeal.objects.get().answer == "(approved without words)" and Opinion.objects.latest("given_at").words == ""


def test_an_earlier_round_stands_beside_it(cast: Cast, at: At) -> None:
    from review.verdicts import Remark

    remark = Remark(0, 0, "the tip of it", (0.1, 0.1, 0.2, 0.2))
    decision = cast.send_back(cast.claim(cast.submission()), remarks=(remark,))
    at(decision.effective_at + timedelta(minutes=1))
    submitting.answer(decision.submission, by=cast.artist.user, words="It is blunt now.")
    shown = page_of(signed_in(cast.reviewer), cast, cast.claim(Submission.objects.get()))
    for words in ("Changes asked for", "The knife at the end.", "the tip of it", "It is blunt now."):
        assert words in shown


def test_the_clip_before_stands_side_by_side_and_may_be_watched(cast: Cast, at: At) -> None:
    decision = cast.send_back(cast.claim(cast.submission()))
    at(decision.effective_at + timedelta(minutes=1))
    asked = cast.submission(answers=decision.submission)
    held = cast.claim(asked)
    shown = page_of(signed_in(cast.reviewer), cast, held)
    before = decision.submission.output.rendition("proxy")
    assert before and "data-earlier" in shown and str(before.file_id) in shown
    assert media.may_see(before.file, media.Viewer(cast.reviewer))
    assert not media.may_see(before.file, media.Viewer(cast.rival))


def resembling(cast: Cast, other: Submission) -> Claim:
    """A clip in the reviewer's hands, of which a machine says that it resembles the other one."""
    held = cast.claim(cast.submission())
    facts = {"recipe": "pdq", "version": 1, "threshold": 31, "measured": 4, "raised_at": clock.now()}
    seen = Examination.objects.create(output=held.submission.output, version=2, examined_at=clock.now())
    Signal.objects.create(
        output=held.submission.output, examination=seen, kind="duplicate", theirs=other.output, theirs_ms=0, **facts
    )
    return held


def may_watch(other: Submission, reviewer: User) -> bool:
    made = other.output.rendition("proxy")
    assert made
    return media.may_see(made.file, media.Viewer(reviewer))


def test_what_a_clip_resembles_may_be_watched_beside_it(cast: Cast) -> None:
    other = cast.submission(make.output(enrollment=make.artist(program=cast.program)))
    held = resembling(cast, other)
    assert may_watch(other, cast.reviewer) and not may_watch(other, cast.rival)
    shown = page_of(signed_in(cast.reviewer), cast, held)
    assert "the other clip" in shown and "is not for you to see" not in shown
    Role.objects.filter(user=cast.reviewer).update(revoked_at=clock.now())
    assert not may_watch(other, cast.reviewer), "whoever reviews here no more"


def conflict(cast: Cast, other: Submission) -> None:
    artist, now = other.enrollment.user, clock.now()
    Conflict.objects.create(program=cast.program, judge=cast.reviewer, artist=artist, reason="Kin.", declared_at=now)


@pytest.mark.parametrize("tie", ["a conflict", "it is their own"])
def test_what_one_may_not_judge_one_does_not_watch_beside_another(cast: Cast, tie: str) -> None:
    artist = make.artist(program=cast.program)
    if tie == "it is their own":
        Enrollment.objects.filter(pk=artist.pk).update(user=cast.reviewer)
        artist.refresh_from_db()
    other = cast.submission(make.output(enrollment=artist))
    held = resembling(cast, other)
    if tie == "a conflict":
        conflict(cast, other)
        assert not may_watch(other, cast.reviewer)
    made, shown = other.output.rendition("proxy"), page_of(signed_in(cast.reviewer), cast, held)
    assert made and str(made.file_id) not in shown and "is not for you to see" in shown


def test_the_clip_before_is_closed_with_a_conflict(cast: Cast, at: At) -> None:
    decision = cast.send_back(cast.claim(cast.submission()))
    at(decision.effective_at + timedelta(minutes=1))
    cast.claim(cast.submission(answers=decision.submission))
    assert may_watch(decision.submission, cast.reviewer)
    conflict(cast, decision.submission)
    assert not may_watch(decision.submission, cast.reviewer)


def test_critique_is_nowhere_on_the_page(cast: Cast) -> None:
    held = cast.claim(cast.submission(is_critique=True))
    assert "critique" not in page_of(signed_in(cast.reviewer), cast, held).lower()


# --- stacks -----------------------------------------------------------------------------------------------------------


def stack(cast: Cast) -> list[Claim]:
    """Two submissions of one brief, held together."""
    made = [cast.submission(title=f"Variant {n}") for n in (1, 2)]
    brief = make.brief(enrollment=cast.artist)
    Look.objects.filter(submission__in=made).update(brief=brief)
    claiming.claim_next(cast.reviewer, program=cast.program)
    return list(Claim.objects.order_by("submission__title"))


def variant(claim: Claim) -> str:
    return json.dumps(
        {"look": str(claim.look_id), "fence": claim.fence, "round": claim.round, "sha256": claim.shown.sha256}
    )


def test_variants_are_shown_together_and_decided_one_by_one(cast: Cast) -> None:
    first, second = stack(cast)
    client = signed_in(cast.reviewer)
    shown = page_of(client, cast, first)
    assert "2 variants of one brief" in shown and "Variant 2" in shown
    client.post(path("review_reveal", cast, first.look_id))
    answer = client.post(path("decide", cast, first.look_id), ballot(first))
    assert answer.url == path("review", cast, second.look_id)  # type: ignore[attr-defined]


def test_what_was_played_of_a_variant_is_kept_when_one_turns_to_the_next(cast: Cast) -> None:
    first, second = stack(cast)
    claiming.reveal(first)
    client = signed_in(cast.reviewer)
    client.post(path("review_claim", cast, second.look_id), {"on": first.look_id, "played": "[[0, 300]]"})
    assert Claim.objects.get(pk=first.pk).played == [[0, 300]]
    assert Claim.objects.get(pk=second.pk).played == []


def test_one_verdict_on_all_names_what_failed(cast: Cast) -> None:
    first, second = stack(cast)
    claiming.reveal(first)
    client, sent = signed_in(cast.reviewer), {**ballot(first), "variant": variant(second)}
    answer = client.post(path("review_stack", cast, first.look_id), sent, follow=True)
    shown = answer.content.decode()
    assert answer.redirect_chain[0][0] == path("review", cast, second.look_id)
    assert "1 of 2 recorded." in shown and "“Variant 2” is not recorded: Approving needs a look" in shown
    claiming.reveal(Claim.objects.get(pk=second.pk))
    Claim.objects.filter(pk=second.pk).update(played=[[0, moderation.duration_ms(second.submission)]])
    answer = client.post(path("review_stack", cast, first.look_id), sent, follow=True)
    assert "2 of 2 recorded." in answer.content.decode() and Opinion.objects.count() == 2


@pytest.mark.parametrize("sent", ['{"fence": Infinity}', "[" * 100_000, "9" * 5000, "{}", "other", "unknown", "huge"])
def test_a_variant_that_is_none_stops_none_of_the_others(cast: Cast, sent: str) -> None:
    first, second = stack(cast)
    known = json.loads(variant(first))
    made = {"unknown": {**known, "look": str(cast.program.pk)}, "huge": {**known, "round": 10**30}}
    sent = json.dumps(made[sent]) if sent in made else sent
    for held in (first, second):
        claiming.reveal(held)
        Claim.objects.filter(pk=held.pk).update(played=[[0, moderation.duration_ms(held.submission)]])
    both = {**ballot(first), "variant": [sent, variant(second)]}
    answer = signed_in(cast.reviewer).post(path("review_stack", cast, first.look_id), both, follow=True)
    assert "2 of 2 recorded." in answer.content.decode()


def test_words_stay_with_each_variant_that_they_are_not_recorded_of(cast: Cast) -> None:
    first, second = stack(cast)
    claiming.reveal(first)
    note = json.dumps([{"from_ms": 0, "to_ms": 0, "words": "here", "region": None}])
    sent = {**no(cast, first, words="All of them.", remarks=note), "variant": variant(second)}
    client = signed_in(cast.reviewer)
    answer = client.post(path("review_stack", cast, first.look_id), sent, follow=True)
    assert "1 of 2 recorded." in answer.content.decode() and "All of them." in answer.content.decode()
    kept = drafting.restore(second.look, cast.reviewer)
    assert kept["words"] == "All of them." and kept["whole"] == "on" and "remarks" not in kept


# --- calm -------------------------------------------------------------------------------------------------------------


def test_what_one_watched_and_when_a_break_is_due(cast: Cast, at: At) -> None:
    at(clock.now().replace(hour=12))  # a day begins anew at midnight
    ReviewTerms.objects.create(program=cast.program, number=1, published_at=clock.now(), break_minutes=5)
    held = cast.claim(cast.submission())
    begun = held.revealed_at
    assert begun
    at(begun + timedelta(minutes=6))
    watch = resting.watch(cast.reviewer, cast.program, clock.now())
    assert (watch.today, watch.since_break, watch.is_break_due) == (6, 6, True)
    assert "without a break" in page_of(signed_in(cast.reviewer), cast, held)
    claiming.release(held)
    at(begun + timedelta(minutes=20))
    rested = resting.watch(cast.reviewer, cast.program, clock.now())
    assert (rested.today, rested.since_break, rested.is_break_due) == (6, 0, False)


@pytest.mark.parametrize("which", [0, 1])
def test_a_variant_that_was_put_aside_early_is_no_break(cast: Cast, at: At, which: int) -> None:
    both = stack(cast)
    begun = both[0].claimed_at
    early, late = both[which], both[1 - which]
    Claim.objects.filter(pk=early.pk).update(revealed_at=begun, released_at=begun + timedelta(minutes=1))
    Claim.objects.filter(pk=late.pk).update(
        revealed_at=begun + timedelta(minutes=1), leased_until=begun + timedelta(minutes=30)
    )
    assert resting.watch(cast.reviewer, cast.program, begun + timedelta(minutes=20)).since_break == 20


def test_saved_words_of_ones_own_are_offered(cast: Cast) -> None:
    for user, words in ((cast.reviewer, "mine, saved"), (cast.rival, "not mine")):
        Phrase.objects.create(reviewer=user, program=cast.program, clause_code="2", words=words, saved_at=clock.now())
    shown = page_of(signed_in(cast.reviewer), cast, cast.claim(cast.submission()))
    assert "mine, saved" in shown and "not mine" not in shown


def test_whoever_must_not_judge_sees_no_prompt(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    claiming.skip(held, reason="no")
    shown = page_of(signed_in(cast.reviewer), cast, held)
    assert "You passed this one by" in shown and "a red circle" not in shown


def test_the_page_asks_few_questions(cast: Cast, django_assert_max_num_queries: Any) -> None:
    held = cast.claim(cast.submission())
    client = signed_in(cast.reviewer)
    page_of(client, cast, held)
    with django_assert_max_num_queries(30):
        page_of(client, cast, held)
