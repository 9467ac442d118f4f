"""What artists and reviewers type."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.text import TextField
from review.models import Clause, Submission, Verdict
from review.moderation import duration_ms
from review.verdicts import Reasons, Seen

LARGEST = 2**31 - 1  # of a fence or a round: what the column holds
LAST_FRAME_MS = 10  # the page names the end in hundredths of a second, rounded


def one_line(text: str) -> str:
    return " ".join(text.split())


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
        label=gettext_lazy("What you want with it"),
        help_text=gettext_lazy("For the reviewer only, if you like. It never counts against you."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    publish_on_approval = forms.BooleanField(
        required=False,
        label=gettext_lazy("Open a public link by itself when it is approved"),
        help_text=gettext_lazy(
            "Otherwise an approval changes nothing until you open one. You can close it at any time."
        ),
    )

    def clean_title(self) -> str:
        return one_line(self.cleaned_data["title"])

    def clean_credit(self) -> str:
        return one_line(self.cleaned_data["credit"])


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

    @property
    def lasts(self) -> timedelta | None:
        days = self.cleaned_data["days"]
        return timedelta(days=days) if days else None


class VerdictForm(forms.Form):
    """A verdict and, for a no, its reasons. The hidden fields say what the page showed."""

    verdict = forms.ChoiceField(choices=Verdict.choices, widget=forms.HiddenInput)
    fence = forms.IntegerField(min_value=0, max_value=LARGEST, widget=forms.HiddenInput)
    round = forms.IntegerField(min_value=0, max_value=LARGEST, widget=forms.HiddenInput)
    shown_sha256 = forms.CharField(max_length=64, widget=forms.HiddenInput)
    clause = forms.ModelChoiceField(
        queryset=Clause.objects.none(),
        required=False,
        empty_label=None,
        widget=forms.RadioSelect,
        label=gettext_lazy("Clause"),
    )
    words = TextField(
        limit=2000,
        required=False,
        label=gettext_lazy("Words to the artist"),
        help_text=gettext_lazy("What you saw and why the clause covers it. It goes out as you write it."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    from_seconds = forms.FloatField(required=False, min_value=0, label=gettext_lazy("From second"))
    to_seconds = forms.FloatField(required=False, min_value=0, label=gettext_lazy("To second"))
    whole = forms.BooleanField(required=False, label=gettext_lazy("The whole clip"))
    private_note = TextField(
        limit=2000,
        required=False,
        label=gettext_lazy("Private note"),
        help_text=gettext_lazy("For the program. The artist never reads it."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, submission: Submission, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.duration_ms = duration_ms(submission)
        self.fields["clause"].queryset = submission.policy.clauses.all()  # type: ignore[attr-defined]  # a ModelChoiceField
        for name in ("from_seconds", "to_seconds"):
            self.fields[name].widget.attrs.update(step="0.01", max=f"{self.duration_ms / 1000:.2f}")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("verdict") != Verdict.APPROVED:
            self._check_reasons(data)
        return data

    def _check_reasons(self, data: dict[str, Any]) -> None:
        if not data.get("clause") and "clause" not in self.errors:
            self.add_error(
                "clause", _("Choose the clause that it is against. Without one there is no ground for a no.")
            )
        if not data.get("words") and "words" not in self.errors:
            self.add_error("words", _("Say why, in a sentence: the artist will read it."))
        start, end = self._range(data)
        if start is None or end is None:
            self.add_error("to_seconds", _("Say where it is seen: from which second to which, or the whole clip."))
        elif not start <= end <= self.duration_ms:
            self.add_error("to_seconds", _("The range must lie within the clip, and end after it begins."))

    def _range(self, data: dict[str, Any]) -> tuple[int | None, int | None]:
        if data.get("whole"):
            return 0, self.duration_ms
        start, end = (self._milliseconds(data.get(name)) for name in ("from_seconds", "to_seconds"))
        return start, end

    def _milliseconds(self, seconds: float | None) -> int | None:
        if seconds is None:
            return None
        at = round(seconds * 1000)
        return self.duration_ms if 0 < at - self.duration_ms <= LAST_FRAME_MS else at

    def seen(self) -> Seen:
        data = self.cleaned_data
        return Seen(fence=data["fence"], round=data["round"], shown_sha256=data["shown_sha256"])

    def reasons(self) -> Reasons:
        data = self.cleaned_data
        start, end = self._range(data)
        return Reasons(data["clause"], data["words"], start, end, data["private_note"])
