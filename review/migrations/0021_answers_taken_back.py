from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from access.schema import rule


def take_back(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """What was taken back before answers nothing any more, and what it was an answer to can be answered."""
    Submission = apps.get_model("review", "Submission")
    for taken_back in Submission.objects.filter(state="withdrawn", answers__isnull=False):
        before = taken_back.answers_id
        Submission.objects.filter(pk=taken_back.pk).update(answers=None)
        Submission.objects.filter(pk=before, state="answered").update(state="decided")


class Migration(migrations.Migration):
    """An answer that its artist took back leaves what it answered open again, for another answer."""

    dependencies = [("review", "0020_appeals_by_day")]

    operations = [
        rule(
            "submission_moves_forward",
            "review_submission",
            "BEFORE UPDATE",
            "NEW.output_id <> OLD.output_id OR NEW.enrollment_id <> OLD.enrollment_id OR NEW.policy_id <> OLD.policy_id "
            "OR NEW.round < OLD.round OR NEW.people < OLD.people OR NEW.risk_band < OLD.risk_band "
            "OR NEW.changes_made < OLD.changes_made OR (OLD.state = 'withdrawn' AND NEW.state <> OLD.state) "
            "OR (OLD.state = 'answered' AND NEW.state <> OLD.state AND (NEW.state <> 'decided' OR EXISTS "
            "(SELECT 1 FROM review_submission a WHERE a.answers_id = OLD.id))) "
            "OR (COALESCE(NEW.answers_id, OLD.answers_id) <> OLD.answers_id) "
            "OR (NEW.answers_id IS NOT NULL AND OLD.answers_id IS NULL) "
            "OR (NEW.answers_id IS NULL AND OLD.answers_id IS NOT NULL AND NEW.state <> 'withdrawn')",
            "a submission keeps its output, its scrutiny never falls, what is withdrawn stays so, and what is answered "
            "stays so while its answer does",
        ),
        migrations.RunPython(take_back, migrations.RunPython.noop),
    ]
