"""The program that a new clone begins with."""

from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from access.models import AgreementVersion, Enrollment, Entry, Program, Role
from generation import registry
from generation.models import Pipeline
from generation.policies import may_use
from review import opening
from scripts.private_site import ACCOUNT

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var_dir(settings: LazySettings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path


def seed() -> str:
    told = StringIO()
    call_command("seed_demo", stdout=told)
    return told.getvalue()


def pins() -> int:
    return Entry.objects.filter(act="pin_pipeline").count()


def test_twice_is_once() -> None:
    assert seed() == seed()
    assert Pipeline.objects.count() == Enrollment.objects.count() == pins() == 1


def test_its_model_is_pinned_and_open() -> None:
    seed()
    pocket = Pipeline.objects.get()
    registry.check(pocket)
    assert may_use(Enrollment.objects.get(), pocket) and pocket.batch_limit == 4


def test_a_model_that_came_with_an_update_is_pinned_anew() -> None:
    seed()
    Pipeline.objects.update(manifest={}, manifest_sha256="0" * 64)
    seed()
    registry.check(Pipeline.objects.get())
    assert pins() == 2


def test_a_site_from_before_there_were_pins_opens_its_model() -> None:
    seed()
    Pipeline.objects.update(manifest={}, manifest_sha256="", pinned_at=None, for_every_cohort=False, batch_limit=1)
    seed()
    pocket = Pipeline.objects.get()
    registry.check(pocket)
    assert may_use(Enrollment.objects.get(), pocket) and pocket.batch_limit == 4


def test_what_staff_set_stays() -> None:
    seed()
    Pipeline.objects.update(for_every_cohort=False, batch_limit=2)
    seed()
    assert Pipeline.objects.values_list("for_every_cohort", "batch_limit").get() == (False, 2)


def test_the_terms_say_that_copies_may_be_kept() -> None:
    seed()
    terms = AgreementVersion.objects.get()
    assert terms.allows_download and "You may download copies of your own outputs" in terms.text


def test_there_are_people_enough_for_its_own_rules_and_it_is_open() -> None:
    told = seed()
    program = Program.objects.get()
    need = opening.need_of(program)
    assert program.opened_at is not None and (need.missing, need.leads_missing) == (0, 0)
    assert sorted(role for role, _, _ in ACCOUNT.findall(told)) == sorted(
        ["artist", "reviewer", "colleague", "another", "lead", "staff"]
    )
    kinds = Role.objects.live().filter(program=program).values_list("kind", flat=True)
    assert sorted(kinds) == ["lead", "program_staff", "reviewer", "reviewer", "reviewer"]
