"""From what was seen in an output to signals: by itself, beside the artist's own earlier clips, beside the bank.

Nothing is saved here. For the default worker only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from access.models import User
from generation.models import Output
from review import flashing, seeing
from review.hashing import ALIKE, TURNS, distances
from review.matching import Hit, bank_index
from review.models import BankEntry, FrameHash, Signal, Submission

PDQ, FLASH, LUMA, BYTES = ("pdq", 1), ("flash", 1), ("luma", 1), ("sha256", 1)  # recipes in their versions
FEW = 5  # signals of one kind: the nearest ones, with the number of the others
EARLIER = 200  # own clips that are compared, the newest ones
DUPLICATE = 0.5  # of the key frames that are alike, from which on it is a duplicate
LIKE = {"rejected": Signal.Kind.LIKE_REJECTED, "approved": Signal.Kind.LIKE_APPROVED, "imported": Signal.Kind.KNOWN_BAD}


def frames_of(output: Output, sight: seeing.Sight, version: int) -> list[FrameHash]:
    """The rows of the key frames."""
    return [
        FrameHash(
            output=output,
            version=version,
            at_ms=key.at_ms,
            quality=key.hashed.quality,
            turned=" ".join(key.hashed.turned),
            crops=" ".join(key.hashed.crops),
        )
        for key in sight.keys
    ]


def in_itself(sight: seeing.Sight) -> list[Signal]:
    """Black, frozen and flashing stretches."""
    kinds = ((Signal.Kind.BLACK, sight.black, seeing.BLACK_FOR), (Signal.Kind.FROZEN, sight.frozen, seeing.STILL_FOR))
    found = [_stretch(kind, part, least) for kind, parts, least in kinds for part in parts[:FEW]]
    return found + [_flash(part, flash) for part, flash in sight.flashing[:FEW]]


def _stretch(kind: str, part: seeing.Stretch, least: float) -> Signal:
    seconds = (part.to_ms - part.from_ms) / 1000
    made = _signal(kind, LUMA, threshold=least, measured=seconds)
    made.from_ms, made.to_ms = part.from_ms, part.to_ms
    return made


def _flash(part: seeing.Stretch, flash: flashing.Flashing) -> Signal:
    facts = {"area": round(flash.area, 2), "red": flash.is_red}
    made = _signal(Signal.Kind.FLASHING, FLASH, threshold=flashing.CHANGES / 2, measured=flash.per_second, facts=facts)
    made.from_ms, made.to_ms = part.from_ms, part.to_ms
    return made


def _signal(
    kind: str, recipe: tuple[str, int], *, threshold: float, measured: float, facts: Mapping[str, object] | None = None
) -> Signal:
    name, version = recipe
    return Signal(
        kind=kind, recipe=name, version=version, threshold=threshold, measured=measured, facts=dict(facts or {})
    )  # fmt: skip


# --- the artist's own earlier clips -----------------------------------------------------------------------------------
def beside_own(output: Output, frames: list[FrameHash]) -> list[Signal]:
    """Duplicates of what the same artist submitted before in the program. What was never submitted is nobody's
    business."""
    earlier = list(_submitted_before(output))
    same = [other for other in earlier if other.master_sha256 == output.master_sha256]
    near = _near_duplicates(good(frames), [other for other in earlier if other not in same])
    return [_same(other) for other in same[:FEW]] + near[:FEW]


def _submitted_before(output: Output) -> Iterable[Output]:
    sent = Submission.objects.filter(program_id=output.program_id, enrollment__user=_artist(output))
    sent = sent.exclude(state=Submission.State.WITHDRAWN).exclude(output=output)
    earlier = Output.objects.filter(submissions__in=sent, created_at__lte=output.created_at)
    return earlier.prefetch_related("frame_hashes").order_by("-created_at")[:EARLIER]


def _artist(output: Output) -> User:
    return output.enrollment.user


def good(frames: Iterable[FrameHash]) -> list[FrameHash]:
    """The frames that can be compared."""
    return [frame for frame in frames if frame.quality >= FrameHash.GOOD]


def _same(other: Output) -> Signal:
    made = _signal(Signal.Kind.SAME_BYTES, BYTES, threshold=0, measured=0)
    made.theirs, made.theirs_ms, made.from_ms, made.to_ms = other, 0, 0, 0
    return made


def _near_duplicates(frames: list[FrameHash], earlier: list[Output]) -> list[Signal]:
    found = [made for other in earlier if frames and (made := _near_duplicate(frames, other))]
    return sorted(found, key=lambda made: -made.measured)


def _near_duplicate(frames: list[FrameHash], other: Output) -> Signal | None:
    theirs = good(other.frame_hashes.all())
    if not theirs:
        return None
    far = distances([frame.pdq for frame in frames], [frame.pdq for frame in theirs])
    alike = int((far.min(axis=1) <= ALIKE).sum())
    if alike < DUPLICATE * len(frames):
        return None
    ours, their = divmod(int(far.argmin()), len(theirs))
    share, facts = round(alike / len(frames), 2), {"frames": alike, "of": len(frames)}
    made = _signal(Signal.Kind.DUPLICATE, PDQ, threshold=DUPLICATE, measured=share, facts=facts)
    made.from_ms = made.to_ms = frames[ours].at_ms
    made.theirs, made.theirs_ms = other, theirs[their].at_ms
    return made


# --- the bank ---------------------------------------------------------------------------------------------------------
@dataclass
class Likeness:
    """All hits of an output on one other output, or on one label of a list."""

    entry: BankEntry  # the nearest
    distance: int
    sought: int
    frames: set[int] = field(default_factory=set)  # of ours


def beside_bank(output: Output, frames: list[FrameHash], *, after: int = 0) -> tuple[list[Signal], int]:
    """What resembles the live entries numbered above ``after``, and the number of the newest entry there is."""
    index = bank_index()
    index.refresh()
    compared = good(frames)
    sought = [(number, turn, pdq) for number, frame in enumerate(compared) for turn, pdq in _sought(frame)]
    hits = [hit for hit in index.near([pdq for _, _, pdq in sought]) if hit.entry > after]
    likenesses = _gathered(hits, _live(output, hits), [number for number, _, _ in sought])
    found = []
    for like in sorted(likenesses, key=lambda like: (like.distance, -len(like.frames))):
        number, turn, _ = sought[like.sought]
        found.append(_match(output, like, compared[number], turn, of=len(compared)))
    return _few(found), index.upto


def _sought(frame: FrameHash) -> list[tuple[str, str]]:
    """What of a frame is looked up, each with how the frame was turned or cropped for it."""
    turned = zip(TURNS, frame.turned.split(), strict=True)
    return [*turned, *(("crop", pdq) for pdq in frame.crops.split())]


def _live(output: Output, hits: list[Hit]) -> dict[int, BankEntry]:
    """The entries behind the hits that are live and this program's business; never those of the output itself."""
    entries = BankEntry.objects.live().for_program(output.program).exclude(deposit__output=output)
    return entries.select_related("frame", "deposit__output__enrollment").in_bulk({hit.entry for hit in hits})


def _gathered(hits: list[Hit], entries: dict[int, BankEntry], frame_of: list[int]) -> Iterable[Likeness]:
    """One likeness for each other output or label; the hits come with the nearest first."""
    by_other: dict[tuple[str, object], Likeness] = {}
    for hit in hits:
        entry = entries.get(hit.entry)
        if entry is None:
            continue
        other = entry.deposit.output_id if entry.deposit else entry.label
        like = by_other.setdefault((entry.origin, other), Likeness(entry, hit.distance, hit.sought))
        like.frames.add(frame_of[hit.sought])
    return by_other.values()


def _match(output: Output, like: Likeness, frame: FrameHash, turn: str, *, of: int) -> Signal:
    entry, facts = like.entry, {"frames": len(like.frames), "of": of, "turn": turn}
    made = _signal(LIKE[entry.origin], PDQ, threshold=ALIKE, measured=like.distance, facts=facts)
    made.entry, made.from_ms, made.to_ms = entry, frame.at_ms, frame.at_ms
    if entry.deposit and entry.frame:
        made.theirs, made.theirs_ms = entry.deposit.output, entry.frame.at_ms
        made.facts["own"] = made.theirs.enrollment.user_id == output.enrollment.user_id
    return made


def _few(found: list[Signal]) -> list[Signal]:
    """The first of each kind; the very first says how many were left out."""
    kept: list[Signal] = []
    for kind in LIKE.values():
        of_kind = [made for made in found if made.kind == kind]
        if len(of_kind) > FEW:
            of_kind[0].facts["others"] = len(of_kind) - FEW
        kept += of_kind[:FEW]
    return kept
