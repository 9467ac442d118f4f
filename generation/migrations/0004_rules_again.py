from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from access.schema import append_only, rule, together


def keep_open(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Pipelines of before could be used by every cohort; they still can, once their bytes are pinned."""
    apps.get_model("generation", "Pipeline").objects.update(for_every_cohort=True)


class Migration(migrations.Migration):
    """0003 rebuilt these tables on SQLite, which drops their triggers; and the rules of what is new."""

    dependencies = [("generation", "0003_studio_models_batches")]

    operations = [
        migrations.RunPython(keep_open, migrations.RunPython.noop),
        together(
            *append_only("generation_output"),
            *append_only("generation_rendition"),
            *append_only("generation_quotaentry"),
            rule(
                "output_names_its_master",
                "generation_output",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM access_storedfile f WHERE f.id = NEW.master_id AND f.sha256 = NEW.master_sha256)",
                "the hash is that of the master",
            ),
            rule(
                "rendition_is_of_its_master",
                "generation_rendition",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM generation_output o JOIN access_storedfile f ON f.id = NEW.file_id "
                "WHERE o.id = NEW.output_id AND o.master_sha256 = NEW.parent_sha256 AND f.sha256 = NEW.sha256)",
                "a rendition names its parent and its own hash",
            ),
            rule(
                "ended_job_stays_ended",
                "generation_job",
                "BEFORE UPDATE",
                "OLD.state IN ('finished', 'failed', 'cancelled') AND NEW.state <> OLD.state",
                "an ended job is history",
            ),
            rule(
                "repeat_is_of_ones_own",
                "generation_job",
                "BEFORE INSERT",
                "NEW.repeat_of_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM generation_output o "
                "JOIN access_enrollment made ON made.id = o.enrollment_id "
                "JOIN access_enrollment asks ON asks.id = NEW.enrollment_id "
                "WHERE o.id = NEW.repeat_of_id AND made.user_id = asks.user_id)",
                "a repeat points to an output of the same artist",
            ),
            rule(
                "repeat_is_known_before_a_render",
                "generation_job",
                "BEFORE UPDATE",
                "COALESCE(CAST(NEW.repeat_of_id AS text), '') <> COALESCE(CAST(OLD.repeat_of_id AS text), '') AND NOT "
                "(OLD.state = 'queued' AND OLD.repeat_of_id IS NULL AND EXISTS (SELECT 1 FROM generation_output o "
                "JOIN access_enrollment made ON made.id = o.enrollment_id "
                "JOIN access_enrollment asks ON asks.id = NEW.enrollment_id "
                "WHERE o.id = NEW.repeat_of_id AND made.user_id = asks.user_id))",
                "only a queued job becomes a repeat, and of an output of the same artist",
            ),
            rule(
                "brief_descends_from_ones_own",
                "generation_brief",
                "BEFORE INSERT",
                "NEW.parent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM generation_job j "
                "JOIN access_enrollment made ON made.id = j.enrollment_id "
                "JOIN access_enrollment asks ON asks.id = NEW.enrollment_id "
                "WHERE j.id = NEW.parent_id AND made.user_id = asks.user_id)",
                "a brief descends from a job of the same artist",
            ),
            rule(
                "brief_begins_with_ones_own",
                "generation_brief",
                "BEFORE INSERT",
                "NEW.first_frame_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM generation_firstframe f "
                "JOIN access_enrollment brought ON brought.id = f.enrollment_id "
                "JOIN access_enrollment asks ON asks.id = NEW.enrollment_id "
                "WHERE f.id = NEW.first_frame_id AND brought.user_id = asks.user_id)",
                "a first frame is one that the same artist brought",
            ),
            rule(
                "first_frame_never_changes",
                "generation_firstframe",
                "BEFORE UPDATE",
                "1 = 1",
                "a first frame is replaced by another, never changed",
            ),
        ),
    ]
