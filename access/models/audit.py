"""The record: hash chains, one per program and one for the site. The rules are in ``access.audit``."""

from django.db import models

from access.models.programs import Program


class Chain(models.Model):
    """The head of a chain. Appending locks this row; locking the last entry instead would fork the chain."""

    key = models.CharField(max_length=80, unique=True)  # "site" or the program's slug: a NULL would not be unique
    program = models.OneToOneField(Program, null=True, blank=True, on_delete=models.PROTECT, related_name="chain")
    length = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return f"chain of {self.key}"


class Entry(models.Model):
    """One act. ``number`` is dense from 1; ``at_us`` are microseconds since 1970 UTC. Append-only."""

    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="entries")
    number = models.PositiveBigIntegerField()
    at_us = models.BigIntegerField()
    actor = models.CharField(max_length=36, blank=True)  # a user's id, or empty: the system
    act = models.CharField(max_length=60)
    subject = models.CharField(max_length=80)
    facts = models.TextField()  # canonical JSON, as hashed
    private_digest = models.CharField(max_length=64, blank=True)  # of the salted personal text, see EntryText
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["chain", "number"]
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="entry_number_in_chain")]
        indexes = [models.Index(fields=["subject"], name="entries_about")]

    def __str__(self) -> str:
        return f"{self.act} {self.subject}"


class EntryText(models.Model):
    """The erasable side of an entry: personal words and the salt under which the chain knows them."""

    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, primary_key=True, related_name="private")
    salt = models.CharField(max_length=32)
    text = models.TextField()

    def __str__(self) -> str:
        return "private"
