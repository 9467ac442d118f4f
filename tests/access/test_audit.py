"""The chains: dense, one per program, appended with the act, and no change to them goes unseen."""

import hashlib
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from access import audit
from access.models import Chain, Entry, EntryText, Program
from tests import make

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def act(name: str, program: Program | None, *, at: datetime = NOON, private: str = "") -> None:
    with audit.recorded():
        audit.trace(name, program=program, at=at, actor=None, subject="thing:1", facts={"name": name}, private=private)


def fails(program: Program) -> None:
    """A verb that traces, and then fails."""
    with audit.recorded():
        audit.trace("failed", program=program, at=NOON, actor=None, subject="thing:1")
        raise LookupError


def chain_of(program: Program | None) -> Chain:
    return Chain.objects.get(key=audit.chain_key(program))


@pytest.fixture
def program() -> Program:
    return make.program()


@pytest.fixture
def chain(program: Program) -> Chain:
    """Five entries, the third with private words."""
    for number in range(1, 6):
        act(f"act_{number}", program, at=NOON + timedelta(seconds=number), private="a name" if number == 3 else "")
    return chain_of(program)


# --- appending -------------------------------------------------------------------------------------------------------


def test_numbers_are_dense_and_each_entry_follows_the_last(chain: Chain) -> None:
    entries = list(chain.entries.order_by("number"))
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.previous for entry in entries] == [audit.GENESIS, *(entry.hash for entry in entries[:-1])]
    assert (chain.length, chain.head) == (5, entries[-1].hash)
    assert audit.verify(chain) is None


def test_one_verb_may_leave_several_traces_in_order(program: Program) -> None:
    with audit.recorded():
        for name in ("first", "second", "third"):
            audit.trace(name, program=program, at=NOON, actor=None, subject="thing:1", private=name)
        assert not Chain.objects.exists(), "entries are appended at the end, not as they are noted"
    assert list(chain_of(program).entries.values_list("number", "act")) == [(1, "first"), (2, "second"), (3, "third")]
    assert [e.private.text for e in Entry.objects.order_by("number")] == ["first", "second", "third"]
    assert audit.verify(chain_of(program)) is None


def test_programs_and_the_site_keep_chains_of_their_own(program: Program) -> None:
    other = make.program()
    with audit.recorded():
        for where in (program, other, None, program):
            audit.trace("act", program=where, at=NOON, actor=None, subject="thing:1")
    assert {chain.key: chain.length for chain in Chain.objects.all()} == {
        audit.chain_key(program): 2,
        audit.chain_key(other): 1,
        "site": 1,
    }
    assert all(audit.verify(chain) is None for chain in Chain.objects.all())
    assert chain_of(program).entries.first().previous == chain_of(other).entries.first().previous == audit.GENESIS  # type: ignore[union-attr]


def test_the_same_act_has_another_hash_in_another_chain(program: Program) -> None:
    other = make.program()
    act("same", program)
    act("same", other)
    assert len(set(Entry.objects.values_list("hash", flat=True))) == 2


def test_instants_are_exact_to_the_microsecond(program: Program) -> None:
    # As a float of seconds, this instant would lose its last digit.
    at = datetime(2242, 3, 16, 12, 56, 31, 999999, tzinfo=UTC)
    act("late", program, at=at)
    stored = Entry.objects.get().at_us
    assert stored == 8_589_934_591_999_999
    assert audit.EPOCH + timedelta(microseconds=stored) == at
    assert audit.microseconds(at) - audit.microseconds(at - timedelta(microseconds=1)) == 1


def test_a_trace_outside_a_recorded_verb_is_an_error(program: Program) -> None:
    with pytest.raises(RuntimeError, match="would not be recorded"):
        audit.trace("act", program=program, at=NOON, actor=None, subject="thing:1")
    assert not Entry.objects.exists()


def test_what_a_rolled_back_inner_verb_traced_is_not_recorded(program: Program) -> None:
    with audit.recorded():
        audit.trace("outer_before", program=program, at=NOON, actor=None, subject="thing:1")
        with pytest.raises(LookupError):
            fails(program)
        audit.trace("outer_after", program=program, at=NOON, actor=None, subject="thing:1")
    assert list(Entry.objects.order_by("number").values_list("act", flat=True)) == ["outer_before", "outer_after"]


def test_an_inner_verb_that_succeeds_is_recorded_with_the_outer(program: Program) -> None:
    with audit.recorded():
        audit.trace("outer", program=program, at=NOON, actor=None, subject="thing:1")
        act("inner", program)
    assert list(Entry.objects.order_by("number").values_list("act", flat=True)) == ["outer", "inner"]


def test_a_failed_verb_leaves_no_entry_and_does_not_haunt_the_next(program: Program) -> None:
    with pytest.raises(LookupError):
        fails(program)
    act("next", program)
    assert list(Entry.objects.values_list("number", "act")) == [(1, "next")]


def rename(program: Program) -> None:
    with audit.recorded():
        Program.objects.filter(pk=program.pk).update(name="Renamed")
        audit.trace("rename", program=program, at=NOON, actor=None, subject=program)


def test_what_cannot_be_recorded_does_not_happen(program: Program) -> None:
    act("before", program)
    Chain.objects.update(length=0)  # so that the next entry would take a number that is taken
    with pytest.raises(IntegrityError):
        rename(program)
    program.refresh_from_db()
    assert program.name != "Renamed"
    Chain.objects.update(length=1)
    rename(program)
    program.refresh_from_db()
    assert program.name == "Renamed"


# --- an outsider can recompute it ------------------------------------------------------------------------------------


def test_the_hash_can_be_recomputed_from_the_documented_fields(chain: Chain) -> None:
    """Written without the product's code: what an outsider does with the export."""
    previous = "0" * 64
    for e in chain.entries.order_by("number"):
        parts = ["vernissage-audit-1", chain.key, str(e.number), str(e.at_us), e.actor, e.act, e.subject]
        parts += [e.facts, e.private_digest, previous]
        raw = b"".join(len(p.encode()).to_bytes(8, "big") + p.encode() for p in parts)
        assert hashlib.sha256(raw).hexdigest() == e.hash
        previous = e.hash
    assert previous == chain.head


def test_fields_cannot_flow_into_each_other() -> None:
    """Length prefixes: the same letters, cut elsewhere, are another entry."""
    facts = {"number": 1, "at_us": 0, "actor": "", "facts": "{}", "private_digest": "", "previous": audit.GENESIS}
    one = Entry(**facts, act="halt", subject="ed")
    two = Entry(**facts, act="halte", subject="d")
    assert audit.entry_hash(one, "site") != audit.entry_hash(two, "site")


def test_facts_are_canonical() -> None:
    assert audit.canonical({"b": 1, "a": "é"}) == audit.canonical({"a": "é", "b": 1}) == r'{"a":"\u00e9","b":1}'
    assert json.loads(audit.canonical({"a": [1, None]})) == {"a": [1, None]}


# --- tampering -------------------------------------------------------------------------------------------------------


def without_rules(*names: str) -> None:
    """What somebody with the database's own password can do: drop the triggers first."""
    with connection.cursor() as cursor:
        for name in names:
            on = " ON access_entry" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {name}{on}")


@pytest.fixture
def unguarded(chain: Chain) -> Chain:
    without_rules("access_entry_never_changes", "access_entry_never_goes")
    return chain


def test_without_dropping_the_triggers_nobody_edits(chain: Chain) -> None:
    for write in (lambda: chain.entries.update(act="x"), lambda: chain.entries.filter(number=5)._raw_delete("default")):  # type: ignore[attr-defined]  # the shortest way to a bare DELETE
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            write()


@pytest.mark.parametrize(
    "edit",
    [
        {"act": "something_else"},
        {"subject": "thing:2"},
        {"facts": "{}"},
        {"actor": "somebody"},
        {"at_us": 0},
        {"private_digest": "0" * 64},
        {"hash": "0" * 64},
    ],
)
def test_an_edited_field_is_found(edit: dict[str, object], unguarded: Chain) -> None:
    unguarded.entries.filter(number=2).update(**edit)
    fault = audit.verify(unguarded)
    assert fault is not None
    assert (fault.number, fault.why) == (2, "its fields do not give its hash: it was changed")


def test_an_edit_with_its_hash_made_right_is_found_at_the_next_entry(unguarded: Chain) -> None:
    edited = unguarded.entries.get(number=2)
    edited.act = "something_else"
    unguarded.entries.filter(pk=edited.pk).update(act=edited.act, hash=audit.entry_hash(edited, unguarded.key))
    fault = audit.verify(unguarded)
    assert fault is not None
    assert (fault.number, fault.why) == (3, "it does not follow the entry before it")


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_removed_entry_is_found(number: int, unguarded: Chain) -> None:
    unguarded.entries.filter(number=number).delete()
    fault = audit.verify(unguarded)
    assert fault is not None
    assert (fault.number, fault.why) == (number, f"the next entry is number {number + 1}: one was removed")


def test_a_removed_entry_is_found_when_the_rest_is_renumbered(unguarded: Chain) -> None:
    unguarded.entries.filter(number=2).delete()
    for number in (3, 4, 5):
        unguarded.entries.filter(number=number).update(number=number - 1)
    fault = audit.verify(unguarded)
    assert fault is not None
    assert fault.number == 2


def test_swapped_entries_are_found(unguarded: Chain) -> None:
    for old, new in ((4, 99), (2, 4), (99, 2)):
        unguarded.entries.filter(number=old).update(number=new)
    fault = audit.verify(unguarded)
    assert fault is not None
    assert fault.number == 2


def test_a_cut_off_end_is_found(unguarded: Chain) -> None:
    unguarded.entries.filter(number=5).delete()
    fault = audit.verify(unguarded)
    assert fault is not None
    assert (fault.number, fault.why) == (5, "the head names an entry that is not there: the end was cut off")


@pytest.mark.parametrize("head", [{"length": 4}, {"head": audit.GENESIS}, {"length": 6}])
def test_a_changed_head_is_found(head: dict[str, object], chain: Chain) -> None:
    Chain.objects.filter(pk=chain.pk).update(**head)
    chain.refresh_from_db()
    assert audit.verify(chain) is not None


def test_an_end_cut_off_together_with_its_head_is_seen_by_whoever_kept_a_head(unguarded: Chain) -> None:
    """The honest limit: from inside, a consistently shortened chain looks whole. A head kept elsewhere tells."""
    kept_elsewhere = unguarded.head
    unguarded.entries.filter(number=5).delete()
    Chain.objects.filter(pk=unguarded.pk).update(length=4, head=unguarded.entries.get(number=4).hash)
    unguarded.refresh_from_db()
    assert audit.verify(unguarded) is None
    assert not unguarded.entries.filter(hash=kept_elsewhere).exists()


# --- personal words --------------------------------------------------------------------------------------------------


def test_erasing_the_private_words_keeps_the_chain(chain: Chain) -> None:
    digest = chain.entries.get(number=3).private_digest
    EntryText.objects.get(entry__number=3).delete()
    assert audit.verify(chain) is None
    assert digest
    # Without the salt, the digest says nothing about the words.
    assert digest != hashlib.sha256(b"a name").hexdigest()


def test_the_same_words_twice_have_two_digests(program: Program) -> None:
    act("one", program, private="a name")
    act("two", program, private="a name")
    one, two = Entry.objects.order_by("number")
    assert one.private_digest != two.private_digest


@pytest.mark.parametrize("rewrite", [{"text": "another name"}, {"salt": "0" * 32}])
def test_rewritten_private_words_are_found(rewrite: dict[str, str], chain: Chain) -> None:
    EntryText.objects.filter(entry__number=3).update(**rewrite)
    fault = audit.verify(chain)
    assert fault is not None
    assert (fault.number, fault.why) == (3, "its private words do not give their digest: they were changed")


def test_words_put_under_an_entry_that_had_none_are_found(chain: Chain) -> None:
    EntryText.objects.create(entry=chain.entries.get(number=2), salt="0" * 32, text="made up")
    fault = audit.verify(chain)
    assert fault is not None
    assert fault.number == 2


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_names_every_chain_and_its_first_fault(unguarded: Chain) -> None:
    act("elsewhere", None)
    out = io.StringIO()
    call_command("verify_audit", stdout=out)
    assert f"chain {unguarded.key}: 5 entries hold, head {unguarded.head}" in out.getvalue()
    assert "chain site: 1 entries hold" in out.getvalue()
    unguarded.entries.filter(number=2).update(act="x")
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 of the chains do not hold"):
        call_command("verify_audit", stdout=out)
    assert f"chain {unguarded.key}, entry 2: its fields do not give its hash" in out.getvalue()


def test_the_verbs_of_the_house_leave_a_chain_that_holds(program: Program) -> None:
    make.agreement(program=program)
    make.artist(program=program)
    acts = list(chain_of(program).entries.order_by("number").values_list("act", flat=True))
    assert acts == ["publish_agreement", "invite", "accept_invitation", "sign"]
    assert audit.verify(chain_of(program)) is None
