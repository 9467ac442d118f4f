"""Who may see generation's files: the artist, their own."""

from access import media
from access.models import StoredFile
from access.models.people import User
from generation.models import FirstFrame, Output, Rendition


@media.rule
def own_outputs(file: StoredFile, viewer: media.Viewer) -> bool:
    """An artist sees the masters and renditions of their own outputs, and no copy that is personal to somebody else."""
    if not isinstance(viewer.user, User):
        return False
    mine = Rendition.objects.filter(file=file, output__enrollment__user=viewer.user)
    if mine.filter(personal_to=None).exists() or mine.filter(personal_to__user=viewer.user).exists():
        return True
    return Output.objects.owned_by(viewer.user).filter(master=file).exists()


@media.rule
def own_first_frames(file: StoredFile, viewer: media.Viewer) -> bool:
    """An artist sees the pictures that they brought, and nobody else does."""
    return isinstance(viewer.user, User) and FirstFrame.objects.owned_by(viewer.user).filter(file=file).exists()
