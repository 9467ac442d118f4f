from django.db import migrations

from access.schema import rule, together


class Migration(migrations.Migration):
    """A no says what its last opinion said, to the letter; and nobody breaks the claim on somebody's clip whom they
    must not judge."""

    dependencies = [("review", "0024_machines_first"), ("access", "0008_append_in_one_statement")]

    operations = [
        together(
            rule(
                "decision_repeats_its_reasons",
                "review_decision",
                "BEFORE INSERT",
                "NEW.verdict <> 'approved' AND EXISTS (SELECT 1 FROM review_opinion p "
                "WHERE p.id = COALESCE(NEW.tie_break_id, NEW.second_id, NEW.first_id) AND p.verdict = NEW.verdict "
                "AND (p.clause_id <> NEW.clause_id OR p.words <> NEW.words "
                "OR p.from_ms <> NEW.from_ms OR p.to_ms <> NEW.to_ms))",
                "a no has the clause, the words and the range of the last opinion that it cites",
            ),
            rule(
                "claim_is_broken_by_somebody_impartial",
                "review_claim",
                "BEFORE UPDATE",
                "NEW.broken_by_id IS NOT NULL AND NEW.released_at IS NOT NULL "
                "AND (OLD.broken_by_id IS NULL OR OLD.released_at IS NULL) AND EXISTS "
                "(SELECT 1 FROM review_look l JOIN access_conflict c ON c.program_id = l.program_id "
                "AND c.artist_id = l.artist_id AND c.judge_id = NEW.broken_by_id "
                "WHERE l.id = NEW.look_id AND (c.ends_at IS NULL OR c.ends_at > NEW.released_at))",
                "whoever must not judge an artist breaks no claim on what they made",
            ),
        ),
    ]
