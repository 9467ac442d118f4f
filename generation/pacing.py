"""How many pictures are drawn anew at once, and how often one artist may ask for it.

Decoding what a stranger made may take 15 seconds of a core and 768 MB, whatever comes of it. So an artist has one turn
at a time, a machine has few at once, and each is counted, also those that end in a refusal. Turns are locks on files:
unlike a key in the cache, two cannot get one at the same instant, and nobody's crash leaves one behind.
"""

import contextlib
import fcntl
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from access import clock
from generation.refusals import PictureUnusable

AT_ONCE = 2  # on one machine
PER_HOUR = 60  # of one artist
PATIENCE = 3.0  # seconds that one waits for a turn
LOOKS_EVERY = 0.05  # seconds
HOUR = 3600
DOORS = 251  # artists share so many files; that two of a door meet costs the second a moment

BUSY = _("Other pictures are being drawn at the moment. Wait a little, then choose yours again.")
OFTEN = _("You brought very many pictures within this hour. Choose one of them, or wait a little.")


@contextlib.contextmanager
def turn(artist: UUID) -> Iterator[None]:
    """The artist's turn to have a picture drawn anew, until the end of the block.

    Raises:
        PictureUnusable: they had very many within this hour, or too many are being drawn.
    """
    folder = Path(settings.VAR_DIR) / "turns"
    folder.mkdir(exist_ok=True)
    with _one_of([folder / f"artist-{artist.int % DOORS}"]):
        _count(artist)
        with _one_of([folder / f"place-{number}" for number in range(AT_ONCE)]):
            yield


def _count(artist: UUID) -> None:
    key = f"pictures-{artist}-{clock.now():%Y-%m-%d-%H}"
    tried = cache.get(key, 0)  # the artist's own turn is what keeps this from being read twice
    if tried >= PER_HOUR:
        raise PictureUnusable(str(OFTEN))
    cache.set(key, tried + 1, timeout=HOUR)


@contextlib.contextmanager
def _one_of(paths: Sequence[Path]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(path.open("ab")) for path in paths]
        until = time.monotonic() + PATIENCE
        while not any(map(_lock, files)):
            if time.monotonic() > until:
                raise PictureUnusable(str(BUSY))
            time.sleep(LOOKS_EVERY)
        yield  # closing the files lets go


def _lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
