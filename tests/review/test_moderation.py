"""A verdict on exactly what was seen; half a minute to undo it; nobody hears of it before it is in effect."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from access import audit, clock, telling
from access.models import Chain, Entry, Notice, Outbox
from access.refusals import NotAllowed
from review import claiming, moderation, publishing, weighing
from review.models import Claim, Decision, Opinion, Submission, Withdrawal
from review.moderation import decide
from review.refusals import (
    BytesChanged,
    ClaimLost,
    ClauseForeign,
    DecidedAlready,
    EmbargoPassed,
    NotWatched,
    RangeOutside,
    ReasonsMissing,
    ShownOther,
    UndoTooLate,
)
from review.verdicts import Remark, Scope
from tests import make
from tests.review.cast import At, Cast, flip_a_byte, seen


def test_an_approval_names_the_bytes_and_freezes_the_recipes(cast: Cast) -> None:
    decision = cast.approval()
    output = decision.submission.output
    assert decision.master_sha256 == output.master_sha256
    assert decision.shown_sha256 == output.rendition("playable").sha256
    assert decision.recipes == [["playable", 1], ["poster", 1]]
    assert decision.effective_at - decision.decided_at == timedelta(seconds=30)
    assert decision.first.reviewer == decision.decided_by == cast.reviewer


def test_a_no_carries_its_reasons_and_the_note_stays_inside(cast: Cast) -> None:
    decision = cast.reject(cast.claim(cast.submission()), private_note="ask the lead")
    assert (decision.clause, decision.words, decision.from_ms, decision.to_ms) == (
        cast.clause,
        "The knife at the end.",
        0,
        100,
    )
    assert decision.first.private_note == "ask the lead"
    assert not hasattr(decision, "private_note")


def test_a_yes_sends_no_half_typed_reasons(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    typed = moderation.Reasons(cast.clause, "half a", 0, 10, "a note")
    given = moderation.decide(held, reviewer=cast.reviewer, verdict="approved", seen=seen(held), reasons=typed)
    decision = given.decision
    assert (decision.clause, decision.words, decision.from_ms) == (None, "", None)
    assert decision.first.private_note == "a note"


@pytest.mark.parametrize("missing", [{"clause": None}, {"words": " \n"}, {"from_ms": None}, {"to_ms": None}])
def test_a_no_without_a_reason_is_refused(cast: Cast, missing: dict[str, Any]) -> None:
    with pytest.raises(ReasonsMissing):
        cast.reject(cast.claim(cast.submission()), **missing)


@pytest.mark.parametrize(("start", "end"), [(200, 100), (0, 10_000), (-1, 5)])
def test_a_range_outside_the_clip_is_refused(cast: Cast, start: int, end: int) -> None:
    with pytest.raises(RangeOutside):
        cast.reject(cast.claim(cast.submission()), from_ms=start, to_ms=end)


def test_a_clause_of_another_policy_is_refused(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    foreign = make.policy(cast.program).clauses.get(code="2")
    with pytest.raises(ClauseForeign):
        cast.reject(held, clause=foreign)


def test_a_stale_fence_decides_nothing(cast: Cast, at: At) -> None:
    old = cast.claim(cast.submission())
    at(old.leased_until)
    cast.claim(old.submission)  # the same reviewer took it again in another tab
    with pytest.raises(ClaimLost):
        cast.approve(old)


def test_a_verdict_on_another_file_is_refused(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    stale = replace(seen(held), shown_sha256="0" * 64)
    with pytest.raises(ShownOther):
        moderation.decide(held, reviewer=cast.reviewer, verdict="approved", seen=stale)
    held.refresh_from_db()
    assert held.released_at is None, "a refusal leaves the claim as it was"


@pytest.mark.parametrize("which", ["master", "playable"])
@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_one_flipped_byte_and_nothing_can_be_decided(cast: Cast, which: str, verdict: str) -> None:
    held = cast.claim(cast.submission())
    output = held.submission.output
    flip_a_byte((output.master if which == "master" else output.rendition(which).file).path)
    with pytest.raises(BytesChanged):
        getattr(cast, verdict)(held)
    assert not Opinion.objects.exists()


def test_the_second_verdict_hears_who_was_first(cast: Cast, at: At) -> None:
    slow = cast.claim(cast.submission())
    at(slow.leased_until)
    cast.approve(cast.claim(slow.submission, by=cast.rival))
    with pytest.raises(DecidedAlready) as refused:
        cast.reject(slow)
    assert cast.rival.pseudonym in str(refused.value.sentence) and "approved" in str(refused.value.sentence)
    assert refused.value.rival
    assert Decision.objects.count() == Opinion.objects.count() == 1


# --- undo --------------------------------------------------------------------------------------------------------


def test_undo_within_the_half_minute(cast: Cast, at: At) -> None:
    decision = cast.approval()
    at(decision.decided_at + timedelta(seconds=29.9))
    moderation.undo(decision, by=cast.reviewer)
    found = Submission.objects.get(pk=decision.submission_id)
    assert (found.state, found.round) == ("waiting", 2)
    at(decision.effective_at + timedelta(days=1))
    assert not Decision.objects.effective(clock.now()).exists()


def test_undo_at_thirty_seconds_is_too_late(cast: Cast, at: At) -> None:
    decision = cast.approval()
    at(decision.effective_at)
    with pytest.raises(UndoTooLate):
        moderation.undo(decision, by=cast.reviewer)
    assert not Withdrawal.objects.exists()


def test_the_next_round_is_decided_anew(cast: Cast, at: At) -> None:
    first = cast.approval()
    moderation.undo(first, by=cast.reviewer)
    held = cast.claim(first.submission)
    assert held.round == 2 and held.revealed_at is not None
    second = cast.reject(held)
    at(second.effective_at)
    assert list(Decision.objects.effective(clock.now())) == [second]


def test_the_artist_hears_of_it_when_it_is_in_effect(cast: Cast, at: At, mailoutbox: list[Any]) -> None:
    decision = cast.reject(cast.claim(cast.submission()))
    notice = Notice.objects.get(user=cast.artist.user, kind="decision_rejected")
    at(decision.effective_at - timedelta(seconds=1))
    telling.deliver()
    assert notice.not_before == decision.effective_at
    assert not [mail for mail in mailoutbox if "approved" in mail.subject.lower()]
    at(decision.effective_at)
    telling.deliver()
    letter = next(mail for mail in mailoutbox if "Not approved" in mail.subject)
    assert letter.to == [cast.artist.user.email]
    for words in ("The knife at the end.", decision.clause.title, str(decision.submission_id)):
        assert words in letter.body


def test_of_an_undone_decision_nobody_hears(cast: Cast, at: At, mailoutbox: list[Any]) -> None:
    decision = cast.approval()
    moderation.undo(decision, by=cast.reviewer)
    at(decision.effective_at + timedelta(minutes=5))
    telling.deliver()
    assert not Notice.objects.filter(kind__startswith="decision").exists()
    assert not [mail for mail in mailoutbox if "pproved" in mail.subject]
    assert Outbox.objects.get(dedupe_key=f"decision-{decision.pk}").withdrawn_at


def test_the_letter_names_no_reviewer(cast: Cast) -> None:
    cast.reject(cast.claim(cast.submission()))
    letter = Outbox.objects.get(dedupe_key__startswith="decision-")
    for secret in (cast.reviewer.email, cast.reviewer.name, str(cast.reviewer.pk)):
        assert secret not in letter.body + letter.subject


def test_every_step_is_on_the_record(cast: Cast) -> None:
    decision = cast.approval()
    moderation.undo(decision, by=cast.reviewer)
    claiming.release(cast.claim(decision.submission))
    acts = ["submit", "decide", "undo", "see"]
    chain = Chain.objects.get(program=cast.program)
    found = Entry.objects.filter(chain=chain, act__in=acts).order_by("number").values_list("act", flat=True)
    assert list(found) == acts
    assert audit.verify(chain) is None
    facts = json.loads(Entry.objects.get(chain=chain, act="decide").facts)
    assert facts["attested"]["by"] == "played" and facts["claimed_at_us"] <= facts["revealed_at_us"]


# --- several people ------------------------------------------------------------------------------------------------


def test_of_ones_own_first_opinion_one_hears_and_of_anothers_nothing(cast: Cast, at: At) -> None:
    """The second is blind to the first: also whoever was too late for the first look."""
    slow = cast.claim(cast.submission())
    Submission.objects.update(people=2)
    at(slow.leased_until)
    mine = cast.claim(slow.submission, by=cast.rival)
    cast.reject(mine)
    with pytest.raises(DecidedAlready) as own:
        cast.reject(Claim.objects.get(pk=mine.pk))
    with pytest.raises(DecidedAlready) as late:
        cast.approve(slow)
    assert "rejected" in str(own.value.sentence) and "rejected" not in str(late.value.sentence)
    assert cast.claim(slow.submission), "who was too late for the first look may be the second"


def test_undoing_what_two_decided_asks_for_a_first_look_again(cast: Cast) -> None:
    asked = cast.submission()
    Submission.objects.update(people=2)
    cast.approve(cast.claim(asked))
    decision = cast.approve(cast.claim(asked, by=cast.rival))
    moderation.undo(decision, by=cast.rival)
    look = cast.look(asked)
    assert (look.kind, look.round, look.state) == ("first", 2, "waiting")
    assert cast.approve(cast.claim(asked)) is None
    assert cast.approve(cast.claim(asked, by=cast.rival)).round == 2


def test_only_whoever_decided_undoes(cast: Cast) -> None:
    decision = cast.approval()
    with pytest.raises(NotAllowed):
        moderation.undo(decision, by=cast.rival)


def test_an_approval_may_be_for_some_and_from_some_day_on(cast: Cast) -> None:
    until = clock.now() + timedelta(days=3)
    decision = cast.approve(cast.claim(cast.submission()), scope=Scope("link", until))
    assert (decision.audience, decision.embargo_until) == ("link", until)
    with pytest.raises(EmbargoPassed):
        cast.approve(cast.claim(cast.submission()), scope=Scope(embargo_until=clock.now() - timedelta(seconds=1)))


def test_remarks_belong_to_the_opinion_and_lie_within_the_clip(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    with pytest.raises(RangeOutside):
        cast.reject(held, remarks=(Remark(0, 10_000, "there"),))
    decision = cast.reject(held, remarks=(Remark(100, 200, "here", (0.1, 0.2, 0.3, 0.4)),))
    note = decision.first.notes.get()
    assert (note.words, note.x, note.height) == ("here", 0.1, 0.4)


def test_scrutiny_that_rose_while_it_was_in_hand_counts(cast: Cast) -> None:
    publishing.publish_terms(cast.program, by=None, sheet_bands=1)
    held = cast.claim(cast.submission())
    assert weighing.raise_scrutiny(held.submission, weighing.Weight(band=2, people=2))
    with pytest.raises(NotWatched):
        decide(held, reviewer=cast.reviewer, verdict="approved", seen=seen(held, played=(), sheet=True))
    assert cast.approve(held) is None
    assert cast.look(held.submission, kind="second").rank == 2
