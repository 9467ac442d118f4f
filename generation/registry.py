"""The registry's verbs: pin a folder to its bytes, check that it still has them, note what a worker found.

Nothing of a folder ever runs: only files of known harmless kinds are allowed, no more and no fewer than were pinned.
"""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from access import audit, clock
from access.models import User
from access.storing import hash_of
from generation.declaration import faults_of, is_plain, lacks_of
from generation.models import Pipeline
from generation.refusals import Trouble

ALLOWED = {".json", ".safetensors", ".txt", ".model", ".md"}  # nothing that could run, nothing pickled
INDEX, STUDIO = "model_index.json", "studio.json"
LARGEST_JSON = 16 << 20  # bytes, of the JSON files that are read here
MOST_FILES = 2000
Manifest = dict[str, str]  # path within the folder -> sha256


def pin(pipeline: Pipeline, *, by: User | None) -> Pipeline:
    """Trust the folder as it is now: remember the hash of each file and what the folder declares.

    Workers load nothing else under this name until it is pinned again. What they found in other bytes is forgotten.

    Raises:
        Trouble: the folder is missing, holds files that are not allowed, or declares what cannot be read.
    """
    manifest = manifest_of(pipeline.path)
    declared = declaration_of(pipeline.path)
    _check_studio({**declared, **pipeline.overrides})
    with audit.recorded():
        now = clock.now()
        _remember(pipeline, manifest, declared, now)
        facts = {"manifest_sha256": pipeline.manifest_sha256, "files": len(manifest)}
        audit.trace("pin_pipeline", program=None, at=now, actor=by, subject=pipeline, facts=facts)
    return pipeline


def _remember(pipeline: Pipeline, manifest: Manifest, declared: dict[str, Any], now: datetime) -> None:
    row, sha256 = Pipeline.objects.filter(pk=pipeline.pk), fingerprint(manifest)
    row.exclude(manifest_sha256=sha256).update(loaded={}, loaded_at=None)
    pinned = {"manifest": manifest, "manifest_sha256": sha256, "declared": declared, "pinned_at": now}
    row.update(**pinned, trouble="", trouble_at=None)
    pipeline.refresh_from_db()


def manifest_of(folder: Path) -> Manifest:
    """The hash of every file of a pipeline folder.

    Raises:
        Trouble: it is no pipeline folder, or something in it is not allowed there or cannot be read.
    """
    files = files_of(folder)
    parts_of(folder)
    _check_shards(folder, files)
    return {path.relative_to(folder).as_posix(): _hash(path) for path in files}


def files_of(folder: Path) -> list[Path]:
    """The files of a pipeline folder, all of them plain and of a harmless kind.

    Raises:
        Trouble: it is no pipeline folder, or there is something else, e.g. a link that leads out of it, or code.
    """
    try:
        if not (folder / INDEX).is_file():  # first: a wrong folder may be very large
            raise Trouble("The model folder is not there, or has no model_index.json.")
        found = sorted(folder.rglob("*"))
        strange = [path.relative_to(folder).as_posix() for path in found if not _is_welcome(path)]
    except OSError as unreadable:
        raise Trouble(f"The model folder cannot be read: {unreadable.strerror}.") from unreadable
    if strange:
        raise Trouble(
            f"The model folder holds files that are not allowed there: {', '.join(map(_sayable, strange[:3]))}. "
            "Only plain files are, of these kinds: " + " ".join(sorted(ALLOWED)) + "."
        )
    files = [path for path in found if path.is_file()]
    if len(files) > MOST_FILES:
        raise Trouble(f"The model folder holds {len(files)} files. That is no pipeline; {MOST_FILES} are allowed.")
    return files


def _is_welcome(path: Path) -> bool:
    """A folder, or a regular file of an allowed kind; no link, not even to a folder: its target could change unseen.

    Its name is one that a manifest can hold and a page can show.
    """
    if path.is_symlink() or not path.name.isprintable():
        return False
    return path.is_dir() or (path.is_file() and path.suffix in ALLOWED)


def _sayable(name: str) -> str:
    """A file's name for a sentence, whatever bytes it is made of."""
    return name.encode("unicode_escape").decode() if not name.isprintable() else name


def _hash(path: Path) -> str:
    sha256 = hash_of(path)
    if not sha256:
        raise Trouble(f"The model folder's {path.name} cannot be read. Let the worker's user read it.")
    return sha256


def parts_of(folder: Path) -> list[str]:
    """The components that the folder's index names, each in a folder of its own name.

    Raises:
        Trouble: the index cannot be read, or asks for classes of other libraries than diffusers and transformers.
    """
    index = _read(folder / INDEX)
    if not isinstance(index.get("_class_name"), str):
        raise Trouble("The model folder's model_index.json names no pipeline class of diffusers.")
    parts = {name: part for name, part in index.items() if not name.startswith("_") and isinstance(part, list)}
    for name, part in parts.items():
        if not name.isidentifier():
            raise Trouble(f"The model folder's model_index.json leads out of the folder ({name[:80]}).")
        if not part or part[0] not in ("diffusers", "transformers", None):
            raise Trouble(f"The model folder asks for code from elsewhere ({str(part[:1])[:80]}). It is not run.")
    return [name for name, part in parts.items() if part[0]]


def _check_shards(folder: Path, files: list[Path]) -> None:
    """Weights in several files are named by an index beside them; it may name no others."""
    for index in [path for path in files if ".index." in path.name and path.suffix == ".json"]:
        shards = _shards_of(index)
        beside = {path.name for path in files if path.parent == index.parent}
        is_of_pickles = all(shard.endswith(".bin") for shard in shards)  # never read: weights are safetensors here
        if not (shards <= beside or is_of_pickles):
            raise Trouble(f"The model folder's {index.name} names files that are not beside it.")


def _shards_of(index: Path) -> set[str]:
    named = _read(index).get("weight_map")
    shards = list(named.values()) if isinstance(named, dict) else []
    if not shards or not all(isinstance(shard, str) for shard in shards):
        raise Trouble(f"The model folder's {index.name} does not say which files hold the weights.")
    return set(shards)


def _read(path: Path) -> dict[str, Any]:
    """A JSON file of the folder that holds names and values, all of which a database can keep and a page can show."""
    where = f"The model folder's {path.name}"
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise Trouble(f"{where} is larger than {LARGEST_JSON >> 20} MB. It is not read.")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as broken:
        raise Trouble(f"{where} cannot be read.") from broken
    if not isinstance(found, dict):
        raise Trouble(f"{where} cannot be read: it does not hold names and values.")
    if not is_plain(found):
        raise Trouble(f"{where} cannot be read: it is nested too deep, or holds numbers or signs that nobody can keep.")
    return found


def fingerprint(manifest: Manifest) -> str:
    """One hash that names exactly these files."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def declaration_of(folder: Path) -> dict[str, Any]:
    """What ``studio.json`` says; empty for a folder without one, where staff's overrides say it all.

    Raises:
        Trouble: it is there and cannot be read, or says what cannot be meant.
    """
    if not (folder / STUDIO).is_file():
        return {}
    declared = _read(folder / STUDIO)
    if faults := faults_of(declared):
        raise Trouble(f"The model folder's studio.json cannot be meant like this: {faults[0]}")
    return declared


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
    _check_studio(pipeline.studio)


def _check_studio(studio: dict[str, Any]) -> None:
    if missing := lacks_of(studio):
        raise Trouble(
            f"Nothing says how the model is called: {', '.join(missing)} missing. Say it in the folder's studio.json "
            'or in the overrides, as {"call": {"width": …, "height": …, "num_frames": …}}.'
        )
    if faults := faults_of(studio):
        raise Trouble(faults[0])


def note_loaded(pipeline: Pipeline, found: dict[str, Any]) -> None:
    """Keep what a worker found when it loaded the pipeline: the studio offers no more than that.

    If it was pinned anew meanwhile, what was found is of other bytes, and nothing is kept.
    """
    if found != pipeline.loaded:
        same = Pipeline.objects.filter(pk=pipeline.pk, manifest_sha256=pipeline.manifest_sha256)
        same.update(loaded=found, loaded_at=clock.now())
        pipeline.loaded = found
