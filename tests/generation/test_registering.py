"""The registry in the admin: what is typed is checked, staff see why something is refused, and state is not typed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access.models import Entry, User
from generation import registering, registry
from generation.models import Pipeline
from tests import make
from tests.generation.test_registry import COMMIT, POCKET, row


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POCKET, tmp_path / "pocket"))


@pytest.fixture
def chief(db: None) -> User:
    return make.user(is_staff=True, is_superuser=True)


@pytest.fixture
def desk(chief: User) -> Client:
    client = Client()
    client.force_login(chief)
    return client


def typed(folder: Path | str, **changes: Any) -> dict[str, Any]:
    form = {
        "name": "Tried", "slug": "tried", "card": "", "is_active": "on", "folder": str(folder), "hub_id": "",
        "revision": "", "for_every_cohort": "", "overrides": "{}", "dtype": "float32", "device": "auto", "offload": "",
        "attention": "", "cache": "", "cache_options": "{}", "warm_shapes": "[]", "batch_limit": "4",
        "queue": "render", "leases": "{}",
    }  # fmt: skip
    # As the page has them: Django compares with these, since the defaults of the fields are made anew each time.
    shown = {f"initial-{name}": form[name] for name in ("overrides", "cache_options", "warm_shapes", "leases")}
    return {**form, **shown, **changes}


def pin(desk: Client, made: Pipeline) -> str:
    form = {"action": "pin", "_selected_action": [made.pk]}
    return desk.post(reverse("admin:generation_pipeline_changelist"), form, follow=True).text


def test_register_pin_and_look(desk: Client, chief: User, folder: Path) -> None:
    cohort = make.cohort(program=make.program())
    page = desk.post(reverse("admin:generation_pipeline_add"), typed(folder, cohorts=[cohort.pk]), follow=True)
    assert "Nobody can use this model yet" in page.text
    made = Pipeline.objects.get()
    assert list(made.cohorts.all()) == [cohort] and made.pinned_at is None
    assert "Tried is pinned." in pin(desk, made)
    made.refresh_from_db()
    registry.check(made)
    assert Entry.objects.get(act="pin_pipeline").actor == str(chief.pk)
    shown = desk.get(reverse("admin:generation_pipeline_change", args=[made.pk])).text
    assert made.manifest_sha256[:12] in shown and "(11 files)" in shown and "num_frames" in shown


def test_a_bad_folder_fails_closed_and_says_why(desk: Client, folder: Path) -> None:
    made = row(folder)
    (folder / "evil.py").write_text("1/0")
    page = pin(desk, made)
    assert "Tried: The model folder holds files that are not allowed there: evil.py." in page
    made.refresh_from_db()
    assert made.pinned_at is None
    Pipeline.objects.update(trouble="The model folder is not the one that was pinned: vae/config.json differ.")
    assert "not the one that was pinned" in desk.get(reverse("admin:generation_pipeline_changelist")).text


def test_a_folder_too_large_for_a_page_is_left_to_the_command(
    desk: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generation.admin.LARGEST_HERE", 1_000_000)
    assert "manage.py pin_pipeline tried" in pin(desk, row(folder))


@pytest.mark.django_db
def test_only_who_may_change_may_pin(folder: Path) -> None:
    from django.contrib.auth.models import Permission

    looker = make.user(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_pipeline"))
    client = Client()
    client.force_login(looker)
    made = row(folder)
    pin(client, made)
    made.refresh_from_db()
    assert made.pinned_at is None


def test_a_change_is_saved_with_its_cohorts_and_leaves_state_alone(desk: Client, folder: Path) -> None:
    made = registry.pin(row(folder), by=None)
    cohort = make.cohort(program=make.program())
    Pipeline.objects.update(loaded={"class": "LTXPipeline"}, trouble="It is broken.")
    url = reverse("admin:generation_pipeline_change", args=[made.pk])
    form = typed(folder, cohorts=[cohort.pk], batch_limit=6, leases='{"load": 600}', manifest="{}", trouble="")
    assert desk.post(url, form).status_code == 302
    made.refresh_from_db()
    assert (made.batch_limit, made.leases, list(made.cohorts.all())) == (6, {"load": 600}, [cohort])
    assert made.manifest and made.loaded and made.trouble == "It is broken."
    fields = json.loads(Entry.objects.get(act="change_pipeline").facts)["fields"]
    assert fields == ["batch_limit", "cohorts", "leases"]


REFUSED_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "device": ({"device": "tpu"}, "Write auto, cpu, cuda"),
    "a hub id without a commit": ({"hub_id": "a/b", "revision": "main"}, "full commit id"),
    "a hub address": ({"hub_id": "https://hub/a/b", "revision": COMMIT}, "without an address"),
    "a phase": ({"leases": '{"sleep": 5}'}, "There is no phase sleep"),
    "no time at all": ({"leases": '{"load": 0}'}, "number of seconds above 0"),
    "leases as a list": ({"leases": "[5]"}, "names and values"),
    "shapes": ({"warm_shapes": "[[96, 64]]"}, "Write shapes like"),
    "shapes of text": ({"warm_shapes": '[["96", 64, 17]]'}, "Write shapes like"),
    "no batch": ({"batch_limit": "0"}, "at least one clip"),
    "overrides as text": ({"overrides": '"call"'}, "names and values"),
    "a misspelling": ({"overrides": '{"limit": {}}'}, "Nothing asks for limit"),
    "limits the wrong way": ({"overrides": '{"limits": {"steps": [40, 8]}}'}, "smaller number first"),
    "a call with words": ({"overrides": '{"call": {"prompt": "x"}}'}, "call has to name"),
    "a call of NaN": ({"overrides": '{"call": {"width": 96, "x": NaN}}'}, "nobody can keep"),
    "options without end": ({"cache": "first_block", "cache_options": '{"threshold": 1e999}'}, "nobody can keep"),
    "broken JSON": ({"overrides": "{"}, "valid JSON"),
    "options of no method": ({"cache_options": '{"threshold": 0.1}'}, "Without a cache method"),
    "options of another method": (
        {"cache": "first_block", "cache_options": '{"cache_interval": 3}'},
        "This cache method has no cache_interval. It has threshold.",
    ),
    "MagCache unmeasured": ({"cache": "mag"}, "needs the mag_ratios"),
}


@pytest.mark.parametrize("wrong", REFUSED_SETTINGS)
def test_what_is_typed_wrongly_is_answered_with_a_sentence(desk: Client, folder: Path, wrong: str) -> None:
    changes, words = REFUSED_SETTINGS[wrong]
    page = desk.post(reverse("admin:generation_pipeline_add"), typed(folder, **changes))
    assert page.status_code == 200, "saved"
    errors = " ".join(str(error) for errors in page.context["errors"] for error in errors)
    assert words in errors
    assert not Pipeline.objects.exists()


def test_overrides_may_not_take_the_call_away(desk: Client, folder: Path) -> None:
    made = registry.pin(row(folder), by=None)
    url = reverse("admin:generation_pipeline_change", args=[made.pk])
    page = desk.post(url, typed(folder, overrides='{"call": {"width": 96}}'))
    assert page.status_code == 200 and "would lack height, num_frames" in page.text


@pytest.mark.ml
def test_the_options_of_the_form_are_those_of_the_library() -> None:
    from dataclasses import fields

    from generation.diffusers_engine.caching import CONFIGS

    said_by_the_worker = {"current_timestep_callback", "num_inference_steps", "calibrate"}
    for method, config in CONFIGS.items():
        theirs = {
            field.name for field in fields(config) if not field.name.startswith("_") and "callback" not in field.name
        }
        assert registering.CACHE_OPTIONS[method] == theirs - said_by_the_worker, method
    assert set(registering.CACHE_OPTIONS) == set(Pipeline.Cache.values)
