"""A model's folder comes from the hub at one commit, and is pinned once it is whole."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from generation import registry
from tests.generation.test_registry import COMMIT, POCKET, row, run


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
