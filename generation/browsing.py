"""The library as a query: what is shown, and one page of it. The page costs the same with 1,000 outputs as with
100,000: the artist's enrollments first, then as many rows of the index as the page has."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q, QuerySet

from access.models import Enrollment, Program, User
from access.text import fold
from generation.models import Collection, Job, Output, Pipeline, Tag

PAGE = 24
WORDS = 8  # of a search; each must occur
FEW = 2000  # hits that are named by their keys


class Shape(models.TextChoices):
    """Of a clip's frame."""

    WIDE = "wide"
    SQUARE = "square"
    UPRIGHT = "upright"


@dataclass(frozen=True)
class Sieve:
    """Which of an artist's outputs are wanted; the empty one lets all through."""

    words: tuple[str, ...] = ()  # each occurs in the prompt, whatever the case
    starred: bool = False
    tag: Tag | None = None
    collection: Collection | None = None
    pipeline: Pipeline | None = None
    from_image: bool = False
    shape: str = ""

    def apply(self, outputs: QuerySet[Output], enrollments: Sequence[uuid.UUID]) -> QuerySet[Output]:
        """The outputs of these enrollments that it lets through."""
        if making := self._making():
            outputs = _made_so(outputs, making, enrollments)
        return outputs.filter(self._marks() & (SHAPES[Shape(self.shape)] if self.shape else Q()))

    def _marks(self) -> Q:
        wanted = Q(star__isnull=False) if self.starred else Q()
        wanted &= Q(tags=self.tag) if self.tag else Q()
        return wanted & (Q(hangings__collection=self.collection) if self.collection else Q())

    def _making(self) -> Q:
        wanted = Q(job__pipeline=self.pipeline) if self.pipeline else Q()
        wanted &= Q(job__brief__first_frame__isnull=False) if self.from_image else Q()
        for word in self.words:
            wanted &= Q(job__brief__prompt_folded__contains=fold(word))
        return wanted


def _made_so(outputs: QuerySet[Output], making: Q, enrollments: Sequence[uuid.UUID]) -> QuerySet[Output]:
    """Those whose briefs are as wanted.

    A few are found from the briefs' side and named by their keys: read along the wall, row by row with two joins, a
    search without hits took fifteen times as long at 100,000 outputs. Of many the wall's first rows hold a page.
    """
    found = Output.objects.filter(making, job__brief__enrollment__in=enrollments).order_by()
    keys = list(found.values_list("pk", flat=True)[: FEW + 1])
    return outputs.filter(pk__in=keys) if len(keys) <= FEW else outputs.filter(making)


SHAPES = {
    Shape.WIDE: Q(width__gt=F("height")),
    Shape.SQUARE: Q(width=F("height")),
    Shape.UPRIGHT: Q(width__lt=F("height")),
}


@dataclass(frozen=True)
class Turn:
    """Which page: the one ``after`` a row, the one ``before`` a row, or the first."""

    after: uuid.UUID | None = None
    before: uuid.UUID | None = None
    oldest_first: bool = False
    size: int = field(default_factory=lambda: PAGE)

    @property
    def descends(self) -> bool:
        """Whether the index is read from new to old."""
        return self.oldest_first == (self.before is not None)


@dataclass(frozen=True)
class Page:
    """Keys of one page in their order, and the keys from which the pages beside it go on, where there are any."""

    keys: list[uuid.UUID] = field(default_factory=list)
    after: uuid.UUID | None = None
    before: uuid.UUID | None = None


def enrollments_of(user: User, program: Program) -> list[uuid.UUID]:
    """All enrollments of an artist in a program, also ended ones: what they made before they moved stays theirs."""
    return list(Enrollment.objects.filter(user=user, program=program).order_by("pk").values_list("pk", flat=True))


def page_of(rows: QuerySet[Any], enrollments: Sequence[uuid.UUID], turn: Turn, *, instant: str) -> Page:
    """One page of the rows of these enrollments by ``instant`` and key; from the first if the key named is not theirs.

    One indexed query for each enrollment (an artist has one, seldom two) and one for the key.
    """
    start = _start(rows.model, enrollments, turn, instant)
    turn = turn if start else Turn(oldest_first=turn.oldest_first, size=turn.size)
    found: list[tuple[datetime, uuid.UUID]] = []
    for enrollment in enrollments:
        theirs = _from(rows.filter(enrollment=enrollment), start, instant, descends=turn.descends)
        found += theirs.values_list(instant, "pk")[: turn.size + 1]
    found.sort(key=lambda row: (row[0], -row[1].int), reverse=turn.descends)
    keys = [pk for _, pk in found]
    if start and not keys:  # nothing lies past it, such as after a change of filter
        first = Turn(oldest_first=turn.oldest_first, size=turn.size)
        return page_of(rows, enrollments, first, instant=instant)
    return _page(keys[: turn.size], turn, goes_on=len(keys) > turn.size)


def _page(keys: list[uuid.UUID], turn: Turn, *, goes_on: bool) -> Page:
    if turn.before is not None:
        keys.reverse()
        return Page(keys, after=keys[-1] if keys else None, before=keys[0] if goes_on else None)
    return Page(keys, after=keys[-1] if goes_on else None, before=keys[0] if keys and turn.after is not None else None)


def _start(
    model: type[models.Model], enrollments: Sequence[uuid.UUID], turn: Turn, instant: str
) -> tuple[datetime, uuid.UUID] | None:
    key = turn.before or turn.after
    if key is None:
        return None
    mine = model._default_manager.filter(pk=key, enrollment__in=enrollments)
    return mine.values_list(instant, "pk").first()


def _from(
    rows: QuerySet[Any], start: tuple[datetime, uuid.UUID] | None, instant: str, *, descends: bool
) -> QuerySet[Any]:
    """The rows past the start, in the index's own order or against it; the first condition is the index's range."""
    if descends:
        ordered = rows.order_by(f"-{instant}", "pk")
        return (
            ordered
            if start is None
            else ordered.filter(Q(**{f"{instant}__lt": start[0]}) | Q(pk__gt=start[1]), **{f"{instant}__lte": start[0]})
        )
    ordered = rows.order_by(instant, "-pk")
    return (
        ordered
        if start is None
        else ordered.filter(Q(**{f"{instant}__gt": start[0]}) | Q(pk__lt=start[1]), **{f"{instant}__gte": start[0]})
    )


def works(keys: Sequence[uuid.UUID]) -> list[Output]:
    """The outputs of a page in its order, with all that a wall shows of them, in a constant number of queries."""
    found = (
        Output.objects.filter(pk__in=keys)
        .select_related("job__brief", "job__pipeline", "star", "enrollment", "program")
        .defer("provenance", "job__pipeline__manifest", "job__pipeline__declared", "job__pipeline__loaded")
        .prefetch_related("renditions", "tags")
    )
    return sorted(found, key=lambda output: keys.index(output.pk))


def history(keys: Sequence[uuid.UUID]) -> list[Job]:
    """The jobs of a page in its order."""
    found = Job.objects.filter(pk__in=keys).select_related("brief", "enrollment")
    return sorted(found, key=lambda job: keys.index(job.pk))


def open_jobs(enrollments: Sequence[uuid.UUID], program: Program, *, most: int) -> QuerySet[Job]:
    """The artist's running jobs, then the queued ones, each oldest first; ``most`` of them.

    Two states in one condition would read all jobs that the artist ever had: the indexes hold one state each.
    """
    running = Job.objects.running().filter(enrollment__in=enrollments).order_by("lease_until")  # its index's order
    queued = Job.objects.queued().filter(program=program, enrollment__in=enrollments).order_by("queued_at", "number")
    keys = [*running.values_list("pk", flat=True)[:most], *queued.values_list("pk", flat=True)[:most]]
    return Job.objects.filter(pk__in=keys).select_related("brief").order_by("-state", "queued_at", "number")[:most]


def tags_in_use(user: User, program: Program) -> QuerySet[Tag]:
    """The artist's tags that are on something, by name."""
    used = Tag.outputs.through.objects.filter(tag=models.OuterRef("pk"))
    return Tag.objects.owned_by(user).filter(models.Exists(used), program=program).order_by("name")


def collections_of(user: User, program: Program) -> QuerySet[Collection]:
    """The artist's collections by name."""
    return Collection.objects.owned_by(user).filter(program=program).order_by("name")


def models_of(user: User, program: Program) -> QuerySet[Pipeline]:
    """The models that the artist could ever use here, also retired ones: their outputs stay."""
    cohorts = Enrollment.objects.filter(user=user, program=program).values("cohort")
    reach = Q(for_every_cohort=True) | Q(
        pk__in=Pipeline.cohorts.through.objects.filter(cohort__in=cohorts).values("pipeline")
    )
    return Pipeline.objects.filter(reach).only("slug", "name").order_by("name")
