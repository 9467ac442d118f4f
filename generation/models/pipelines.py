"""The registry of models: which folder, pinned to which bytes, run how, open to whom."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from access.models import Cohort, Enrollment


class PipelineQuerySet(models.QuerySet["Pipeline"]):
    def active(self) -> "PipelineQuerySet":
        return self.filter(is_active=True)

    def open_to(self, enrollment: Enrollment) -> "PipelineQuerySet":
        """Those that the enrollment's cohort may use, the first registered first."""
        reach = Q(for_every_cohort=True) | Q(
            pk__in=Pipeline.cohorts.through.objects.filter(cohort=enrollment.cohort_id).values("pipeline")
        )
        return self.active().filter(reach).order_by("pk")


class Pipeline(models.Model):
    """A diffusers folder that workers may load, once its bytes are pinned.

    ``trouble`` says why it cannot be loaded at present; jobs wait. What the folder says of itself (class, defaults,
    limits, vocabulary) is kept in ``declared`` when it is pinned, so that web machines need no weights; ``overrides``
    are staff's words on top. ``loaded`` is what a worker found when it last loaded the pipeline.
    """

    class Dtype(models.TextChoices):
        FLOAT32 = "float32"
        BFLOAT16 = "bfloat16"
        FLOAT16 = "float16"

    class Offload(models.TextChoices):
        NONE = "", "none: everything stays on the device"
        MODEL = "model", "model: one component at a time on the device"
        SEQUENTIAL = "sequential", "sequential: one layer at a time (slow, smallest)"
        GROUP = "group", "group: some layers at a time"

    class Cache(models.TextChoices):
        NONE = "", "none: every step is computed"
        FIRST_BLOCK = "first_block", "FirstBlockCache"
        TAYLOR_SEER = "taylor_seer", "TaylorSeer"
        MAG = "mag", "MagCache"
        FASTER = "faster", "FasterCache"
        PYRAMID = "pyramid", "Pyramid Attention Broadcast"

    class Attention(models.TextChoices):
        DEFAULT = "", "the library's own choice"
        NATIVE = "native"
        FLASH = "flash"
        FLASH_3 = "_flash_3", "flash 3"
        SAGE = "sage"
        FLEX = "flex"
        XFORMERS = "xformers"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    card = models.TextField(blank=True, help_text="What artists should know of it. Empty: what the folder says.")
    folder = models.CharField(
        max_length=300, help_text="Absolute, or relative to the project. Where the weights are, or are fetched to."
    )
    hub_id = models.CharField(
        max_length=120, blank=True, help_text="owner/name on the hub, for manage.py fetch_pipeline; with a revision."
    )
    revision = models.CharField(max_length=40, blank=True, help_text="The full commit id: a branch or tag can move.")

    manifest = models.JSONField(default=dict, blank=True)  # path within the folder -> sha256, as pinned
    manifest_sha256 = models.CharField(max_length=64, blank=True)  # of the manifest: the name of exactly these bytes
    declared = models.JSONField(default=dict, blank=True)
    overrides = models.JSONField(
        default=dict, blank=True, help_text="Replaces what the folder declares: call, defaults, limits, sizes, lengths."
    )
    pinned_at = models.DateTimeField(null=True, blank=True)
    loaded = models.JSONField(default=dict, blank=True)  # class, arguments, from_image, versions, dtype, device, cache
    loaded_at = models.DateTimeField(null=True, blank=True)

    dtype = models.CharField(max_length=8, choices=Dtype, default=Dtype.FLOAT32)
    device = models.CharField(max_length=16, default="auto", help_text="auto, cpu, cuda or cuda:1")
    offload = models.CharField(max_length=10, choices=Offload, blank=True, default="")
    vae_tiling = models.BooleanField(default=False, help_text="Decode in tiles: the first cure for lack of memory.")
    vae_slicing = models.BooleanField(default=False, help_text="Decode the clips of a batch one at a time.")
    compile = models.BooleanField(default=False, help_text="Compile the transformer's blocks when it is loaded.")
    cache = models.CharField(
        max_length=11, choices=Cache, blank=True, default="", help_text="Changes pictures; provenance names it."
    )
    cache_options = models.JSONField(default=dict, blank=True)
    attention = models.CharField(max_length=8, choices=Attention, blank=True, default="")
    warm_shapes = models.JSONField(
        default=list, blank=True, help_text="[[width, height, frames], …] rendered for one step when it is loaded."
    )
    leases = models.JSONField(
        default=dict, blank=True, help_text='Seconds a phase may go without a sign of life, e.g. {"load": 600}.'
    )
    batch_limit = models.PositiveSmallIntegerField(default=1, help_text="Clips rendered together at most.")
    queue = models.SlugField(default="render", help_text="Workers that take from this queue serve it (RENDER_QUEUES).")

    for_every_cohort = models.BooleanField(default=False)
    cohorts = models.ManyToManyField(Cohort, blank=True, related_name="pipelines")
    is_active = models.BooleanField(default=True)
    trouble = models.CharField(max_length=300, blank=True)
    trouble_at = models.DateTimeField(null=True, blank=True)
    # Running means of what workers measured; 0: nothing measured yet. Per clip, at the default size and length.
    seconds_per_step = models.FloatField(default=0.0)
    seconds_around = models.FloatField(default=0.0)  # decode, encode and store
    created_at = models.DateTimeField()

    objects = PipelineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(batch_limit__gte=1), name="pipeline_renders_something"),
            models.CheckConstraint(
                condition=Q(hub_id="") | Q(revision__regex=r"^[0-9a-f]{40}$"), name="hub_pipeline_names_a_commit"
            ),
        ]

    @property
    def most_together(self) -> int:
        """Clips that are rendered as one batch at most.

        One where the cache skips a step for a batch as a whole, by the mean of it: a clip would depend on its company.
        """
        return 1 if self.cache == self.Cache.FIRST_BLOCK else self.batch_limit

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return settings.BASE_DIR / self.folder

    @property
    def studio(self) -> dict[str, Any]:
        """What artists may ask for and how the pipeline is called: declared by the folder, overridden by staff."""
        return {**self.declared, **self.overrides}

    @property
    def about(self) -> str:
        return self.card or str(self.studio.get("about", ""))
