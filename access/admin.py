"""The admin: looking is free, changing goes through the verbs. State is never typed here."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from access import models, roles


class ReadOnly(admin.ModelAdmin):
    """Rows that only verbs write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(models.Program)
class ProgramAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "time_zone", "review_hours"]
    prepopulated_fields = {"slug": ["name"]}

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(models.Cohort)
class CohortAdmin(admin.ModelAdmin):
    list_display = ["name", "program", "kind", "taken", "seats", "daily_quota", "concurrency"]
    list_filter = ["program"]
    readonly_fields = ["taken"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


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

    @admin.action(description="Take the chosen roles away")
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
