"""What artists and reviewers type."""

from datetime import timedelta

from django import forms
from django.utils.translation import gettext_lazy


class ShareForm(forms.Form):
    """How long a link stays open."""

    days = forms.TypedChoiceField(
        label=gettext_lazy("Open"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", gettext_lazy("until I close it")),
            ("7", gettext_lazy("for 7 days")),
            ("30", gettext_lazy("for 30 days")),
            ("90", gettext_lazy("for 90 days")),
        ],
    )
    may_embed = forms.BooleanField(
        required=False,
        label=gettext_lazy("Other sites may show the player"),
        help_text=gettext_lazy("In a frame, with your credit and the words “Made with AI”."),
    )

    @property
    def lasts(self) -> timedelta | None:
        days = self.cleaned_data["days"]
        return timedelta(days=days) if days else None
