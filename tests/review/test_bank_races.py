"""Writers and readers of the bank at once, on PostgreSQL. Beside the order of entries, the same without its lock."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from access import clock
from access.models import Notice
from review import banking, hash_lists, hindsight, matching, signals
from review.matching import BankIndex
from review.models import BankEntry, Deposit, Examination, FrameHash
from review.scrutiny import MACHINES_FIRST
from review.verdicts import Given
from tests import make
from tests.review import clips
from tests.review.cast import At, Cast, make_cast
from tests.review.test_races import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
PATIENCE = 20  # seconds
A, B = "a" * 64, "b" * 64


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def fresh_index() -> Iterator[None]:
    matching.bank_index.cache_clear()
    yield
    matching.bank_index.cache_clear()


def in_a_thread(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def two_writers(index: BankIndex, *, meanwhile: float) -> None:
    """One has entered a hash and not committed; another comes; the index reads; the first commits; the index reads."""
    entered, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            banking._lock()
            BankEntry.objects.create(origin="imported", pdq=A, label="slow", entered_at=clock.now())
            entered.set()
            may_commit.wait(PATIENCE)

    first = in_a_thread(slow)
    assert entered.wait(PATIENCE)
    second = in_a_thread(lambda: banking.take_in(hash_lists.read([f"{B},quick"]), source="list"))
    second.join(meanwhile)
    index.refresh()
    may_commit.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    index.refresh()
    assert BankEntry.objects.count() == 2


def test_an_index_misses_no_entry_of_a_slow_writer(cast: Cast) -> None:
    index = BankIndex()
    two_writers(index, meanwhile=0.5)
    assert len(index) == 2


def test_control_without_the_lock_it_does(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banking, "_lock", lambda: None)
    index = BankIndex()
    two_writers(index, meanwhile=PATIENCE)
    assert len(index) == 1


def test_a_decision_enters_once(cast: Cast, at: At) -> None:
    output = clips.output(clips.moving(1), enrollment=cast.artist)
    decision = cast.reject(cast.claim(cast.submission(output)))
    signals.look_over(output)
    at(decision.effective_at)
    ends = race(*[lambda: banking.bank(decision)] * 4)
    assert [end.pk for end in ends] == [decision.pk] * 4
    assert Deposit.objects.count() == 1


def test_an_output_is_examined_once(cast: Cast) -> None:
    output = clips.output(clips.plain(0), enrollment=cast.artist)
    cast.submission(output)
    ends = race(*[lambda: signals.look_over(output)] * 3)
    assert [[signal.kind for signal in found] for found in ends] == [["black"]] * 3
    assert Examination.objects.count() == 1


# --- what a machine notices against a verdict -------------------------------------------------------------------------


def noticed_beside_a_verdict(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch, *, meanwhile: float) -> Given:
    """A known-bad match is written and not committed when one person approves what no machine had looked at in time."""
    output = clips.output(clips.moving(1), enrollment=cast.artist)
    asked, twin = cast.submission(output), clips.output(clips.moving(1), enrollment=cast.artist)
    signals.look_over(twin)
    frame = FrameHash.objects.filter(output=twin).earliest("at_ms")
    banking.take_in(hash_lists.read([f"{frame.pdq},bad"]), source="list")
    at(clock.now() + MACHINES_FIRST)
    held = cast.claim(asked)
    written, over, tell_of = threading.Event(), threading.Event(), hindsight.tell_of

    def slowly(*args: Any) -> None:
        tell_of(*args)
        written.set()
        over.wait(meanwhile)

    def approve() -> Given:
        assert written.wait(PATIENCE)
        try:
            return cast.give(held, "approved")
        finally:
            over.set()

    monkeypatch.setattr(hindsight, "tell_of", slowly)
    found, given = race(lambda: signals.look_over(output), approve)
    assert [signal.kind for signal in found if signal.kind == "known_bad"]
    assert isinstance(given, Given), given
    return given


def test_a_verdict_waits_for_what_a_machine_is_about_to_say(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = noticed_beside_a_verdict(cast, at, monkeypatch, meanwhile=1.0)
    assert given.decision is None, "a known-bad match wants two people"


def test_control_without_the_lock_one_approves_it_and_nobody_hears_of_the_match(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.lead(program=cast.program)
    monkeypatch.setattr(signals, "_meet_verdicts", lambda output: None)
    given = noticed_beside_a_verdict(cast, at, monkeypatch, meanwhile=PATIENCE)
    assert given.decision and not Notice.objects.filter(kind="found_late").exists()
