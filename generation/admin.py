from django.contrib import admin

from access.admin import ReadOnly, Recorded, register_read_only
from generation import models


@admin.register(models.Pipeline)
class PipelineAdmin(Recorded):
    list_display = ["name", "folder", "is_active", "trouble"]
    readonly_fields = ["trouble", "trouble_at", "seconds_per_step", "seconds_around"]


@admin.register(models.Job)
class JobAdmin(ReadOnly):
    list_display = ["id", "program", "state", "phase", "attempt", "failures", "worker", "queued_at"]
    list_filter = ["state", "program"]


register_read_only(models.Brief, models.Output, models.Rendition, models.QuotaEntry, models.Lane)
