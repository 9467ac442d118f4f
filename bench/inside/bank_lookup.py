"""A bank of random hashes, and lookups of 20 frames in all that is sought of a frame: eight turns and five crops."""

import json
import random
import resource
import time
import uuid
from collections.abc import Iterator

from django.db import connection

from access import clock
from bench.figures import middle
from bench.inside import people
from generation.models import Output
from review import banking, findings, matching
from review.hash_lists import Listed
from review.hashing import CROPPED, TURNS
from review.models import BankEntry, FrameHash

ENTRIES, FRAMES, ROUNDS = 1_000_000, 20, 12
HITS = 3  # of the frames are in the bank, a few bits off
BITS = 12


def drawn(many: int, seed: int) -> Iterator[str]:
    """So many hashes; those of one seed are the same each time."""
    source = random.Random(seed)
    return (f"{source.getrandbits(256):064x}" for _ in range(many))


def fill() -> float:
    """Enter them as a list is entered; seconds."""
    started = time.perf_counter()
    tally = banking.take_in((Listed(pdq, f"series {n % 1000}") for n, pdq in enumerate(drawn(ENTRIES, 1))), source="x")
    assert tally.changed == ENTRIES
    return time.perf_counter() - started


def frames(output: Output, seed: int) -> list[FrameHash]:
    """Frames of a clip, some of them near an entry in one of their turns."""
    known = list(BankEntry.objects.order_by("pk").values_list("pdq", flat=True)[seed * HITS : (seed + 1) * HITS])
    rest = drawn(FRAMES * (len(TURNS) + len(CROPPED)), 1000 + seed)
    made = []
    for number in range(FRAMES):
        turned, crops = [next(rest) for _ in TURNS], [next(rest) for _ in CROPPED]
        if number < HITS:
            turned[number] = f"{int(known[number], 16) ^ (2**BITS - 1):064x}"
        facts = {"quality": 100, "turned": " ".join(turned), "crops": " ".join(crops)}
        made.append(FrameHash(output=output, version=1, at_ms=number * 250, **facts))
    return made


def lookup(output: Output, seed: int) -> float:
    """Seconds from frames to signals, with all that the database is asked."""
    sought = frames(output, seed)
    started = time.perf_counter()
    found, _ = findings.beside_bank(output, sought)
    seconds = time.perf_counter() - started
    assert [(signal.kind, signal.measured) for signal in found] == [("known_bad", BITS)] * HITS, found
    return seconds


def main() -> None:
    output = Output(id=uuid.uuid4(), program=people.cohort().program, created_at=clock.now())
    filled = fill()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    matching.bank_index().refresh()
    loaded = time.perf_counter() - started
    seconds = [lookup(output, seed) for seed in range(ROUNDS)]
    details = {
        "slowest_s": round(max(seconds), 3),
        "first_load_s": round(loaded, 1),  # once in the life of a worker's process
        "grown_by_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024,
        "import_s": round(filled, 1),
        "hashes_sought": FRAMES * (len(TURNS) + len(CROPPED)),
        "entries": ENTRIES,
        "on": connection.vendor,
    }
    print(json.dumps({"seconds": middle(seconds), **details}))
