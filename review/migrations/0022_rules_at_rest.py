from django.db import migrations

from access.schema import rule


class Migration(migrations.Migration):
    """What a rule says changes only while it is off: what was tried is what counts."""

    dependencies = [("review", "0021_answers_taken_back")]

    operations = [
        rule(
            "risk_rule_changes_while_it_is_off",
            "review_riskrule",
            "BEFORE UPDATE",
            "OLD.switched_on_at IS NOT NULL AND OLD.switched_off_at IS NULL AND (NEW.program_id <> OLD.program_id "
            "OR NEW.name <> OLD.name OR NEW.words <> OLD.words OR NEW.category <> OLD.category "
            "OR NEW.band <> OLD.band OR NEW.two_people <> OLD.two_people)",
            "a rule that is on is switched off before it changes",
        )
    ]
