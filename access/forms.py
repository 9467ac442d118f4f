from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from access import clock
from access.halting import Target
from access.models import Cohort, Credential, Enrollment, Program
from access.text import TextField

RECENT = timedelta(days=14)


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
        self.fields["target"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (_("One sign-in of an artist"), self._credentials(program)),
            (_("One artist"), self._artists(program)),
            (_("A cohort"), [self._option(f"cohort:{c.pk}", c, c.name) for c in program.cohorts.order_by("name")]),
            (_("Everybody"), [self._option("program", program, program.name)]),
        ]

    def _credentials(self, program: Program) -> list[tuple[str, str]]:
        """The sign-ins of the last two weeks, newest first."""
        inside = Enrollment.objects.live().filter(program=program).values("user")
        recent = Credential.objects.live().filter(user__in=inside, created_at__gt=clock.now() - RECENT)
        newest = recent.select_related("user__person").order_by("-created_at")[:100]
        return [self._option(f"credential:{c.pk}", c, f"{c.user.name}: {c}") for c in newest]

    def _artists(self, program: Program) -> list[tuple[str, str]]:
        inside = Enrollment.objects.live().filter(program=program).select_related("user__person").order_by("joined_at")
        return [self._option(f"artist:{e.user_id}", e.user, e.user.name) for e in inside]

    def _option(self, key: str, target: Target, name: str) -> tuple[str, str]:
        self.targets[key] = target
        return key, name

    def clean_target(self) -> Target:
        return self.targets[self.cleaned_data["target"]]
