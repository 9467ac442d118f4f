"""A submission in each place where its artist can find it, brought there by the product's own verbs."""

from datetime import datetime, timedelta

from access import clock
from review import appeals, sharing, submitting
from review.models import Decision, Submission
from review.verdicts import Remark, Scope
from tests.review.cast import At, Cast

LONG = "Evening, with a very small boat, and a title that goes on for rather longer than anybody would like it to be"
RTL = "مساء على البحر مع قارب صغير جدا"
NOTES = (
    Remark(0, 120, "Her hand, here.", (0.1, 0.2, 0.3, 0.4)),
    Remark(250, 500, "And the sign behind her, which is a real shop's.", (0.55, 0.1, 0.4, 0.25)),
    Remark(500, 600, "The cut."),
)
WORDS = "There is a knife at the end, and it is held against a face.\n\nWithout the last second it would be fine."


def every(cast: Cast, at: At) -> dict[str, Submission]:
    """All of them by name; the clock stands where all are told. Before those that wait, in this order."""
    start = clock.now()
    at(start)
    made = {**_approved(cast, at, start), **_refused(cast, at, start), **_sent_back(cast, at, start)}
    at(start + timedelta(hours=1))
    made |= _waiting(cast, at)
    return made


def later(decision: Decision, at: At) -> Decision:
    """The clock a minute on, so that it is in effect."""
    at(decision.decided_at + timedelta(minutes=1))
    return decision


def _approved(cast: Cast, at: At, start: datetime) -> dict[str, Submission]:
    linked, quiet, scoped = cast.submission(title="Ebb"), cast.submission(title=RTL), cast.submission(title=LONG)
    approval = later(cast.approval(linked), at)
    sharing.share(approval, by=cast.artist.user)
    later(cast.approval(quiet), at)
    scope = Scope(audience="link", embargo_until=start + timedelta(days=20))
    later(cast.approve(cast.claim(scoped), scope=scope), at)
    return {"linked": linked, "approved": quiet, "embargoed": scoped}


def no(cast: Cast, at: At, submission: Submission, **facts: object) -> Decision:
    """A no in effect, with notes."""
    return later(cast.reject(cast.claim(submission), words=WORDS, from_ms=0, to_ms=600, remarks=NOTES, **facts), at)


def _refused(cast: Cast, at: At, start: datetime) -> dict[str, Submission]:
    names = ("rejected", "appealed", "upheld", "overturned", "second")
    made = {name: cast.submission(title=name.title(), statement="What I mean by it.") for name in names}
    noes = {name: no(cast, at, submission) for name, submission in made.items()}
    for name in ("upheld", "overturned", "appealed"):
        appeals.open_appeal(noes[name], by=cast.artist.user, words="The knife is a brush.\nLook at the label.")
        if name != "appealed":
            verdict = "approved" if name == "overturned" else "rejected"
            cast.give(cast.claim(made[name], by=cast.rival), verdict, words="I looked again, with care.")
    submitting.say_critique(made["second"], by=cast.artist.user)
    return made


def _sent_back(cast: Cast, at: At, start: datetime) -> dict[str, Submission]:
    names = ("changes", "answered", "given")
    made = {name: cast.submission(title=name.title()) for name in names}
    for submission in made.values():
        later(cast.send_back(cast.claim(submission), words=WORDS, remarks=NOTES), at)
    at(clock.now() + timedelta(hours=2))
    made["later"] = cast.submission(cast.output(), title="Later", answers=made["answered"])
    submitting.answer(made["given"], by=cast.artist.user, words="The knife is a brush: look at its bristles.")
    cast.output()  # to answer with
    return made


def _waiting(cast: Cast, at: At) -> dict[str, Submission]:
    names = ("waiting", "critique", "held", "undecided", "withdrawn")
    made = {name: cast.submission(title=name.title(), is_critique=name == "critique") for name in names}
    submitting.withdraw(made["withdrawn"], by=cast.artist.user)
    cast.reject(cast.claim(made["undecided"]), words="Not to be read yet.")
    cast.claim(made["held"])
    return {name: Submission.objects.get(pk=submission.pk) for name, submission in made.items()}
