"""What leads type."""

from django import forms
from django.utils.translation import gettext_lazy as _

from access.text import TextField
from review.artist_forms import one_line
from review.models import RiskRule
from review.ruling import Wording
from review.words import BAND_CHOICES, CATEGORY_CHOICES


class AdviceForm(forms.Form):
    answer = TextField(
        limit=2000,
        label=_("Your answer"),
        help_text=_(
            "It goes back to whoever asked, and they decide. You then have part in it: an appeal is for others."
        ),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class BreakForm(forms.Form):
    reason = TextField(
        limit=500,
        label=_("Why you take it out of their hands"),
        help_text=_("It stays on record. What they typed is kept for them."),
    )


class RuleForm(forms.Form):
    """What a rule looks for, and what follows where it is found."""

    name = TextField(limit=80, label=_("Name"), help_text=_("Reviewers read it beside what it has flagged."))
    words = TextField(
        limit=4000,
        label=_("Words"),
        help_text=_(
            "One word or phrase a line. They are found as whole words in prompt, title and statement, "
            "in capital and small letters alike."
        ),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    category = forms.ChoiceField(label=_("What it may be"), choices=CATEGORY_CHOICES)
    band = forms.TypedChoiceField(label=_("At least"), coerce=int, choices=BAND_CHOICES, initial=1)
    two_people = forms.BooleanField(
        required=False,
        label=_("Two people decide"),
        help_text=_("For real people, minors and known bad clips two people always do."),
    )

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])

    def clean_words(self) -> str:
        lines = (one_line(line) for line in self.cleaned_data["words"].splitlines())
        return "\n".join(dict.fromkeys(line for line in lines if line))

    def wording(self) -> Wording:
        return Wording(**self.cleaned_data)


def form_of(rule: RiskRule) -> RuleForm:
    """The form as the rule is worded."""
    said = {name: getattr(rule, name) for name in ("name", "words", "category", "band", "two_people")}
    return RuleForm(initial=said)
