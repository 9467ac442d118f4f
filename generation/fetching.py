"""Bringing a model's folder from the hub: one revision, only what its index names and of harmless kinds, in place once
it is whole."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generation import registry
from generation.models import Pipeline
from generation.refusals import Trouble

METADATA = ".cache"  # the hub client's own notes on what it has; they resume a broken download
BESIDE = (registry.STUDIO, "README.md", "LICENSE.md", "LICENSE.txt")  # taken from the top of a repository, if there
UNREAD = "*.bin.index*.json"  # they name pickled weights, which are not fetched


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
    """The index first: besides its components a repository may hold weights for other programs, of 100 GB and more."""
    from huggingface_hub import hf_hub_download, snapshot_download

    with _told(pipeline):
        folder.mkdir(parents=True, exist_ok=True)
        hf_hub_download(pipeline.hub_id, registry.INDEX, revision=pipeline.revision, local_dir=folder)
    patterns = [f"{part}/*{suffix}" for part in registry.parts_of(folder) for suffix in sorted(registry.ALLOWED)]
    with _told(pipeline):
        snapshot_download(
            pipeline.hub_id,
            revision=pipeline.revision,
            local_dir=folder,
            allow_patterns=[registry.INDEX, *BESIDE, *patterns],
            ignore_patterns=[UNREAD],
        )


@contextmanager
def _told(pipeline: Pipeline) -> Iterator[None]:
    """Whatever the hub's client raises becomes Trouble."""
    try:
        yield
    except Exception as trouble:  # the client raises errors of several libraries; its reader needs the words
        words = (str(trouble).strip().splitlines() or [type(trouble).__name__])[0][:200]
        raise Trouble(
            f"{pipeline.hub_id} at {pipeline.revision[:12]} cannot be fetched: {words.rstrip('.')}. "
            "Is the hub in reach from this machine, and is the revision right? Call this again to go on."
        ) from trouble
