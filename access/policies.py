"""Who may do what, one question each."""

from access.models import Program, Role, User


def holds(user: User, program: Program, *kinds: str) -> bool:
    """Whether the user has one of these roles in the program now."""
    return user.is_active and Role.objects.live().filter(user=user, program=program, kind__in=kinds).exists()


def may_halt(user: User, program: Program) -> bool:
    return holds(user, program, Role.Kind.PROGRAM_STAFF, Role.Kind.LEAD)


def may_invite(user: User, program: Program) -> bool:
    return holds(user, program, Role.Kind.PROGRAM_STAFF)


def may_review(user: User, program: Program) -> bool:
    return holds(user, program, *Role.REVIEWING)
