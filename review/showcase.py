"""The showcase: clips that are public anyway, and whose artist said yes to exactly this use of exactly this clip."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import OuterRef, Q, QuerySet, Subquery

from access import audit, clock
from access.consenting import give_consent
from access.models import Consent, Program, User
from access.refusals import NotAllowed
from generation.models import Output
from review import policies
from review.models import Audience, Decision, Share, ShareQuerySet, Submission, Verdict
from review.refusals import NotForEverybody

PURPOSE = Consent.Purpose.SHOWCASE
SHOWN = 24  # clips of a page
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def words_on(user: str, output: str) -> QuerySet[Consent]:
    """What an artist said on showing an output, newest first; a no to every showcase is a no to this one.

    A yes to showcases in general is not enough: it names no clip.
    """
    about = Q(about=OuterRef(output)) | Q(about=None, granted=False)
    said = Consent.objects.filter(about, user=OuterRef(user), purpose=PURPOSE)
    return said.order_by("-given_at", "-pk")


def hung(at: datetime) -> ShareQuerySet:
    """The links in the showcase: live, approved for everybody, and the artist's newest word is yes."""
    newest = Subquery(words_on("decision__artist", "output").values("granted")[:1])
    public = Share.objects.live(at).filter(decision__audience=Audience.PUBLIC)
    return public.annotate(wanted=newest).filter(wanted=True)


@dataclass(frozen=True)
class Page:
    shares: list[Share]
    after: str  # where the next page begins; empty on the last


def page(at: datetime, *, program: Program | None = None, after: str = "") -> Page:
    """A page of the showcase, newest first, of one program or of all. An ``after`` that is none begins at the front."""
    found = hung(at).filter(output__program=program) if program else hung(at)
    found = _beyond(found, after).order_by("-created_at", "token")
    shares = list(found.select_related("output", "decision")[: SHOWN + 1])
    more = len(shares) > SHOWN
    return Page(shares[:SHOWN], _place(shares[SHOWN - 1]) if more else "")


def _place(share: Share) -> str:
    """A share's place in the order. It is compared, never looked up: it tells nobody whether a link exists."""
    return f"{(share.created_at - EPOCH) // timedelta(microseconds=1)}.{share.token}"


def _beyond(found: ShareQuerySet, after: str) -> ShareQuerySet:
    number, _dot, token = after.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 17 and token.isascii() and token.isprintable()):
        return found
    instant = EPOCH + timedelta(microseconds=int(number))
    return found.filter(Q(created_at__lt=instant) | Q(created_at=instant, token__gt=token))


def choose(submission: Submission, *, by: User, shown: bool) -> Consent:
    """The artist says yes or no to showing this clip. A no counts at once, and is always taken.

    Raises:
        NotAllowed: ``by`` is not the artist.
        NotForEverybody: there is no approval in effect that holds for everybody.
    """
    if not policies.may_answer(by, submission):
        raise NotAllowed
    with audit.recorded():
        if shown and not may_hang(submission, clock.now()):
            raise NotForEverybody
        return give_consent(by, PURPOSE, program=submission.program, granted=shown, about=submission.output_id)


def may_hang(submission: Submission, at: datetime) -> bool:
    approved = Decision.objects.effective(at).filter(submission=submission, verdict=Verdict.APPROVED)
    return approved.filter(audience=Audience.PUBLIC).exists()


def is_wanted(output: Output) -> bool:
    """Whether the artist's newest word on showing this output is yes."""
    wanted = Output.objects.filter(pk=output.pk).annotate(
        wanted=Subquery(words_on("enrollment__user", "pk").values("granted")[:1])
    )
    return wanted.filter(wanted=True).exists()
