"""Figures are counted by the clock, day by day, and never while a visitor waits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from access import clock
from access.models import Program
from review import publishing, tasks, transparency, watching_all
from review.models import Submission
from tests import make
from tests.review.cast import At, Cast, make_cast

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


@pytest.fixture
def cast(db: None, at: At) -> Cast:
    at(MONDAY - timedelta(days=30))
    cast = make_cast()
    at(MONDAY)
    return cast


def page(program: Program) -> Any:
    return Client().get(f"/p/{program.slug}/transparency/")


def submitted(program: Program) -> list[int]:
    counted = transparency.figures(program)
    assert counted
    return [month.submitted for month in counted.months]


def test_no_visitor_counts(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError("counted in a request")

    cast.submission()
    at(MONDAY + timedelta(minutes=2))
    monkeypatch.setattr(transparency, "count_part", refuse)
    answer = page(cast.program)
    assert answer.status_code == 503 and answer["Retry-After"] == "60"
    shown = answer.content.decode()
    assert "are being counted" in shown and "2 March 2026, 09:02 UTC" in shown and "there were none yet" in shown
    for url in (f"/p/{cast.program.slug}/transparency.csv", "/transparency.csv"):
        assert Client().get(url).status_code == 503
    monkeypatch.undo()
    tasks.count_figures()
    monkeypatch.setattr(transparency, "count_part", refuse)
    assert page(cast.program).status_code == 200 and submitted(cast.program) == [1]
    assert Client().get("/transparency.csv").status_code == 200


def test_old_figures_stand_until_there_are_new_ones(cast: Cast, at: At) -> None:
    cast.submission()
    at(MONDAY + timedelta(minutes=5))
    assert transparency.renew_due() == 1 and transparency.renew_due() == 0
    cast.submission()
    at(MONDAY + timedelta(minutes=60))
    assert transparency.renew_due() == 0 and submitted(cast.program) == [1]
    at(MONDAY + timedelta(minutes=66))
    assert submitted(cast.program) == [1] and transparency.renew_due() == 1
    assert submitted(cast.program) == [2]
    assert transparency.figures(cast.program).at == MONDAY + timedelta(minutes=65)  # type: ignore[union-attr]


def test_all_open_programs_and_no_others(cast: Cast) -> None:
    make.program(opened_at=None)
    make.program()
    assert transparency.renew_due() == Program.objects.exclude(opened_at=None).count() == 2


def spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[datetime, datetime]]:
    """The spans that are counted from now on."""
    spans: list[tuple[datetime, datetime]] = []
    count_part = transparency.count_part

    def spy(program: Program, start: datetime, end: datetime) -> transparency.Part:
        spans.append((start, end))
        return count_part(program, start, end)

    monkeypatch.setattr(transparency, "count_part", spy)
    return spans


def test_a_day_that_is_over_is_counted_once(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = spied(monkeypatch)
    cast.submission()
    at(datetime(2026, 4, 3, 12, 0, tzinfo=UTC))
    cast.submission()
    at(datetime(2026, 4, 3, 12, 2, tzinfo=UTC))
    transparency.renew(cast.program)
    assert len(spans) == 31 + 3 and submitted(cast.program) == [1, 1]
    spans.clear()
    cast.submission()
    at(datetime(2026, 4, 3, 18, 0, tzinfo=UTC))
    transparency.renew(cast.program)
    assert spans == [(datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 4, 3, 17, 59, tzinfo=UTC))]
    assert submitted(cast.program) == [1, 2]


def test_what_is_added_up_is_what_is_counted_at_once(cast: Cast, at: At) -> None:
    for days, verdict in enumerate(("approved", "rejected", "rejected", "changes", "approved")):
        at(MONDAY + timedelta(days=days, hours=days))
        asked = cast.submission()
        at(clock.now() + timedelta(hours=1 + days))
        cast.give(cast.claim(asked), verdict)
        at(clock.now() + timedelta(minutes=2))
        transparency.renew(cast.program)
    bit_by_bit = transparency.figures(cast.program)
    assert bit_by_bit == transparency.count(cast.program, bit_by_bit.at)  # type: ignore[union-attr]
    start, end = datetime(2026, 3, 1, tzinfo=UTC), bit_by_bit.at  # type: ignore[union-attr]
    whole = transparency.count_part(cast.program, start, end)
    assert bit_by_bit.months == [transparency._add_up(start, end, [whole])]  # type: ignore[union-attr]
    assert bit_by_bit.months[0].decided == 5  # type: ignore[union-attr]


def test_a_long_count_goes_on_where_it_was_and_says_since_when(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transparency, "A_TURN", -1.0)  # a day at a time
    cast.submission()
    at(MONDAY + timedelta(days=2, minutes=5))
    for _ in range(3):
        assert transparency.renew_due() == 0 and transparency.figures(cast.program) is None
        assert "Since <time" in page(cast.program).content.decode()
    assert transparency.counting_since(cast.program) == MONDAY + timedelta(days=2, minutes=5)
    assert transparency.renew_due() == 1 and submitted(cast.program) == [1]
    assert transparency.counting_since(cast.program) is None


def test_two_do_not_count_at_once_and_a_count_that_fails_is_tried_again(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        assert transparency.renew(cast.program) is None, "a second one leaves it to the first"
        raise OSError("the disk is full")

    cast.submission()
    at(MONDAY + timedelta(minutes=2))
    monkeypatch.setattr(transparency, "_months", fail)
    with pytest.raises(OSError, match="the disk is full"):
        transparency.renew(cast.program)
    monkeypatch.undo()
    assert transparency.renew(cast.program) is not None


def test_operators_count_now(cast: Cast, at: At, capsys: pytest.CaptureFixture[str]) -> None:
    cast.submission()
    at(MONDAY + timedelta(minutes=2))
    call_command("count_figures")
    assert f"{cast.program.slug}: counted up to 2026-03-02 09:01 UTC" in capsys.readouterr().out
    assert submitted(cast.program) == [1]


def test_what_nobody_asked_to_share_is_not_counted(cast: Cast, at: At) -> None:
    publishing.publish_terms(cast.program, by=None, every_output=True)
    at(MONDAY + timedelta(minutes=1))
    cast.output()
    at(MONDAY + timedelta(hours=1))
    assert watching_all.settle() == 1
    watched = Submission.objects.get()
    decision = cast.reject(cast.claim(watched))
    at(decision.effective_at + timedelta(minutes=5))
    asked = cast.submission()
    at(clock.now() + timedelta(minutes=5))
    assert not watched.asked and asked.asked
    [month] = transparency.count(cast.program, clock.now()).months
    assert (month.submitted, month.decided, month.clauses, month.median) == (1, 0, {}, None)
