"""Two sweeps at once, on PostgreSQL: each decision is drawn once, with one check and one golden look at most."""

from typing import Any
from unittest import mock

import pytest

from review import goldens, publishing, qa
from review.models import Decision, Draw, Look
from tests import make
from tests.review.cast import Cast, make_cast
from tests.review.test_races import meet_after, race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


def everything_drawn(cast: Cast) -> Decision:
    """A decision that is checked and brings a golden one, for certain."""
    publishing.publish_terms(cast.program, by=None, qa_percent=100, qa_first=0, golden_percent=50)
    lead = make.lead(program=cast.program)
    chosen = cast.approve(cast.claim(cast.submission(), by=cast.rival))
    qa.draw(chosen.effective_at)
    with mock.patch("access.clock.now", return_value=chosen.effective_at):
        goldens.choose_golden(chosen.submission, by=lead, why="Plain.")
    return cast.approval()


def two_sweeps(decision: Decision, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    meet_after(monkeypatch, qa, "_pending")  # both have seen the decision as not drawn
    low = lambda seed, decision, drawn_for="qa": 0.0  # noqa: E731  the smallest number: everything is drawn
    monkeypatch.setattr(qa, "number_of", low)
    return race(*[lambda: qa.draw(decision.effective_at)] * 2)


def test_two_sweeps_draw_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    decision = everything_drawn(cast)
    assert sorted(two_sweeps(decision, monkeypatch)) == [0, 1]
    assert Draw.objects.filter(decision=decision).count() == 1
    assert Look.objects.filter(kind="qa", submission=decision.submission).count() == 1
    assert Look.objects.filter(kind="golden", reserved_for=cast.reviewer).count() == 1


def test_two_sweeps_keep_a_blank_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    publishing.publish_terms(cast.program, by=None, qa_percent=0, qa_first=0, golden_percent=0)
    decision = cast.approval()
    meet_after(monkeypatch, qa, "_pending")
    ends = race(*[lambda: qa.draw(decision.effective_at)] * 2)
    assert Draw.objects.count() == 1 and 1 in ends and not Look.objects.filter(kind="qa").exists()


def test_control_without_the_guard_a_decision_is_checked_twice(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sweeps where the row of the draw is not tied to its look: both ask for one."""
    decision = everything_drawn(cast)
    monkeypatch.setattr(qa, "_keep", lambda drum, lot: bool(qa._ask(drum, lot.decision)))
    assert two_sweeps(decision, monkeypatch) == [1, 1]
    assert Look.objects.filter(kind="qa", submission=decision.submission).count() == 2
