from django.db import migrations

from access.schema import append_only, rule, together


class Migration(migrations.Migration):
    dependencies = [("generation", "0001_initial"), ("access", "0002_rules")]

    operations = [
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
        )
    ]
