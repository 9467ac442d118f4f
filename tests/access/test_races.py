"""Two rivals at once, on PostgreSQL: exactly one wins. And the same race without the guard, which must go wrong.

A race that passes proves little: perhaps the rivals never met. So each comes with a negative control: the same steps
as check, then act, with the guard and its constraint taken away. It must show the double, or the test is blind.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction

from access import audit, clock, enrollment, halting, refusals, telling
from access.models import Chain, Cohort, Enrollment, Entry, Halt, Invitation, Program, User
from tests import make

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
APPEND = import_module("access.migrations.0008_append_in_one_statement").APPEND
TRIALS = 8
Step = Callable[[], Any]


def race(*rivals: Step) -> list[Any]:
    """Start the rivals at the same instant, each in a connection of its own; what each returned or raised."""
    line, results = threading.Barrier(len(rivals), timeout=10), [None] * len(rivals)

    def run(place: int, rival: Step) -> None:
        try:
            with connection.cursor() as cursor:  # connect first: that takes longer than the whole race
                cursor.execute("SELECT 1")
            line.wait()
            results[place] = rival()
        except Exception as error:  # noqa: BLE001  the outcome of a rival is what the test looks at
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(rivals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive(), "a rival hangs"
    return results


def won(results: list[Any]) -> list[Any]:
    return [result for result in results if not isinstance(result, Exception)]


def lost(results: list[Any]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]


@contextmanager
def without(table: str, *constraints: str) -> Iterator[None]:
    """The tests' own database without these unique rules, for the length of the block; afterwards they are back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [table])
        indexes = dict(cursor.fetchall())
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass", [table]
        )
        rules = dict(cursor.fetchall())
        for name in constraints:
            kind = f"ALTER TABLE {table} DROP CONSTRAINT {name}" if name in rules else f"DROP INDEX {name}"
            cursor.execute(kind)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")  # the doubles, which the rules would refuse
            for name in constraints:
                back = f"ALTER TABLE {table} ADD CONSTRAINT {name} {rules[name]}" if name in rules else indexes[name]
                cursor.execute(back)


def invitation_rule() -> str:
    """The database's name for "one enrollment per invitation", which Django chose."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'access_enrollment'::regclass AND contype = 'u'"
        )
        names = [name for (name,) in cursor.fetchall()]
    return next(name for name in names if "invitation" in name)


@pytest.fixture
def cohort() -> Cohort:
    return make.cohort(program=make.program(), seats=10)


# --- the same invitation, twice ---------------------------------------------------------------------------------------


def test_one_invitation_accepted_twice_at_once_is_one_enrollment(cohort: Cohort) -> None:
    for _ in range(TRIALS):
        made = enrollment.invite("ada@example.org", cohort=cohort, by=None)
        Enrollment.objects.update(ended_at=clock.now())  # of the trial before
        taken = Cohort.objects.get(pk=cohort.pk).taken
        results = race(*[lambda token=made.token: enrollment.accept(token)] * 2)
        assert [len(won(results)), len(lost(results))] == [1, 1], results
        assert isinstance(lost(results)[0], refusals.InvitationUsed)
        assert Enrollment.objects.filter(invitation=made.invitation).count() == 1
        assert Cohort.objects.get(pk=cohort.pk).taken == taken + 1
    assert audit.verify(Chain.objects.get()) is None


def accept_unguarded(token: str, cohort: Cohort, both_looked: threading.Barrier) -> Enrollment:
    """``accept`` as check, then act: read, then write what was read."""
    with transaction.atomic():
        found = enrollment.find_invitation(token, at=clock.now())
        seen = Cohort.objects.get(pk=cohort.pk)
        if seen.taken >= seen.seats:
            raise refusals.NoSeatLeft
        both_looked.wait()
        found.state, found.accepted_at = "accepted", clock.now()
        found.save()
        seen.taken += 1
        seen.save()
        user = User.objects.get(email=found.email)
        return Enrollment.objects.create(
            program=cohort.program, cohort=cohort, user=user, invitation=found, joined_at=clock.now()
        )


def test_control_without_the_guard_and_its_rules_one_invitation_is_two_enrollments(cohort: Cohort) -> None:
    make.user("ada@example.org")
    made = enrollment.invite("ada@example.org", cohort=cohort, by=None)
    both = threading.Barrier(2, timeout=10)
    with without("access_enrollment", "one_live_enrollment", invitation_rule()):
        results = race(*[lambda: accept_unguarded(made.token, cohort, both)] * 2)
        assert len(won(results)) == 2, results
        assert Enrollment.objects.count() == 2
        assert Cohort.objects.get(pk=cohort.pk).taken == 1, "and one of the two seats was not even counted"


def test_control_without_the_guard_alone_the_schema_still_says_no(cohort: Cohort) -> None:
    make.user("ada@example.org")
    made = enrollment.invite("ada@example.org", cohort=cohort, by=None)
    both = threading.Barrier(2, timeout=10)
    results = race(*[lambda: accept_unguarded(made.token, cohort, both)] * 2)
    assert len(won(results)) == 1
    assert type(lost(results)[0]).__name__ == "IntegrityError"
    assert Enrollment.objects.count() == 1


# --- the last seat ----------------------------------------------------------------------------------------------------


def two_for_one_seat() -> tuple[Cohort, list[str]]:
    cohort = make.cohort(program=make.program(), seats=1)
    emails = [f"person{make.number()}@example.org" for _ in range(2)]
    for email in emails:
        make.user(email)
    return cohort, [enrollment.invite(email, cohort=cohort, by=None).token for email in emails]


def test_the_last_seat_goes_to_one_of_two() -> None:
    for _ in range(TRIALS):
        cohort, tokens = two_for_one_seat()
        results = race(*[lambda token=token: enrollment.accept(token) for token in tokens])
        assert [len(won(results)), len(lost(results))] == [1, 1], results
        assert isinstance(lost(results)[0], refusals.NoSeatLeft)
        assert Enrollment.objects.filter(cohort=cohort).count() == Cohort.objects.get(pk=cohort.pk).taken == 1
        assert Invitation.objects.filter(cohort=cohort, state="pending").count() == 1


def test_control_without_the_guard_the_last_seat_is_given_twice() -> None:
    """No constraint can help here: both write ``taken = 1``, which is within the capacity of one."""
    cohort, tokens = two_for_one_seat()
    both = threading.Barrier(2, timeout=10)
    results = race(*[lambda token=token: accept_unguarded(token, cohort, both) for token in tokens])
    assert len(won(results)) == 2, results
    assert Enrollment.objects.filter(cohort=cohort).count() == 2 > Cohort.objects.get(pk=cohort.pk).seats


def test_a_new_person_accepting_into_two_programs_at_once_is_one_user() -> None:
    for trial in range(TRIALS):
        email = f"new{trial}@example.org"
        invited = [enrollment.invite(email, cohort=make.cohort(program=make.program()), by=None) for _ in range(2)]
        results = race(*[lambda token=made.token: enrollment.accept(token) for made in invited])
        assert len(won(results)) == 2, results
        assert User.objects.filter(email=email).count() == 1


# --- halts ------------------------------------------------------------------------------------------------------------


def halt(program: Program) -> Halt:
    return halting.halt(program, program=program, by=None, reason="A frame went wrong.")


def test_the_same_halt_placed_twice_at_once_is_one() -> None:
    for _ in range(TRIALS):
        program = make.program()
        results = race(*[lambda program=program: halt(program)] * 2)
        assert [len(won(results)), len(lost(results))] == [1, 1], results
        assert isinstance(lost(results)[0], refusals.HaltOpen)
        assert Halt.objects.open().filter(program=program).count() == 1


def halt_unguarded(program: Program, both_looked: threading.Barrier) -> Halt:
    with transaction.atomic():
        if Halt.objects.open().filter(program=program, scope="program").exists():
            raise refusals.HaltOpen
        both_looked.wait()
        return Halt.objects.create(program=program, scope="program", reason="Twice", placed_at=clock.now())


def test_control_without_the_guard_and_its_rule_a_halt_is_placed_twice() -> None:
    program, both = make.program(), threading.Barrier(2, timeout=10)
    with without("access_halt", "one_open_halt_of_a_program"):
        results = race(*[lambda: halt_unguarded(program, both)] * 2)
        assert len(won(results)) == 2, results
        assert Halt.objects.open().filter(program=program).count() == 2


def test_one_halt_lifted_twice_at_once_is_lifted_once() -> None:
    for _ in range(TRIALS):
        placed = halt(make.program())
        results = race(*[lambda placed=placed: halting.lift(placed, by=None)] * 2)
        assert len(won(results)) == 1
        assert isinstance(lost(results)[0], refusals.HaltLifted)


# --- the chain --------------------------------------------------------------------------------------------------------


def act(program: Program) -> bool:
    with audit.recorded():
        audit.trace("act", program=program, at=clock.now(), actor=None, subject="thing:1", private="words")
    return True


def test_many_verbs_at_once_leave_one_dense_chain() -> None:
    program, rivals = make.program(), 6
    results = race(*[lambda: [act(program) for _ in range(5)]] * rivals)
    assert len(won(results)) == rivals, results
    chain = Chain.objects.get(program=program)
    assert list(chain.entries.order_by("number").values_list("number", flat=True)) == list(range(1, 5 * rivals + 1))
    assert audit.verify(chain) is None


def test_the_server_makes_the_hash_that_the_house_verifies() -> None:
    """Whatever the fields hold, and several entries in one transaction: the formula is written down twice."""
    program = make.program()
    words = ["", "plain", "Grüße, 漢字, \U0001f3ac", 'a "quoted" \\ line\nand another', "x" * 5000]
    with audit.recorded():
        for word in words:
            facts = {"word": word, "nul": "\x00", "number": 1.5, "none": None}
            audit.trace("act", program=program, at=clock.now(), actor=None, subject=f"{word[:60]}:1", facts=facts)
            audit.trace("say", program=program, at=clock.now(), actor=None, subject="thing:1", private=word)
    chain = Chain.objects.get(program=program)
    assert audit.verify(chain) is None
    assert [entry.facts for entry in chain.entries.filter(act="act").order_by("number")] == [
        audit.canonical({"word": word, "nul": "\x00", "number": 1.5, "none": None}) for word in words
    ]
    assert [entry.private.text for entry in chain.entries.exclude(private=None).order_by("number")] == words[1:]


@contextmanager
def appending(changed: str) -> Iterator[None]:
    """The server's function in other words, for the length of the block."""
    with connection.cursor() as cursor:
        cursor.execute(changed.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"), None)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(APPEND.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"), None)


@pytest.mark.parametrize("locks", [True, False], ids=["as it is, slowly", "CONTROL: no lock of the head"])
def test_two_who_append_at_once_take_two_numbers(locks: bool) -> None:
    program = make.program()
    act(program)
    slowly = APPEND.replace("place_ := chain.length;", "PERFORM pg_sleep(0.3); place_ := chain.length;")
    assert slowly != APPEND and " FOR NO KEY UPDATE;" in slowly
    with without("access_entry", "entry_number_in_chain"):
        with appending(slowly if locks else slowly.replace(" FOR NO KEY UPDATE;", ";")):
            race(*[lambda: act(program)] * 2)
        numbers = Entry.objects.order_by("number").values_list("number", flat=True)
        assert list(numbers) == ([1, 2, 3] if locks else [1, 2, 2])


def test_control_appending_after_the_last_entry_instead_of_under_the_head_forks_the_chain() -> None:
    """Locking the last entry is the tempting guard: who waits for it reads the number that is taken by then."""
    program = make.program()
    act(program)
    chain = Chain.objects.get(program=program)

    def append_unguarded() -> Entry:
        with transaction.atomic():
            last = chain.entries.order_by("-number").select_for_update().first()
            assert last is not None
            fields = {"at_us": 0, "act": "act", "subject": "thing:1", "facts": "{}", "hash": "0" * 64}
            return Entry.objects.create(chain=chain, number=last.number + 1, previous=last.hash, **fields)

    with without("access_entry", "entry_number_in_chain"):
        doubled = False
        for _ in range(TRIALS):
            race(append_unguarded, append_unguarded)
            numbers = list(chain.entries.values_list("number", flat=True))
            doubled = doubled or len(set(numbers)) < len(numbers)
        assert doubled, "two rivals never took the same number: this control is blind"


# --- the outbox -------------------------------------------------------------------------------------------------------


def test_two_deliverers_send_each_mail_once() -> None:
    now = clock.now()
    for number in range(20):
        telling.mail("ada@example.org", f"Mail {number}", "Words", key=f"mail-{number}", at=now)
    results = race(telling.deliver, telling.deliver)
    assert sum(results) == 20, results
    assert sorted(message.subject for message in mail.outbox) == sorted(f"Mail {number}" for number in range(20))
