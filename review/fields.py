"""What the page reports in one field of a form, as JSON: stretches that were played, notes with regions."""

import json
import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from access import text
from review.looking import Interval
from review.verdicts import Remark, Seen

LARGEST = 2**31 - 1  # number that a column holds, e.g. of milliseconds
MOST_PARTS = 2000  # stretches played; a page that reports more is not ours
MOST_NOTES = 40
LONGEST_NOTE = 500  # characters
Region = tuple[float, float, float, float]


def parse(value: Any) -> Any:
    """The JSON of a hidden field; None for an empty one.

    Raises:
        ValidationError: no JSON.
    """
    try:
        return json.loads(value) if value else None
    except (ValueError, RecursionError):
        raise unreadable() from None


def unreadable() -> ValidationError:
    """What no page of ours sends."""
    return ValidationError(_("The page sent something that cannot be read. Reload it; your words are kept."))


class IntervalsField(forms.CharField):
    """``[[from_ms, to_ms], …]`` of the clip. What is no interval is left out: it is a report, nobody typed it."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> tuple[Interval, ...]:
        try:
            reported = parse(value)
        except ValidationError:
            return ()
        found = reported if isinstance(reported, list) else []
        return tuple((part[0], part[1]) for part in found[:MOST_PARTS] if _is_interval(part))


def _is_interval(part: Any) -> bool:
    numbers = isinstance(part, list) and len(part) == 2 and all(type(edge) is int for edge in part)
    return numbers and 0 <= part[0] <= part[1] <= LARGEST


def variant(value: str) -> tuple[uuid.UUID, Seen]:
    """A variant as the page displayed it: ``{"look": …, "fence": …, "round": …, "sha256": …}``.

    Raises:
        ValidationError: it is none.
    """
    shown = parse(value)
    if not isinstance(shown, dict) or not (_is_number(shown.get("fence")) and _is_number(shown.get("round"))):
        raise unreadable()
    try:
        look = uuid.UUID(str(shown.get("look")))
    except ValueError:
        raise unreadable() from None
    return look, Seen(shown["fence"], shown["round"], str(shown.get("sha256"))[:64])


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST


class RemarksField(forms.CharField):
    """``[{"from_ms": …, "to_ms": …, "words": …, "region": [x, y, width, height] or null}, …]`` within a clip.

    Args:
        duration_ms: of the clip; a note lies within it.
    """

    widget = forms.HiddenInput

    def __init__(self, *, duration_ms: int = 0, **kwargs: Any) -> None:
        self.duration_ms = duration_ms
        super().__init__(**kwargs)

    def clean(self, value: Any) -> tuple[Remark, ...]:
        notes = parse(value) or []
        if not isinstance(notes, list) or len(notes) > MOST_NOTES:
            raise ValidationError(
                _("At most %(most)d notes go with a verdict. Take some away."), params={"most": MOST_NOTES}
            )
        return tuple(self._remark(number, note) for number, note in enumerate(notes, start=1))

    def _remark(self, number: int, note: Any) -> Remark:
        if not isinstance(note, dict):
            raise _fault(number, _("it cannot be read. Write it again."))
        start, end = note.get("from_ms"), note.get("to_ms")
        if type(start) is not int or type(end) is not int or not 0 <= start <= end <= self.duration_ms:
            raise _fault(number, _("its moment is not within the clip. Set it again."))
        return Remark(start, end, _words(number, note.get("words")), _region(number, note.get("region")))


def _words(number: int, words: Any) -> str:
    try:
        cleaned = text.clean(str(words or ""), limit=LONGEST_NOTE)
    except ValidationError as trouble:
        raise _fault(number, " ".join(trouble.messages)) from None
    if not cleaned:
        raise _fault(number, _("it says nothing. Write what you mean, or take it away."))
    return cleaned


def _region(number: int, region: Any) -> Region | None:
    """A rectangle in fractions of the picture; what rounding puts a hair outside is put on the edge."""
    if region is None:
        return None
    if not (isinstance(region, list) and len(region) == 4 and all(_is_fraction(edge) for edge in region)):
        raise _fault(number, _("its region is not within the picture. Draw it again."))
    x, y, width, height = (float(edge) for edge in region)
    if width <= 0 or height <= 0 or x + width > 1.001 or y + height > 1.001:
        raise _fault(number, _("its region is not within the picture. Draw it again."))
    return _upto(x, width), _upto(y, height), width, height


def _upto(start: float, length: float) -> float:
    """The start, put so that it is within the picture in the arithmetic of every database."""
    return min(start, 1 - length)


def _is_fraction(edge: Any) -> bool:
    return type(edge) in (int, float) and 0 <= edge <= 1


def _fault(number: int, what: str) -> ValidationError:
    return ValidationError(_("Note %(number)d: %(what)s") % {"number": number, "what": what})
