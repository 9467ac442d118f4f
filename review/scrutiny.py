"""What machines noticed raises the scrutiny of what waits: its band, its category, a second person; nothing else."""

from datetime import datetime, timedelta

from django.db.models import Case, CharField, Exists, OuterRef, Value, When
from django.db.models.functions import Cast, Concat

from generation.models import Output
from review import signals, weighing
from review.models import Examination, Flag, Signal, Submission
from review.refusals import MachinesFirst
from review.weighing import RAISES, Weight

AT_ONCE = 100
MACHINES_FIRST = timedelta(minutes=10)  # so long nobody approves alone what no machine has looked at; published


def settle() -> int:
    """Let machines look at what waits, and raise the scrutiny of what they noticed something in; how many were raised.

    For the default worker: it decodes clips.
    """
    signals.catch_up()
    return sum(weighing.raise_scrutiny(asked, add_noticed(Weight(), asked.output)) for asked in _to_raise())


def _to_raise() -> list[Submission]:
    """Waiting submissions with a signal that nobody has drawn the consequence of."""
    name = Concat(
        Value("signal "), "recipe", Value(" "), Cast("version", CharField()), output_field=CharField()
    )  # as ``Signal.said_by``
    category = Case(
        *(When(kind=kind, then=Value(category)) for kind, (category, _band) in RAISES.items()), output_field=CharField()
    )
    of_it = {"submission": OuterRef(OuterRef("pk")), "said_by": OuterRef("name"), "category": OuterRef("category")}
    drawn = Flag.objects.filter(**of_it)  # one recipe says several things
    found = Signal.objects.standing().filter(output=OuterRef("output"), kind__in=RAISES)
    found = found.annotate(name=name, category=category)
    waiting = Submission.objects.waiting().filter(Exists(found.exclude(Exists(drawn))))
    return list(waiting.select_related("output", "program")[:AT_ONCE])


def add_noticed(weight: Weight, output: Output) -> Weight:
    """Raise a weight by what was noticed in an output, or in another one of the program that has the same bytes."""
    same_bytes = {"output__master": output.master_id, "output__program": output.program_id}
    for signal in Signal.objects.standing().filter(**same_bytes, kind__in=RAISES):
        category, band = RAISES[Signal.Kind(signal.kind)]
        weight.add(category, signal.said_by, band=band)
    return weight


def waits_for_machines(submission: Submission, at: datetime) -> bool:
    """Whether one person must not approve it yet: no machine has looked, and they may still be about to.

    Bounded, since a machine that is broken must keep no artist waiting.
    """
    if at >= submission.submitted_at + MACHINES_FIRST:
        return False
    return not Examination.objects.filter(output=submission.output_id, trouble="").exists()


def check_machines_looked(submission: Submission, at: datetime) -> None:
    """Let one person's approval pass only where it need not wait for machines.

    Raises:
        MachinesFirst.
    """
    if waits_for_machines(submission, at):
        raise MachinesFirst
