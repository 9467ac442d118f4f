"""The registry: a folder is pinned to its bytes, and everything else is refused with a sentence."""

import json
import os
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from access import clock
from access.models import Entry
from generation import declaration, registry
from generation.forms import BriefForm
from generation.jobs import PROMPT_LIMIT
from generation.models import Pipeline
from generation.refusals import Trouble
from tests import make

COMMIT = "a" * 40
POCKET = Path(__file__).resolve().parents[2] / "generation" / "pocket"
INDEX = "model_index.json"
SHARDED = "text_encoder/model.safetensors.index.json"
Spoil = Callable[[Path], object]  # what is done to a sound folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POCKET, tmp_path / "pocket"))


def row(folder: Path, **fields: Any) -> Pipeline:
    facts = {"slug": "tried", "name": "Tried", "created_at": clock.now(), **fields}
    return Pipeline.objects.create(folder=str(folder), **facts)


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def written(name: str, text: str) -> Spoil:
    return lambda folder: (folder / name).write_text(text)


def rewritten(name: str, **changes: object) -> Spoil:
    return lambda folder: rewrite(folder / name, **changes)


def said(more: str) -> Spoil:
    """One thing more in the studio.json, as it is written, be it JSON or not."""

    def say(folder: Path) -> None:
        path = folder / "studio.json"
        path.write_text(path.read_text().rstrip().removesuffix("}") + f", {more}" + "}")

    return say


def link_to_a_folder(folder: Path) -> None:
    """What a walk that looks at files alone does not see, and a loader follows."""
    shutil.move(folder / "vae", folder.parent / "elsewhere")
    (folder / "vae").symlink_to(folder.parent / "elsewhere")


def link_to_a_file(folder: Path) -> None:
    shutil.move(folder / "vae/config.json", folder.parent / "config.json")
    (folder / "vae/config.json").symlink_to(folder.parent / "config.json")


# --- what is refused --------------------------------------------------------------------------------------------------
REFUSED: dict[str, tuple[Spoil, str]] = {
    "no folder": (shutil.rmtree, "not there"),
    "no index": (lambda folder: (folder / "model_index.json").unlink(), "no model_index.json"),
    "code": (written("transformer/model.py", "1/0"), r"transformer/model\.py"),
    "pickle": (written("vae/pytorch_model.bin", "x"), r"pytorch_model\.bin"),
    "a hidden file": (written(".hidden", "x"), r"\.hidden"),
    "a link to a file": (link_to_a_file, r"not allowed there: vae/config\.json"),
    "a link to a folder": (link_to_a_folder, "not allowed there: vae"),
    "a pipe": (lambda folder: os.mkfifo(folder / "endless.json"), r"not allowed there: endless\.json"),
    "an index that is no JSON": (written(INDEX, "{"), "cannot be read"),
    "an index of bytes": (lambda folder: (folder / "model_index.json").write_bytes(b"\xff\xfe"), "cannot be read"),
    "an index that is a list": (written(INDEX, "[]"), "names and values"),
    "an index of numbers": (written(INDEX, "7"), "names and values"),
    "a class by number": (rewritten(INDEX, _class_name=7), "names no pipeline class"),
    "a part by a list": (rewritten(INDEX, vae=[["diffusers"], {}]), "from elsewhere"),
    "an index of NaN": (rewritten(INDEX, x=float("nan")), "cannot be read: it is"),
    "an index without end": (written(INDEX, "[" * 200_000), "cannot be read"),
    "an index too large": (written(INDEX, " " * (registry.LARGEST_JSON + 1)), "larger than 16 MB"),
    "code by its name": (rewritten(INDEX, _class_name=["mine", "MyPipeline"]), "names no pipeline class"),
    "a part from elsewhere": (rewritten(INDEX, vae=["evil_library", "Vae"]), "code from elsewhere"),
    "a part without a home": (rewritten(INDEX, vae=[]), "code from elsewhere"),
    "a part outside": (rewritten(INDEX, **{"../vae": ["diffusers", "AutoencoderKLWan"]}), "leads out of the folder"),
    "shards outside": (written(SHARDED, '{"weight_map": {"w": "../../secret.safetensors"}}'), "not beside it"),
    "shards of a variant": (
        written("vae/model.safetensors.index.fp16.json", '{"weight_map": {"w": "../x.safetensors"}}'),
        "not beside it",
    ),
    "shards of nothing": (written(SHARDED, "{}"), "does not say which files"),
    "no shards": (written(SHARDED, '{"weight_map": {}}'), "does not say which files"),
    "shards as lists": (written(SHARDED, '{"weight_map": {"w": ["x"], "v": {}}}'), "does not say which files"),
    "shards by number": (written(SHARDED, '{"weight_map": {"w": 7}}'), "which files"),
    "shards as a list": (written(SHARDED, '["w"]'), "names and values"),
    "shards of a map that is a list": (written(SHARDED, '{"weight_map": ["w"]}'), "which"),
    "a name that is no text": (written(os.fsdecode(b"\xff.json"), "{}"), r"udcff\.json"),
    "a name with a line end": (written("vae/a\nb.json", "{}"), r"vae/a\\nb\.json"),
    "a studio of NaN": (said('"call": {"width": NaN}'), "cannot be read: it is nested"),
    "a studio of infinity": (said('"mine": [1e999]'), "cannot be read: it is nested"),
    "a studio of nothing": (said('"name": "\\u0000"'), "cannot be read: it is nested"),
    "a studio of half signs": (said('"about": "\\ud800"'), "cannot be read: it is nested"),
    "a studio of half names": (said('"\\udfff": 1'), "cannot be read: it is nested"),
    "a studio that is deep": (said(f'"mine": {"[" * 99}{"]" * 99}'), "nested too deep"),
    "a studio that is deeper": (said('"mine": ' + '{"a": ' * 200_000), "cannot be read"),
    "a studio of a long number": (said('"call": {"width": ' + "9" * 5000 + "}"), "cannot be read"),
    "a studio of lists": (written("studio.json", "[]"), "names and values"),
    "a studio whose call is a list": (rewritten("studio.json", call=[["width", 96]]), "call has"),
    "a studio that is no JSON": (written("studio.json", "[1"), r"studio\.json cannot"),
    "a studio without a call": (written("studio.json", "{}"), "height|width"),
    "sizes that are none": (rewritten("studio.json", sizes=[[96]]), "sizes has to be"),
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


@pytest.mark.django_db
def test_an_index_of_pickled_weights_does_no_harm(folder: Path) -> None:
    """Hand-made copies leave the .bin files out and forget their index; workers read safetensors only."""
    (folder / "text_encoder/pytorch_model.bin.index.json").write_text(
        '{"weight_map": {"w": "a-1.bin", "v": "a-2.bin"}}'
    )
    registry.check(registry.pin(row(folder), by=None))
    (folder / SHARDED).write_text('{"weight_map": {"w": "1.bin", "v": "2.safetensors"}}')
    with pytest.raises(Trouble, match="not beside it"):
        registry.manifest_of(folder)


def flip_a_byte(folder: Path) -> None:
    weights = folder / "transformer/diffusion_pytorch_model.safetensors"
    found = bytearray(weights.read_bytes())
    found[len(found) // 2] ^= 1
    weights.write_bytes(bytes(found))


CHANGED: dict[str, tuple[Spoil, str]] = {
    "a flipped byte": (flip_a_byte, "diffusion_pytorch_model.safetensors differ"),
    "one file more": (written("vae/more.json", "{}"), "vae/more.json differ"),
    "one file less": (lambda folder: (folder / "vae/config.json").unlink(), "vae/config.json differ"),
    "another call": (rewritten("studio.json", lengths=[33]), "studio.json differ"),
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
def test_what_workers_found_holds_for_the_bytes_they_found_it_in(folder: Path) -> None:
    found = {"class": "LTXPipeline", "from_image": True}
    before = registry.pin(row(folder), by=None)
    registry.note_loaded(before, found)
    same = registry.pin(Pipeline.objects.get(), by=None)
    assert same.loaded == found and same.loaded_at
    rewrite(folder / INDEX, _class_name="WanPipeline")
    again = registry.pin(Pipeline.objects.get(), by=None)
    assert (again.loaded, again.loaded_at) == ({}, None)
    before.loaded = {}
    registry.note_loaded(before, found)  # by a worker that began to load before
    again.refresh_from_db()
    assert again.loaded == {}


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
        {"defaults": {"negative_prompt": ["blurry"]}},
        {"defaults": {"negative_prompt": "x" * 1001}},
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


@pytest.mark.django_db
def test_a_model_may_propose_what_to_leave_out() -> None:
    artist = make.artist(program=make.program())
    model = make.pipeline(overrides={"defaults": {"steps": 20, "guidance": 3.0, "negative_prompt": "blurry, static"}})
    form = BriefForm(pipeline=model, enrollment=artist)
    assert form["negative_prompt"].value() == "blurry, static"
    kept = BriefForm(pipeline=model, enrollment=artist, initial={"negative_prompt": ""})  # a draft
    assert kept["negative_prompt"].value() == ""
    assert declaration.LONGEST_TEXT == PROMPT_LIMIT


def test_the_shipped_declaration_is_sound() -> None:
    declared = registry.declaration_of(POCKET)
    assert not declaration.lacks_of(declared) and not declaration.strangers_of(declared)


# --- commands ---------------------------------------------------------------------------------------------------------
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
