"""What artists type: the request to share, answers, appeals, the terms of a link, how they want mail."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from access.text import TextField
from review.submitting import Wish


def one_line(text: str) -> str:
    return " ".join(text.split())


def is_on(value: Any) -> bool:
    return str(value) == "on"


class SubmitForm(forms.Form):
    """What goes with a submission: the caption for the public, the intent for the reviewer."""

    title = TextField(limit=120, label=gettext_lazy("Title"), help_text=gettext_lazy("It stands beside the clip."))
    credit = TextField(
        limit=80,
        required=False,
        label=gettext_lazy("Credit"),
        help_text=gettext_lazy("Your name as the public reads it. Leave it empty to show the clip without a name."),
    )
    statement = TextField(
        limit=2000,
        required=False,
        is_cut=False,
        label=gettext_lazy("What you want with it"),
        help_text=gettext_lazy("For the reviewer only, if you like. It never counts against you."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    publish_on_approval = forms.TypedChoiceField(
        required=False,
        label=gettext_lazy("When it is approved"),
        coerce=is_on,
        empty_value=False,  # type: ignore[arg-type]  # Django gives back what it is told
        choices=[
            ("", gettext_lazy("I publish it myself, if and when I want")),
            ("on", gettext_lazy("Open its public link by itself; I can close it at any time")),
        ],
        widget=forms.RadioSelect,
    )
    is_critique = forms.BooleanField(
        required=False,
        label=gettext_lazy("This is critique"),
        help_text=gettext_lazy(
            "Of the sponsor, the program, the technology, or anything else. No reviewer sees this before the verdict, "
            "and it changes neither your place nor the deadline. A no then needs two people. You can say it later, too."
        ),
    )

    def clean_title(self) -> str:
        return one_line(self.cleaned_data["title"])

    def clean_credit(self) -> str:
        return one_line(self.cleaned_data["credit"])

    def wish(self) -> Wish:
        return Wish(**self.cleaned_data)


class AnswerForm(forms.Form):
    """An answer with the same clip, after changes were asked for."""

    words = TextField(
        limit=2000,
        is_cut=False,
        label=gettext_lazy("Your answer"),
        help_text=gettext_lazy("To the reviewer who asked; they get it back first."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class AppealForm(forms.Form):
    """Why somebody else should look again."""

    words = TextField(
        limit=2000,
        is_cut=False,
        label=gettext_lazy("Why it should be looked at again"),
        help_text=gettext_lazy("It goes to somebody who had no part in the decision. They answer either way."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )


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


class MailForm(forms.Form):
    """How answers come by mail."""

    daily = forms.TypedChoiceField(
        required=False,
        label=gettext_lazy("Mail about answers"),
        coerce=is_on,
        empty_value=False,  # type: ignore[arg-type]  # Django gives back what it is told
        choices=[("", gettext_lazy("one for each, at once")), ("on", gettext_lazy("one a day, after midnight UTC"))],
        widget=forms.RadioSelect,
    )
