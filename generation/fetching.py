"""Bringing a model's folder from the hub: one revision, harmless kinds of files only, in place once it is whole."""

import shutil
from pathlib import Path

from generation import registry
from generation.models import Pipeline
from generation.refusals import Trouble

METADATA = ".cache"  # the hub client's own notes on what it has; they resume a broken download


def fetch(pipeline: Pipeline) -> Path:
    """Download the row's hub id at its revision into its folder, which must not be there yet.

    A download that breaks off goes on where it stopped when this is called again.

    Raises:
        Trouble: the row names no hub id, the folder is taken, the hub cannot be reached or has no such revision, or
            what came is no pipeline folder.
    """
    if not pipeline.hub_id:
        raise Trouble(f"{pipeline.slug} names no hub id. Write hub id and revision into the registry first.")
    target = pipeline.path
    if target.exists():
        raise Trouble(f"{target} is there already. Move it away first, or pin it as it is: pin_pipeline.")
    coming = target.with_name(f"{target.name}.{pipeline.revision[:12]}.fetching")  # of no other revision
    _download(pipeline, coming)
    shutil.rmtree(coming / METADATA, ignore_errors=True)
    registry.manifest_of(coming)
    coming.rename(target)
    return target


def _download(pipeline: Pipeline, folder: Path) -> None:
    from huggingface_hub import snapshot_download

    try:
        folder.mkdir(parents=True, exist_ok=True)
        snapshot_download(
            pipeline.hub_id,
            revision=pipeline.revision,
            local_dir=folder,
            allow_patterns=[f"*{suffix}" for suffix in sorted(registry.ALLOWED)],
        )
    except Exception as trouble:  # the client raises errors of several libraries; its reader needs the words
        words = (str(trouble).strip().splitlines() or [type(trouble).__name__])[0][:200]
        raise Trouble(
            f"{pipeline.hub_id} at {pipeline.revision[:12]} cannot be fetched: {words.rstrip('.')}. "
            "Is the hub in reach from this machine, and is the revision right? Call this again to go on."
        ) from trouble
