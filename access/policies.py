"""Who may do what, one question each."""

from access.models import Program, Role, User


def holds(user: User, program: Program, *kinds: str) -> bool:
    """Whether the user has one of these roles in the program now."""
    return not roles_of(user, program).isdisjoint(kinds)


def roles_of(user: User, program: Program) -> set[str]:
    """The kinds of role that the user has in the program now."""
    held = Role.objects.live().filter(user=user, program=program).values_list("kind", flat=True)
    return set(held) if user.is_active else set()


def may_halt(user: User, program: Program) -> bool:
    return holds(user, program, Role.Kind.PROGRAM_STAFF, Role.Kind.LEAD)


def may_invite(user: User, program: Program) -> bool:
    return holds(user, program, Role.Kind.PROGRAM_STAFF)


def may_review(user: User, program: Program) -> bool:
    return holds(user, program, *Role.REVIEWING)
