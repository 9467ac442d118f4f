"""From a prompt to a private clip: pipelines, briefs, jobs, outputs and how their artist keeps them."""

from generation.models.briefs import Brief, Draft, FirstFrame
from generation.models.library import Collection, Hanging, Star, Tag
from generation.models.outputs import Output, OutputQuerySet, Rendition
from generation.models.pipelines import Pipeline, PipelineQuerySet
from generation.models.queue import Job, JobQuerySet, Lane, Preview, QuotaEntry

__all__ = [
    "Brief",
    "Collection",
    "Draft",
    "FirstFrame",
    "Hanging",
    "Job",
    "JobQuerySet",
    "Lane",
    "Output",
    "OutputQuerySet",
    "Pipeline",
    "PipelineQuerySet",
    "Preview",
    "QuotaEntry",
    "Rendition",
    "Star",
    "Tag",
]
