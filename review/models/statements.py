"""What artists are told, as it stands in the program's chain."""

import uuid

from django.db import models
from django.db.models import Q

from review.models.opinions import Appeal, Decision


class Statement(models.Model):
    """What its artist is told of a decision in effect, or of the end of an appeal, was entered in the program's chain.

    The words lie beside the entry (``statement:<id>``), where they can be erased. Append-only.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    decision = models.OneToOneField(Decision, null=True, blank=True, on_delete=models.PROTECT, related_name="statement")
    appeal = models.OneToOneField(Appeal, null=True, blank=True, on_delete=models.PROTECT, related_name="statement")
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decision=None, appeal__isnull=False) | Q(decision__isnull=False, appeal=None),
                name="statement_is_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"statement {self.pk}"
