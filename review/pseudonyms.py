"""Under which name a reviewer stands before artists: the role, and a mark that stays the same within a program.

It is another one than ``User.pseudonym``, which reviewers see: somebody who reviews in one program and makes clips in
another would be known by it in both.
"""

import hashlib
import uuid
from datetime import datetime

from django.utils.translation import gettext as _

from access.models import Program, Role, User

DOMAIN = b"vernissage-reviewer-1"
SHORT = 4  # digits, where nobody who came before has the same


class Names:
    """The names of a program's reviewers, in one question for however many of them."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._roles = list(Role.objects.filter(program=program, kind__in=Role.REVIEWING).order_by("pk"))
        self._marks: dict[uuid.UUID, str] = {}
        for role in self._roles:
            self.mark(role.user_id)

    def mark(self, reviewer: uuid.UUID) -> str:
        """Four hexadecimal digits, e.g. ``7f3a``; more for whoever became a reviewer after another with the same ones.

        So no two are alike, and nobody's changes when somebody comes. Whoever does not know the user's id, 122 random
        bits, cannot find it.
        """
        if reviewer not in self._marks:
            digits, taken = _digits(reviewer, self._program), set(self._marks.values())
            self._marks[reviewer] = next(digits[:n] for n in range(SHORT, len(digits) + 1) if digits[:n] not in taken)
        return self._marks[reviewer]

    def of(self, reviewer: uuid.UUID, at: datetime) -> str:
        """What artists read in place of a name, e.g. ``reviewer 7f3a``: in the role in which somebody judged then."""
        leads = (role for role in self._roles if role.user_id == reviewer and role.kind == Role.Kind.LEAD)
        led = any(role.granted_at <= at and (role.revoked_at is None or role.revoked_at > at) for role in leads)
        return (_("lead %s") if led else _("reviewer %s")) % self.mark(reviewer)


def _digits(reviewer: uuid.UUID, program: Program) -> str:
    return hashlib.sha256(DOMAIN + str(program.pk).encode() + b":" + reviewer.bytes).hexdigest()


def mark(reviewer: User, program: Program) -> str:
    """One reviewer's mark."""
    return Names(program).mark(reviewer.pk)


def name(reviewer: User, program: Program, at: datetime) -> str:
    """What artists read in place of one reviewer's name."""
    return Names(program).of(reviewer.pk, at)
