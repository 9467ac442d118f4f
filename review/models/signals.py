"""What machines noticed in an output, and the bank of hashes that they compare it with. Hints, never verdicts."""

from django.db import models
from django.db.models import F, Q

from access.models import Program
from generation.models import Output
from review.models.opinions import Decision
from review.models.wording import produced_by, sentence


class FrameHash(models.Model):
    """A key frame of an output as PDQ hashes: eight orientations, of which the first is as it is, and other cuts.

    Each is 64 hex digits, with a blank between. Append-only.
    """

    GOOD = 50  # quality from which on a hash says something: a plain picture is like every other plain picture

    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="frame_hashes")
    version = models.PositiveSmallIntegerField()  # of the recipe that chose and hashed the frames
    at_ms = models.PositiveIntegerField()  # where a player shows the frame
    quality = models.PositiveSmallIntegerField()  # 0 to 100, PDQ's own; below ``GOOD`` it is compared with nothing
    turned = models.TextField()
    crops = models.TextField(blank=True)  # of its centre; and the frame with its bars, where it has any

    class Meta:
        ordering = ["at_ms"]
        constraints = [
            models.UniqueConstraint(fields=["output", "version", "at_ms"], name="one_hash_of_a_frame"),
            models.CheckConstraint(condition=Q(quality__lte=100), name="quality_up_to_100"),
        ]

    def __str__(self) -> str:
        return f"{self.pdq} at {self.at_ms} ms"

    @property
    def pdq(self) -> str:
        return self.turned[:64]

    @property
    def banked(self) -> list[str]:
        """What goes into the bank: the frame as it is, and its crops."""
        return [self.pdq, *self.crops.split()]


class Deposit(models.Model):
    """The frames of the output that a decision was on went into the bank. Append-only; its entries may leave again."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, primary_key=True, related_name="deposit")
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="deposits")
    banked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"deposit of {self.decision_id}"


class BankEntryQuerySet(models.QuerySet["BankEntry"]):
    def live(self) -> "BankEntryQuerySet":
        return self.filter(removed_at=None)

    def imported(self) -> "BankEntryQuerySet":
        return self.filter(origin=BankEntry.Origin.IMPORTED)

    def for_program(self, program: Program) -> "BankEntryQuerySet":
        """What outputs of the program are compared with: imported lists, and the program's own decisions."""
        return self.filter(Q(origin=BankEntry.Origin.IMPORTED) | Q(deposit__output__program=program))


class BankEntry(models.Model):
    """One hash that outputs are compared with: of a frame of a decided output, or from an imported list.

    Its number grows in the order of commits (``banking`` sees to that), so that an index in memory reads only what is
    new. The row stays when the entry leaves, and says when.
    """

    class Origin(models.TextChoices):
        REJECTED = "rejected"
        APPROVED = "approved"
        IMPORTED = "imported"

    origin = models.CharField(max_length=8, choices=Origin)
    pdq = models.CharField(max_length=64)  # hex
    deposit = models.ForeignKey(Deposit, null=True, blank=True, on_delete=models.PROTECT, related_name="entries")
    frame = models.ForeignKey(FrameHash, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=120, blank=True)  # of an imported one: what the list calls it
    entered_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = BankEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "bank entries"
        constraints = [
            models.CheckConstraint(
                condition=Q(origin="imported", deposit=None, frame=None) & ~Q(label="")
                | Q(origin__in=["rejected", "approved"], deposit__isnull=False, frame__isnull=False),
                name="bank_entry_says_whence",
            ),
            models.UniqueConstraint(
                fields=["pdq", "label"],
                condition=Q(origin="imported", removed_at=None),
                name="one_live_entry_of_a_label",
            ),
            models.CheckConstraint(
                condition=Q(removed_at=None) | Q(removed_at__gte=F("entered_at")), name="bank_entry_leaves_afterwards"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.origin} {self.pdq}"


class Examination(models.Model):
    """A machine looked at an output, or tried to: ``trouble`` says why it could not. Append-only.

    A later one compares the same frames with what has entered the bank since, and looks at nothing else again.
    """

    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="examinations")
    version = models.PositiveSmallIntegerField()  # of the recipe that chose and hashed the frames
    bank_upto = models.BigIntegerField(default=0)  # the newest bank entry that it was compared with
    trouble = models.CharField(max_length=300, blank=True)
    examined_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["output", "version", "bank_upto"], condition=Q(trouble=""), name="examined_once_with_a_bank"
            )
        ]

    def __str__(self) -> str:
        return f"examination of {self.output_id}"


class SignalQuerySet(models.QuerySet["Signal"]):
    def standing(self) -> "SignalQuerySet":
        """Without likenesses to what has left the bank since, as when the no that put it in was overturned."""
        return self.filter(entry__removed_at=None)

    def on(self, output: Output) -> "SignalQuerySet":
        """What was noticed in an output and still stands, the gravest first."""
        rank = models.Case(*(models.When(kind=kind, then=place) for place, kind in enumerate(Signal.Kind.values)))
        return self.standing().filter(output=output).select_related("entry", "theirs").order_by(rank, "measured", "pk")


class Signal(models.Model):
    """An automatic hint for whoever reviews an output: it raises scrutiny and decides nothing. Append-only.

    ``measured`` and ``threshold`` are bits of 256 for what looks alike, a share of the key frames for duplicates,
    flashes within a second, and seconds for black and frozen stretches.
    """

    class Kind(models.TextChoices):  # in the order in which a reviewer reads them
        KNOWN_BAD = "known_bad"
        FLASHING = "flashing"
        LIKE_REJECTED = "like_rejected"
        SAME_BYTES = "same_bytes"
        DUPLICATE = "duplicate"
        LIKE_APPROVED = "like_approved"
        BLACK = "black"
        FROZEN = "frozen"

    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="signals")
    examination = models.ForeignKey(Examination, on_delete=models.PROTECT, related_name="signals")
    kind = models.CharField(max_length=13, choices=Kind)
    recipe = models.CharField(max_length=16)  # what noticed it
    version = models.PositiveSmallIntegerField()
    threshold = models.FloatField()
    measured = models.FloatField()
    from_ms = models.PositiveIntegerField(null=True, blank=True)  # of this output: where it is seen
    to_ms = models.PositiveIntegerField(null=True, blank=True)
    entry = models.ForeignKey(BankEntry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    theirs = models.ForeignKey(Output, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    theirs_ms = models.PositiveIntegerField(null=True, blank=True)
    facts = models.JSONField(default=dict)  # what else the sentence says, e.g. ``{"frames": 3, "of": 16}``
    raised_at = models.DateTimeField()

    objects = SignalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "known_bad", "flashing", "like_rejected", "same_bytes", "duplicate", "like_approved", "black",
                        "frozen",
                    ]
                ),
                name="signal_kind_known",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["known_bad", "like_rejected", "like_approved"]) | Q(entry__isnull=False),
                name="match_names_its_entry",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["like_rejected", "like_approved", "same_bytes", "duplicate"])
                | Q(theirs__isnull=False),
                name="likeness_names_the_other",
            ),
            models.CheckConstraint(
                condition=Q(from_ms=None, to_ms=None) | Q(to_ms__gte=F("from_ms")), name="signal_ends_after_it_begins"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} in {self.output_id}"

    @property
    def said_by(self) -> str:
        """As a flag names it, e.g. ``signal pdq 1``."""
        return f"signal {self.recipe} {self.version}"

    @property
    def sentence(self) -> str:
        """What a reviewer reads."""
        return sentence(self)

    @property
    def produced_by(self) -> str:
        """What noticed it, by which measure."""
        return produced_by(self)
