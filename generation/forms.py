"""The brief's form. Its fields and bounds come from what the model and the cohort allow."""

import secrets
import uuid
from typing import Any

from django import forms
from django.core import validators
from django.utils.translation import gettext_lazy as _

from access.models import Enrollment
from access.text import TextField
from generation.jobs import PROMPT_LIMIT, SEEDS, Wish
from generation.models import Pipeline


class BriefForm(forms.Form):
    """A prompt and bounded settings."""

    prompt = TextField(limit=PROMPT_LIMIT, label=_("Prompt"), widget=forms.Textarea(attrs={"rows": 3}))
    negative_prompt = TextField(
        limit=PROMPT_LIMIT,
        label=_("Leave out"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What you do not want to see."),
    )
    steps = forms.IntegerField(label=_("Steps"), help_text=_("More steps take longer and are cleaner."))
    guidance = forms.FloatField(label=_("Guidance"), help_text=_("How strictly the prompt is followed."))
    variations = forms.TypedChoiceField(label=_("Variations"), coerce=int)
    seed = forms.IntegerField(
        label=_("Seed"),
        required=False,
        min_value=0,
        max_value=SEEDS - 1,
        help_text=_("Empty: a new one. The same seed and settings give the same clip."),
    )
    idempotency_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, pipeline: Pipeline, enrollment: Enrollment, **kwargs: Any) -> None:
        defaults = {**pipeline.studio.get("defaults", {}), "variations": 1, "idempotency_key": uuid.uuid4()}
        super().__init__(*args, **{**kwargs, "initial": {**defaults, **(kwargs.get("initial") or {})}})
        limits, cohort = pipeline.studio.get("limits", {}), enrollment.cohort
        fewest, most = limits.get("steps", (1, 100))
        self._bound("steps", fewest, min(most, cohort.max_steps))
        self._bound("guidance", *limits.get("guidance", (1.0, 20.0)))
        self.fields["guidance"].widget.attrs["step"] = "0.5"
        variations = self.fields["variations"]
        variations.choices = [(number, str(number)) for number in range(1, cohort.max_variations + 1)]  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["prompt"].error_messages["required"] = _("Write a prompt, or press Surprise me.")

    def _bound(self, name: str, least: float, most: float) -> None:
        field = self.fields[name]
        field.min_value, field.max_value = least, most  # type: ignore[attr-defined]  # a number field
        field.validators = [
            validators.MinValueValidator(least, _("%(limit_value)s is the least.")),
            validators.MaxValueValidator(most, _("%(limit_value)s is the most.")),
        ]
        field.widget.attrs.update(min=least, max=most)

    def wish(self) -> Wish:
        """What the valid form asks for."""
        data = self.cleaned_data
        return Wish(
            data["prompt"], data["negative_prompt"], data["steps"], data["guidance"], data["seed"], data["variations"]
        )


def surprise(pipeline: Pipeline) -> str:
    """A prompt within the model's vocabulary."""
    return secrets.choice(pipeline.studio.get("surprises") or [""])
