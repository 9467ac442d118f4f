from django.db import migrations

from access.schema import rule, together


class Migration(migrations.Migration):
    """For ten minutes after a clip was sent, nobody approves alone what no machine has looked at."""

    dependencies = [("review", "0023_sheets_unread")]

    operations = [
        together(
            rule(
                "machines_look_before_one_approves",
                "review_decision",
                "BEFORE INSERT",
                "NEW.verdict = 'approved' AND NEW.overturns_id IS NULL AND NEW.second_id IS NULL AND EXISTS "
                "(SELECT 1 FROM review_submission s WHERE s.id = NEW.submission_id "
                "AND SECONDS(s.submitted_at, NEW.decided_at) < 599 AND NOT EXISTS "
                "(SELECT 1 FROM review_examination m WHERE m.output_id = s.output_id AND m.trouble = ''))",
                "one person approves what a machine has looked at, or could have for ten minutes",
            ),
        ),
    ]
