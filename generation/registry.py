"""The registry's verbs: pin a folder to its bytes, check that it still has them, note what a worker found.

Nothing of a folder ever runs: only files of known harmless kinds are allowed, no more and no fewer than were pinned.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from access import audit, clock
from access.models import User
from access.storing import hash_of
from generation.models import Pipeline
from generation.refusals import Trouble

ALLOWED = {".json", ".safetensors", ".txt", ".model", ".md"}  # nothing that could run, nothing pickled
Manifest = dict[str, str]  # path within the folder -> sha256


def pin(pipeline: Pipeline, *, by: User | None) -> Pipeline:
    """Trust the folder as it is now: remember the hash of each file and what the folder declares.

    Workers load nothing else under this name until it is pinned again.

    Raises:
        Trouble: the folder is missing, holds files that are not allowed, or declares what cannot be read.
    """
    manifest = manifest_of(pipeline.path)
    declared = declaration_of(pipeline.path)
    with audit.recorded():
        now = clock.now()
        facts = {
            "manifest": manifest,
            "manifest_sha256": fingerprint(manifest),
            "declared": declared,
            "pinned_at": now,
            "trouble": "",
            "trouble_at": None,
        }
        Pipeline.objects.filter(pk=pipeline.pk).update(**facts)
        pipeline.refresh_from_db()
        audit.trace(
            "pin_pipeline",
            program=None,
            at=now,
            actor=by,
            subject=pipeline,
            facts={"manifest_sha256": pipeline.manifest_sha256, "files": len(manifest)},
        )
    return pipeline


def manifest_of(folder: Path) -> Manifest:
    """The hash of every file of a pipeline folder.

    Raises:
        Trouble: it is no pipeline folder, or something in it is not allowed there.
    """
    if not (folder / "model_index.json").is_file():
        raise Trouble("The model folder is not there, or has no model_index.json.")
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    strange = [path.name for path in files if path.suffix not in ALLOWED or path.is_symlink()]
    if strange:
        raise Trouble(f"The model folder holds files that are not allowed there: {', '.join(strange[:3])}.")
    _check_index(folder)
    return {path.relative_to(folder).as_posix(): hash_of(path) for path in files}


def _check_index(folder: Path) -> None:
    """Every component is a class of diffusers or transformers: a folder may not name code of its own."""
    try:
        index = json.loads((folder / "model_index.json").read_text())
    except ValueError as broken:
        raise Trouble("The model folder's model_index.json cannot be read.") from broken
    parts = [part for name, part in index.items() if not name.startswith("_") and isinstance(part, list)]
    foreign = [str(part[0]) for part in parts if part[0] not in ("diffusers", "transformers", None)]
    if foreign:
        raise Trouble(f"The model folder asks for code from elsewhere ({foreign[0]}). It is not run.")


def fingerprint(manifest: Manifest) -> str:
    """One hash that names exactly these files."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def declaration_of(folder: Path) -> dict[str, Any]:
    """What ``studio.json`` says; empty for a folder without one, where staff's overrides say it all.

    Raises:
        Trouble: it is there and cannot be read.
    """
    path = folder / "studio.json"
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as broken:
        raise Trouble("The model folder's studio.json cannot be read.") from broken


def check(pipeline: Pipeline) -> None:
    """Refuse a folder that is not, byte for byte, the one that was pinned; or one that does not say how it is called.

    Raises:
        Trouble: with the reason, for the admin and for artists.
    """
    if not pipeline.manifest:
        raise Trouble("The model folder was never pinned. Staff do that in the registry, once it is the right one.")
    found = manifest_of(pipeline.path)
    changed = sorted(name for name in {*found, *pipeline.manifest} if found.get(name) != pipeline.manifest.get(name))
    if changed:
        raise Trouble(f"The model folder is not the one that was pinned: {', '.join(changed[:3])} differ.")
    call = pipeline.studio.get("call")
    missing = {"height", "width", "num_frames"} - set(call if isinstance(call, dict) else {})
    if missing:
        raise Trouble(f"The registry does not say how the model is called: {', '.join(sorted(missing))} missing.")


def note_loaded(pipeline: Pipeline, found: dict[str, Any]) -> None:
    """Keep what a worker found when it loaded the pipeline: the studio offers no more than that."""
    if found != pipeline.loaded:
        Pipeline.objects.filter(pk=pipeline.pk).update(loaded=found, loaded_at=clock.now())
        pipeline.loaded = found
