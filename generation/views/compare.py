"""Two clips beside each other, in step."""

import uuid
from difflib import SequenceMatcher
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from access.audiences import MemberRequest, for_artists
from generation import browsing
from generation.models import Output
from generation.views.shown import shown

SIDES = ("a", "b")
SUGGESTED = 12


@for_artists
@require_safe
def compare(request: MemberRequest) -> HttpResponse:
    """The clips ``?a=`` and ``?b=`` with one set of controls; a choice of clips for a side that is not named yet."""
    named = {side: key for side in SIDES if (key := _key(request.GET.get(side, "")))}
    works = browsing.works(list(dict.fromkeys(named.values())))
    mine = {work.pk: work for work in works if _is_own(request, work)}
    if any(key not in mine for key in named.values()):
        raise Http404
    pair = {side: mine[key] for side, key in named.items()}
    if len(pair) < len(SIDES):
        return render(request, "generation/compare.html", _choice(request, pair))
    return render(request, "generation/compare.html", _pair(request, pair))


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _is_own(request: MemberRequest, work: Output) -> bool:
    return work.enrollment.user_id == request.user.pk and work.program_id == request.program.pk


def _address(request: MemberRequest, **sides: uuid.UUID) -> str:
    query = "&".join(f"{side}={key}" for side, key in sorted(sides.items()))
    return f"{reverse('compare', args=[request.program.slug])}?{query}"


def _choice(request: MemberRequest, pair: dict[str, Output]) -> dict[str, Any]:
    """Clips to choose the missing side from: the latest, siblings of the other side first."""
    enrollments = browsing.enrollments_of(request.user, request.program)
    latest = browsing.page_of(Output.objects.all(), enrollments, browsing.Turn(), instant="created_at").keys
    given = next(iter(pair.values()), None)
    siblings = list(Output.objects.filter(job__brief=given.job.brief_id).values_list("pk", flat=True)) if given else []
    keys = [key for key in dict.fromkeys([*siblings, *latest]) if given is None or key != given.pk]
    missing = next(side for side in SIDES if side not in pair)
    return {
        "given": given and _side(request, given),
        "choices": [
            {**_side(request, work), "address": _address(request, **_keys(pair), **{missing: work.pk})}
            for work in browsing.works(keys[:SUGGESTED])
        ],
    }


def _keys(pair: dict[str, Output]) -> dict[str, uuid.UUID]:
    return {side: work.pk for side, work in pair.items()}


def _side(request: MemberRequest, work: Output) -> dict[str, Any]:
    page = reverse("job", args=[request.program.slug, work.job_id])
    return {**shown(work), "prompt": work.job.brief.prompt, "job": work.job, "url": page}


def _pair(request: MemberRequest, pair: dict[str, Output]) -> dict[str, Any]:
    a, b = pair["a"], pair["b"]
    return {
        "sides": [
            {**_side(request, a), "name": "A", "choose": _address(request, b=b.pk)},
            {**_side(request, b), "name": "B", "choose": _address(request, a=a.pk)},
        ],
        "swapped": _address(request, a=b.pk, b=a.pk),
        "settings": [
            {"label": label, "left": left, "right": right, "differs": left != right}
            for label, left, right in zip(_labels(), _settings(a), _settings(b), strict=True)
        ],
        "prompts": _marked(a.job.brief.prompt, b.job.brief.prompt),
        "prompts_differ": a.job.brief.prompt != b.job.brief.prompt,
    }


def _labels() -> list[str]:
    return [_("Leave out"), _("Model"), _("Steps"), _("Guidance"), _("Seed"), _("Size"), _("Length"), _("First frame")]


def _settings(work: Output) -> list[str]:
    brief = work.job.brief
    picture = _("a picture of yours (%s)") % str(brief.first_frame_id)[:8] if brief.first_frame_id else "–"
    return [
        brief.negative_prompt or "–",
        work.job.pipeline.name,
        str(brief.steps),
        f"{brief.guidance:g}",
        str(work.job.seed),
        f"{work.width} × {work.height}",
        _("%(seconds)s s, %(frames)d frames") % {"seconds": f"{work.seconds:.3g}", "frames": work.frames},
        picture,
    ]


def _marked(left: str, right: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Both prompts as runs of words, each with whether the other one lacks it."""
    a, b = left.split(), right.split()
    runs_a: list[tuple[str, bool]] = []
    runs_b: list[tuple[str, bool]] = []
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        runs_a += [(" ".join(a[a0:a1]), kind != "equal")] if a1 > a0 else []
        runs_b += [(" ".join(b[b0:b1]), kind != "equal")] if b1 > b0 else []
    return runs_a, runs_b
