"""The brief's form. Its fields and bounds come from what the model and the cohort offer."""

import json
import secrets
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.core import validators
from django.utils.translation import gettext_lazy as _

from access.models import Enrollment
from access.text import TextField
from generation.jobs import PROMPT_LIMIT, SEEDS, Wish
from generation.models import FirstFrame, Job, Pipeline
from generation.offering import Offer, offer


class BriefForm(forms.Form):
    """A prompt and bounded settings. What the model cannot do, or where there is nothing to choose, is no field."""

    prompt = TextField(limit=PROMPT_LIMIT, is_cut=False, label=_("Prompt"), widget=forms.Textarea(attrs={"rows": 3}))
    negative_prompt = TextField(
        limit=PROMPT_LIMIT,
        is_cut=False,
        label=_("Leave out"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What you do not want to see."),
    )
    first_frame = forms.ModelChoiceField(queryset=FirstFrame.objects.none(), required=False)
    variations = forms.TypedChoiceField(label=_("Variations"), coerce=int)
    length = forms.TypedChoiceField(label=_("Length"), coerce=int, required=False)
    size = forms.ChoiceField(label=_("Size"), required=False)
    steps = forms.IntegerField(label=_("Steps"))
    guidance = forms.FloatField(label=_("Guidance"))
    seed_choice = forms.ChoiceField(
        label=_("Seed"),
        required=False,
        choices=[("random", _("A new one each time")), ("fixed", _("This one:"))],
        widget=forms.RadioSelect,
    )
    seed = forms.IntegerField(label=_("The seed"), required=False, min_value=0, max_value=SEEDS - 1)
    pipeline = forms.ChoiceField(label=_("Model"), required=False)
    begun = forms.CharField(required=False, widget=forms.HiddenInput)
    parent = forms.CharField(required=False, widget=forms.HiddenInput)
    idempotency_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, pipeline: Pipeline, enrollment: Enrollment, models: Sequence[Pipeline] = (), **kwargs: Any
    ) -> None:
        self.enrollment, self.terms = enrollment, offer(pipeline, enrollment)
        fresh = {"variations": 1, "seed_choice": "random", "begun": uuid.uuid4(), "pipeline": pipeline.slug}
        given = {"idempotency_key": uuid.uuid4(), **(kwargs.pop("initial", None) or {})}
        kwargs["initial"] = {**self.terms.defaults, **fresh, **given}
        super().__init__(*args, **kwargs)
        can_draw = pipeline.studio.get("surprises")
        missing = _("Write a prompt, or press Surprise me.") if can_draw else _("Write a prompt first.")
        self.fields["prompt"].error_messages["required"] = missing
        self._offer_choices()
        self._offer_models(models or [pipeline])
        self._offer_numbers(self.terms)
        self._offer_words_and_pictures(self.terms)

    def _offer_choices(self) -> None:
        terms = self.terms
        self._choose("variations", [(number, str(number)) for number in range(1, terms.variations + 1)], least=1)
        self._choose("length", [(frames, length_words(terms, frames)) for frames in terms.lengths])
        self._choose("size", [(f"{width}x{height}", f"{width} × {height}") for width, height in terms.sizes])

    def _offer_models(self, models: Sequence[Pipeline]) -> None:
        """Also where there is but one it is sent along: what was written for a model is sent to no other unasked."""
        self.fields["pipeline"].choices = [(model.slug, model.name) for model in models]  # type: ignore[attr-defined]
        if len(models) == 1:
            self.fields["pipeline"].widget = forms.HiddenInput()

    def _choose(self, name: str, choices: Iterable[tuple[object, object]], *, least: int = 2) -> None:
        offered = list(choices)
        if len(offered) < least:
            del self.fields[name]
        else:
            self.fields[name].choices = offered  # type: ignore[attr-defined]  # a ChoiceField

    def _offer_numbers(self, terms: Offer) -> None:
        self._bound("steps", *terms.steps, words=_("%(least)s to %(most)s. More take longer and are cleaner."))
        if terms.guidance is None:
            del self.fields["guidance"]
            return
        self._bound("guidance", *terms.guidance, words=_("%(least)s to %(most)s: how strictly the prompt is followed."))

    def _bound(self, name: str, least: float, most: float, *, words: Any) -> None:
        field = self.fields[name]
        field.min_value, field.max_value = least, most  # type: ignore[attr-defined]  # a number field
        field.validators = [
            validators.MinValueValidator(least, _("%(limit_value)s is the least.")),
            validators.MaxValueValidator(most, _("%(limit_value)s is the most.")),
        ]
        field.widget.attrs.update(min=least, max=most)
        field.help_text = words % {"least": f"{least:g}", "most": f"{most:g}"}

    def _offer_words_and_pictures(self, terms: Offer) -> None:
        if not terms.negative_prompt:
            del self.fields["negative_prompt"]
        if not terms.from_image:
            del self.fields["first_frame"]
            return
        frames = self.fields["first_frame"]
        frames.queryset = FirstFrame.objects.usable_by(self.enrollment)  # type: ignore[attr-defined]
        frames.error_messages["invalid_choice"] = _("This picture is not there any more. Choose another one, or none.")

    def clean(self) -> dict[str, Any]:
        """The seed counts only where it is chosen; without a choice, if there is one."""
        found = self.cleaned_data
        wanted = found.get("seed_choice") or ("fixed" if self["seed"].data else "random")
        if wanted == "random":
            found["seed"] = None
            self.errors.pop("seed", None)
        elif found.get("seed") is None and "seed" not in self.errors:
            self.add_error("seed", _("Write the seed here, or let a new one be drawn each time."))
        return found

    def key(self) -> uuid.UUID:
        """The valid form's key: the page's, for exactly these words and settings."""
        sent = {name: value for name, value in self.cleaned_data.items() if name != "idempotency_key"}
        return key_of(self.cleaned_data["idempotency_key"], "submit", **sent)

    def wish(self) -> Wish:
        """What the valid form asks for."""
        found = self.cleaned_data
        width, _x, height = str(found.get("size") or "0x0").partition("x")
        return Wish(
            prompt=found["prompt"],
            negative_prompt=found.get("negative_prompt", ""),
            steps=found["steps"],
            guidance=found.get("guidance", self.terms.defaults["guidance"]),
            seed=found["seed"],
            variations=found["variations"],
            width=int(width),
            height=int(height),
            frames=found.get("length") or 0,
            first_frame=found.get("first_frame"),
            parent=own_job(found.get("parent", ""), enrollment=self.enrollment),
        )


class AgainForm(forms.Form):
    """A press of Vary, Repeat or Try again; its key makes two presses one."""

    idempotency_key = forms.UUIDField(widget=forms.HiddenInput)


def length_words(terms: Offer, frames: int) -> str:
    """A length in seconds, to a tenth."""
    return str(_("%(seconds)s s") % {"seconds": f"{terms.seconds(frames):.1f}".removesuffix(".0")})


def key_of(page: uuid.UUID, verb: str, **wanted: Any) -> uuid.UUID:
    """The key of one press on a page: the same wanted twice is one, something else wanted is another.

    A page that the browser kept, and goes back to, has the key that it had.
    """
    return uuid.uuid5(page, json.dumps([verb, wanted], sort_keys=True, default=str))


def own_job(key: str, *, enrollment: Enrollment) -> Job | None:
    """A job of the artist in this program by its id as text; None for whatever is not one."""
    try:
        pk = uuid.UUID(key)
    except ValueError:
        return None
    mine = Job.objects.owned_by(enrollment.user).filter(program=enrollment.program_id)
    return mine.select_related("brief__pipeline", "brief__first_frame", "pipeline").filter(pk=pk).first()


def fields_of_job(job: Job) -> dict[str, str]:
    """The form's fields, raw, with everything that made a job; its seed is fixed."""
    brief = job.brief
    return {
        "prompt": brief.prompt,
        "negative_prompt": brief.negative_prompt,
        "first_frame": str(brief.first_frame_id or ""),
        "variations": "1",
        "length": str(brief.frames),
        "size": f"{brief.width}x{brief.height}",
        "steps": str(brief.steps),
        "guidance": f"{brief.guidance:g}",
        "seed_choice": "fixed",
        "seed": str(job.seed),
        "pipeline": job.pipeline.slug,
        "parent": str(job.pk),
    }


def drawn_prompt(pipeline: Pipeline) -> str:
    """A prompt within the model's vocabulary; empty if it has none to draw from."""
    return secrets.choice(pipeline.studio.get("surprises") or [""])
