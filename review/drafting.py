"""What a reviewer has typed and not sent: it survives the claim, the session, a halt and a reload."""

import json
from collections.abc import Mapping
from typing import Any

from access import clock
from access.models import User
from review.models import Draft, Look, Note, Opinion
from review.verdicts import Remark

TYPED = (
    "clause", "words", "from_seconds", "to_seconds", "whole", "private_note", "remarks", "audience", "embargo_until",
    "question", "reason",
)  # fmt: skip
UNTOUCHED = {"remarks": "[]", "audience": "public"}  # what the page sends when nobody typed anything
TICKED = ("clause", "whole")  # not sent unless they are ticked; where they are, there are words, too
LONGEST = 40_000  # characters of a field; forty notes are less


def typed(fields: Mapping[str, Any]) -> dict[str, str]:
    """What of a form somebody typed, as it is kept: without what no database takes, and nothing empty."""
    found = {name: _storable(str(fields[name])) for name in TYPED if fields.get(name)}
    return {name: words for name, words in found.items() if words.strip() and words != UNTOUCHED.get(name)}


def _storable(words: str) -> str:
    return words.replace("\0", "").encode(errors="ignore").decode()[:LONGEST]


def keep(look: Look, *, reviewer: User, fields: Mapping[str, Any]) -> None:
    """Keep what is typed on a look while it waits. Not audited: it is nobody's word yet.

    What the page has no field for stays as it was: without a claim it shows fewer of them.
    """
    if not Look.objects.waiting().filter(pk=look.pk).exists():
        return
    before = Draft.objects.filter(look=look, reviewer=reviewer).first()
    others = {name: words for name, words in before.typed.items() if not _has(fields, name)} if before else {}
    kept = {"typed": others | typed(fields), "saved_at": clock.now()}
    Draft.objects.update_or_create(look=look, reviewer=reviewer, defaults=kept)


def _has(fields: Mapping[str, Any], name: str) -> bool:
    return name in fields or (name in TICKED and "words" in fields)


def restore(look: Look, reviewer: User) -> dict[str, Any]:
    """What this reviewer typed on a look; else what they said in an earlier round: an undo loses no words."""
    draft = Draft.objects.filter(look=look, reviewer=reviewer).first()
    return dict(draft.typed) if draft else _said_before(look, reviewer)


def discard(look: Look, *, reviewer: User) -> None:
    """What was sent, or is not wanted any more, is not kept."""
    Draft.objects.filter(look=look, reviewer=reviewer).delete()


def _said_before(look: Look, reviewer: User) -> dict[str, Any]:
    mine = Opinion.objects.filter(submission=look.submission_id, reviewer=reviewer, round__lt=look.round)
    said = mine.exclude(kind__in=["qa", "golden"]).order_by("-given_at").first()
    if said is None:
        return {}
    start, end = ((ms / 1000 if ms is not None else None) for ms in (said.from_ms, said.to_ms))
    words = {"clause": said.clause_id, "words": said.words, "private_note": said.private_note}
    notes = as_json([remark(note) for note in said.notes.all()])
    scope = {"audience": said.audience, "embargo_until": said.embargo_until} if said.audience else {}
    return {**words, **scope, "from_seconds": start, "to_seconds": end, "remarks": notes}


def remark(note: Note) -> Remark:
    """A note as it was given."""
    region = None if note.x is None else (note.x, note.y, note.width, note.height)
    return Remark(note.from_ms, note.to_ms, note.words, region)  # type: ignore[arg-type]  # all four or none: the schema


def as_json(remarks: list[Remark]) -> str:
    """Notes as the page holds them."""
    return json.dumps([{"from_ms": r.from_ms, "to_ms": r.to_ms, "words": r.words, "region": r.region} for r in remarks])
