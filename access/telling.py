"""Tell people: a notice in the portal, a mail to their address. Rows of the verb's own transaction; sent afterwards."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage

from access import clock
from access.models import Notice, Outbox, Program, User
from access.sql import insert

RETRY_AFTER = timedelta(minutes=1)


def tell(
    user: User,
    kind: str,
    text: str,
    *,
    at: datetime,
    program: Program | None = None,
    url: str = "",
    not_before: datetime | None = None,
) -> Notice:
    """Put a notice into the user's portal, visible from ``not_before`` on."""
    notice = Notice(
        user=user, program=program, kind=kind, text=text, url=url, created_at=at, not_before=not_before or at
    )
    insert(notice)
    return notice


def mail(to: str, subject: str, body: str, *, key: str, at: datetime, not_before: datetime | None = None) -> None:
    """Put a mail into the outbox; a second one under the same ``key`` is the same mail, and changes nothing."""
    facts = {"to": to, "subject": subject, "body": body, "created_at": at, "not_before": not_before or at}
    insert(Outbox(dedupe_key=key, **facts), unless_there=True)


def link(path: str) -> str:
    return f"{settings.SITE_URL}{path}"


def deliver() -> int:
    """Send what is due, each at least once; how many went out. Two deliverers never take the same row at once."""
    return sum(
        _send(pk) for pk in Outbox.objects.due(clock.now()).order_by("not_before").values_list("pk", flat=True)[:50]
    )


def _send(pk: uuid.UUID) -> bool:
    now = clock.now()
    # Taking the row moves its instant into the future, so that a rival passes it by and a crash retries it later.
    row = Outbox.objects.due(now).filter(pk=pk).first()
    if row is None or not Outbox.objects.filter(pk=pk, attempts=row.attempts).update(
        attempts=row.attempts + 1, not_before=now + RETRY_AFTER * (row.attempts + 1)
    ):
        return False
    try:
        EmailMessage(row.subject, row.body, to=[row.to]).send()
    except (OSError, ValueError) as trouble:  # refused connections, SMTP errors, addresses no mail can carry
        Outbox.objects.filter(pk=pk).update(trouble=str(trouble)[:300])
        return False
    Outbox.objects.filter(pk=pk).update(sent_at=clock.now(), trouble="")
    return True
