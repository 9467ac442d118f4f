"""What reviewers are told of an output: by whom, of what, with the frames of both; and what nobody is told."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from access import clock
from access.models import Entry
from generation.models import Output
from review import banking, hash_lists, hashing, matching, signals, submitting
from review.models import Decision, Examination, FrameHash, Signal
from tests import make
from tests.review import clips
from tests.review.cast import At, Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_index() -> Iterator[None]:
    """An index of this test's entries alone: a rolled back transaction gives its numbers out again."""
    matching.bank_index.cache_clear()
    yield
    matching.bank_index.cache_clear()


def submitted(cast: Cast, frames: clips.Frames, rate: float = clips.RATE) -> Output:
    output = clips.output(frames, enrollment=cast.artist, rate=rate)
    cast.submission(output)
    return output


def decided(cast: Cast, at: At, frames: clips.Frames, verdict: str = "rejected") -> Decision:
    """A verdict in effect on these frames, in the bank."""
    output = clips.output(frames, enrollment=cast.artist)
    held = cast.claim(cast.submission(output))
    signals.look_over(output)
    decision = cast.approve(held) if verdict == "approved" else cast.reject(held)
    at(decision.effective_at)
    assert banking.bank(decision)
    return decision


def another_artist(cast: Cast) -> Cast:
    return Cast(cast.program, cast.policy, make.artist(program=cast.program), cast.reviewer, cast.rival)


def instants(output: Output) -> list[int]:
    return list(FrameHash.objects.filter(output=output).values_list("at_ms", flat=True))


def kinds(found: list[Signal]) -> list[str]:
    return [signal.kind for signal in found]


# --- the bank ---------------------------------------------------------------------------------------------------------
def test_a_clip_like_a_rejected_one_is_told_with_both_frames(cast: Cast, at: At) -> None:
    decision = decided(cast, at, clips.moving(1))
    output = submitted(another_artist(cast), clips.moving(1))
    (signal,) = signals.look_over(output)
    assert (signal.kind, signal.said_by) == ("like_rejected", "signal pdq 1")
    assert signal.theirs == decision.submission.output
    assert signal.from_ms in instants(output)
    assert signal.theirs_ms in instants(signal.theirs)
    assert signal.measured <= signal.threshold == 31
    assert signal.sentence == "6 of 6 frames looked at resemble a clip of another artist that was rejected."
    assert signal.produced_by.startswith("pdq, version 1: nearest frame: ")
    assert "of 256 bits differ, alike up to 31" in signal.produced_by


def test_a_clip_like_an_approved_one_is_told_too(cast: Cast, at: At) -> None:
    decided(cast, at, clips.moving(1), "approved")
    assert kinds(signals.look_over(submitted(another_artist(cast), clips.moving(1)))) == ["like_approved"]


def test_another_clip_is_not(cast: Cast, at: At) -> None:
    decided(cast, at, clips.moving(1))
    assert signals.look_over(submitted(another_artist(cast), clips.moving(2))) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda frames: frames[:, :, ::-1], "(mirrored)"),
        (lambda frames: frames[:, ::-1, ::-1], "(turned)"),
        (lambda frames: clips.boxed(frames, rows=40), ""),
        (lambda frames: clips.cropped(frames, 12), ""),
        (lambda frames: (frames * 0.7 + 40).astype(np.uint8), ""),
    ],
)
def test_a_changed_copy_is_told(cast: Cast, at: At, change: Callable[[clips.Frames], clips.Frames], says: str) -> None:
    decided(cast, at, clips.moving(3))
    (signal,) = signals.look_over(submitted(another_artist(cast), change(clips.moving(3))))
    assert signal.kind == "like_rejected"
    assert says in signal.sentence


def test_the_whole_of_what_was_seen_cropped_is_told(cast: Cast, at: At) -> None:
    decided(cast, at, clips.cropped(clips.moving(4), 12))
    (signal,) = signals.look_over(submitted(another_artist(cast), clips.moving(4)))
    assert "(cropped, or with bars)" in signal.sentence


def test_the_other_programs_clips_are_not_compared(cast: Cast, at: At) -> None:
    decided(cast, at, clips.moving(1))
    assert signals.look_over(submitted(make_cast(), clips.moving(1))) == []


def test_a_likeness_to_what_left_the_bank_is_told_no_more(cast: Cast, at: At) -> None:
    decision = decided(cast, at, clips.moving(1))
    output = submitted(another_artist(cast), np.concatenate([clips.moving(1), clips.plain(0)]))
    assert kinds(signals.look_over(output)) == ["like_rejected", "black"]
    cast.overturn(decision)
    banking.drop_fallen()
    assert kinds(signals.of(output)) == kinds(signals.look_over(output)) == ["black"]


def test_an_output_is_not_compared_with_itself(cast: Cast, at: At) -> None:
    decision = decided(cast, at, clips.moving(1))
    assert signals.look_over(decision.submission.output) == []


def test_ones_own_rejected_clip_is_called_ones_own(cast: Cast, at: At) -> None:
    decided(cast, at, clips.moving(1))
    found = signals.look_over(submitted(cast, clips.moving(1)))
    assert kinds(found) == ["like_rejected", "same_bytes"]
    assert "an earlier clip of the same artist" in found[0].sentence


def test_a_hash_of_a_list_is_told_by_its_label_in_every_program(cast: Cast) -> None:
    output = submitted(cast, clips.moving(5))
    frame = signals.look_over(output) or FrameHash.objects.get(output=output, at_ms=0)
    banking.take_in(hash_lists.read([f"{frame.pdq},Series A"]), source="list.csv")
    for program in (cast, make_cast()):
        (signal,) = signals.look_over(submitted(another_artist(program), clips.moving(5)))
        assert signal.kind == "known_bad"
        assert signal.theirs is None
        assert "an entry of an imported list, “Series A”" in signal.sentence


def test_a_listed_picture_that_has_bars_is_told(cast: Cast) -> None:
    """Lists are made by others, who take no bars off."""
    boxed = clips.boxed(clips.moving(5, frames=2), rows=60)
    listed = hashing.hashed(boxed[0]).turned[0]
    banking.take_in(hash_lists.read([f"{listed},Series A"]), source="list.csv")
    assert kinds(signals.look_over(submitted(cast, boxed))) == ["known_bad"]


def test_a_later_look_compares_with_what_came_since_and_with_nothing_twice(cast: Cast, at: At) -> None:
    output = submitted(another_artist(cast), clips.moving(1))
    assert signals.look_over(output) == []
    decided(cast, at, clips.moving(1))
    assert kinds(signals.look_over(output)) == ["like_rejected"]
    assert kinds(signals.look_over(output)) == ["like_rejected"]
    assert Examination.objects.filter(output=output).count() == 2
    decided(cast, at, clips.moving(2))
    assert kinds(signals.look_over(output)) == ["like_rejected"]


def test_a_plain_clip_is_compared_with_nothing(cast: Cast, at: At) -> None:
    decided(cast, at, clips.plain(90))
    assert kinds(signals.look_over(submitted(another_artist(cast), clips.plain(90)))) == ["frozen"]


def test_of_many_likenesses_the_nearest_few_are_told(cast: Cast) -> None:
    output = submitted(cast, clips.moving(6))
    signals.look_over(output)
    frame = FrameHash.objects.get(output=output, at_ms=0)
    banking.take_in(hash_lists.read([f"{frame.pdq},Series {n}" for n in range(9)]), source="list.csv")
    found = signals.look_over(output)
    assert len(found) == 5
    assert found[0].facts["others"] == 4


# --- duplicates -------------------------------------------------------------------------------------------------------
def test_a_near_duplicate_of_ones_own_is_told(cast: Cast) -> None:
    first = submitted(cast, clips.moving(7))
    signals.look_over(first)
    (signal,) = signals.look_over(submitted(cast, clips.moving(7, frames=16) // 10 * 9))
    assert (signal.kind, signal.theirs) == ("duplicate", first)
    assert signal.measured >= 0.5
    assert "resemble a clip that the artist submitted before" in signal.sentence


def test_the_same_bytes_are_told_before_anybody_looked_at_the_first(cast: Cast) -> None:
    first = submitted(cast, clips.moving(8))
    (signal,) = signals.look_over(submitted(cast, clips.moving(8)))
    assert (signal.kind, signal.theirs) == ("same_bytes", first)
    assert "SHA-256" in signal.produced_by


def test_clips_never_submitted_or_taken_back_are_nobodys_business(cast: Cast) -> None:
    clips.output(clips.moving(9), enrollment=cast.artist)
    taken_back = cast.submission(clips.output(clips.moving(9), enrollment=cast.artist))
    signals.look_over(taken_back.output)
    submitting.withdraw(taken_back, by=cast.artist.user)
    assert signals.look_over(submitted(cast, clips.moving(9))) == []


def test_another_artists_clip_is_no_duplicate(cast: Cast) -> None:
    submitted(cast, clips.moving(10))
    assert signals.look_over(submitted(another_artist(cast), clips.moving(10))) == []


# --- the clip by itself -----------------------------------------------------------------------------------------------
def test_flashes_black_and_frozen_are_told_in_sentences(cast: Cast) -> None:
    still = np.repeat(clips.picture(11)[None], 36, axis=0)
    frames = np.concatenate([clips.flashing(6), clips.plain(0, frames=24), still])
    found = signals.look_over(submitted(cast, frames, rate=24.0))
    assert kinds(found) == ["flashing", "black", "frozen"]
    flash, black, frozen = (signal.sentence for signal in found)
    assert flash.startswith("Flashing from 0:00.")
    assert "up to 6 flashes a second over 100% of the view" in flash
    assert black == "The picture is black from 0:02.0 to 0:03.0."
    assert frozen == "The picture does not move from 0:03.0 to 0:04.5."
    assert "WCAG 2.2" in found[0].produced_by


def test_it_is_on_record(cast: Cast) -> None:
    output = submitted(cast, clips.plain(0))
    signals.look_over(output)
    entry = Entry.objects.get(act="look_over", subject=f"output:{output.pk}")
    assert json.loads(entry.facts)["signals"] == ["black"]
    assert entry.actor == ""


# --- once, or not at all ----------------------------------------------------------------------------------------------
def test_a_second_look_changes_nothing(cast: Cast) -> None:
    output = submitted(cast, clips.plain(0))
    assert signals.look_over(output) == signals.look_over(output) == signals.of(output)
    assert Examination.objects.count() == 1


def test_what_cannot_be_looked_at_says_so_and_is_tried_again(cast: Cast) -> None:
    output = submitted(cast, clips.plain(0))
    file = output.rendition("proxy").file.path
    file.rename(file.with_suffix(".away"))
    assert signals.look_over(output) == signals.look_over(output) == []
    assert signals.examination(output) is None
    assert "ffmpeg failed" in signals.trouble(output)
    assert Examination.objects.count() == 1
    file.with_suffix(".away").rename(file)
    assert kinds(signals.look_over(output)) == ["black"]
    assert signals.trouble(output) == ""


def test_what_no_message_came_for_is_caught_up(cast: Cast) -> None:
    output, never_sent = submitted(cast, clips.plain(0)), clips.output(clips.plain(0), enrollment=cast.artist)
    assert signals.catch_up() == 1
    assert kinds(signals.of(output)) == ["black"]
    assert signals.catch_up() == 0
    assert signals.examination(never_sent) is None


def test_no_look_is_begun_when_the_seconds_are_over(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker may have to send the mail and sweep the queue beside."""
    both = [submitted(cast, clips.plain(0)), submitted(cast, clips.plain(255))]
    monkeypatch.setattr(signals, "AT_A_TIME", 0.0)
    assert signals.catch_up() == 1 and sum(signals.examination(output) is not None for output in both) == 1
    assert signals.catch_up() == 1 and signals.catch_up() == 0


def test_of_a_long_queue_three_places_are_read_and_none_is_left_out_for_ever(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "NEAR", 1)
    start, outputs = clock.now(), []
    for minute in range(5):
        at(start + timedelta(minutes=minute))
        outputs.append(submitted(cast, clips.plain(40 * minute)))
    assert signals.catch_up() <= 3
    assert signals.examination(outputs[0]) and signals.examination(outputs[4])
    tries = sum(signals.catch_up() >= 0 for _ in range(200) if not all(map(signals.examination, outputs)))
    assert all(map(signals.examination, outputs)), f"not in {tries} tries"


def test_what_waits_is_compared_with_the_bank_again_after_an_hour(cast: Cast, at: At) -> None:
    output = submitted(another_artist(cast), clips.moving(1))
    signals.look_over(output)
    decision = decided(cast, at, clips.moving(1))
    assert signals.catch_up() == 0
    at(decision.effective_at + 2 * signals.STALE)
    assert signals.catch_up() == 1
    assert kinds(signals.of(output)) == ["like_rejected"]
    assert signals.catch_up() == 0


def test_a_rival_that_was_faster_leaves_one_examination(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    output = submitted(cast, clips.plain(0))
    signals.look_over(output)
    monkeypatch.setattr(signals, "examination", lambda _output: None)
    assert kinds(signals.look_over(output)) == ["black"]
    assert Examination.objects.count() == 1


def test_no_likeness_without_the_other_and_no_match_without_an_entry(cast: Cast) -> None:
    output = submitted(cast, clips.plain(0))
    (told,) = signals.look_over(output)
    for kind, rule in (("known_bad", "match_names_its_entry"), ("duplicate", "likeness_names_the_other")):
        made = Signal(kind=kind, output=output, examination=told.examination, recipe="pdq", version=1)
        made.threshold, made.measured, made.raised_at = 31, 0, told.raised_at
        with pytest.raises(IntegrityError, match=rule), transaction.atomic():
            made.save()


def test_a_signal_changes_no_state(cast: Cast, at: At) -> None:
    decided(cast, at, clips.moving(1))
    submission = cast.submission(clips.output(clips.moving(1), enrollment=another_artist(cast).artist))
    before = type(submission).objects.filter(pk=submission.pk).values().get()
    assert signals.look_over(submission.output)
    assert type(submission).objects.filter(pk=submission.pk).values().get() == before


def test_the_pages_load_neither_faiss_nor_numpy() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; import django; django.setup(); "
        "from django.urls import get_resolver; get_resolver().url_patterns; "
        "import review.signals, review.banking, review.tasks; "
        "print([name for name in ('faiss', 'pdqhash', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr
