"""What the program's staff decide about its review: the terms, and the grounds for a no."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.text import TextField
from review.artist_forms import one_line
from review.models import Policy, ReviewTerms
from review.publishing import CHOSEN

MOST_HOURS, MOST_CLAUSES = 24 * 60, 40
ON_THE_SHEET = [
    (0, gettext_lazy("never: the clip must be played")),
    (1, gettext_lazy("of low risk")),
    (2, gettext_lazy("of low or ordinary risk")),
    (3, gettext_lazy("of all but severe risk")),
]


def _number(label: Any, least: int, most: int, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, help_text=help_text)


class TermsForm(forms.Form):
    """How the program reviews. It begins with the terms in force."""

    every_output = forms.BooleanField(
        required=False,
        label=gettext_lazy("A person watches every clip"),
        help_text=gettext_lazy(
            "Also those that nobody asks to share. The studio says so before anything is generated."
        ),
    )
    hours_low = _number(gettext_lazy("Hours until an answer, low risk"), 1, MOST_HOURS)
    hours_ordinary = _number(gettext_lazy("Hours, ordinary risk"), 1, MOST_HOURS)
    hours_high = _number(gettext_lazy("Hours, high risk"), 1, MOST_HOURS)
    hours_severe = _number(gettext_lazy("Hours, severe risk"), 1, MOST_HOURS)
    pauses_on_weekends = forms.BooleanField(
        required=False,
        label=gettext_lazy("Clocks stand still on weekends"),
        help_text=gettext_lazy("Saturday and Sunday in the program's own time zone."),
    )
    sheet_bands = forms.TypedChoiceField(
        label=gettext_lazy("A look at the whole contact sheet is enough for a yes"), coerce=int, choices=ON_THE_SHEET
    )
    qa_percent = _number(gettext_lazy("Percent of decisions looked at a second time"), 0, 100)
    qa_first = _number(gettext_lazy("First decisions of a new reviewer that are all looked at again"), 0, 1000)
    golden_percent = _number(gettext_lazy("Percent of clips with a known answer mixed in"), 0, 50)
    exposure_minutes = _number(
        gettext_lazy("Minutes a day with revealed clips, at most"), 0, 24 * 60, gettext_lazy("0 is no limit.")
    )
    break_minutes = _number(
        gettext_lazy("Minutes until a break is suggested"), 0, 24 * 60, gettext_lazy("0 suggests none.")
    )
    appeal_days = _number(gettext_lazy("Days in which an artist can appeal"), 1, 3650)

    def __init__(self, typed: Any = None, *, terms: ReviewTerms) -> None:
        self.before = {name: getattr(terms, name) for name in CHOSEN}
        super().__init__(typed, initial=self.before)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and data == self.before:
            raise ValidationError(_("Nothing is different from the terms in force. Change something first."))
        return data


class ClauseForm(forms.Form):
    """One ground for a no."""

    code = TextField(limit=8, label=gettext_lazy("Code"))
    title = TextField(limit=120, label=gettext_lazy("Title"))
    text = TextField(limit=4000, label=gettext_lazy("Text"), widget=forms.Textarea(attrs={"rows": 3}))

    def clean_code(self) -> str:
        return one_line(self.cleaned_data["code"])

    def clean_title(self) -> str:
        return one_line(self.cleaned_data["title"])


class Clauses(forms.BaseFormSet):
    """All grounds of a version. A row that is emptied is left out."""

    def initial_form_count(self) -> int:
        return 0 if self.is_bound else super().initial_form_count()  # what was there before may be emptied too

    def clean(self) -> None:
        if any(self.errors):
            return
        codes = [code for code, _title, _text in self.clauses]
        if not codes:
            raise ValidationError(_("A policy without a ground lets everything pass. Keep one clause at least."))
        if len(set(codes)) < len(codes):
            raise ValidationError(_("Two clauses have the same code. Give each one of its own."))

    @property
    def clauses(self) -> list[tuple[str, str, str]]:
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        return [(said["code"], said["title"], said["text"]) for said in kept]


ClauseSet = forms.formset_factory(
    ClauseForm, formset=Clauses, extra=1, can_delete=True, max_num=MOST_CLAUSES, absolute_max=MOST_CLAUSES
)


def clauses_of(policy: Policy | None) -> list[dict[str, str]]:
    """What the form begins with: the clauses in force."""
    found = policy.clauses.all() if policy else []
    return [{"code": clause.code, "title": clause.title, "text": clause.text} for clause in found]
