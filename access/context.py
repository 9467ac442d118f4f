"""What the frame around every page shows."""

from functools import cached_property

from django.http import HttpRequest

from access import clock, policies
from access.models import Enrollment, Halt, Notice, Program, Role


class Shell:
    """Asked lazily, since most pages need a part of it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request, self.user = request, request.user

    @cached_property
    def program(self) -> Program | None:
        """The program of the page, else the only one."""
        return getattr(self.request, "program", None) or (self.programs[0] if len(self.programs) == 1 else None)

    @cached_property
    def programs(self) -> list[Program]:
        return list(Program.objects.visible_to(self.user).order_by("name")) if self.user.is_authenticated else []

    @cached_property
    def enrollment(self) -> Enrollment | None:
        """What the page was loaded with, if it is an artist's."""
        if known := getattr(self.request, "enrollment", None):
            return known
        if not (self.user.is_authenticated and self.program):
            return None
        return Enrollment.objects.live().filter(user=self.user, program=self.program).first()

    @property
    def is_artist(self) -> bool:
        return self.enrollment is not None

    @cached_property
    def roles(self) -> set[str]:
        if (known := getattr(self.request, "roles", None)) is not None:
            return known
        return policies.roles_of(self.user, self.program) if self.user.is_authenticated and self.program else set()

    @property
    def is_reviewer(self) -> bool:
        return not self.roles.isdisjoint(Role.REVIEWING)

    @property
    def is_staff(self) -> bool:
        return Role.Kind.PROGRAM_STAFF in self.roles

    @cached_property
    def unread(self) -> int:
        return (
            Notice.objects.unread().filter(user=self.user, not_before__lte=clock.now()).count()
            if self.user.is_authenticated
            else 0
        )

    @cached_property
    def halt(self) -> Halt | None:
        """What stops this artist's work; for others, what stops the program."""
        if self.enrollment:
            return Halt.objects.covering(self.enrollment, getattr(self.request, "credential", None)).first()
        return Halt.objects.open().filter(program=self.program, scope="program").first() if self.program else None


def shell(request: HttpRequest) -> dict[str, Shell]:
    return {"shell": Shell(request)}
