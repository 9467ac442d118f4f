"""Who may see generation's files: the artist, their own, while they are in the program."""

from django.db.models import QuerySet

from access import media
from access.models import Enrollment, StoredFile
from access.models.people import User
from generation.models import FirstFrame, Rendition


@media.rule
def own_outputs(file: StoredFile, viewer: media.Viewer) -> bool:
    """An artist sees the renditions of their own outputs, and no copy that is personal to somebody else.

    The master is for no page: it leaves the house by a verb that asks whether it may.
    """
    if not isinstance(viewer.user, User):
        return False
    mine = Rendition.objects.filter(
        file=file, output__enrollment__user=viewer.user, output__program__in=_programs_of(viewer.user)
    )
    return mine.filter(personal_to=None).exists() or mine.filter(personal_to__user=viewer.user).exists()


@media.rule
def own_first_frames(file: StoredFile, viewer: media.Viewer) -> bool:
    """An artist sees the pictures that they brought, and nobody else does."""
    if not isinstance(viewer.user, User):
        return False
    mine = FirstFrame.objects.owned_by(viewer.user).filter(file=file)
    return mine.filter(enrollment__program__in=_programs_of(viewer.user)).exists()


def _programs_of(artist: User) -> QuerySet:
    """The programs that the artist is in now: a remembered address is worth no more than the page it was on."""
    return Enrollment.objects.live().filter(user=artist).values("program")
