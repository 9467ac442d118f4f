"""What a reviewer attests about looking, and how much of it a verdict needs."""

from datetime import timedelta
from typing import Any

import pytest

from access import clock
from review import claiming, looking, publishing
from review.looking import Report, covered, union, within
from review.models import Claim
from review.moderation import decide, duration_ms
from review.refusals import ClaimLost, NotRevealed, NotWatched, RangeNotWatched
from review.verdicts import Reasons
from tests.review.cast import At, Cast, seen


@pytest.mark.parametrize(
    ("parts", "merged"),
    [
        ([], []),
        ([(5, 5), (9, 3)], []),
        ([(0, 10), (10, 20)], [(0, 20)]),
        ([(30, 40), (0, 10), (5, 12)], [(0, 12), (30, 40)]),
        ([(0, 100), (20, 30)], [(0, 100)]),
    ],
)
def test_union(parts: list[tuple[int, int]], merged: list[tuple[int, int]]) -> None:
    assert union(parts) == merged


def test_covered_counts_each_moment_once_and_only_inside() -> None:
    assert covered([(0, 60), (50, 120)], 40, 100) == 60
    assert covered([(0, 10)], 20, 30) == 0


def test_within_allows_twice_real_time_and_a_second() -> None:
    assert within([(0, 6000)], timedelta(seconds=2)) and not within([(0, 6001)], timedelta(seconds=2))


def verdict(held: Claim, wanted: str, *, asked: tuple[int, int] = (0, 100), **report: Any) -> dict[str, Any]:
    """Give a verdict with this report; what was attested."""
    reasons = (
        Reasons(held.submission.policy.clauses.first(), "The knife.", *asked) if wanted != "approved" else Reasons()
    )
    given = decide(held, reviewer=held.reviewer, verdict=wanted, seen=seen(held, **report), reasons=reasons)
    return given.opinion.attested


def test_a_yes_needs_95_in_100(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    whole = duration_ms(held.submission)
    with pytest.raises(NotWatched):
        verdict(held, "approved", played=((0, round(whole * 0.94)),))
    enough = round(whole * 0.96)
    said = verdict(held, "approved", played=((0, enough),))
    assert said == {"by": "played", "covered_ms": enough, "of_ms": whole, "played": [[0, enough]]} or said[
        "played"
    ] == [(0, enough)]


def test_a_no_needs_the_range_it_cites(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    with pytest.raises(RangeNotWatched):
        verdict(held, "rejected", asked=(200, 400), played=((0, 300),))
    assert verdict(held, "rejected", asked=(200, 400), played=((200, 400),))["covered_ms"] == 200


def test_a_no_may_cite_one_moment(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    assert verdict(held, "changes", asked=(200, 200), played=((150, 200),))["by"] == "played"


@pytest.mark.parametrize("played", [(), ((0, 199),), ((201, 400),)])
def test_one_moment_that_was_not_played_is_no_ground(cast: Cast, played: tuple[tuple[int, int], ...]) -> None:
    held = cast.claim(cast.submission())
    with pytest.raises(RangeNotWatched):
        verdict(held, "rejected", asked=(200, 200), played=played)


@pytest.mark.parametrize("wanted", ["approved", "rejected", "changes"])
def test_no_verdict_on_what_was_never_revealed(cast: Cast, wanted: str) -> None:
    held = cast.claim(cast.submission(), revealed=False)
    with pytest.raises(NotRevealed):
        verdict(held, wanted)


def test_more_than_time_allows_is_not_believed(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    held = cast.claim(cast.submission())
    monkeypatch.setattr(looking, "GRACE", timedelta())
    assert held.revealed_at
    at(held.revealed_at + timedelta(milliseconds=100))
    with pytest.raises(NotWatched):
        verdict(held, "approved")
    at(held.revealed_at + timedelta(milliseconds=duration_ms(held.submission) / 2))
    assert verdict(held, "approved")["by"] == "played"


def test_beats_add_up_and_a_lie_among_them_is_left_out(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    assert looking.note(held, Report(((0, 300),))) == [(0, 300)]
    assert looking.note(held, Report(((300, 10_000_000),))) == [(0, 300)]
    held.refresh_from_db()
    said = verdict(held, "approved", played=((300, duration_ms(held.submission)),))
    assert said["covered_ms"] == duration_ms(held.submission)


def test_a_beat_under_a_claim_that_is_over_is_refused(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    at(held.leased_until)
    with pytest.raises(ClaimLost):
        looking.note(held, Report(((0, 1),)))


def test_a_beat_before_the_reveal_counts_nothing(cast: Cast) -> None:
    held = cast.claim(cast.submission(), revealed=False)
    assert looking.note(held, Report(((0, 300),))) == []


@pytest.mark.parametrize(
    ("bands", "scripted", "suffices"), [(0, True, False), (0, False, True), (1, True, True), (1, False, True)]
)
def test_the_contact_sheet_suffices_without_scripts_and_in_published_bands(
    cast: Cast, bands: int, scripted: bool, suffices: bool
) -> None:
    publishing.publish_terms(cast.program, by=None, sheet_bands=bands)
    held = cast.claim(cast.submission())
    if not suffices:
        with pytest.raises(NotWatched):
            verdict(held, "approved", played=(), sheet=True, scripted=scripted)
        return
    assert verdict(held, "approved", played=(), sheet=True, scripted=scripted)["by"] == "sheet"


def test_a_new_claim_begins_to_count_anew(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    looking.note(held, Report(((0, duration_ms(held.submission)),)))
    claiming.release(held)
    again = cast.claim(held.submission)
    assert again.played == [] and again.revealed_at and again.revealed_at <= clock.now()
    with pytest.raises(NotWatched):
        verdict(again, "approved", played=())
