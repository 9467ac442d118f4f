"""The rules that raise scrutiny, for the leads who write them."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from access.audiences import MemberRequest, for_leads
from access.refusals import Refused
from review import ruling
from review.lead_forms import RuleForm, form_of
from review.models import RiskRule
from review.words import band_words, category_words


@for_leads
@require_http_methods(["GET", "POST"])
def review_rules(request: MemberRequest) -> HttpResponse:
    """All rules of the program, those that are on first; POST writes a new one."""
    form = RuleForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = ruling.write_rule(request.program, wording=form.wording(), by=request.user)
            messages.success(request, _("Kept. It is off until you have tried it and switch it on."))
            return redirect("review_rule", slug=request.program.slug, rule_id=made.pk)
        except Refused as refusal:
            form.add_error("name", str(refusal.sentence))
    rules = RiskRule.objects.filter(program=request.program).order_by("name")
    rows = sorted((_row(rule) for rule in rules), key=lambda row: not row["rule"].is_on)
    context = {"program": request.program, "rows": rows, "form": form}
    return render(request, "review/rules.html", context, status=422 if request.method == "POST" else 200)


def _row(rule: RiskRule) -> dict[str, Any]:
    return {
        "rule": rule,
        "category": category_words(rule.category),
        "band": band_words(rule.band),
        "is_tried": rule.tried_at is not None and rule.tried.get("words") == rule.words,
        "lines": rule.words.splitlines(),
    }


def _rule(request: MemberRequest, rule_id: int) -> RiskRule:
    return get_object_or_404(RiskRule.objects.select_related("program"), program=request.program, pk=rule_id)


@for_leads
@require_http_methods(["GET", "POST"])
def review_rule(request: MemberRequest, rule_id: int) -> HttpResponse:
    """One rule: its words, what its trial caught, and its switch; POST words it anew while it is off."""
    rule = _rule(request, rule_id)
    form = RuleForm(request.POST) if request.method == "POST" else form_of(rule)
    if request.method == "POST" and form.is_valid():
        try:
            ruling.change_rule(rule, wording=form.wording(), by=request.user)
            messages.success(request, _("Kept."))
            return redirect("review_rule", slug=request.program.slug, rule_id=rule.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.sentence))
    context = {"program": request.program, **_row(rule), "form": form, "samples": ruling.samples(rule, request.user)}
    return render(request, "review/rule.html", context, status=422 if request.method == "POST" else 200)


@for_leads
@require_POST
def review_rule_try(request: MemberRequest, rule_id: int) -> HttpResponse:
    """Try the rule on the last thirty days."""
    tried = ruling.try_rule(_rule(request, rule_id), by=request.user).tried
    n = tried["submissions"]
    words = ngettext("It would have caught %(hits)d of %(n)d.", "It would have caught %(hits)d of %(n)d.", n)
    messages.success(request, words % {"hits": tried["hits"], "n": n})
    return redirect("review_rule", slug=request.program.slug, rule_id=rule_id)


@for_leads
@require_POST
def review_rule_switch(request: MemberRequest, rule_id: int) -> HttpResponse:
    """Switch the rule on or off."""
    turn = ruling.switch_on if request.POST.get("on") == "yes" else ruling.switch_off
    rule = turn(_rule(request, rule_id), by=request.user)
    said = _("On: it counts from the next submission on.") if rule.is_on else _("Off. What it raised stays raised.")
    messages.success(request, said)
    return redirect("review_rule", slug=request.program.slug, rule_id=rule_id)
