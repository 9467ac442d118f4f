"""The artist's line before the workers as a row: locked by whoever counts jobs, and kept level with the others'."""

from datetime import datetime

from django.db.models import Exists, Min, OuterRef

from access.models import Enrollment
from generation.claiming import claimable
from generation.models import Job, Lane


def lock_lane(enrollment: Enrollment) -> Lane:
    """The parent row that everything summed over an enrollment's jobs is locked by."""
    locked = Lane.objects.select_for_update()
    if lane := locked.filter(enrollment=enrollment).first():
        return lane
    _make_lane(enrollment)
    return locked.get(enrollment=enrollment)


def lock_lanes(enrollment: Enrollment) -> list[Lane]:
    """All lanes of the artist in this program, one for each cohort they were in, in the order of their keys."""
    mine = enrollments_like(enrollment)
    for each in mine:
        _make_lane(each)
    return list(Lane.objects.select_for_update().filter(enrollment__in=mine).order_by("pk"))


def enrollments_like(enrollment: Enrollment) -> list[Enrollment]:
    """The artist's enrollments in this program: what they had before they moved to another cohort stays theirs."""
    return list(Enrollment.objects.filter(user=enrollment.user_id, program=enrollment.program_id).order_by("pk"))


def _make_lane(enrollment: Enrollment) -> None:
    """An artist who paused and moved to another cohort has paused there too."""
    defaults = {"program_id": enrollment.program_id, "paused_at": lambda: _paused_at(enrollment)}
    Lane.objects.get_or_create(enrollment=enrollment, defaults=defaults)


def _paused_at(enrollment: Enrollment) -> datetime | None:
    mine = Lane.objects.filter(program=enrollment.program_id, enrollment__user=enrollment.user_id)
    return mine.exclude(paused_at=None).values_list("paused_at", flat=True).first()


def join_the_line(lane: Lane, at: datetime) -> None:
    """A lane that comes back to the line starts where the least served lane with work stands (see ``Lane``)."""
    if not Job.objects.waiting().filter(program=lane.program_id, enrollment=lane.enrollment_id).exists():
        catch_up(lane, at)


def catch_up(lane: Lane, at: datetime) -> None:
    """Staying away saves nothing up. A lane that itself waits, for its artist, for staff or a model, is no measure."""
    claimed, running = claimable(lane.program, at), Job.objects.running()
    moves = Exists(claimed.filter(enrollment=OuterRef("pk"))) | Exists(running.filter(enrollment=OuterRef("pk")))
    others = Lane.objects.filter(moves, program=lane.program_id).exclude(pk=lane.pk)
    least = others.aggregate(least=Min("served_seconds"))["least"]
    if least is not None and least > lane.served_seconds:
        Lane.objects.filter(pk=lane.pk).update(served_seconds=least)
