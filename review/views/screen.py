"""The review screen: one clip, what is said about it, and the form for a verdict."""

import json
import math
import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from access import clock
from access.audiences import MemberRequest
from access.refusals import Refused
from generation.models import Output, Rendition
from review import balloting, drafting, habits, policies, resting, scrutiny, signals
from review.beside import Beside, appeal_of, beside
from review.models import Claim, Decision, Habit, Look, ReviewTerms, Signal, Submission
from review.verdict_form import VerdictForm
from review.words import band_words

REASONS = ("clause", "words", "from_seconds", "to_seconds", "whole", "private_note")
SHEET_COLUMNS, SHEET_CELLS = 6, 24  # as generation.encoding lays a contact sheet out


def load(request: MemberRequest, look_id: uuid.UUID) -> Look:
    """A look of the program; 404 for one's own clip. What of it somebody may see, ``show`` decides."""
    related = Look.objects.select_related(
        "submission__policy", "submission__enrollment", "submission__output__job__brief", "submission__answers__output",
        "submission__output__job__pipeline", "program", "artist",
    )  # fmt: skip
    related = related.prefetch_related("submission__output__renditions")
    return get_object_or_404(related.exclude(artist=request.user), pk=look_id, program=request.program)


def in_hand(request: MemberRequest, look_id: uuid.UUID) -> Claim:
    """The reviewer's latest claim on a look, live or not: the verbs say which."""
    mine = Claim.objects.filter(reviewer=request.user, look__program=request.program, look=look_id)
    related = mine.select_related(
        "look__program", "look__submission__policy", "look__submission__output", "submission__program",
        "submission__enrollment__user__person", "submission__output__master", "shown__file", "reviewer",
    )  # fmt: skip
    return get_object_or_404(related.order_by("-fence")[:1])


def show(
    request: MemberRequest, look: Look, form: VerdictForm | None = None, *, refusal: Refused | None = None
) -> HttpResponse:
    """The page; with a form that was sent it keeps every word, and says why nothing was recorded."""
    now = clock.now()
    live = Claim.objects.live(now).filter(look=look).select_related("reviewer", "shown").first()
    held = live if live and live.reviewer_id == request.user.pk and not live.is_ahead else None
    why_not = None if held or look.state != Look.State.WAITING else policies.why_not(look, request.user, now)
    form = form or VerdictForm(look=look)
    form.initial = drafting.restore(look, request.user)  # of one that was sent, too: not all that is typed is its
    context = {
        **_about(look, now),
        "claim": held,
        "holder": live if live and live.reviewer_id != request.user.pk else None,
        "form": form,
        "has_reasons": form.is_bound or any(form.initial.get(name) not in (None, "") for name in REASONS),
        "refusal": refusal,
        "why_not": why_not,
        "undoable": undoable(request, now)[:1],
        "watch": resting.watch(request.user, request.program, now),
        "phrases": habits.phrases(request.user, request.program),
        "key": uuid.uuid4(),
        **(_in_front(look, held, form, now) if held else {}),
    }
    return render(request, "review/review.html", context, status=_answer(form, refusal))


def _answer(form: VerdictForm, refusal: Refused | None) -> int:
    """The code of the answer: 409 if a rival was faster, 422 for what has to be mended."""
    if refusal:
        return 409 if refusal.rival else 422
    return 422 if form.is_bound else 200


def _about(look: Look, now: datetime) -> dict[str, Any]:
    submission = look.submission
    terms = ReviewTerms.objects.in_force(look.program)
    return {
        "now": now,
        "look": look,
        "program": look.program,
        "submission": submission,
        "brief": submission.output.job.brief,
        "job": submission.output.job,
        "clip": clip(submission.output),
        "late": look.due_at < now,
        "band": band_words(submission.risk_band),
        "sheet_is_enough": submission.risk_band < terms.sheet_bands,
        "is_appeal": appeal_of(look) is not None,
    }


def _in_front(look: Look, held: Claim, form: VerdictForm, now: datetime) -> dict[str, Any]:
    """What only the holder of the claim is shown."""
    before = beside(look, now)
    family = balloting.family(held, now)
    found = signals.of(look.submission.output)
    seen = _may_see(held, [signal.theirs_id for signal in found], now)
    return {
        "beside": before,
        "earlier_notes": [{"note": note, "at": f"{note.from_ms / 1000:.2f}"} for note in before.notes],
        "earlier": clip(before.earlier) if before.earlier else None,
        "carried": json.dumps(_carried(before)),
        "played": json.dumps([*held.played, *(form.cleaned_data.get("played", ()) if form.is_bound else ())]),
        "proxy_url": media_url(held.shown),
        "signals": [_signal(signal, seen) for signal in found],
        "flashes": any(signal.kind == Signal.Kind.FLASHING for signal in found),
        "machines_first": scrutiny.waits_for_machines(look.submission, now),
        "signal_trouble": signals.trouble(look.submission.output),
        "family": [{"claim": one, "clip": clip(one.submission.output)} for one in family] if len(family) > 1 else [],
    }


def _carried(before: Beside) -> list[dict[str, Any]]:
    """Earlier notes, for the player to draw."""
    remarks = [drafting.remark(note) for note in before.notes]
    return [{"from_ms": r.from_ms, "to_ms": r.to_ms, "words": r.words, "region": r.region} for r in remarks]


def clip(output: Output) -> dict[str, Any]:
    """Length, size and addresses of what a reviewer is shown of an output."""
    found = {recipe: output.rendition(recipe) for recipe in ("playable", "poster", "contact_sheet", "proxy")}
    urls = {f"{recipe}_url": media_url(made) for recipe, made in found.items() if made}
    cells = min(output.frames, SHEET_CELLS)
    columns = min(cells, SHEET_COLUMNS)
    return {
        "output": output,
        "seconds": output.seconds,
        "duration_ms": round(output.seconds * 1000),
        "sheet_width": columns * output.width,  # their ratio is the sheet's, so that nothing moves when it is there
        "sheet_height": math.ceil(cells / columns) * output.height,
        **urls,
        "player_url": urls.get("proxy_url") or urls.get("playable_url"),
    }


def media_url(made: Rendition) -> str:
    return reverse("media", args=[made.file_id])


def _may_see(held: Claim, outputs: Collection[uuid.UUID | None], now: datetime) -> set[uuid.UUID]:
    """Those of these clips that the reviewer might judge: the gate gives no other."""
    open_to = Submission.objects.reviewable_by(held.reviewer, now).filter(output__in=outputs)
    return set(open_to.values_list("output", flat=True))


def _signal(signal: Signal, seen: set[uuid.UUID]) -> dict[str, Any]:
    """A hint, and the frame of another clip that it is about, if there is one and this reviewer may see it."""
    theirs = clip(signal.theirs) if signal.theirs and signal.theirs_id in seen else None
    return {
        "signal": signal,
        "theirs": theirs,
        "is_kept_back": signal.theirs_id is not None and theirs is None,
        "from_s": _seconds(signal.from_ms),
        "theirs_s": _seconds(signal.theirs_ms),
    }


def _seconds(ms: int | None) -> str:
    return f"{(ms or 0) / 1000:.3f}"


def undoable(request: MemberRequest, now: datetime) -> list[dict[str, Any]]:
    """One's own decisions that are not in effect yet, with the seconds left, the newest first."""
    mine = Decision.objects.standing().filter(decided_by=request.user, submission__program=request.program)
    recent = mine.filter(effective_at__gt=now).select_related("submission").order_by("-decided_at")
    return [{"decision": made, "left": math.ceil((made.effective_at - now).total_seconds())} for made in recent]


def begins_revealed(claim: Claim) -> bool:
    """Whether its reviewer wants clips of this risk to begin revealed."""
    habit = Habit.objects.filter(reviewer=claim.reviewer_id).first()
    return habit is not None and claim.submission.risk_band in habit.reveals
