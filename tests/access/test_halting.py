"""The stop button: whom each scope reaches, who may press it, and who hears of it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from access import clock, halting, refusals
from access.models import Cohort, Credential, Enrollment, Entry, Halt, Notice, Program, User
from tests import make

pytestmark = pytest.mark.django_db

ARTISTS = ("ada", "ben", "cleo", "dora")
# Ada and Ben share the first cohort, Cleo is in the second, Dora in another program.
REACH = {
    "credential of ada": {"ada"},
    "ada": {"ada"},
    "first cohort": {"ada", "ben"},
    "second cohort": {"cleo"},
    "program": {"ada", "ben", "cleo"},
    "other program": {"dora"},
}


class Scene:
    """Four artists in two programs, each with a credential; Ada has two."""

    def __init__(self) -> None:
        self.program, self.other = make.program(), make.program()
        self.first, self.second = make.cohort(program=self.program), make.cohort(program=self.program)
        self.enrolled = {
            "ada": make.artist(program=self.program, cohort=self.first),
            "ben": make.artist(program=self.program, cohort=self.first),
            "cleo": make.artist(program=self.program, cohort=self.second),
            "dora": make.artist(program=self.other),
        }
        self.credentials = {name: self.credential(name) for name in ARTISTS}
        self.spare = self.credential("ada")
        Notice.objects.all().delete()

    def credential(self, name: str) -> Credential:
        return Credential.objects.create(user=self.enrolled[name].user, kind="session", created_at=clock.now())

    def target(self, name: str) -> halting.Target:
        targets: dict[str, halting.Target] = {
            "credential of ada": self.credentials["ada"],
            "ada": self.enrolled["ada"].user,
            "first cohort": self.first,
            "second cohort": self.second,
            "program": self.program,
            "other program": self.other,
        }
        return targets[name]

    def halt(self, name: str, by: User | None = None, reason: str = "A frame went wrong.") -> Halt:
        program = self.other if name == "other program" else self.program
        return halting.halt(self.target(name), program=program, by=by, reason=reason)

    def covered(self) -> set[str]:
        return {name for name in ARTISTS if Halt.objects.covering(self.enrolled[name], self.credentials[name]).exists()}


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("target", REACH)
def test_a_halt_reaches_exactly_its_scope(target: str, scene: Scene) -> None:
    assert scene.covered() == set()
    placed = scene.halt(target)
    assert scene.covered() == REACH[target]
    halting.lift(placed, by=None)
    assert scene.covered() == set()


@pytest.mark.parametrize("target", REACH)
def test_exactly_those_under_it_are_told_of_the_halt_and_of_its_end(target: str, scene: Scene) -> None:
    users = {scene.enrolled[name].user_id for name in REACH[target]}
    placed = scene.halt(target, reason="A frame went wrong.")
    told = Notice.objects.filter(kind="halted")
    assert sorted(told.values_list("user", flat=True)) == sorted(users)
    assert all("A frame went wrong." in notice.text for notice in told)
    halting.lift(placed, by=None)
    assert sorted(Notice.objects.filter(kind="lifted").values_list("user", flat=True)) == sorted(users)


def test_a_hold_on_one_credential_leaves_the_others_of_the_same_person(scene: Scene) -> None:
    scene.halt("credential of ada")
    ada = scene.enrolled["ada"]
    assert Halt.objects.covering(ada, scene.credentials["ada"]).exists()
    assert not Halt.objects.covering(ada, scene.spare).exists()
    assert not Halt.objects.covering(ada).exists()


def test_who_has_left_is_neither_covered_nor_told(scene: Scene) -> None:
    left = scene.enrolled["ben"]
    Enrollment.objects.filter(pk=left.pk).update(ended_at=clock.now())
    placed = scene.halt("program")
    assert left not in halting.enrollments_under(placed)
    assert not Notice.objects.filter(user=left.user).exists()


@pytest.mark.parametrize("target", REACH)
def test_a_second_halt_of_the_same_target_is_refused(target: str, scene: Scene) -> None:
    placed = scene.halt(target)
    notices, entries = Notice.objects.count(), Entry.objects.count()
    with pytest.raises(refusals.HaltOpen):
        scene.halt(target)
    assert Halt.objects.open().get() == placed
    assert (Notice.objects.count(), Entry.objects.count()) == (notices, entries)


def test_after_the_lift_the_same_target_can_be_halted_again(scene: Scene) -> None:
    halting.lift(scene.halt("ada"), by=None)
    assert scene.halt("ada").lifted_at is None
    assert Halt.objects.count() == 2


def test_halts_of_different_scopes_stand_side_by_side(scene: Scene) -> None:
    whole, cohort = scene.halt("program"), scene.halt("first cohort")
    halting.lift(whole, by=None)
    assert scene.covered() == {"ada", "ben"}
    halting.lift(cohort, by=None)
    assert scene.covered() == set()


def test_the_same_artist_can_be_halted_in_two_programs(scene: Scene) -> None:
    ada = scene.enrolled["ada"].user
    for program in (scene.program, scene.other):
        halting.halt(ada, program=program, by=None, reason="Both.")
    assert Halt.objects.open().count() == 2


def test_a_lift_names_who_and_happens_once(scene: Scene) -> None:
    placed, staff = scene.halt("program"), make.staff(program=scene.program)
    lifted = halting.lift(placed, by=staff)
    assert lifted.lifted_by == staff
    assert lifted.lifted_at is not None
    with pytest.raises(refusals.HaltLifted):
        halting.lift(placed, by=make.lead(program=scene.program))
    assert Halt.objects.get().lifted_by == staff


def everybody_else(scene: Scene) -> list[User]:
    retired = make.staff(program=scene.program)
    retired.roles.update(revoked_at=clock.now())
    locked = make.staff(program=scene.program)
    User.objects.filter(pk=locked.pk).update(is_active=False)
    locked.refresh_from_db()
    return [
        make.reviewer(program=scene.program),
        make.staff(program=scene.other),
        make.lead(program=scene.other),
        make.user(is_staff=True, is_superuser=True),
        scene.enrolled["ada"].user,
        retired,
        locked,
    ]


def test_only_staff_and_lead_of_the_program_halt_and_lift(scene: Scene) -> None:
    for user in everybody_else(scene):
        with pytest.raises(refusals.NotAllowed):
            scene.halt("program", by=user)
    assert not Halt.objects.exists()
    for made in (make.staff, make.lead):
        by = made(program=scene.program)
        placed = scene.halt("program", by=by)
        for user in everybody_else(scene):
            with pytest.raises(refusals.NotAllowed):
                halting.lift(placed, by=user)
        assert placed.placed_by == by
        halting.lift(placed, by=by)


@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
def test_a_halt_says_why(reason: str, scene: Scene) -> None:
    with pytest.raises(refusals.WordsMissing):
        scene.halt("program", reason=reason)
    assert not Halt.objects.exists()


@pytest.mark.parametrize("target", ["other program", "cohort of the other program"])
def test_what_belongs_to_another_program_cannot_be_halted_from_here(target: str, scene: Scene) -> None:
    foreign: Program | Cohort = scene.other if target == "other program" else scene.enrolled["dora"].cohort
    staff = make.staff(program=scene.program)
    with pytest.raises(refusals.NotAllowed):
        halting.halt(foreign, program=scene.program, by=staff, reason="Not mine to stop.")
    assert scene.covered() == set()
    assert not Halt.objects.exists()


def test_the_schema_keeps_a_lifted_halt_as_it_was(scene: Scene) -> None:
    placed = halting.lift(scene.halt("program"), by=None)
    with pytest.raises(IntegrityError, match="lifted_halt_stays_lifted"), transaction.atomic():
        Halt.objects.filter(pk=placed.pk).update(lifted_at=None)


def test_the_schema_knows_the_scopes(scene: Scene) -> None:
    facts = {"program": scene.program, "reason": "Why", "placed_at": clock.now()}
    torn: list[dict[str, object]] = [
        {"scope": "program", "cohort": scene.first},
        {"scope": "cohort"},
        {"scope": "artist", "cohort": scene.first},
        {"scope": "planet"},
        {"scope": "program", "reason": ""},
        {"scope": "program", "lifted_at": clock.now() - timedelta(days=1)},
    ]
    for columns in torn:
        with pytest.raises(IntegrityError), transaction.atomic():
            Halt.objects.create(**{**facts, **columns})
