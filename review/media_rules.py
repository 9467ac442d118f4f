"""Who may see review's files: the reviewer who holds the submission, and the public through a live link."""

from datetime import datetime

from django.db.models import Q

from access import clock, media, storing
from access.models import StoredFile, User
from review.models import Claim, Share, Submission, SubmissionQuerySet
from review.submitting import NEEDED

SHOWN = (*NEEDED, "proxy")


@media.rule
def claimed(file: StoredFile, viewer: media.Viewer) -> bool:
    """A reviewer sees the shared renditions of a submission while they hold it, and nothing else."""
    if not isinstance(viewer.user, User):
        return False
    now = clock.now()
    in_hand = Claim.objects.live(now).filter(reviewer=viewer.user)
    return _made_of(file, viewer.user, now).filter(claims__in=in_hand).exists()


@media.rule
def beside(file: StoredFile, viewer: media.Viewer) -> bool:
    """A reviewer also sees what a clip in hand was made in place of, and what a signal says that it resembles; of
    both only what they might judge: never their own, nor that of somebody with whom a conflict is declared."""
    if not isinstance(viewer.user, User):
        return False
    now = clock.now()
    theirs = _made_of(file, viewer.user, now).values("output")
    revealed = Claim.objects.live(now).filter(reviewer=viewer.user, revealed_at__isnull=False)
    mine = Submission.objects.reviewable_by(viewer.user, now).filter(claims__in=revealed)
    return mine.filter(Q(answers__output__in=theirs) | Q(output__signals__theirs__in=theirs)).exists()


def _made_of(file: StoredFile, user: User, at: datetime) -> SubmissionQuerySet:
    """The submissions that this reviewer may judge and of whose clip the file is a shared rendition."""
    return Submission.objects.reviewable_by(user, at).filter(
        output__renditions__file=file,
        output__renditions__recipe__in=SHOWN,
        output__renditions__personal_to=None,
    )


@media.rule
def shared(file: StoredFile, viewer: media.Viewer) -> bool:
    """The public sees what the approval behind a live link names, as long as the master is the approved one."""
    if not viewer.share_token:
        return False
    links = Share.objects.live(clock.now()).filter(token=viewer.share_token)
    share = links.select_related("decision", "output__master").first()
    return share is not None and is_whole(share) and any(made.file_id == file.pk for made in share.renditions())


def is_whole(share: Share) -> bool:
    """Whether the master behind the link still has the bytes that were approved."""
    return storing.has_its_bytes(share.output.master)
