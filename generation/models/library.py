"""How artists keep their outputs: stars, tags and collections. Theirs alone; nobody else's pages read them."""

import uuid

from django.conf import settings
from django.db import models

from access.models import Program, User
from generation.models.outputs import Output


class Star(models.Model):
    """The artist likes this one."""

    # CASCADE: a star is nothing without its output (which never goes).
    output = models.OneToOneField(Output, on_delete=models.CASCADE, primary_key=True, related_name="star")
    starred_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"star on {self.output_id}"


class OwnQuerySet(models.QuerySet):
    def owned_by(self, user: User) -> "OwnQuerySet":
        return self.filter(user=user)


class Tag(models.Model):
    """A word an artist puts on outputs."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tags")
    name = models.CharField(max_length=40)
    outputs = models.ManyToManyField(Output, blank=True, related_name="tags")

    objects = OwnQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "user", "name"], name="one_tag_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Collection(models.Model):
    """Outputs an artist put together, in an order of their own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="collections")
    name = models.CharField(max_length=80)
    outputs = models.ManyToManyField(Output, through="Hanging", related_name="collections")
    created_at = models.DateTimeField()

    objects = OwnQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "user", "name"], name="one_collection_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Hanging(models.Model):
    """An output in a collection."""

    # CASCADE: removing a collection removes what was hung in it, never the outputs.
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="hangings")
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="hangings")
    hung_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collection", "output"], name="hangs_once_in_a_collection")]

    def __str__(self) -> str:
        return f"{self.output_id} in {self.collection}"
