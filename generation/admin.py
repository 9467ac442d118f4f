import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import JSONField, QuerySet
from django.forms import ModelForm, Textarea
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from access.admin import ReadOnly, Recorded, register_read_only
from access.models import User
from generation import models, registry
from generation.refusals import Trouble
from generation.registering import PipelineForm

LARGEST_HERE = 4 << 30  # bytes that a web process reads while somebody waits


@admin.register(models.Pipeline)
class PipelineAdmin(Recorded):
    """The registry of models: settings are typed; bytes are pinned by an action; what workers found is shown."""

    form = PipelineForm
    list_display = ["name", "slug", "folder", "fingerprint", "pinned_at", "is_active", "queue", "trouble"]
    list_filter = ["is_active", "for_every_cohort", "queue"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["cohorts"]
    formfield_overrides = {JSONField: {"widget": Textarea(attrs={"rows": 3, "cols": 60})}}
    actions = ["pin"]
    readonly_fields = [
        "fingerprint", "pinned_at", "what_the_folder_says", "what_workers_found", "loaded_at", "trouble", "trouble_at",
        "seconds_per_step", "seconds_around",
    ]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["name", "slug", "card", "is_active"]}),
        (
            "Where it is",
            {
                "fields": ["folder", "hub_id", "revision", "fingerprint", "pinned_at"],
                "description": "After the folder is there, or has changed on purpose, choose the model in the list and "
                "pin it: workers load no other bytes under its name.",
            },
        ),
        ("Who may use it", {"fields": ["for_every_cohort", "cohorts"]}),
        (
            "What artists may ask of it",
            {
                "fields": ["what_the_folder_says", "overrides"],
                "description": "What is written here replaces what the folder declares, name by name.",
            },
        ),
        (
            "How workers run it",
            {
                "fields": [
                    "dtype",
                    "device",
                    "offload",
                    "vae_tiling",
                    "vae_slicing",
                    "attention",
                    "compile",
                    "cache",
                    "cache_options",
                    "warm_shapes",
                    "batch_limit",
                    "queue",
                    "leases",
                ],
                "description": "Loaded anew at the next job after a change. What cannot be done is said under Trouble; "
                "jobs wait meanwhile.",
            },
        ),
        (
            "What workers found",
            {
                "fields": [
                    "trouble",
                    "trouble_at",
                    "what_workers_found",
                    "loaded_at",
                    "seconds_per_step",
                    "seconds_around",
                ]
            },
        ),
    ]

    @admin.display(description="Pinned to")
    def fingerprint(self, row: models.Pipeline) -> str:
        if not row.pinned_at:
            return _("never pinned: no worker loads it")
        return _("%(hash)s (%(count)d files)") % {"hash": row.manifest_sha256[:12], "count": len(row.manifest)}

    @admin.display(description="What the folder says")
    def what_the_folder_says(self, row: models.Pipeline) -> SafeString:
        return _lines({name: row.declared[name] for name in SHOWN if name in row.declared})

    @admin.display(description="What workers found")
    def what_workers_found(self, row: models.Pipeline) -> SafeString:
        return _lines(row.loaded)

    def save_model(self, request: HttpRequest, obj: models.Pipeline, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not obj.pinned_at:
            self.message_user(
                request,
                _("Nobody can use this model yet: choose it in the list and pin its folder."),
                messages.WARNING,
            )

    @admin.action(description="Pin the folder as it is now", permissions=["change"])
    def pin(self, request: HttpRequest, queryset: QuerySet[models.Pipeline]) -> None:
        assert isinstance(request.user, User)
        for row in queryset:
            try:
                self._pin(row, request.user)
            except Trouble as trouble:
                self.message_user(request, f"{row}: {trouble}", messages.ERROR)
            else:
                self.message_user(request, _("%(model)s is pinned.") % {"model": row}, messages.SUCCESS)

    def _pin(self, row: models.Pipeline, by: User) -> None:
        size = sum(path.stat().st_size for path in registry.files_of(row.path))
        if size > LARGEST_HERE:
            raise Trouble(
                f"The folder holds {size >> 30} GB, which takes minutes to read. "
                f"Pin it on a machine that has it: manage.py pin_pipeline {row.slug}"
            )
        registry.pin(row, by=by)


def _lines(facts: dict[str, Any]) -> SafeString:
    """A line for each name, with what it says as JSON."""
    said = ((name, json.dumps(value, ensure_ascii=False)) for name, value in sorted(facts.items()))
    return format_html_join(mark_safe("<br>"), "{}: {}", said) or mark_safe("–")


SHOWN = ("name", "call", "defaults", "limits", "sizes", "lengths", "deliver_width", "dtypes")


@admin.register(models.Job)
class JobAdmin(ReadOnly):
    list_display = ["id", "program", "state", "phase", "attempt", "failures", "worker", "queued_at"]
    list_filter = ["state", "program"]


register_read_only(models.Brief, models.Output, models.Rendition, models.QuotaEntry, models.Lane)
