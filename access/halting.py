"""Stop work within a scope, and let it go on."""

from django.db import IntegrityError, transaction
from django.urls import reverse

from access import audit, clock
from access.locking import take_halt_lock
from access.models import Cohort, Credential, Enrollment, Halt, Program, User
from access.models.programs import EnrollmentQuerySet
from access.policies import may_halt
from access.refusals import HaltLifted, HaltOpen, NotAllowed, WordsMissing
from access.telling import tell

STOPPED = "Your work in {program} is stopped for now: {reason} Nothing is lost; it goes on by itself after the stop."
Target = Credential | User | Cohort | Program


def halt(target: Target, *, program: Program, by: User | None, reason: str) -> Halt:
    """Stop the work of a credential, an artist, a cohort or the whole program from the commit of this on.

    New work is refused, queued jobs wait in their places, running ones stop within a step, public links pause.

    Raises:
        NotAllowed: ``by`` is not staff of the program, or the target is another program's. ``by=None`` is the system.
        WordsMissing: no reason given.
        HaltOpen: the same target is halted already.
    """
    if (by is not None and not may_halt(by, program)) or _program_of(target, program) != program:
        raise NotAllowed
    if not reason.strip():
        raise WordsMissing
    scope = _scope(target)
    with audit.recorded():
        take_halt_lock(program)
        now = clock.now()
        try:
            with transaction.atomic():
                placed = Halt.objects.create(
                    program=program, reason=reason.strip(), placed_by=by, placed_at=now, scope=scope, **_columns(target)
                )
        except IntegrityError:
            raise HaltOpen from None
        audit.trace(
            "halt",
            program=program,
            at=now,
            actor=by,
            subject=placed,
            facts={"scope": scope, "target": str(target.pk)},
            private=reason,
        )
        _tell_all(placed, "halted", STOPPED.format(program=program, reason=placed.reason))
    return placed


def lift(placed: Halt, *, by: User | None) -> Halt:
    """End a halt; what it held back goes on by itself.

    Raises:
        NotAllowed: ``by`` is not staff of the program.
        HaltLifted: somebody lifted it already.
    """
    program = placed.program
    if by is not None and not may_halt(by, program):
        raise NotAllowed
    with audit.recorded():
        take_halt_lock(program)
        now = clock.now()
        if not Halt.objects.open().filter(pk=placed.pk).update(lifted_at=now, lifted_by=by):
            raise HaltLifted
        audit.trace("lift", program=program, at=now, actor=by, subject=placed)
        _tell_all(placed, "lifted", f"The stop in {program} is over. Waiting work goes on in its old place.")
    placed.refresh_from_db()
    return placed


def _program_of(target: Target, program: Program) -> Program:
    """Where the target belongs; people and their credentials belong nowhere, so they can be stopped anywhere."""
    if isinstance(target, Program):
        return target
    return target.program if isinstance(target, Cohort) else program


def _scope(target: Target) -> str:
    scopes = {Credential: "credential", User: "artist", Cohort: "cohort", Program: "program"}
    return scopes[type(target)]


def _columns(target: Target) -> dict[str, Target]:
    return {} if isinstance(target, Program) else {_scope(target): target}


def _tell_all(placed: Halt, kind: str, text: str) -> None:
    at = placed.lifted_at or placed.placed_at
    url = reverse("studio", args=[placed.program.slug])
    for enrollment in enrollments_under(placed).select_related("user"):
        tell(enrollment.user, kind, text, at=at, program=placed.program, url=url)


def enrollments_under(placed: Halt) -> EnrollmentQuerySet:
    """The live enrollments that a halt stops."""
    live = Enrollment.objects.live().filter(program=placed.program)
    if placed.scope == Halt.Scope.COHORT:
        return live.filter(cohort=placed.cohort_id)
    if placed.scope == Halt.Scope.ARTIST:
        return live.filter(user=placed.artist_id)
    if placed.scope == Halt.Scope.CREDENTIAL:
        return live.filter(user__credentials=placed.credential_id)
    return live
