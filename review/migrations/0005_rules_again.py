import django.db.models.deletion
from django.db import migrations, models

from access.schema import append_only, rebuilding, rule, together

OF_ITS_SUBMISSION = (
    "SELECT 1 FROM review_submission s JOIN access_enrollment e ON e.id = s.enrollment_id "
    "JOIN generation_output o ON o.id = s.output_id WHERE s.id = NEW.submission_id AND o.master_sha256 = NEW.master_sha256"
)
ITS_CLAUSE = (
    "SELECT 1 FROM review_submission s JOIN review_clause c ON c.policy_id = s.policy_id "
    "WHERE s.id = NEW.submission_id AND c.id = NEW.clause_id"
)
# Whoever gave a binding opinion on the submission, or told somebody how to decide it, had part in its decisions.
HAD_PART = (
    "(EXISTS (SELECT 1 FROM review_opinion p WHERE p.submission_id = NEW.submission_id AND p.reviewer_id = {who} "
    "AND p.kind IN ('first', 'second', 'tie_break')) "
    "OR EXISTS (SELECT 1 FROM review_escalation x JOIN review_look xl ON xl.id = x.look_id "
    "WHERE xl.submission_id = NEW.submission_id AND x.answered_by_id = {who}))"
)
CITED = (
    "SELECT 1 FROM review_opinion c WHERE c.id = {which} AND c.submission_id = NEW.submission_id AND c.round = NEW.round"
)


class Migration(migrations.Migration):
    """0003 rebuilt these tables on SQLite, which drops their triggers; and the rules of what is new."""

    dependencies = [("review", "0004_looks_of_before")]

    operations = [
        *rebuilding(
            migrations.AlterField(
                model_name="claim",
                name="look",
                field=models.ForeignKey(
                    on_delete=django.db.models.deletion.PROTECT, related_name="claims", to="review.look"
                ),
            )
        ),
        together(
            *append_only("review_policy"),
            *append_only("review_clause"),
            *append_only("review_reviewterms"),
            *append_only("review_opinion"),
            *append_only("review_note"),
            *append_only("review_decision"),
            *append_only("review_withdrawal"),
            *append_only("review_flag"),
            *append_only("review_critique"),
            *append_only("review_answer"),
            *append_only("review_skip"),
            *append_only("review_pause"),
            *append_only("review_draw"),
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
                "OR NEW.round < OLD.round OR NEW.people < OLD.people OR NEW.risk_band < OLD.risk_band "
                "OR NEW.changes_made < OLD.changes_made "
                "OR (OLD.state IN ('withdrawn', 'answered') AND NEW.state <> OLD.state)",
                "a submission keeps its output, its scrutiny never falls, and what is withdrawn stays withdrawn",
            ),
            rule(
                "submission_answers_its_own",
                "review_submission",
                "BEFORE INSERT",
                "NEW.answers_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM review_submission b "
                "JOIN access_enrollment eb ON eb.id = b.enrollment_id JOIN access_enrollment en ON en.id = NEW.enrollment_id "
                "WHERE b.id = NEW.answers_id AND eb.user_id = en.user_id AND b.program_id = NEW.program_id "
                "AND NEW.changes_made > b.changes_made)",
                "an answer follows a submission of the same artist, and counts its changes on",
            ),
            rule(
                "look_is_of_its_submission",
                "review_look",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM review_submission s JOIN access_enrollment e ON e.id = s.enrollment_id "
                "WHERE s.id = NEW.submission_id AND s.program_id = NEW.program_id AND e.user_id = NEW.artist_id)",
                "a look names the program and the artist of its submission",
            ),
            rule(
                "look_moves_forward",
                "review_look",
                "BEFORE UPDATE",
                "NEW.submission_id <> OLD.submission_id OR NEW.kind <> OLD.kind OR NEW.round <> OLD.round "
                "OR NEW.artist_id <> OLD.artist_id OR NEW.program_id <> OLD.program_id OR NEW.fence < OLD.fence "
                "OR (OLD.state <> 'waiting' AND NEW.state <> OLD.state)",
                "a look stays what it is, and what is done stays done",
            ),
            rule(
                "claim_is_of_its_look",
                "review_claim",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM review_look l WHERE l.id = NEW.look_id AND l.submission_id = NEW.submission_id "
                "AND l.round = NEW.round AND l.artist_id <> NEW.reviewer_id)",
                "a claim names the submission of its look, and is not the artist's",
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
                "opinion_is_of_its_look",
                "review_opinion",
                "BEFORE INSERT",
                "NEW.look_id IS NULL OR NOT EXISTS (SELECT 1 FROM review_look l JOIN review_claim c ON c.look_id = l.id "
                "WHERE l.id = NEW.look_id AND l.submission_id = NEW.submission_id AND l.round = NEW.round "
                "AND l.kind = NEW.kind AND c.id = NEW.claim_id AND c.reviewer_id = NEW.reviewer_id)",
                "an opinion is given on a look, by whoever claimed it",
            ),
            rule(
                "approval_attests_a_look",
                "review_opinion",
                "BEFORE INSERT",
                "NEW.verdict = 'approved' AND CAST(NEW.attested AS text) = '{}'",
                "an approval says how the clip was looked at",
            ),
            rule(
                "nobody_judges_their_own_output",
                "review_opinion",
                "BEFORE INSERT",
                f"EXISTS ({OF_ITS_SUBMISSION} AND e.user_id = NEW.reviewer_id)",
                "the artist has no opinion on their own output",
            ),
            rule(
                "appeal_goes_to_somebody_else",
                "review_opinion",
                "BEFORE INSERT",
                f"NEW.kind IN ('appeal', 'qa') AND {HAD_PART.format(who='NEW.reviewer_id')}",
                "whoever had part in a decision does not look at its appeal, nor check its quality",
            ),
            rule(
                "note_lies_within_its_clip",
                "review_note",
                "BEFORE INSERT",
                "EXISTS (SELECT 1 FROM review_opinion p JOIN review_submission s ON s.id = p.submission_id "
                "JOIN generation_output o ON o.id = s.output_id "
                "WHERE p.id = NEW.opinion_id AND NEW.to_ms > o.frames * 1000.0 / o.frame_rate + 1)",
                "a note is about a moment of the clip",
            ),
            rule(
                "decision_is_on_the_bytes",
                "review_decision",
                "BEFORE INSERT",
                f"NOT EXISTS ({OF_ITS_SUBMISSION} AND e.user_id = NEW.artist_id)",
                "a decision names the artist and the master",
            ),
            rule(
                "decision_cites_its_round",
                "review_decision",
                "BEFORE INSERT",
                f"NOT EXISTS ({CITED.format(which='NEW.first_id')}) "
                f"OR (NEW.second_id IS NOT NULL AND NOT EXISTS ({CITED.format(which='NEW.second_id')})) "
                f"OR (NEW.tie_break_id IS NOT NULL AND NOT EXISTS ({CITED.format(which='NEW.tie_break_id')}))",
                "a decision cites opinions on its own submission and round",
            ),
            rule(
                "decision_says_what_was_said",
                "review_decision",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM review_opinion p WHERE p.verdict = NEW.verdict "
                "AND p.id = COALESCE(NEW.tie_break_id, NEW.second_id, NEW.first_id))",
                "a decision has the verdict of the last opinion that it cites",
            ),
            rule(
                "two_people_decide_together",
                "review_decision",
                "BEFORE INSERT",
                "NEW.overturns_id IS NULL AND ((NEW.second_id IS NULL AND EXISTS (SELECT 1 FROM review_submission s "
                "WHERE s.id = NEW.submission_id AND (s.people > 1 OR (NEW.verdict <> 'approved' AND EXISTS "
                "(SELECT 1 FROM review_critique k WHERE k.submission_id = s.id))))) "
                "OR (NEW.second_id IS NOT NULL AND EXISTS (SELECT 1 FROM review_opinion a, review_opinion b "
                "WHERE a.id = NEW.first_id AND b.id = NEW.second_id AND (a.reviewer_id = b.reviewer_id "
                "OR (a.verdict <> b.verdict AND NEW.tie_break_id IS NULL)))))",
                "where two are needed two decide, and where they disagree a third does",
            ),
            rule(
                "overturned_by_somebody_else",
                "review_decision",
                "BEFORE INSERT",
                f"NEW.overturns_id IS NOT NULL AND {HAD_PART.format(who='NEW.decided_by_id')}",
                "whoever had part in a decision does not overturn it",
            ),
            rule(
                "undo_before_it_takes_effect",
                "review_withdrawal",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM review_decision d WHERE d.id = NEW.decision_id AND d.effective_at > NEW.withdrawn_at)",
                "an effective decision is overturned, not undone",
            ),
            rule(
                "appeal_ends_for_good",
                "review_appeal",
                "BEFORE UPDATE",
                "NEW.decision_id <> OLD.decision_id OR NEW.look_id <> OLD.look_id OR NEW.words <> OLD.words "
                "OR (OLD.state <> 'open' AND NEW.state <> OLD.state)",
                "an appeal stays what it is, and is settled once",
            ),
            rule(
                "appeal_against_an_effective_no",
                "review_appeal",
                "BEFORE INSERT",
                "NOT EXISTS (SELECT 1 FROM review_decision d JOIN review_look l ON l.id = NEW.look_id "
                "WHERE d.id = NEW.decision_id AND d.verdict <> 'approved' AND d.effective_at <= NEW.opened_at "
                "AND l.submission_id = d.submission_id AND l.kind = 'appeal')",
                "an appeal is against a no that is in effect",
            ),
            rule(
                "escalation_keeps_its_question",
                "review_escalation",
                "BEFORE UPDATE",
                "NEW.look_id <> OLD.look_id OR NEW.asked_by_id <> OLD.asked_by_id OR NEW.question <> OLD.question "
                "OR OLD.answered_at IS NOT NULL",
                "a question is answered once",
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
        ),
    ]
