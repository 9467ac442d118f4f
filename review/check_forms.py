"""What leads and reviewers write about checks of quality."""

from django import forms
from django.utils.translation import gettext_lazy as _

from access.text import TextField

STANDS = (("yes", _("The reviewer is right: count it as agreement")), ("no", _("It stays as it is")))


class GoldenForm(forms.Form):
    """Why a clip's answer is what it is."""

    why = TextField(
        label=_("Why this is the answer"),
        limit=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Whoever says otherwise reads this. Name what is seen, and where."),
    )


class ContestForm(forms.Form):
    """Why an opinion was right after all."""

    words = TextField(
        label=_("Why your opinion is right"),
        limit=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("A lead reads it and answers. You can contest an opinion once."),
    )


class AnswerForm(forms.Form):
    """A lead's answer to a contest."""

    stands = forms.ChoiceField(label=_("Your answer"), choices=STANDS, widget=forms.RadioSelect)
    answer = TextField(label=_("In words"), limit=1000, widget=forms.Textarea(attrs={"rows": 3}))
