"""The bank in the memory of one process, searched by faiss. Loads faiss: for the default worker only."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import faiss
import numpy as np
from numpy.typing import NDArray

from review.hashing import ALIKE, codes
from review.models import BankEntry

READ_AT_ONCE = 20_000  # rows
MOST = 2000  # hits that are followed up, the nearest ones: a plain picture in a list may be like everything


@dataclass(frozen=True)
class Hit:
    """The hash with this number among those sought differs from a live entry by so many bits."""

    sought: int
    entry: int
    distance: int


class BankIndex:
    """All hashes that ever were in the bank, by the number of their entry; 40 bytes each.

    It grows by what is new at each lookup and is never rebuilt. An entry that has left the bank stays in here until the
    process ends; whoever looks up asks the database whether it is live.
    """

    def __init__(self) -> None:
        self.upto = 0  # the number of the newest entry in here
        self._index = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(256))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def refresh(self) -> None:
        """Read the entries that came since the last time. Their numbers grow in the order of commits."""
        with self._lock:
            for numbers, hashes in self._new():
                self._index.add_with_ids(codes(hashes), np.array(numbers, np.int64))
                self.upto = numbers[-1]

    def _new(self) -> Iterator[tuple[list[int], list[str]]]:
        while rows := list(
            BankEntry.objects.filter(pk__gt=self.upto).order_by("pk").values_list("pk", "pdq")[:READ_AT_ONCE]
        ):
            yield [pk for pk, _ in rows], [pdq for _, pdq in rows]

    def near(self, sought: Sequence[str]) -> list[Hit]:
        """Who differs by ``ALIKE`` bits at most, the nearest first."""
        if not sought or not len(self):
            return []
        with self._lock:
            limits, far, numbers = self._index.range_search(codes(sought), ALIKE + 1)  # faiss means: nearer than
        counts: NDArray[np.int64] = np.diff(limits).astype(np.int64)
        whose = np.repeat(np.arange(len(sought)), counts)
        order = np.argsort(far, kind="stable")[:MOST]
        return [Hit(int(whose[at]), int(numbers[at]), int(far[at])) for at in order]


@cache
def bank_index() -> BankIndex:
    """The one of this process."""
    return BankIndex()
