"""Keep what an artist is writing: raw as typed, across reloads, errors, agreements, halts and a new sign-in.

A draft knows where it was ``begun``. When another beginning takes its place (a remix, a surprise, a fresh start), the
words before are set aside and can be brought back. A prompt that was ``drawn`` and not touched is nobody's words.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from access import clock
from access.models import Enrollment
from generation.models import Draft

Fields = dict[str, str]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# The names of the studio's form, and how many characters of each are kept: more than the form accepts, so that what
# is refused for its length is kept too.
KEPT = {
    "prompt": 20_000,
    "negative_prompt": 20_000,
    **dict.fromkeys(
        ("pipeline", "steps", "guidance", "seed_choice", "seed", "size", "length", "variations", "first_frame"), 60
    ),
    **dict.fromkeys(("begun", "parent"), 60),
}
SET_ASIDE = 5  # earlier drafts at most


def keep(enrollment: Enrollment, fields: Mapping[str, Any]) -> Draft:
    """Keep what was typed so far. Names that are not the form's are ignored, and those left out stay as they were."""
    typed = {name: _storable(fields[name], limit) for name, limit in KEPT.items() if isinstance(fields.get(name), str)}
    with transaction.atomic():
        before = _locked(enrollment)
        begun = before.get("begun", "")
        goes_on = typed.get("begun", begun) == begun
        return _write(enrollment, {**before, **typed} if goes_on else _after(before, typed))


def start_afresh(enrollment: Enrollment) -> Draft:
    """Set the draft aside and begin with an empty one."""
    with transaction.atomic():
        return _write(enrollment, _after(_locked(enrollment), {"begun": str(uuid.uuid4())}))


def draw(enrollment: Enrollment, prompt: str) -> Draft:
    """Begin with a prompt that chance drew, under the settings of the draft, which is set aside."""
    with transaction.atomic():
        before = _locked(enrollment)
        new = {"prompt": prompt, "drawn": prompt, "parent": "", "first_frame": "", "begun": str(uuid.uuid4())}
        return _write(enrollment, _after(before, {**_words(before), **new}))


def bring_back(enrollment: Enrollment) -> Draft:
    """Change places with the draft that was set aside last; without one nothing changes."""
    with transaction.atomic():
        before = _locked(enrollment)
        aside = before.get("earlier", [])
        if not aside:
            return _write(enrollment, before)
        present = [_words(before)] if _is_worth_keeping(before) else []
        return _write(enrollment, {**aside[-1], "earlier": [*present, *aside[:-1]]})


def fields_of(enrollment: Enrollment) -> Fields:
    """What is kept of the form; empty for somebody who has written nothing."""
    return _words(_kept(enrollment))


def earlier_prompt(enrollment: Enrollment) -> str:
    """The prompt of the draft that was set aside last; empty if there is none."""
    aside = _kept(enrollment).get("earlier", [])
    return str(aside[-1].get("prompt", "")) if aside else ""


def first_frames_of(enrollment: Enrollment) -> set[uuid.UUID]:
    """The pictures that a draft of the artist in this program, or one that was set aside, begins with."""
    kept = [draft.fields for draft in _drafts_of(enrollment)]
    named = {str(draft.get("first_frame", "")) for fields in kept for draft in (fields, *fields.get("earlier", []))}
    return {uuid.UUID(name) for name in named if UUID.fullmatch(name)}


def _drafts_of(enrollment: Enrollment) -> QuerySet[Draft]:
    """The artist's drafts in this program, one for each cohort they were in, the latest first."""
    mine = Draft.objects.filter(enrollment__user=enrollment.user_id, enrollment__program=enrollment.program_id)
    return mine.order_by("-saved_at")


def _kept(enrollment: Enrollment) -> dict[str, Any]:
    """What is in the enrollment's draft; before it has one, in that of the cohort that the artist came from."""
    drafts = list(_drafts_of(enrollment))
    draft = next((draft for draft in drafts if draft.enrollment_id == enrollment.pk), next(iter(drafts), None))
    return dict(draft.fields) if draft else {}


def _locked(enrollment: Enrollment) -> dict[str, Any]:
    draft = Draft.objects.select_for_update().filter(enrollment=enrollment).first()
    return dict(draft.fields) if draft else _kept(enrollment)


def _write(enrollment: Enrollment, fields: dict[str, Any]) -> Draft:
    facts = {"fields": fields, "saved_at": clock.now()}
    return Draft.objects.update_or_create(enrollment=enrollment, defaults=facts)[0]


def _words(kept: dict[str, Any]) -> Fields:
    return {name: value for name, value in kept.items() if name in KEPT}


def _after(before: dict[str, Any], typed: dict[str, Any]) -> dict[str, Any]:
    """A new beginning, with the words before it set aside if they would be missed."""
    aside = before.get("earlier", [])
    if _is_worth_keeping(before) and before["prompt"] != typed.get("prompt"):
        aside = [*(one for one in aside if one.get("prompt") != before["prompt"]), _words(before)][-SET_ASIDE:]
    return {**typed, "earlier": aside}


def _is_worth_keeping(kept: dict[str, Any]) -> bool:
    prompt = str(kept.get("prompt", ""))
    return bool(prompt.strip()) and prompt != kept.get("drawn")


def _storable(value: str, limit: int) -> str:
    """Cut to its bound, without what a JSON column cannot hold: NUL and halves of characters."""
    return value[:limit].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
