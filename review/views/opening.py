"""What the program's staff do about its review: publish terms and grounds, and open the program."""

from typing import Any, cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from access import clock
from access.audiences import MemberRequest, for_staff
from access.models import Role, User
from review import opening, publishing
from review.models import Policy, ReviewTerms
from review.staff_forms import Clauses, ClauseSet, TermsForm, clauses_of
from review.words import need_words


@for_staff
@require_http_methods(["GET", "POST"])
def review_opening(request: MemberRequest) -> HttpResponse:
    """What the program's own rules need before artists can work in it; POST opens it."""
    if request.method == "POST":
        opening.open_program(request.program, by=request.user)
        messages.success(request, _("The program is open. Artists can work in it from now on."))
        return redirect("review_opening", slug=request.program.slug)
    need = opening.need_of(request.program)
    context = {
        "program": request.program,
        "need": need,
        "reasons": [(need_words(reason), n) for reason, n in need.reasons],
        "policy": Policy.objects.in_force(request.program, clock.now()),
        "terms": ReviewTerms.objects.in_force(request.program),
        "people": _people(request),
    }
    context["is_ready"] = bool(context["policy"]) and not (need.missing or need.leads_missing)
    return render(request, "review/opening.html", context)


def _people(request: MemberRequest) -> list[tuple[User, bool]]:
    """Who reviews here, each once, and whether they lead."""
    held = Role.objects.reviewers().filter(program=request.program, user__is_active=True)
    leads: dict[User, bool] = {}
    for role in held.select_related("user__person").order_by("granted_at", "pk"):
        leads[role.user] = leads.get(role.user, False) or role.kind == Role.Kind.LEAD
    return list(leads.items())


@for_staff
@require_http_methods(["GET", "POST"])
def review_terms(request: MemberRequest) -> HttpResponse:
    """How the program reviews: the terms in force to read and change, and every version there was."""
    form = TermsForm(request.POST or None, terms=ReviewTerms.objects.in_force(request.program))
    if request.method == "POST" and form.is_valid():
        made = publishing.publish_terms(request.program, by=request.user, **form.cleaned_data)
        messages.success(request, _("Version %(n)d counts for what is submitted from now on.") % {"n": made.number})
        return redirect("review_terms", slug=request.program.slug)
    versions = ReviewTerms.objects.filter(program=request.program).order_by("-number")
    context = {"program": request.program, "form": form, "versions": [_version(terms) for terms in versions]}
    return render(request, "review/terms.html", context, status=422 if request.method == "POST" else 200)


def _version(terms: ReviewTerms) -> dict[str, Any]:
    """A version of the terms with its own words for each thing they say."""
    form = TermsForm(terms=terms)
    said = [(form.fields[name].label, _in_words(form, name, form.before[name])) for name in form.fields]
    return {"terms": terms, "said": said}


def _in_words(form: TermsForm, name: str, value: int | bool) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    choices = dict(getattr(form.fields[name], "choices", []))
    return str(choices.get(value, value))


@for_staff
@require_http_methods(["GET", "POST"])
def review_policies(request: MemberRequest) -> HttpResponse:
    """The grounds for a no: those in force as the beginning of the next version, and every version there was."""
    policy = Policy.objects.in_force(request.program, clock.now())
    typed = request.POST if request.method == "POST" else None
    forms = cast(Clauses, ClauseSet(typed, initial=clauses_of(policy) if typed is None else None, prefix="clause"))
    if request.method == "POST" and forms.is_valid():
        made = publishing.publish_policy(request.program, clauses=forms.clauses, by=request.user)
        messages.success(request, _("Version %(n)d counts for what is submitted from now on.") % {"n": made.number})
        return redirect("review_policies", slug=request.program.slug)
    versions = request.program.policies.order_by("-number").prefetch_related("clauses")
    context = {"program": request.program, "forms": forms, "policy": policy, "versions": versions}
    return render(request, "review/policies.html", context, status=422 if request.method == "POST" else 200)
