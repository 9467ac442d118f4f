"""The registry: a folder is pinned to its bytes, everything else is refused with a sentence, and staff see why."""

import json
import os
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from access import clock
from access.models import Entry, User
from generation import declaration, registering, registry
from generation.models import Pipeline
from generation.refusals import Trouble
from tests import make

POCKET = Path(__file__).resolve().parents[2] / "generation" / "pocket"
SHARDED = "text_encoder/model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POCKET, tmp_path / "pocket"))


def row(folder: Path, **fields: Any) -> Pipeline:
    facts = {"slug": "tried", "name": "Tried", "created_at": clock.now(), **fields}
    return Pipeline.objects.create(folder=str(folder), **facts)


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def link_to_a_folder(folder: Path) -> None:
    """What a walk that looks at files alone does not see, and a loader follows."""
    shutil.move(folder / "vae", folder.parent / "elsewhere")
    (folder / "vae").symlink_to(folder.parent / "elsewhere")


def link_to_a_file(folder: Path) -> None:
    shutil.move(folder / "vae/config.json", folder.parent / "config.json")
    (folder / "vae/config.json").symlink_to(folder.parent / "config.json")


# --- what is refused --------------------------------------------------------------------------------------------------
REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "not there"),
    "no index": (lambda folder: (folder / "model_index.json").unlink(), "no model_index.json"),
    "code": (lambda folder: (folder / "transformer/model.py").write_text("1/0"), r"transformer/model\.py"),
    "pickle": (lambda folder: (folder / "vae/pytorch_model.bin").write_bytes(b"x"), r"pytorch_model\.bin"),
    "a hidden file": (lambda folder: (folder / ".hidden").write_text("x"), r"\.hidden"),
    "a link to a file": (link_to_a_file, r"not allowed there: vae/config\.json"),
    "a link to a folder": (link_to_a_folder, "not allowed there: vae"),
    "a pipe": (lambda folder: os.mkfifo(folder / "endless.json"), r"not allowed there: endless\.json"),
    "an index that is no JSON": (lambda folder: (folder / "model_index.json").write_text("{"), "cannot be read"),
    "an index of bytes": (lambda folder: (folder / "model_index.json").write_bytes(b"\xff\xfe"), "cannot be read"),
    "an index that is a list": (lambda folder: (folder / "model_index.json").write_text("[]"), "names and values"),
    "an index without end": (
        lambda folder: (folder / "model_index.json").write_text("[" * 200_000),
        "cannot be read",
    ),
    "an index too large": (
        lambda folder: (folder / "model_index.json").write_text(" " * (registry.LARGEST_JSON + 1)),
        "larger than 16 MB",
    ),
    "code by its name": (
        lambda folder: rewrite(folder / "model_index.json", _class_name=["mine", "MyPipeline"]),
        "names no pipeline class",
    ),
    "a part from elsewhere": (
        lambda folder: rewrite(folder / "model_index.json", vae=["evil_library", "Vae"]),
        "code from elsewhere",
    ),
    "a part without a home": (lambda folder: rewrite(folder / "model_index.json", vae=[]), "code from elsewhere"),
    "a part outside": (
        lambda folder: rewrite(folder / "model_index.json", **{"../vae": ["diffusers", "AutoencoderKLWan"]}),
        "leads out of the folder",
    ),
    "shards outside": (
        lambda folder: (folder / SHARDED).write_text('{"weight_map": {"w": "../../secret.safetensors"}}'),
        "not beside it",
    ),
    "shards of nothing": (lambda folder: (folder / SHARDED).write_text("{}"), "not beside it"),
    "a studio that is no JSON": (lambda folder: (folder / "studio.json").write_text("[1"), r"studio\.json cannot"),
    "a studio without a call": (lambda folder: (folder / "studio.json").write_text("{}"), "height|width"),
    "sizes that are none": (lambda folder: rewrite(folder / "studio.json", sizes=[[96]]), "sizes has to be"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("reason", REFUSED)
def test_what_may_not_be_pinned(folder: Path, reason: str) -> None:
    spoil, words = REFUSED[reason]
    made = row(folder)
    spoil(folder)
    with pytest.raises(Trouble, match=words):
        registry.pin(made, by=None)
    made.refresh_from_db()
    assert (made.manifest, made.pinned_at) == ({}, None)
    assert not Entry.objects.filter(act="pin_pipeline").exists()


@pytest.mark.django_db
def test_a_file_nobody_may_read_is_not_pinned_as_an_empty_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "hash_of", lambda path: "")  # what it says of such a file; tests may run as root
    with pytest.raises(Trouble, match="cannot be read"):
        registry.manifest_of(folder)


def flip_a_byte(folder: Path) -> None:
    weights = folder / "transformer/diffusion_pytorch_model.safetensors"
    found = bytearray(weights.read_bytes())
    found[len(found) // 2] ^= 1
    weights.write_bytes(bytes(found))


CHANGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped byte": (flip_a_byte, "diffusion_pytorch_model.safetensors differ"),
    "one file more": (lambda folder: (folder / "vae/more.json").write_text("{}"), "vae/more.json differ"),
    "one file less": (lambda folder: (folder / "vae/config.json").unlink(), "vae/config.json differ"),
    "another call": (lambda folder: rewrite(folder / "studio.json", lengths=[33]), "studio.json differ"),
    "a link instead": (link_to_a_folder, "not allowed there"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGED)
def test_after_pinning_every_byte_counts(folder: Path, change: str) -> None:
    pinned = registry.pin(row(folder), by=None)
    registry.check(pinned)
    alter, words = CHANGED[change]
    alter(folder)
    with pytest.raises(Trouble, match=words):
        registry.check(pinned)


@pytest.mark.django_db
def test_never_pinned_is_never_loaded(folder: Path) -> None:
    with pytest.raises(Trouble, match="never pinned"):
        registry.check(row(folder))


@pytest.mark.django_db
def test_pinning_again_trusts_the_new_bytes_and_is_on_record(folder: Path) -> None:
    chief = make.user()
    first = registry.pin(row(folder), by=chief).manifest_sha256
    rewrite(folder / "studio.json", deliver_width=640)
    again = registry.pin(Pipeline.objects.get(slug="tried"), by=chief)
    registry.check(again)
    assert again.manifest_sha256 != first and again.studio["deliver_width"] == 640
    entries = Entry.objects.filter(act="pin_pipeline").order_by("number")
    assert [(entry.actor, json.loads(entry.facts)["files"]) for entry in entries] == [(str(chief.pk), 11)] * 2


@pytest.mark.django_db
def test_a_plain_folder_is_called_as_staff_say(folder: Path) -> None:
    """Models from elsewhere have no studio.json."""
    (folder / "studio.json").unlink()
    made = row(folder, overrides={"call": {"width": 96, "height": 64, "num_frames": 17}})
    registry.check(registry.pin(made, by=None))
    Pipeline.objects.update(overrides={"call": {"width": 96}})
    made.refresh_from_db()
    with pytest.raises(Trouble, match="height, num_frames missing"):
        registry.check(made)


@pytest.mark.parametrize(
    "wrong",
    [
        {"call": {"width": 96, "prompt": "mine"}},
        {"call": {"width": "96"}},
        {"call": {"frame_rate": 0}},
        {"defaults": {"steps": 0}},
        {"limits": {"steps": [40, 8]}},
        {"limits": {"steps": [1, 2, 3]}},
        {"limits": {"guidance": [-1, 2]}},
        {"sizes": []},
        {"sizes": [[96, True]]},
        {"lengths": [0]},
        {"deliver_width": 1e9},
        {"preview": {"matrix": [[1, 2]], "bias": [0, 0, 0]}},
        {"vocabulary": {"Colors": "red"}},
        {"surprises": [""]},
        {"from_image": "yes"},
        {"dtypes": {"vae": "int8"}},
        {"name": 7},
    ],
    ids=str,
)
def test_a_declaration_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    (sentence,) = declaration.faults_of(wrong)
    assert sentence.startswith(next(iter(wrong)))


def test_the_shipped_declaration_is_sound() -> None:
    declared = registry.declaration_of(POCKET)
    assert not declaration.lacks_of(declared) and not declaration.strangers_of(declared)


# --- commands ---------------------------------------------------------------------------------------------------------
COMMIT = "a" * 40


def run(name: str, slug: str) -> str:
    out = StringIO()
    call_command(name, slug, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_pin_by_command(folder: Path) -> None:
    made = row(folder)
    assert "11 files pinned" in run("pin_pipeline", "tried")
    made.refresh_from_db()
    registry.check(made)
    (folder / "evil.py").write_text("1/0")
    with pytest.raises(CommandError, match=r"evil\.py"):
        run("pin_pipeline", "tried")
    with pytest.raises(CommandError, match="Registered: tried"):
        run("pin_pipeline", "other")


@pytest.mark.django_db
def test_fetch_takes_the_revision_and_harmless_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def download(hub_id: str, **wanted: Any) -> None:
        asked.update(wanted, hub_id=hub_id)
        shutil.copytree(POCKET, wanted["local_dir"], dirs_exist_ok=True)
        notes = Path(wanted["local_dir"]) / ".cache/huggingface/download"
        notes.mkdir(parents=True)
        (notes / "model_index.json.metadata").write_text("etag")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    made = row(tmp_path / "models/new", hub_id="somebody/something", revision=COMMIT)
    assert "11 files fetched and pinned" in run("fetch_pipeline", "tried")
    assert (asked["hub_id"], asked["revision"]) == ("somebody/something", COMMIT)
    assert set(asked["allow_patterns"]) == {f"*{suffix}" for suffix in registry.ALLOWED}
    made.refresh_from_db()
    registry.check(made)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["new"]
    with pytest.raises(CommandError, match="there already"):
        run("fetch_pipeline", "tried")


@pytest.mark.django_db
def test_a_fetch_that_fails_leaves_no_folder_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.snapshot_download", away)
    row(tmp_path / "new", hub_id="somebody/something", revision=COMMIT)
    with pytest.raises(CommandError, match=r"cannot be fetched: Name or service not known.*Call this again"):
        run("fetch_pipeline", "tried")
    assert not (tmp_path / "new").exists()


@pytest.mark.django_db
def test_what_came_and_is_no_pipeline_does_not_get_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda *_, local_dir, **__: (local_dir / "readme.md").write_text("hello")
    )
    row(tmp_path / "new", hub_id="somebody/something", revision=COMMIT)
    with pytest.raises(CommandError, match=r"no model_index\.json"):
        run("fetch_pipeline", "tried")
    assert not (tmp_path / "new").exists()
    row(tmp_path / "other", slug="local")
    with pytest.raises(CommandError, match="names no hub id"):
        run("fetch_pipeline", "local")


# --- the admin --------------------------------------------------------------------------------------------------------
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
