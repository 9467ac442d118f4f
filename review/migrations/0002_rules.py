from django.db import migrations

from access.schema import append_only, rule, together

OF_ITS_SUBMISSION = (
    "SELECT 1 FROM review_submission s JOIN access_enrollment e ON e.id = s.enrollment_id "
    "JOIN generation_output o ON o.id = s.output_id WHERE s.id = NEW.submission_id AND o.master_sha256 = NEW.master_sha256"
)
ITS_CLAUSE = (
    "SELECT 1 FROM review_submission s JOIN review_clause c ON c.policy_id = s.policy_id "
    "WHERE s.id = NEW.submission_id AND c.id = NEW.clause_id"
)


class Migration(migrations.Migration):
    dependencies = [("review", "0001_initial"), ("generation", "0002_rules")]

    operations = [
        together(
            *append_only("review_policy"),
            *append_only("review_clause"),
            *append_only("review_opinion"),
            *append_only("review_decision"),
            *append_only("review_withdrawal"),
            rule(
                "submission_is_by_the_artist",
                "review_submission",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM generation_output o JOIN access_enrollment made ON made.id = o.enrollment_id "
                "JOIN access_enrollment asks ON asks.id = NEW.enrollment_id JOIN review_policy p ON p.id = NEW.policy_id "
                "WHERE o.id = NEW.output_id AND asks.user_id = made.user_id AND asks.program_id = NEW.program_id "
                "AND o.program_id = NEW.program_id AND p.program_id = NEW.program_id)",
                "artists submit what they made, in its program, under its policy",
            ),
            rule(
                "submission_moves_forward",
                "review_submission",
                "BEFORE UPDATE",
                "NEW.output_id <> OLD.output_id OR NEW.enrollment_id <> OLD.enrollment_id OR NEW.policy_id <> OLD.policy_id "
                "OR NEW.round < OLD.round OR NEW.fence < OLD.fence OR (OLD.state = 'withdrawn' AND NEW.state <> 'withdrawn')",
                "a submission keeps its output, and what is withdrawn stays withdrawn",
            ),
            rule(
                "opinion_is_under_the_policy",
                "review_opinion",
                "BEFORE INSERT",
                f"NEW.clause_id IS NOT NULL AND NOT EXISTS ({ITS_CLAUSE})",
                "the clause belongs to the policy of the submission",
            ),
            rule(
                "decision_is_under_the_policy",
                "review_decision",
                "BEFORE INSERT",
                f"NEW.clause_id IS NOT NULL AND NOT EXISTS ({ITS_CLAUSE})",
                "the clause belongs to the policy of the submission",
            ),
            rule(
                "opinion_is_on_the_bytes",
                "review_opinion",
                "BEFORE INSERT",
                f"NOT EXISTS ({OF_ITS_SUBMISSION} AND EXISTS (SELECT 1 FROM generation_rendition r "
                "WHERE r.output_id = o.id AND r.sha256 = NEW.shown_sha256))",
                "an opinion names the master and a rendition of it",
            ),
            rule(
                "nobody_judges_their_own_output",
                "review_opinion",
                "BEFORE INSERT",
                f"EXISTS ({OF_ITS_SUBMISSION} AND e.user_id = NEW.reviewer_id)",
                "the artist has no opinion on their own output",
            ),
            rule(
                "decision_is_on_the_bytes",
                "review_decision",
                "BEFORE INSERT",
                f"NOT EXISTS ({OF_ITS_SUBMISSION} AND e.user_id = NEW.artist_id)",
                "a decision names the artist and the master",
            ),
            rule(
                "undo_before_it_takes_effect",
                "review_withdrawal",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM review_decision d WHERE d.id = NEW.decision_id AND d.effective_at > NEW.withdrawn_at)",
                "an effective decision is overturned, not undone",
            ),
            rule(
                "share_binds_to_an_approval",
                "review_share",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM review_decision d JOIN review_submission s ON s.id = d.submission_id "
                "WHERE d.id = NEW.decision_id AND d.verdict = 'approved' AND d.master_sha256 = NEW.master_sha256 "
                "AND s.output_id = NEW.output_id)",
                "a share needs an approval of exactly these bytes",
            ),
            rule(
                "share_never_swaps_its_bytes",
                "review_share",
                "BEFORE UPDATE",
                "NEW.decision_id <> OLD.decision_id OR NEW.output_id <> OLD.output_id OR NEW.master_sha256 <> OLD.master_sha256 "
                "OR NEW.token <> OLD.token OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL)",
                "a share keeps its bytes, and once revoked stays revoked",
            ),
            rule(
                "red_team_outputs_are_never_shared",
                "review_share",
                "BEFORE INSERT",
                "EXISTS (SELECT 1 FROM generation_output o JOIN access_enrollment e ON e.id = o.enrollment_id "
                "JOIN access_cohort c ON c.id = e.cohort_id WHERE o.id = NEW.output_id AND c.kind = 'red_team')",
                "outputs of a red team cannot be shared",
            ),
        )
    ]
