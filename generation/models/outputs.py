"""What comes out: masters and the files made from them."""

import uuid

from django.db import models
from django.db.models import Q

from access.models import Enrollment, Program, StoredFile, User
from generation.models.queue import Job


class OutputQuerySet(models.QuerySet["Output"]):
    def owned_by(self, user: User) -> "OutputQuerySet":
        return self.filter(enrollment__user=user)


class Output(models.Model):
    """The immutable master of a finished job: lossless, at the model's own size. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="output")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="outputs")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="outputs")
    master = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    master_sha256 = models.CharField(max_length=64)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    frames = models.PositiveSmallIntegerField()
    frame_rate = models.FloatField()
    provenance = models.JSONField()  # model, versions, settings, batch: what one needs to make it again
    # Names everything that decides its pixels, for its artist (docs/decisions/0006). Empty: made before there was one.
    repeat_key = models.CharField(max_length=64, default="", blank=True)
    created_at = models.DateTimeField()

    objects = OutputQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["enrollment", "-created_at", "id"], name="outputs_of_an_artist"),
            models.Index(fields=["created_at"], name="outputs_by_age"),
            models.Index(fields=["repeat_key"], condition=~Q(repeat_key=""), name="outputs_by_repeat_key"),
        ]

    def __str__(self) -> str:
        return f"output {self.pk}"

    @property
    def seconds(self) -> float:
        return self.frames / self.frame_rate

    @property
    def is_of_a_batch(self) -> bool:
        """Rendered together with others: rendering it alone gives the same picture to the eye, not bit by bit."""
        return int(self.provenance.get("batch", {}).get("size", 1)) > 1

    def rendition(self, recipe: str) -> "Rendition | None":
        """The shared rendition by this recipe, in its newest version."""
        return max(
            (r for r in self.renditions.all() if r.recipe == recipe and r.personal_to_id is None),
            key=lambda r: r.version,
            default=None,
        )


class Rendition(models.Model):
    """A file made from a master by a recipe: playable, poster, contact sheet. Append-only."""

    class Recipe(models.TextChoices):
        PLAYABLE = "playable"
        POSTER = "poster"
        CONTACT_SHEET = "contact_sheet"
        PROXY = "proxy"  # at most 540 lines, for reviewers
        MAKING = "making"  # a strip from static to picture, for its artist

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="renditions")
    parent_sha256 = models.CharField(max_length=64)  # of the master it was made from
    recipe = models.CharField(max_length=16, choices=Recipe)
    version = models.PositiveSmallIntegerField(default=1)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="renditions")
    sha256 = models.CharField(max_length=64)
    # Empty: everybody's; else the copy of one person, whom its mark names.
    personal_to = models.ForeignKey(Enrollment, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["output", "recipe", "version"], condition=Q(personal_to=None), name="one_shared_rendition"
            ),
            models.UniqueConstraint(
                fields=["output", "recipe", "version", "personal_to"], name="one_personal_rendition"
            ),
            models.CheckConstraint(
                condition=Q(recipe__in=["playable", "poster", "contact_sheet", "proxy", "making"]), name="recipe_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recipe} of {self.output_id}"
