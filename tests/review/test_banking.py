"""What enters the bank and leaves it: decisions that take effect, lists as often as one likes; never an undone one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from access.models import Entry
from review import banking, findings, hash_lists, matching, moderation, signals, tasks
from review.hash_lists import BadLine, Listed
from review.models import BankEntry, Decision, Deposit, FrameHash
from tests import make
from tests.review import clips
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db
A, B, C = (digit * 64 for digit in "abc")
Queries = Callable[[int], AbstractContextManager[object]]


@pytest.fixture(autouse=True)
def fresh_index() -> Iterator[None]:
    """An index of this test's entries alone: a rolled back transaction gives its numbers out again."""
    matching.bank_index.cache_clear()
    yield
    matching.bank_index.cache_clear()


def rejection(cast: Cast, seed: int = 1) -> Decision:
    return cast.reject(cast.claim(cast.submission(clips.output(clips.moving(seed), enrollment=cast.artist))))


def in_effect(decision: Decision, at: At) -> Decision:
    at(decision.effective_at)
    return decision


def live(decision: Decision) -> set[str]:
    """Of which origins its output has entries in the bank."""
    entries = BankEntry.objects.live().filter(deposit__output=decision.submission.output)
    return set(entries.values_list("origin", flat=True))


def takes(lines: list[str], **facts: str) -> banking.Tally:
    return banking.take_in(hash_lists.read(lines, **facts), source="list.csv")


def labels() -> list[str]:
    return sorted(BankEntry.objects.live().values_list("label", flat=True))


# --- decisions --------------------------------------------------------------------------------------------------------
def test_nothing_enters_before_it_takes_effect(cast: Cast, at: At) -> None:
    decision = rejection(cast)
    assert banking.bank(decision) is None
    assert banking.settle() == 0
    assert live(decision) == set()
    in_effect(decision, at)
    assert banking.settle() == 1
    assert live(decision) == {"rejected"}


def test_each_good_frame_enters_with_its_crops_and_says_which_frame(cast: Cast, at: At) -> None:
    decision = in_effect(rejection(cast), at)
    made = banking.bank(decision)
    frames = FrameHash.objects.filter(output=made.output)
    assert frames
    expected = {(frame.pk, pdq) for frame in frames for pdq in [frame.pdq, *frame.crops.split()]}
    assert set(made.entries.values_list("frame", "pdq")) == expected
    assert len(expected) > len(frames)


def test_it_enters_once_and_is_on_record(cast: Cast, at: At) -> None:
    decision = in_effect(rejection(cast), at)
    first, again = banking.bank(decision), banking.bank(decision)
    assert first == again
    assert banking.settle() == 0
    assert Entry.objects.filter(act="bank", subject=f"decision:{decision.pk}").count() == 1


def test_an_undone_one_never_enters(cast: Cast, at: At) -> None:
    decision = rejection(cast)
    moderation.undo(decision, by=cast.reviewer)
    in_effect(decision, at)
    assert banking.bank(decision) is None
    assert banking.settle() == 0
    with pytest.raises(IntegrityError, match="deposit_is_of_a_decision_in_effect"), transaction.atomic():
        Deposit.objects.create(
            decision=decision, output=decision.submission.output, banked_at=decision.effective_at + timedelta(days=1)
        )


def test_changes_asked_for_are_neither_yes_nor_no(cast: Cast, at: At) -> None:
    output = clips.output(clips.moving(1), enrollment=cast.artist)
    decision = in_effect(cast.send_back(cast.claim(cast.submission(output))), at)
    assert banking.bank(decision) is None
    assert banking.settle() == 0


def test_an_overturned_one_leaves_and_the_approval_enters(cast: Cast, at: At) -> None:
    first = in_effect(rejection(cast), at)
    banking.bank(first)
    second = cast.overturn(first)
    assert banking.unbank(first.submission.output) > 0
    assert banking.unbank(first.submission.output) == 0
    assert live(first) == set()
    in_effect(second, at)
    banking.settle()
    assert live(first) == {"approved"}
    assert banking.unbank(first.submission.output) == 0
    assert Entry.objects.filter(act="unbank").count() == 1


def test_the_clock_alone_takes_out_what_was_overturned(cast: Cast, at: At) -> None:
    first = in_effect(rejection(cast), at)
    banking.settle()
    second = cast.overturn(first)
    tasks.settle()
    assert not BankEntry.objects.live().filter(deposit__decision=first).exists()
    in_effect(second, at)
    banking.settle()
    assert live(first) == {"approved"}
    assert banking.settle() == banking.drop_fallen() == 0


def test_what_left_is_no_longer_found_although_an_index_knows_it(cast: Cast, at: At) -> None:
    first = in_effect(rejection(cast), at)
    banking.bank(first)
    other = clips.output(clips.moving(1), enrollment=make.artist(program=cast.program))
    signals.look_over(clips.output(clips.moving(9), enrollment=cast.artist))
    assert len(matching.bank_index()) > 0
    cast.overturn(first)
    banking.unbank(first.submission.output)
    cast.submission(other)
    assert signals.look_over(other) == []


def test_banking_begins_nothing_more_when_its_seconds_are_over(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_effect(rejection(cast, 1), at)
    in_effect(rejection(cast, 2), at)
    monkeypatch.setattr(banking, "AT_A_TIME", 0.0)
    assert banking.settle() == banking.settle() == 1
    assert banking.settle() == 0


def test_an_output_that_cannot_be_looked_at_waits(cast: Cast, at: At) -> None:
    decision = in_effect(rejection(cast), at)
    file = decision.submission.output.rendition("proxy").file.path
    file.rename(file.with_suffix(".away"))
    assert banking.settle() == 0
    file.with_suffix(".away").rename(file)
    assert banking.settle() == 1


def test_the_schema_knows_how_entries_live(cast: Cast, at: At) -> None:
    made = banking.bank(in_effect(rejection(cast), at))
    entry, other = made.entries.first(), clips.output(clips.moving(2), enrollment=cast.artist)
    signals.look_over(other)
    with pytest.raises(IntegrityError, match="bank_entry_is_of_its_deposit"), transaction.atomic():
        BankEntry.objects.create(
            origin="rejected", pdq=A, deposit=made, frame=other.frame_hashes.first(), entered_at=made.banked_at
        )
    with pytest.raises(IntegrityError, match="bank_entry_is_of_its_deposit"), transaction.atomic():
        BankEntry.objects.create(origin="approved", pdq=A, deposit=made, frame=entry.frame, entered_at=made.banked_at)
    with pytest.raises(IntegrityError, match="bank_entry_says_whence"), transaction.atomic():
        BankEntry.objects.create(origin="imported", pdq=A, entered_at=made.banked_at)
    with pytest.raises(IntegrityError, match="bank_entry_only_leaves"), transaction.atomic():
        BankEntry.objects.filter(pk=entry.pk).update(pdq=A)
    BankEntry.objects.filter(pk=entry.pk).update(removed_at=made.banked_at)
    with pytest.raises(IntegrityError, match="bank_entry_only_leaves"), transaction.atomic():
        BankEntry.objects.filter(pk=entry.pk).update(removed_at=None)
    with pytest.raises(IntegrityError, match="bank_entry_never_goes"), transaction.atomic():
        BankEntry.objects.filter(pk=entry.pk)._raw_delete("default")


# --- the index --------------------------------------------------------------------------------------------------------
def test_the_index_reads_only_what_is_new(cast: Cast, django_assert_num_queries: Queries) -> None:
    index = matching.bank_index()
    takes([f"{A},a"])
    index.refresh()
    assert (len(index), index.upto) == (1, BankEntry.objects.get().pk)
    takes([f"{B},b", f"{C},c"])
    with django_assert_num_queries(2):
        index.refresh()
    assert len(index) == 3
    with django_assert_num_queries(1):
        index.refresh()
    assert len(index) == 3


def test_near_is_31_bits_and_not_32(cast: Cast) -> None:
    def off(bits: int) -> str:
        return f"{int(A, 16) ^ (2**bits - 1):064x}"

    takes([f"{off(31)},near", f"{off(32)},far", f"{off(0)},same"])
    index = matching.bank_index()
    index.refresh()
    found = [(hit.distance, BankEntry.objects.get(pk=hit.entry).label) for hit in index.near([A])]
    assert found == [(0, "same"), (31, "near")]
    assert index.near([]) == []


def test_an_empty_bank_is_like_nothing() -> None:
    assert matching.bank_index().near([A]) == []


def test_what_is_found_is_the_program_s_business_only(cast: Cast, at: At) -> None:
    made = banking.bank(in_effect(rejection(cast), at))
    entries = BankEntry.objects.filter(deposit=made)
    assert set(BankEntry.objects.for_program(cast.program)) == set(entries)
    assert set(BankEntry.objects.for_program(make.program())) == set()
    assert findings.LIKE["imported"] == "known_bad"


# --- lists ------------------------------------------------------------------------------------------------------------
def test_a_list_is_read_with_or_without_commas_names_and_comments() -> None:
    lines = [
        "\ufeffhash,label",
        "# from somewhere",
        "",
        f"{A.upper()},Series A",
        f'{B},"Series B, part 2"',
        f"{C} Series C",
    ]
    assert list(hash_lists.read(lines)) == [
        Listed(A, "Series A"),
        Listed(B, "Series B, part 2"),
        Listed(C, "Series C"),
    ]
    assert list(hash_lists.read([A], label="all of it")) == [Listed(A, "all of it")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (A[:-1] + ",x", "not 64 hex digits"),
        (A + "0,x", "not 64 hex digits"),
        ("g" * 64 + ",x", "not 64 hex digits"),
        ("what is this?", "not 64 hex digits"),
        (A, "no label"),
        (f"{A},", "no label"),
        (f"{A},a,b", "more than a hash and a label"),
        (f"{A},{'x' * 121}", "longer than 120"),
        (f"{A},a\0b", "not printable"),
        (f"{A},caf\ufffd", "not UTF-8"),
    ],
)
def test_a_bad_line_is_named_with_its_reason(line: str, why: str) -> None:
    good, bad = hash_lists.read([f"{B},fine", line])
    assert good == Listed(B, "fine")
    assert isinstance(bad, BadLine)
    assert bad.number == 2
    assert why in bad.why


def test_a_second_import_changes_nothing() -> None:
    lines = [f"{A},a", f"{B},b", f"{A},a", f"{A},also a"]
    first, again = takes(lines), takes(lines)
    assert (first.changed, first.unchanged) == (3, 1)
    assert (again.changed, again.unchanged) == (0, 4)
    assert labels() == ["a", "also a", "b"]
    assert Entry.objects.filter(act="bank_list").count() == 1


def test_a_bad_line_holds_nothing_up_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banking, "LINES", 2)
    tally = takes([f"{A},a", "nonsense", f"{B},b", f"{A},a", "more nonsense", f"{C},c"])
    assert (tally.changed, tally.unchanged) == (3, 1)
    assert [bad.number for bad in tally.bad] == [2, 5]
    assert labels() == ["a", "b", "c"]


def test_what_a_list_takes_out_is_gone_and_can_come_back() -> None:
    takes([f"{A},a", f"{A},b"])
    gone = banking.take_out(hash_lists.read([f"{A},a", f"{C},c"]), source="less.csv")
    assert (gone.changed, gone.unchanged) == (1, 1)
    assert labels() == ["b"]
    assert takes([f"{A},a"]).changed == 1
    assert labels() == ["a", "b"]


def test_the_command_names_bad_lines_and_imports_the_others(tmp_path: Path) -> None:
    file, said, complaints = tmp_path / "list.csv", StringIO(), StringIO()
    file.write_bytes(f"hash,label\n{A},a\nnonsense\n{B},caf".encode() + b"\xe9\n")
    with pytest.raises(CommandError, match="2 lines"):
        call_command("import_known_bad", str(file), stdout=said, stderr=complaints)
    assert "1 entered the bank" in said.getvalue()
    assert "line 3: the first cell is not 64 hex digits: nonsense" in complaints.getvalue()
    assert "line 4: the label is" in complaints.getvalue()
    assert labels() == ["a"]


def test_the_command_can_be_run_again_and_undone(tmp_path: Path) -> None:
    file, said = tmp_path / "list.txt", StringIO()
    file.write_text(f"{A}\n{B}\n")
    for _ in range(2):
        call_command("import_known_bad", str(file), label="Series", stdout=said)
    assert labels() == ["Series", "Series"]
    call_command("import_known_bad", str(file), label="Series", remove=True, stdout=said)
    assert labels() == []
    assert "2 left the bank" in said.getvalue()


def test_a_file_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_known_bad", "/nowhere/list.csv")
