"""What the artist hears of a decision, when it takes effect and not before. Never who the reviewer is.

Everything is said in the portal and by one mail, at once or in one a day (``review.digest``), as the artist chose.
"""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from access.models import Notice, Outbox, User
from access.sql import run
from access.telling import link, mail, tell
from review.models import Appeal, Audience, Decision, Look, Share, Submission, Verdict


def announce(decision: Decision) -> None:
    """A notice and a mail for the artist, held back until the decision takes effect."""
    submission, url = decision.submission, page_of_decision(decision)
    when = {"at": decision.decided_at, "not_before": decision.effective_at}
    kind = f"decision_{decision.verdict}"
    tell(decision.artist, kind, sentence_of(decision), program=submission.program, url=url, **when)
    if not wants_digest(decision.artist):
        mail_decision(decision)


def mail_decision(decision: Decision) -> None:
    """The mail about a decision; a second one is the same mail."""
    when = {"at": decision.decided_at, "not_before": decision.effective_at}
    mail(decision.artist.email, _subject(decision)[:200], _letter(decision), key=key_of(decision), **when)


def wants_digest(artist: User) -> bool:
    """Whether the artist wants one mail a day instead of one at once."""
    return bool(run("SELECT 1 FROM review_mailchoice WHERE user_id = %(user)s AND daily", user=artist.pk))


def sentence_of(decision: Decision) -> str:
    """What was decided, in a sentence."""
    sentences = {
        Verdict.APPROVED: _("“%s” is approved."),
        Verdict.REJECTED: _("“%s” is not approved. The reason is on its page."),
        Verdict.CHANGES: _("Changes to “%s” are asked for. What can be mended is on its page."),
    }
    said = sentences[Verdict(decision.verdict)] % decision.submission
    if decision.embargo_until is None:
        return said
    return (
        said
        + " "
        + _("It is under an embargo: links to it open from %s on, not before.") % _utc(decision.embargo_until)
    )


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _subject(decision: Decision) -> str:
    subjects = {
        Verdict.APPROVED: _("Approved: %s"),
        Verdict.REJECTED: _("Not approved: %s"),
        Verdict.CHANGES: _("Changes asked for: %s"),
    }
    return subjects[Verdict(decision.verdict)] % _in_a_line(decision.submission)


def _in_a_line(submission: Submission) -> str:
    return " ".join(submission.title.split())


def hush(decision: Decision, *, at: datetime) -> None:
    """Take back what nobody has heard yet: the decision was undone in time."""
    Notice.objects.filter(user=decision.artist, url=page_of_decision(decision), not_before__gt=at).delete()
    Outbox.objects.filter(dedupe_key=key_of(decision), sent_at=None).update(withdrawn_at=at)


def announce_appeal(appeal: Appeal) -> None:
    """The answer to an appeal, at once."""
    decision, submission = appeal.decision, appeal.decision.submission
    assert appeal.settled_at is not None, "told of before it was settled"
    tell(
        decision.artist, f"appeal_{appeal.state}", sentence_of_appeal(appeal), at=appeal.settled_at,
        program=submission.program, url=page_of_decision(decision),
    )  # fmt: skip
    if not wants_digest(decision.artist):
        mail_appeal(appeal)


def sentence_of_appeal(appeal: Appeal) -> str:
    """What came of an appeal, in a sentence."""
    overturned = appeal.state == Appeal.State.OVERTURNED
    said = (
        _("The decision on “%s” was overturned: it is approved.") if overturned else _("The decision on “%s” stands.")
    )
    return said % appeal.decision.submission


def mail_appeal(appeal: Appeal) -> None:
    """The mail about a settled appeal; a second one is the same mail."""
    assert appeal.settled_at is not None, "told of before it was settled"
    submission = appeal.decision.submission
    subject = _("A second person looked: %s") if appeal.is_critique else _("Your appeal: %s")
    body = _("%(text)s\n\nIn the words of whoever looked again: %(words)s\n\n%(page)s\n") % {
        "text": sentence_of_appeal(appeal),
        "words": appeal.answer,
        "page": link(page_of_decision(appeal.decision)),
    }
    to, subject = appeal.decision.artist.email, (subject % _in_a_line(submission))[:200]
    mail(to, subject, body, key=key_of(appeal), at=appeal.settled_at)


def announce_breach(look: Look, *, at: datetime) -> None:
    """The promised answer did not come: said as it is, with what follows."""
    submission = look.submission
    artist, sentence = submission.enrollment.user, sentence_of_breach(look)
    tell(artist, "deadline_missed", sentence, at=at, program=submission.program, url=page_of(submission))
    if not wants_digest(artist):
        mail_breach(look, at=at)


def sentence_of_breach(look: Look) -> str:
    """The promise that was not kept, in a sentence."""
    said = _("“%s” was not answered in the time we promised. It stands at the front of the queue now.")
    if look.kind == Look.Kind.APPEAL:
        said = _("“%s” was not looked at again in the time we promised. It stands at the front of the queue now.")
    return said % look.submission


def mail_breach(look: Look, *, at: datetime) -> None:
    """The mail about a missed deadline; a second one about the same look is the same mail."""
    submission = look.submission
    subject = _("Not answered in time: %s") % _in_a_line(submission)
    body = _(
        "%(sentence)s\n\nThe answer was due by %(due)s. You need not do anything. The leads of the program know of it. "
        "%(counted)s\n\n%(page)s\n"
    ) % {
        "counted": _("The program's published figures count it.") if submission.asked else "",
        "sentence": sentence_of_breach(look),
        "due": _utc(look.due_at),
        "page": link(page_of(submission)),
    }
    mail(submission.enrollment.user.email, subject[:200], body, key=key_of_breach(look), at=at)


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


def page_of_decision(decision: Decision) -> str:
    return f"{page_of(decision.submission)}#decision-{decision.pk}"


def key_of(told: Decision | Appeal) -> str:
    """The one key of the mail about a decision or an appeal."""
    return f"{told._meta.model_name}-{told.pk}"


def key_of_breach(look: Look) -> str:
    return f"breach-{look.pk}"


def _letter(decision: Decision) -> str:
    page = link(page_of_decision(decision))
    if decision.is_approval:
        return f"{sentence_of(decision)} {_what_follows(decision)}\n\n{page}\n"
    clause = decision.clause
    assert clause is not None, "the schema refuses a no without a clause"
    return _(
        "%(sentence)s\n\nThe clause: %(code)s %(clause)s\n%(text)s\n\n"
        "In the reviewer's words: %(words)s\n\n%(next)s\n\n%(page)s\n"
    ) % {
        "sentence": sentence_of(decision),
        "code": clause.code,
        "clause": clause.title,
        "text": clause.text,
        "words": decision.words,
        "next": _next(decision),
        "page": page,
    }


def _what_follows(decision: Decision) -> str:
    """For whom an approval holds, and who opens the link."""
    whom = _("It holds for whoever has the link, not for the showcase.") if decision.audience == Audience.LINK else ""
    if decision.submission.publish_on_approval:
        opens = _("Its link opens by itself, as you asked:")
    elif decision.embargo_until:
        opens = _("You may share it then, or keep it to yourself:")
    else:
        opens = _("You may share it now, or keep it to yourself:")
    return f"{whom} {opens}".strip()


def _next(decision: Decision) -> str:
    if decision.verdict == Verdict.CHANGES:
        return _("Answer with words, or with another clip. The clock stands until you do. The passage is on its page:")
    return _("The passage is on its page; from there you can fix it, or appeal to somebody who had no part:")
