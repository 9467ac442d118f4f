"""Under which name a reviewer stands before artists: the role, and a mark that stays the same within a program.

It is another one than ``User.pseudonym``, which reviewers see: somebody who reviews in one program and makes clips in
another would be known by it in both.
"""

import hashlib
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from access.models import Program, Role, User

DOMAIN = b"vernissage-reviewer-1"


def mark(reviewer: User, program: Program) -> str:
    """Four hexadecimal digits, e.g. ``7f3a``. Whoever does not know the user's id, 122 random bits, cannot find it."""
    return hashlib.sha256(DOMAIN + str(program.pk).encode() + b":" + reviewer.pk.bytes).hexdigest()[:4]


def role_at(reviewer: User, program: Program, at: datetime) -> str:
    """``lead`` or ``reviewer``: in which role somebody judged then."""
    leads = Role.objects.filter(user=reviewer, program=program, kind=Role.Kind.LEAD, granted_at__lte=at)
    return "lead" if leads.filter(Q(revoked_at=None) | Q(revoked_at__gt=at)).exists() else "reviewer"


def name(reviewer: User, program: Program, at: datetime) -> str:
    """What artists read in place of a name, e.g. ``reviewer 7f3a``."""
    words = _("lead %s") if role_at(reviewer, program, at) == "lead" else _("reviewer %s")
    return words % mark(reviewer, program)
