"""Exact repeats: the same artist, model, settings and software give the same pixels, so the clip is there already."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from access.models import Enrollment
from generation.models import Brief, Job, Output

PER_HOUR = 120  # repeats of one enrollment: looking up is cheap, asking for ever is not
# What a worker found when it loaded the pipeline, and what of it decides pixels.
DECISIVE = ("class", "versions", "device", "dtypes")
# What staff set on its row, and decides them too: a change counts at once, before a worker has loaded it again.
SETTINGS = ("dtype", "cache", "cache_options", "attention", "compile", "vae_tiling", "vae_slicing")


def repeat_key(brief: Brief, seed: int) -> str:
    """The hash of everything that decides a clip's pixels, for its artist; empty while no worker loaded the model."""
    return _hash_of(brief, seed) if brief.pipeline.loaded else ""


def _hash_of(brief: Brief, seed: int) -> str:
    pipeline = brief.pipeline
    decisive = {
        "artist": str(brief.enrollment.user_id),
        "manifest": pipeline.manifest_sha256,
        "call": pipeline.studio.get("call", {}),
        "loaded": {name: pipeline.loaded.get(name) for name in DECISIVE},
        "set": {name: getattr(pipeline, name) for name in SETTINGS},
        "prompt": brief.prompt,
        "negative_prompt": brief.negative_prompt,
        "settings": [brief.steps, brief.guidance, brief.width, brief.height, brief.frames, seed],
        "first_frame": brief.first_frame.file.sha256 if brief.first_frame else "",
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()


def outputs_like(brief: Brief, seeds: Sequence[int]) -> dict[int, Output]:
    """The outputs that the artist already has of this brief, by seed."""
    keys = {seed: key for seed in seeds if (key := repeat_key(brief, seed))}
    mine = Output.objects.owned_by(brief.enrollment.user).filter(program=brief.program)
    found = {output.repeat_key: output for output in mine.filter(repeat_key__in=keys.values())}
    return {seed: found[key] for seed, key in keys.items() if key in found}


def is_being_made(job: Job) -> bool:
    """Whether another job of the artist is rendering this very clip at the moment."""
    running = Job.objects.running().filter(enrollment=job.enrollment_id, pipeline=job.pipeline_id, seed=job.seed)
    others = running.exclude(pk=job.pk).select_related(
        "brief__pipeline", "brief__enrollment", "brief__first_frame__file"
    )
    return any(_hash_of(other.brief, other.seed) == _hash_of(job.brief, job.seed) for other in others)


def repeats_left(enrollment: Enrollment, at: datetime) -> int:
    """How many repeats the enrollment may still ask for within this hour."""
    recent = Job.objects.filter(enrollment=enrollment, repeat_of__isnull=False, ended_at__gt=at - timedelta(hours=1))
    return max(0, PER_HOUR - recent.count())
