from django.db import migrations

from access.schema import rule, together


class Migration(migrations.Migration):
    """What matches a known-bad hash is decided by two, also before anybody has drawn the consequence of the match."""

    dependencies = [("review", "0018_whole_verdicts")]

    operations = [
        together(
            rule(
                "known_bad_is_decided_by_two",
                "review_decision",
                "BEFORE INSERT",
                "NEW.overturns_id IS NULL AND NEW.second_id IS NULL AND EXISTS (SELECT 1 FROM review_submission s "
                "JOIN review_signal g ON g.output_id = s.output_id JOIN review_bankentry e ON e.id = g.entry_id "
                "WHERE s.id = NEW.submission_id AND g.kind = 'known_bad' AND e.removed_at IS NULL)",
                "what matches a known-bad hash is decided by two",
            ),
        ),
    ]
