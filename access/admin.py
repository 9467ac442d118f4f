"""The admin: looking is free, changing goes through the verbs. State is never typed here."""

import zoneinfo
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _

from access import audit, clock, models, roles


class ReadOnly(admin.ModelAdmin):
    """Rows that only verbs write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Recorded(admin.ModelAdmin):
    """Settings that staff type here: each save is one audit entry with the names of the changed fields."""

    exclude = ["created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        with audit.recorded():
            now = clock.now()
            if not change:
                obj.created_at = now
            # Only what was typed: the row may have moved meanwhile, e.g. a seat of the cohort was taken.
            columns = {field.name for field in obj._meta.concrete_fields}
            obj.save(update_fields=columns.intersection(form.changed_data) if change else None)
            act = f"{'change' if change else 'create'}_{obj._meta.model_name}"
            program = obj if isinstance(obj, models.Program) else getattr(obj, "program", None)
            facts = {"fields": sorted(form.changed_data)}
            audit.trace(act, program=program, at=now, actor=_actor(request), subject=obj, facts=facts)


class ProgramForm(ModelForm):
    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"])
        if name not in zoneinfo.available_timezones():
            raise ValidationError(_("There is no such time zone. Write it like Europe/Vienna."))
        return name


@admin.register(models.Program)
class ProgramAdmin(Recorded):
    form = ProgramForm
    list_display = ["name", "slug", "time_zone", "opened_at"]
    prepopulated_fields = {"slug": ["name"]}


class CohortForm(ModelForm):
    def clean_seats(self) -> int:
        seats = int(self.cleaned_data["seats"])
        if seats < self.instance.taken:
            raise ValidationError(
                _("%(taken)d seats are taken: fewer are not possible."), params={"taken": self.instance.taken}
            )
        return seats


@admin.register(models.Cohort)
class CohortAdmin(Recorded):
    form = CohortForm
    list_display = ["name", "program", "kind", "taken", "seats", "daily_quota", "concurrency"]
    list_filter = ["program"]
    readonly_fields = ["taken"]


@admin.register(models.Role)
class RoleAdmin(admin.ModelAdmin):
    list_display = ["user", "kind", "program", "granted_at", "revoked_at"]
    list_filter = ["program", "kind"]
    fields = ["program", "user", "kind"]
    actions = ["revoke"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: models.Role, form: ModelForm, change: bool) -> None:
        granted = roles.grant_role(obj.user, obj.kind, program=obj.program, by=_actor(request))
        obj.pk, obj.granted_at = granted.pk, granted.granted_at

    @admin.action(description="Take the chosen roles away", permissions=["add"])  # who may give may take
    def revoke(self, request: HttpRequest, queryset: QuerySet[models.Role]) -> None:
        for role in queryset.filter(revoked_at=None):
            roles.revoke_role(role, by=_actor(request))


def _actor(request: HttpRequest) -> models.User:
    assert isinstance(request.user, models.User)
    return request.user


@admin.register(models.User)
class UserAdmin(ReadOnly):
    list_display = ["email", "is_active", "is_staff", "joined_at"]
    search_fields = ["email"]
    exclude = ["password"]


@admin.register(models.Enrollment)
class EnrollmentAdmin(ReadOnly):
    list_display = ["user", "cohort", "joined_at", "ended_at"]
    list_filter = ["program", "cohort"]


@admin.register(models.Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["email", "cohort", "state", "created_at", "expires_at"]
    list_filter = ["state", "cohort"]
    exclude = ["token_hash"]


@admin.register(models.Halt)
class HaltAdmin(ReadOnly):
    list_display = ["program", "scope", "reason", "placed_at", "lifted_at"]
    list_filter = ["program", "scope"]


@admin.register(models.Entry)
class EntryAdmin(ReadOnly):
    list_display = ["chain", "number", "act", "subject", "actor"]
    list_filter = ["chain", "act"]
    search_fields = ["subject", "actor"]


@admin.register(models.Outbox)
class OutboxAdmin(ReadOnly):
    list_display = ["to", "subject", "attempts", "sent_at", "trouble"]
    exclude = ["body"]  # holds links that sign people in


def register_read_only(*kinds: Any) -> None:
    """Show the rows of these models, in the order of their ``__str__``, to be looked at."""
    for kind in kinds:
        admin.site.register(kind, ReadOnly)


register_read_only(
    models.Agreement,
    models.AgreementVersion,
    models.Signature,
    models.Consent,
    models.Conflict,
    models.StoredFile,
    models.Notice,
)
