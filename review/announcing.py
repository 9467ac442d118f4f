"""What the artist hears of a decision, when it takes effect and not before. Never who the reviewer is."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from access.models import Notice, Outbox
from access.telling import link, mail, tell
from review.models import Decision, Share


def announce(decision: Decision) -> None:
    """A notice and a mail for the artist, held back until the decision takes effect."""
    submission, url = decision.submission, _url(decision)
    approved = decision.is_approval
    text = (_("“%s” is approved.") if approved else _("“%s” is not approved. The reason is on its page.")) % submission
    when = {"at": decision.decided_at, "not_before": decision.effective_at}
    tell(decision.artist, f"decision_{decision.verdict}", text, program=submission.program, url=url, **when)
    subject = (_("Approved: %s") if approved else _("Not approved: %s")) % " ".join(submission.title.split())
    mail(decision.artist.email, subject[:200], _letter(decision), key=_key(decision), **when)


def hush(decision: Decision, *, at: datetime) -> None:
    """Take back what nobody has heard yet: the decision was undone in time."""
    Notice.objects.filter(user=decision.artist, url=_url(decision), not_before__gt=at).delete()
    Outbox.objects.filter(dedupe_key=_key(decision), sent_at=None).update(withdrawn_at=at)


def announce_share(share: Share) -> None:
    """The link that the artist asked for when submitting is open."""
    submission = share.decision.submission
    url = reverse("submission", args=[submission.program.slug, submission.pk])
    text = _("“%s” is approved and its public link is open, as you asked.") % submission
    tell(share.decision.artist, "share_opened", text, at=share.created_at, program=submission.program, url=url)


def _url(decision: Decision) -> str:
    submission = decision.submission
    return f"{reverse('submission', args=[submission.program.slug, submission.pk])}#decision-{decision.pk}"


def _key(decision: Decision) -> str:
    return f"decision-{decision.pk}"


def _letter(decision: Decision) -> str:
    page = link(_url(decision))
    if decision.is_approval:
        return _("“%(title)s” is approved. You may share it now, or keep it to yourself:\n\n%(page)s\n") % {
            "title": decision.submission,
            "page": page,
        }
    clause = decision.clause
    assert clause is not None, "the schema refuses a no without a clause"
    return _(
        "“%(title)s” is not approved.\n\nThe clause: %(code)s %(clause)s\n%(text)s\n\n"
        "In the reviewer's words: %(words)s\n\nThe passage and all else is on its page:\n\n%(page)s\n"
    ) % {
        "title": decision.submission,
        "code": clause.code,
        "clause": clause.title,
        "text": clause.text,
        "words": decision.words,
        "page": page,
    }
