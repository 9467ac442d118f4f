"""Give and take the right to act in a program."""

from django.db import IntegrityError, transaction

from access import audit, clock
from access.models import Program, Role, User
from access.refusals import RoleHeld, RoleRevoked


def grant_role(user: User, kind: str, *, program: Program, by: User | None) -> Role:
    """Make the user a reviewer, lead or staff of the program.

    Raises:
        RoleHeld: they are that already.
    """
    with audit.recorded():
        now = clock.now()
        try:
            with transaction.atomic():
                role = Role.objects.create(program=program, user=user, kind=kind, granted_at=now)
        except IntegrityError:
            raise RoleHeld from None
        audit.trace(
            "grant_role", program=program, at=now, actor=by, subject=role, facts={"user": str(user.pk), "kind": kind}
        )
    return role


def revoke_role(role: Role, *, by: User | None) -> None:
    """Take a role away, from the next request on.

    Raises:
        RoleRevoked: it is gone already.
    """
    with audit.recorded():
        now = clock.now()
        if not Role.objects.live().filter(pk=role.pk).update(revoked_at=now):
            raise RoleRevoked
        audit.trace(
            "revoke_role",
            program=role.program,
            at=now,
            actor=by,
            subject=role,
            facts={"user": str(role.user_id), "kind": role.kind},
        )
