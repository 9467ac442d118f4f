"""A reviewer's own page: how they want to work. Theirs alone to see and to change."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from access import clock
from access.audiences import MemberRequest, for_reviewers
from review import habits
from review.habit_forms import OptOutForm, PhraseForm, RevealsForm
from review.models import Exposure, Phrase, Policy, ReviewTerms

DAYS = 30


@for_reviewers
@require_safe
def review_mine(request: MemberRequest) -> HttpResponse:
    """How clips begin, what is not for me, my words, and how long I watched on which day."""
    return _page(request)


def _page(request: MemberRequest, state: int = 200, **forms: Any) -> HttpResponse:
    policy = Policy.objects.in_force(request.program, clock.now())
    context = {
        "program": request.program,
        "reveals_form": RevealsForm.of(request.user),
        "opt_out_form": OptOutForm.of(request.user),
        "phrase_form": PhraseForm(policy=policy, auto_id="new_%s"),
        "phrases": [_kept(one, policy, forms.get("edited")) for one in habits.phrases(request.user, request.program)],
        "terms": ReviewTerms.objects.in_force(request.program),
        "has_clauses": policy is not None,
        **_watched(request),
        **forms,
    }
    return render(request, "review/mine.html", context, status=state)


def _kept(phrase: Phrase, policy: Policy | None, edited: tuple[int, PhraseForm] | None) -> dict[str, Any]:
    if edited and edited[0] == phrase.pk:
        return {"phrase": phrase, "form": edited[1]}
    said = {"clause_code": phrase.clause_code, "words": phrase.words}
    form = PhraseForm(initial=said, policy=policy, known=phrase.clause_code, auto_id=f"phrase_{phrase.pk}_%s")
    return {"phrase": phrase, "form": form}


def _watched(request: MemberRequest) -> dict[str, Any]:
    """The days of the last thirty on which clips were revealed, newest first, in minutes."""
    since = clock.now().date() - timedelta(days=DAYS)
    days = Exposure.objects.filter(reviewer=request.user, on__gt=since).order_by("-on")
    return {"days": [{"on": day.on, "minutes": round(day.ms / 60_000)} for day in days]}


@for_reviewers
@require_POST
def review_reveals(request: MemberRequest) -> HttpResponse:
    """Choose the bands whose clips begin revealed."""
    form = RevealsForm(request.POST)
    if not form.is_valid():
        return _page(request, 422, reveals_form=form)
    habits.choose_reveals(request.user, bands=form.cleaned_data["bands"])
    messages.success(request, _("Noted. It counts from the next clip on."))
    return redirect("review_mine", slug=request.program.slug)


@for_reviewers
@require_POST
def review_opt_outs(request: MemberRequest) -> HttpResponse:
    """Choose the categories that one does not want to see."""
    form = OptOutForm(request.POST)
    if not form.is_valid():
        return _page(request, 422, opt_out_form=form)
    habits.choose_opt_outs(request.user, categories=form.cleaned_data["categories"])
    messages.success(
        request, _("Noted. What you left out is not handed to you any more; what you held of it went back.")
    )
    return redirect("review_mine", slug=request.program.slug)


@for_reviewers
@require_POST
def review_phrase(request: MemberRequest, phrase_id: int | None = None) -> HttpResponse:
    """Keep a phrase: a new one, or an old one in new words."""
    mine = Phrase.objects.filter(reviewer=request.user, program=request.program)
    old = get_object_or_404(mine, pk=phrase_id) if phrase_id else None
    policy = Policy.objects.in_force(request.program, clock.now())
    ids = f"phrase_{old.pk}_%s" if old else "new_%s"
    form = PhraseForm(request.POST, policy=policy, known=old.clause_code if old else "", auto_id=ids)
    if not form.is_valid():
        return _page(request, 422, **({"edited": (old.pk, form)} if old else {"phrase_form": form}))
    habits.keep_phrase(request.user, program=request.program, instead_of=old, **form.cleaned_data)
    messages.success(request, _("Kept."))
    return redirect("review_mine", slug=request.program.slug)


@for_reviewers
@require_POST
def review_phrase_delete(request: MemberRequest, phrase_id: int) -> HttpResponse:
    mine = Phrase.objects.filter(reviewer=request.user, program=request.program)
    habits.drop_phrase(get_object_or_404(mine, pk=phrase_id), by=request.user)
    messages.success(request, _("Gone. What you said with it stays said."))
    return redirect("review_mine", slug=request.program.slug)
