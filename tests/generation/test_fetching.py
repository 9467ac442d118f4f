"""A model's folder comes from the hub at one commit, no more of it than its index names, and is pinned once whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from huggingface_hub.utils import filter_repo_objects

from generation import registry
from tests.generation.test_registry import COMMIT, POCKET, row, run

pytestmark = pytest.mark.django_db
OTHERS = {
    "somebody-2b-v0.9.safetensors": b"the same weights in one file, for another program",
    "transformer/diffusion_pytorch_model.bin": b"pickled",
    "transformer/modeling.py": b"1/0",
    "vae/diffusion_pytorch_model.bin.index.json": b'{"weight_map": {"w": "diffusion_pytorch_model-1.bin"}}',
    "vae/diffusion_pytorch_model.bin.index.fp16.json": b'{"weight_map": {"w": "diffusion_pytorch_model.fp16-1.bin"}}',
    "lora/lora.safetensors": b"of no component",
    "safety_checker/config.json": b"{}",
    "examples/prompts.txt": b"a cat",
    "config.json": b"{}",
    "README.md": b"Please be kind.",
    "notes.md": b"of no use",
    ".gitattributes": b"",
}


class Hub:
    """A repository as the hub's client brings it: the world outside."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.fetched, self.asked = files, list[str](), set[tuple[str, str]]()
        self.breaks_at = ""

    def hf_hub_download(self, hub_id: str, name: str, *, revision: str, local_dir: Path) -> None:
        self._bring([name], hub_id, revision, local_dir)

    def snapshot_download(
        self,
        hub_id: str,
        *,
        revision: str,
        local_dir: Path,
        allow_patterns: list[str] | None = None,
        ignore_patterns: list[str] | None = None,
    ) -> None:
        wanted = filter_repo_objects(self.files, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns)
        self._bring(list(wanted), hub_id, revision, local_dir)

    def _bring(self, names: list[str], hub_id: str, revision: str, folder: Path) -> None:
        self.asked.add((hub_id, revision))
        notes = folder / ".cache/huggingface/download"
        notes.mkdir(parents=True, exist_ok=True)
        for name in names:
            if name == self.breaks_at:
                raise ConnectionError("The line broke.")
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(self.files[name])
            (notes / f"{name.replace('/', '-')}.metadata").write_text("etag")
            self.fetched.append(name)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    pocket = {path.relative_to(POCKET).as_posix(): path.read_bytes() for path in POCKET.rglob("*") if path.is_file()}
    made = Hub({**pocket, **OTHERS})
    monkeypatch.setattr("huggingface_hub.hf_hub_download", made.hf_hub_download)
    monkeypatch.setattr("huggingface_hub.snapshot_download", made.snapshot_download)
    return made


def wanted(folder: Path) -> Any:
    return row(folder, hub_id="somebody/something", revision=COMMIT)


def test_fetch_takes_what_the_index_names_at_the_revision(tmp_path: Path, hub: Hub) -> None:
    made = wanted(tmp_path / "models/new")
    assert "12 files fetched and pinned" in run("fetch_pipeline", "tried")
    assert hub.asked == {("somebody/something", COMMIT)}
    assert hub.fetched[0] == "model_index.json"
    assert set(hub.fetched) == set(hub.files) - set(OTHERS) | {"README.md"}
    made.refresh_from_db()
    registry.check(made)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["new"]
    with pytest.raises(CommandError, match="there already"):
        run("fetch_pipeline", "tried")


def test_a_fetch_that_broke_goes_on(tmp_path: Path, hub: Hub) -> None:
    hub.breaks_at = "vae/config.json"
    made = wanted(tmp_path / "new")
    with pytest.raises(CommandError, match=r"cannot be fetched: The line broke\. .*Call this again"):
        run("fetch_pipeline", "tried")
    assert not (tmp_path / "new").exists()
    hub.breaks_at = ""
    assert "12 files fetched and pinned" in run("fetch_pipeline", "tried")
    made.refresh_from_db()
    registry.check(made)


def test_an_index_that_asks_for_code_is_refused_before_anything_large_comes(tmp_path: Path, hub: Hub) -> None:
    index = json.loads(hub.files["model_index.json"])
    hub.files["model_index.json"] = json.dumps({**index, "vae": ["elsewhere", "Vae"]}).encode()
    wanted(tmp_path / "new")
    with pytest.raises(CommandError, match="code from elsewhere"):
        run("fetch_pipeline", "tried")
    assert hub.fetched == ["model_index.json"] and not (tmp_path / "new").exists()


def test_a_component_that_is_left_out_has_no_folder(tmp_path: Path, hub: Hub) -> None:
    index = json.loads(hub.files["model_index.json"])
    hub.files["model_index.json"] = json.dumps({**index, "safety_checker": [None, None]}).encode()
    wanted(tmp_path / "new")
    run("fetch_pipeline", "tried")
    assert "safety_checker/config.json" not in hub.fetched


def test_a_repository_without_an_index_is_no_pipeline(tmp_path: Path, hub: Hub) -> None:
    del hub.files["model_index.json"]
    wanted(tmp_path / "new")
    with pytest.raises(CommandError, match=r"cannot be fetched: 'model_index\.json'"):
        run("fetch_pipeline", "tried")
    assert not (tmp_path / "new").exists()


def test_a_model_of_no_hub_is_not_fetched(tmp_path: Path) -> None:
    row(tmp_path / "other", slug="local")
    with pytest.raises(CommandError, match="names no hub id"):
        run("fetch_pipeline", "local")
