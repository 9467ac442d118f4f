from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from access.halting import Target
from access.models import Cohort, Enrollment, Program
from access.text import TextField


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"), max_length=254)
    name = TextField(label=_("Name"), limit=80, required=False)
    cohort = forms.ModelChoiceField(label=_("Cohort"), queryset=Cohort.objects.none())

    def __init__(self, *args: Any, program: Program, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cohorts = Cohort.objects.filter(program=program).order_by("name")
        self.fields["cohort"].queryset = cohorts  # type: ignore[attr-defined]  # a ModelChoiceField
        self.fields["cohort"].initial = cohorts.first()


class HaltForm(forms.Form):
    """Whom to stop, the smallest scope first, and why."""

    target = forms.ChoiceField(label=_("Whom"))
    reason = TextField(label=_("Why"), limit=500, help_text=_("The people concerned will read this."))

    def __init__(self, *args: Any, program: Program, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.targets: dict[str, Target] = {}
        enrollments = (
            Enrollment.objects.live().filter(program=program).select_related("user__person").order_by("joined_at")
        )
        artists = [self._option(f"artist:{e.user_id}", e.user, e.user.name) for e in enrollments]
        cohorts = [self._option(f"cohort:{c.pk}", c, c.name) for c in Cohort.objects.filter(program=program)]
        whole = [self._option("program", program, program.name)]
        self.fields["target"].choices = [(_("One artist"), artists), (_("A cohort"), cohorts), (_("Everybody"), whole)]  # type: ignore[attr-defined]  # a ChoiceField

    def _option(self, key: str, target: Target, name: str) -> tuple[str, str]:
        self.targets[key] = target
        return key, name

    def clean_target(self) -> Target:
        return self.targets[self.cleaned_data["target"]]
