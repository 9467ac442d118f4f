"""What the artist hears of a decision, when it takes effect and not before. Never who the reviewer is."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from access.models import Notice, Outbox
from access.telling import link, mail, tell
from review.models import Appeal, Decision, MailChoice, Share, Submission, Verdict


def announce(decision: Decision) -> None:
    """A notice and a mail for the artist, held back until the decision takes effect."""
    submission, url = decision.submission, _url(decision)
    when = {"at": decision.decided_at, "not_before": decision.effective_at}
    text = _sentence(decision)
    tell(decision.artist, f"decision_{decision.verdict}", text, program=submission.program, url=url, **when)
    if not wants_digest(decision):
        mail(decision.artist.email, _subject(decision)[:200], _letter(decision), key=_key(decision), **when)


def wants_digest(decision: Decision) -> bool:
    """Whether the artist wants one mail a day instead of one at once."""
    return MailChoice.objects.filter(user=decision.artist_id, daily=True).exists()


def _sentence(decision: Decision) -> str:
    sentences = {
        Verdict.APPROVED: _("“%s” is approved."),
        Verdict.REJECTED: _("“%s” is not approved. The reason is on its page."),
        Verdict.CHANGES: _("Changes to “%s” are asked for. What can be mended is on its page."),
    }
    return sentences[Verdict(decision.verdict)] % decision.submission


def _subject(decision: Decision) -> str:
    subjects = {
        Verdict.APPROVED: _("Approved: %s"),
        Verdict.REJECTED: _("Not approved: %s"),
        Verdict.CHANGES: _("Changes asked for: %s"),
    }
    return subjects[Verdict(decision.verdict)] % " ".join(decision.submission.title.split())


def hush(decision: Decision, *, at: datetime) -> None:
    """Take back what nobody has heard yet: the decision was undone in time."""
    Notice.objects.filter(user=decision.artist, url=_url(decision), not_before__gt=at).delete()
    Outbox.objects.filter(dedupe_key=_key(decision), sent_at=None).update(withdrawn_at=at)


def announce_appeal(appeal: Appeal) -> None:
    """The answer to an appeal, at once."""
    decision, submission = appeal.decision, appeal.decision.submission
    url, at = page_of(submission), appeal.settled_at
    assert at is not None, "told of before it was settled"
    overturned = appeal.state == Appeal.State.OVERTURNED
    text = (
        _("The decision on “%s” was overturned: it is approved.")
        if overturned
        else _("The decision on “%s” stands. The answer is on its page.")
    ) % submission
    tell(decision.artist, f"appeal_{appeal.state}", text, at=at, program=submission.program, url=url)
    if not wants_digest(decision):
        subject = _("Your appeal: %s") % " ".join(submission.title.split())
        body = _("%(text)s\n\nIn the words of whoever looked again: %(words)s\n\n%(page)s\n") % {
            "text": text,
            "words": appeal.answer,
            "page": link(url),
        }
        mail(decision.artist.email, subject[:200], body, key=f"appeal-{appeal.pk}", at=at)


def announce_share(share: Share) -> None:
    """The link that the artist asked for when submitting is open."""
    submission = share.decision.submission
    text = _("“%s” is approved and its public link is open, as you asked.") % submission
    tell(
        share.decision.artist, "share_opened", text, at=share.created_at, program=submission.program,
        url=page_of(submission),
    )  # fmt: skip


def page_of(submission: Submission) -> str:
    return reverse("submission", args=[submission.program.slug, submission.pk])


def _url(decision: Decision) -> str:
    return f"{page_of(decision.submission)}#decision-{decision.pk}"


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
        "%(sentence)s\n\nThe clause: %(code)s %(clause)s\n%(text)s\n\n"
        "In the reviewer's words: %(words)s\n\n"
        "The passage is on its page; from there you can fix it, or appeal to somebody who had no part:\n\n%(page)s\n"
    ) % {
        "sentence": _sentence(decision),
        "code": clause.code,
        "clause": clause.title,
        "text": clause.text,
        "words": decision.words,
        "page": page,
    }
