"""What review does by itself: every step, also after one that failed."""

from datetime import timedelta

import pytest

from review import beat, tasks
from review.models import Share
from tests.review.cast import At, Cast


def test_a_step_that_fails_holds_up_no_other(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("the disk is full")

    decision = cast.approval(cast.submission(publish_on_approval=True))
    at(decision.effective_at + timedelta(seconds=1))
    monkeypatch.setattr(beat, "STEPS", (fail, *beat.STEPS))
    with pytest.raises(ExceptionGroup, match=f"1 of {len(beat.STEPS)} steps failed"):
        tasks.settle()
    assert Share.objects.get().decision == decision


def test_the_task_does_what_became_due_once(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    at(decision.effective_at + timedelta(seconds=1))
    tasks.settle()
    tasks.settle()
    assert Share.objects.count() == 1
