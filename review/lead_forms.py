"""What leads type."""

from django import forms
from django.utils.translation import gettext_lazy as _

from access.text import TextField


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
