"""The form on which a verdict is given."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.text import TextField
from review.beside import appeal_of
from review.fields import LARGEST, IntervalsField, RemarksField, unreadable
from review.looking import Report
from review.models import Audience, Clause, Look, Verdict
from review.moderation import duration_ms
from review.verdicts import Reasons, Scope, Seen

UNSEEN = (
    "key",
    "verdict",
    "fence",
    "round",
    "shown_sha256",
)  # fields that the page fills in: no fault can be shown at them
LONGEST = LARGEST // 1000  # seconds of a clip whose milliseconds a column holds
LAST_FRAME_MS = 10  # the page names the end in hundredths of a second, rounded


class VerdictForm(forms.Form):
    """A verdict and, for a no, its reasons. The hidden fields say what the page showed and what was looked at.

    A verdict goes out with the ``key`` of the form that it was given on, so that sending it twice is sending it once.
    """

    key = forms.UUIDField(required=False, widget=forms.HiddenInput)
    verdict = forms.ChoiceField(choices=Verdict.choices, widget=forms.HiddenInput)
    fence = forms.IntegerField(min_value=0, max_value=LARGEST, widget=forms.HiddenInput)
    round = forms.IntegerField(min_value=0, max_value=LARGEST, widget=forms.HiddenInput)
    shown_sha256 = forms.CharField(max_length=64, widget=forms.HiddenInput)
    played = IntervalsField(required=False)
    scripted = forms.BooleanField(required=False, widget=forms.HiddenInput)
    sheet = forms.BooleanField(required=False, label=gettext_lazy("I looked at the whole contact sheet"))
    remarks = RemarksField(required=False)
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
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    from_seconds = forms.FloatField(required=False, min_value=0, max_value=LONGEST, label=gettext_lazy("From second"))
    to_seconds = forms.FloatField(required=False, min_value=0, max_value=LONGEST, label=gettext_lazy("To second"))
    whole = forms.BooleanField(required=False, label=gettext_lazy("The whole clip"))
    private_note = TextField(
        limit=2000,
        required=False,
        label=gettext_lazy("Private note"),
        help_text=gettext_lazy("For the program. The artist never reads it."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    audience = forms.ChoiceField(
        choices=[
            (Audience.PUBLIC, gettext_lazy("everybody, also the showcase and search engines")),
            (Audience.LINK, gettext_lazy("those who are given the link")),
        ],
        required=False,
        label=gettext_lazy("Approve it for"),
    )
    embargo_until = forms.DateTimeField(
        required=False,
        label=gettext_lazy("Links open from"),
        help_text=gettext_lazy("Empty: as soon as the approval is in effect."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: Any, look: Look, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.look = look
        self.duration_ms = duration_ms(look.submission)
        self.fields["clause"].queryset = look.submission.policy.clauses.all()  # type: ignore[attr-defined]  # a ModelChoiceField
        self.fields["remarks"].duration_ms = self.duration_ms  # type: ignore[attr-defined]  # a RemarksField
        if appeal_of(look):  # it ends with a yes or a no
            self.fields["verdict"].choices = [pair for pair in Verdict.choices if pair[0] != Verdict.CHANGES]  # type: ignore[attr-defined]  # a ChoiceField
        for name in ("from_seconds", "to_seconds"):
            self.fields[name].widget.attrs.update(step="0.01", max=f"{self.duration_ms / 1000:.2f}")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if any(name in self.errors for name in UNSEEN):
            raise unreadable()
        if data.get("verdict") != Verdict.APPROVED:
            self._check_reasons(data)
        elif not data.get("words") and "words" not in self.errors and appeal_of(self.look):
            self.add_error("words", _("The artist appealed and gets an answer either way. Say in a sentence why."))
        return data

    def _check_reasons(self, data: dict[str, Any]) -> None:
        if not data.get("clause") and "clause" not in self.errors:
            self.add_error(
                "clause", _("Choose the clause that it is against. Without one there is no ground for a no.")
            )
        if not data.get("words") and "words" not in self.errors:
            self.add_error("words", _("Say why, in a sentence: the artist will read it."))
        if {"from_seconds", "to_seconds"} & self.errors.keys():
            return
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

    def report(self) -> Report:
        data = self.cleaned_data
        return Report(played=data["played"], sheet=data["sheet"], scripted=data["scripted"])

    def seen(self) -> Seen:
        data = self.cleaned_data
        return Seen(data["fence"], data["round"], data["shown_sha256"], self.report())

    def reasons(self) -> Reasons:
        data = self.cleaned_data
        start, end = self._range(data)
        return Reasons(data["clause"], data["words"], start, end, data["private_note"], data["remarks"])

    def scope(self) -> Scope:
        data = self.cleaned_data
        return Scope(data["audience"] or Audience.PUBLIC, data["embargo_until"])

    @property
    def once(self) -> uuid.UUID:
        """The form's key; one that came without any is sent for the first time."""
        return self.cleaned_data["key"] or uuid.uuid4()
