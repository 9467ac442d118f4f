"""Say yes or no to one purpose. No word is no; the newest word counts."""

import uuid

from access import audit, clock
from access.models import Consent, Program, User


def give_consent(
    user: User, purpose: str, *, program: Program, granted: bool, about: uuid.UUID | None = None
) -> Consent:
    """Record a yes or a no, for everything or for the one output ``about``."""
    with audit.recorded():
        now = clock.now()
        consent = Consent.objects.create(
            user=user, program=program, purpose=purpose, about=about, granted=granted, given_at=now
        )
        audit.trace(
            "consent",
            program=program,
            at=now,
            actor=user,
            subject=consent,
            facts={"purpose": purpose, "granted": granted, "about": about},
        )
    return consent
