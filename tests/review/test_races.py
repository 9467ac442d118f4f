"""Two at once, on PostgreSQL: exactly one wins. Beside each, the same race with its guard taken away: both win.

The controls are what makes the other half worth reading: they show that the threads do meet.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from access import clock
from access.refusals import Refused
from review import claiming, moderation, sharing, submitting
from review.models import Claim, Decision, Opinion, Share, Submission
from review.refusals import (
    ClaimInHand,
    DecidedAlready,
    HeldByAnother,
    NoLongerWaiting,
    SharedAlready,
    SubmissionWithdrawn,
    UndoneAlready,
)
from tests.review.cast import At, Cast, make_cast

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

PATIENCE = 20  # seconds at a meeting point; longer means that somebody waits for ever


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


def race(*runners: Callable[[], Any]) -> list[Any]:
    """Start all at once, each in a thread with a connection of its own; what each returned, or its exception."""
    start = threading.Barrier(len(runners))
    ends: list[Any] = [None] * len(runners)

    def run(lane: int, runner: Callable[[], Any]) -> None:
        try:
            start.wait(PATIENCE)
            ends[lane] = runner()
        except (Refused, IntegrityError, threading.BrokenBarrierError) as lost:
            ends[lane] = lost
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 2)
    return ends


def won(ends: list[Any]) -> list[Any]:
    return [end for end in ends if not isinstance(end, Exception)]


def lost(ends: list[Any]) -> list[type]:
    return [type(end) for end in ends if isinstance(end, Exception)]


@contextmanager
def without(model: type[models.Model], *names: str) -> Iterator[None]:
    """The schema without these constraints, inside the test's own database."""
    dropped = [constraint for constraint in model._meta.constraints if constraint.name in names]
    assert len(dropped) == len(names)
    with connection.schema_editor() as editor:
        for constraint in dropped:
            editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        with connection.cursor() as cursor:  # the doubles must go before the constraint can come back
            cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")
        with connection.schema_editor() as editor:
            for constraint in dropped:
                editor.add_constraint(model, constraint)


def meet_after(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let both threads pass this function before either goes on."""
    meeting, original = threading.Barrier(2), getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        found = original(*args, **kwargs)
        meeting.wait(PATIENCE)
        return found

    monkeypatch.setattr(module, name, wrapped)


# --- two tabs deciding -------------------------------------------------------------------------------------------


def two_tabs(cast: Cast) -> list[Any]:
    held = cast.claim(cast.submission())
    return race(lambda: cast.approve(held), lambda: cast.reject(held))


def test_two_verdicts_one_decision(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    meet_after(monkeypatch, moderation, "_check_bytes")  # the last stop before the locks
    for _ in range(3):
        ends = two_tabs(cast)
        assert len(won(ends)) == 1 and lost(ends) == [DecidedAlready]
    assert Decision.objects.count() == Opinion.objects.count() == 3


def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same verb as a check followed by an act: no row lock, no guarded UPDATE, no fence."""
    monkeypatch.setattr(moderation, "_locked", lambda pk: Submission.objects.get(pk=pk))
    monkeypatch.setattr(moderation, "_waiting", lambda found: Submission.objects.filter(pk=found.pk))
    monkeypatch.setattr(moderation, "_close", lambda *args: None)
    meet_after(monkeypatch, moderation, "_check_stage")


def test_control_without_the_guards_the_schema_still_refuses(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    unguarded(monkeypatch)
    ends = two_tabs(cast)
    assert len(won(ends)) == 1 and lost(ends) == [IntegrityError]


def test_control_without_guards_and_constraints_both_decide(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    unguarded(monkeypatch)
    opinions, decisions = (Opinion, "one_opinion_of_a_reviewer"), (Decision, "one_root_decision_of_a_round")
    with without(*opinions), without(*decisions):
        ends = two_tabs(cast)
        assert len(won(ends)) == 2
        assert sorted(Decision.objects.values_list("verdict", flat=True)) == ["approved", "rejected"]


def test_a_verdict_against_a_withdrawal(cast: Cast) -> None:
    for _ in range(3):
        held = cast.claim(cast.submission())
        ends = race(lambda: cast.approve(held), lambda: submitting.withdraw(held.submission, by=cast.artist.user))  # noqa: B023
        assert len(won(ends)) == 1 and lost(ends)[0] in (SubmissionWithdrawn, NoLongerWaiting)
        found = Submission.objects.get(pk=held.submission_id)
        assert (found.state == "decided") == found.decisions.exists()


def test_two_undos_one_withdrawal(cast: Cast) -> None:
    decision = cast.approval()
    ends = race(*[lambda: moderation.undo(decision, by=cast.reviewer)] * 2)
    assert len(won(ends)) == 1 and lost(ends) == [UndoneAlready]
    assert Submission.objects.get().round == 2


# --- two reviewers claiming --------------------------------------------------------------------------------------


def test_two_reviewers_one_submission(cast: Cast) -> None:
    for _ in range(3):
        asked = cast.submission()
        ends = race(*[lambda who=who: claiming.claim(asked, reviewer=who) for who in (cast.reviewer, cast.rival)])  # noqa: B023
        assert len(won(ends)) == 1 and lost(ends) == [HeldByAnother]
        claiming.release(won(ends)[0])
        submitting.withdraw(asked, by=cast.artist.user)


def test_next_gives_one_submission_to_one_reviewer(cast: Cast) -> None:
    cast.submission()
    ends = race(
        *[lambda who=who: claiming.claim_next(who, program=cast.program) for who in (cast.reviewer, cast.rival)]
    )
    assert sorted(end is None for end in ends) == [False, True]


def test_next_gives_two_submissions_to_two_reviewers(cast: Cast) -> None:
    cast.submission(), cast.submission()
    ends = race(
        *[lambda who=who: claiming.claim_next(who, program=cast.program) for who in (cast.reviewer, cast.rival)]
    )
    assert len({end.submission_id for end in ends}) == 2


def test_two_tabs_of_one_reviewer_hold_one_submission(cast: Cast) -> None:
    cast.submission(), cast.submission()
    ends = race(*[lambda: claiming.claim_next(cast.reviewer, program=cast.program)] * 2)
    assert set(lost(ends)) <= {ClaimInHand}
    assert Claim.objects.count() == 1


def naive_claim(asked: Submission, who: Any, meeting: threading.Barrier) -> Claim:
    """Look whether it is free, then take it: what the verb would be without its guards."""
    now = clock.now()
    with transaction.atomic():
        if asked.claims.filter(released_at=None).exists():
            raise HeldByAnother
        meeting.wait(PATIENCE)
        shown = asked.output.rendition("playable")
        facts = {"round": 1, "fence": 1, "claimed_at": now, "leased_until": now + claiming.LEASE, "shown": shown}
        return Claim.objects.create(submission=asked, reviewer=who, **facts)


def naive_claims(cast: Cast) -> list[Any]:
    asked, meeting = cast.submission(), threading.Barrier(2)
    return race(*[lambda who=who: naive_claim(asked, who, meeting) for who in (cast.reviewer, cast.rival)])


def test_control_a_naive_claim_is_refused_by_the_schema(cast: Cast) -> None:
    ends = naive_claims(cast)
    assert len(won(ends)) == 1 and lost(ends) == [IntegrityError]


def test_control_without_the_constraints_both_hold_it(cast: Cast) -> None:
    with without(Claim, "one_claim_at_a_time", "one_claim_per_fence"):
        assert len(won(naive_claims(cast))) == 2
        assert Claim.objects.live(clock.now()).count() == 2


# --- two beats settling ------------------------------------------------------------------------------------------


def two_beats(cast: Cast, at: At) -> list[Any]:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    at(decision.effective_at)
    return race(sharing.settle, sharing.settle)


def both_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both beats have read that a link is due before either opens it."""
    due = sharing.to_publish
    monkeypatch.setattr(sharing, "to_publish", lambda now: list(due(now)))
    meet_after(monkeypatch, sharing, "to_publish")


def test_two_beats_one_link(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    both_read(monkeypatch)
    ends = two_beats(cast, at)
    assert sorted(len(opened) for opened in ends) == [0, 1]
    assert Share.objects.count() == 1


def test_control_without_the_constraints_there_are_two_links(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_read(monkeypatch)
    with without(Share, "one_open_share_of_an_output", "one_share_on_approval"):
        ends = two_beats(cast, at)
        assert [len(opened) for opened in ends] == [1, 1]
        assert Share.objects.count() == 2


def test_the_artist_against_the_beat(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    at(decision.effective_at)
    ends = race(lambda: sharing.share(decision, by=cast.artist.user), sharing.settle)
    assert set(lost(ends)) <= {SharedAlready}
    assert Share.objects.filter(revoked_at=None).count() == 1
