"""What reviewers choose and keep for themselves."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from access.models import User
from access.text import TextField
from review import habits
from review.models import Clause, Habit, Policy
from review.words import BAND_CHOICES, CATEGORY_CHOICES


class RevealsForm(forms.Form):
    """The risk bands whose clips begin revealed."""

    bands = forms.TypedMultipleChoiceField(
        label=_("Begin revealed"),
        required=False,
        coerce=int,
        choices=BAND_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Clips of the other kinds begin blurred, grey and silent until you reveal them."),
    )

    @classmethod
    def of(cls, reviewer: User) -> "RevealsForm":
        habit = Habit.objects.filter(reviewer=reviewer).first()
        return cls(initial={"bands": habit.reveals if habit else []})


class OptOutForm(forms.Form):
    """The categories that somebody does not want to see."""

    categories = forms.MultipleChoiceField(
        label=_("Not for me"),
        required=False,
        choices=CATEGORY_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("You need no reason, and it is counted against nobody. You can change it at any time."),
    )

    @classmethod
    def of(cls, reviewer: User) -> "OptOutForm":
        return cls(initial={"categories": sorted(habits.opted_out(reviewer))})


class PhraseForm(forms.Form):
    """Words for a clause."""

    clause_code = forms.ChoiceField(label=_("Clause"))
    words = TextField(
        limit=2000,
        label=_("Words"),
        help_text=_("The review page marks them as saved words until you edit them for the clip at hand."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, policy: Policy | None, known: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        clauses = Clause.objects.filter(policy=policy)
        choices = [(clause.code, f"{clause.code} {clause.title}") for clause in clauses]
        if known and known not in dict(choices):  # of an earlier policy
            choices.append((known, known))
        self.fields["clause_code"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField
