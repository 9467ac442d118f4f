"""What the review screen keeps beside the verdict: which form brought it, and who has the page open."""

import uuid

from django.conf import settings
from django.db import models

from review.models.looks import Look
from review.models.opinions import Opinion


class Ballot(models.Model):
    """The form that an opinion came with, by its key: sent twice, it is recorded once and answered the same."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    opinion = models.OneToOneField(Opinion, on_delete=models.PROTECT, related_name="ballot")

    def __str__(self) -> str:
        return f"ballot of {self.opinion_id}"


class Presence(models.Model):
    """Somebody has the page of a look open, or had a moment ago. A row that is overwritten, and no record."""

    look = models.ForeignKey(Look, on_delete=models.CASCADE, related_name="presences")  # nothing is lost with it
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["look", "reviewer"], name="one_presence_of_a_reviewer")]

    def __str__(self) -> str:
        return f"{self.reviewer_id} at {self.look_id}"
