"""Everything can be read in the admin, and nothing is written there: verbs write, with their checks and traces."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from review.models import Claim, Clause, Decision, Opinion, Policy, Share, Submission, Withdrawal


class ReadOnly(admin.ModelAdmin):
    """A table to look at."""

    # Else Django follows every foreign key of a row to its end, and our rows hang together.
    list_select_related: ClassVar[bool | list[str] | tuple[str, ...]] = ["submission"]

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ClauseInline(admin.TabularInline):
    model = Clause
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Policy)
class PolicyAdmin(ReadOnly):
    list_display = ["program", "number", "published_at"]
    list_filter = ["program"]
    list_select_related = ["program"]
    inlines = [ClauseInline]


@admin.register(Submission)
class SubmissionAdmin(ReadOnly):
    list_display = ["title", "program", "state", "round", "submitted_at", "due_at"]
    list_filter = ["program", "state"]
    list_select_related = ["program"]
    date_hierarchy = "submitted_at"


@admin.register(Claim)
class ClaimAdmin(ReadOnly):
    list_display = ["submission", "reviewer", "fence", "claimed_at", "leased_until", "released_at"]
    list_select_related = ["submission", "reviewer__person"]


@admin.register(Opinion)
class OpinionAdmin(ReadOnly):
    list_display = ["submission", "round", "kind", "verdict", "clause", "given_at"]
    list_filter = ["verdict", "kind"]
    list_select_related = ["submission", "clause"]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Private notes are for those with the permission, not for everybody who may open the table."""
        return [] if request.user.has_perm("review.read_private_notes") else ["private_note"]


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ["submission", "round", "verdict", "clause", "decided_at", "effective_at"]
    list_filter = ["verdict"]
    list_select_related = ["submission", "clause"]
    date_hierarchy = "decided_at"


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnly):
    list_display = ["decision", "withdrawn_at"]
    list_select_related = ["decision__submission"]


@admin.register(Share)
class ShareAdmin(ReadOnly):
    list_display = ["title", "created_at", "expires_at", "revoked_at", "on_approval"]
    list_select_related = False
    exclude = ["token"]  # the key to a public link is the artist's to give
