"""What a lead looks after: questions, what several passed by, who holds what, what is late, where clocks stood still.

A lead who makes clips too sees nothing of their own here: who looks at it is told to no artist.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Prefetch

from access.models import Halt, Program, User
from review.listing import MOST, Tally
from review.models import Claim, Escalation, Look, LookQuerySet, Pause, Skip

SHOWN = 50  # rows of each list
RECENT = timedelta(days=30)


@dataclass(frozen=True)
class Desk:
    """Whose page it is, in which program, at which instant."""

    lead: User
    program: Program
    at: datetime

    def _waiting(self) -> LookQuerySet:
        return Look.objects.waiting().filter(program=self.program).exclude(artist=self.lead)

    def questions(self) -> list[Escalation]:
        """Those that nobody has answered, the one due first before the others."""
        asked = Escalation.objects.filter(answered_at=None, look__in=self._waiting())
        return list(asked.select_related("look__submission", "asked_by__person").order_by("look__due_at", "pk")[:SHOWN])

    def passed_by(self) -> list[Look]:
        """What so many skipped that it waits for a lead, with their reasons (``all_skips``)."""
        skips = Prefetch("skips", Skip.objects.select_related("reviewer__person").order_by("pk"), to_attr="all_skips")
        asked = Escalation.objects.filter(look=OuterRef("pk"), answered_at=None)
        for_leads = self._waiting().filter(for_leads=True).exclude(Exists(asked))
        return list(for_leads.select_related("submission").prefetch_related(skips).in_order()[:SHOWN])

    def in_hand(self) -> list[Claim]:
        """Who holds what, the longest held first; variants go with the one that leads them."""
        live = Claim.objects.live(self.at).leading().filter(look__in=self._waiting())
        return list(live.select_related("look", "submission", "reviewer__person").order_by("claimed_at", "pk")[:SHOWN])

    def late(self) -> tuple[list[Look], Tally]:
        """What was promised and is late, the longest first, and how much of it there is."""
        late = self._waiting().filter(rank=Look.OVERDUE, kind__in=Look.BINDING)
        rows = late.select_related("submission").in_order()[:SHOWN]
        return list(rows), Tally(late[: MOST + 1].count())

    def pauses(self) -> list[Pause]:
        """How far clocks were moved on after a halt, of the last thirty days."""
        recent = Pause.objects.filter(halt__program=self.program, applied_at__gt=self.at - RECENT)
        return list(recent.select_related("halt").order_by("-applied_at")[:SHOWN])

    def halts(self) -> list[Halt]:
        """Stops under which clocks stand still now."""
        open_ = Halt.objects.open().filter(program=self.program).exclude(scope=Halt.Scope.CREDENTIAL)
        return list(open_.order_by("placed_at")[:SHOWN])
