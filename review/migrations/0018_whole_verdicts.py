from django.db import migrations, models

from access.schema import rule, together

PART_ELSEWHERE = (
    "(EXISTS (SELECT 1 FROM review_opinion p WHERE p.submission_id = l.submission_id AND p.reviewer_id = NEW.answered_by_id "
    "AND (p.round = l.round OR l.kind IN ('appeal', 'qa', 'golden'))) "
    "OR (l.kind NOT IN ('first', 'golden') AND EXISTS (SELECT 1 FROM review_escalation x "
    "JOIN review_look xl ON xl.id = x.look_id WHERE xl.submission_id = l.submission_id AND xl.id <> l.id "
    "AND x.answered_by_id = NEW.answered_by_id)))"
)
AGAINST_THEM = (
    "EXISTS (SELECT 1 FROM access_conflict c WHERE c.program_id = l.program_id AND c.judge_id = NEW.answered_by_id "
    "AND c.artist_id = l.artist_id AND (c.ends_at IS NULL OR c.ends_at > NEW.answered_at))"
)
BEYOND_THE_END = (
    "NEW.to_ms IS NOT NULL AND EXISTS (SELECT 1 FROM review_submission s JOIN generation_output o ON o.id = s.output_id "
    "WHERE s.id = NEW.submission_id AND NEW.to_ms > o.frames * 1000.0 / o.frame_rate + 1)"
)
OF_KIND = "SELECT 1 FROM review_opinion c WHERE c.id = {which} AND c.kind = {kind}"
UNRESERVED = "NEW.kind = 'golden' AND NEW.state = 'waiting' AND NEW.reserved_for_id IS NULL"


class Migration(migrations.Migration):
    """Each approval says for whom and from when on, and the decision is no wider than any that it cites; and what else
    about verdicts, appeals and questions only the verbs knew."""

    dependencies = [("review", "0017_advances")]

    operations = [
        migrations.AddField(
            model_name="opinion",
            name="audience",
            field=models.CharField(
                blank=True, choices=[("public", "Public"), ("link", "Link")], max_length=6, null=True
            ),
        ),
        migrations.AddField(
            model_name="opinion", name="embargo_until", field=models.DateTimeField(blank=True, null=True)
        ),
        together(
            rule(
                "opinion_says_for_whom",
                "review_opinion",
                "BEFORE INSERT",
                "(NEW.verdict = 'approved' AND COALESCE(NEW.audience, '') NOT IN ('public', 'link')) "
                "OR (NEW.verdict <> 'approved' AND (NEW.audience IS NOT NULL OR NEW.embargo_until IS NOT NULL))",
                "a yes says for whom it holds, a no holds for nobody",
            ),
            rule(
                "opinion_range_lies_within_its_clip",
                "review_opinion",
                "BEFORE INSERT",
                BEYOND_THE_END,
                "a range is of the clip",
            ),
            rule(
                "appeal_is_answered_with_yes_or_no",
                "review_opinion",
                "BEFORE INSERT",
                "NEW.kind = 'appeal' AND NEW.verdict = 'changes' AND EXISTS "
                "(SELECT 1 FROM review_appeal a WHERE a.look_id = NEW.look_id AND NOT a.is_critique)",
                "an appeal ends with a yes or a no",
            ),
            rule(
                "decision_is_as_narrow_as_its_opinions",
                "review_decision",
                "BEFORE INSERT",
                "(NEW.verdict <> 'approved' AND (NEW.audience <> 'public' OR NEW.embargo_until IS NOT NULL)) "
                "OR (NEW.verdict = 'approved' AND EXISTS (SELECT 1 FROM review_opinion c WHERE c.verdict = 'approved' "
                "AND c.id IN (NEW.first_id, NEW.second_id, NEW.tie_break_id) AND ((c.audience = 'link' "
                "AND NEW.audience <> 'link') OR (c.embargo_until IS NOT NULL "
                "AND (NEW.embargo_until IS NULL OR NEW.embargo_until < c.embargo_until)))))",
                "an approval is no wider than any that it cites, and a no has neither audience nor embargo",
            ),
            rule(
                "decision_range_lies_within_its_clip",
                "review_decision",
                "BEFORE INSERT",
                BEYOND_THE_END,
                "a range is of the clip",
            ),
            rule(
                "decision_cites_each_in_its_place",
                "review_decision",
                "BEFORE INSERT",
                "NOT EXISTS ("
                + OF_KIND.format(
                    which="NEW.first_id", kind="CASE WHEN NEW.overturns_id IS NULL THEN 'first' ELSE 'appeal' END"
                )
                + ") OR (NEW.second_id IS NOT NULL AND (NEW.overturns_id IS NOT NULL OR NOT EXISTS ("
                + OF_KIND.format(which="NEW.second_id", kind="'second'")
                + "))) OR (NEW.tie_break_id IS NOT NULL AND (NEW.second_id IS NULL OR NOT EXISTS ("
                + OF_KIND.format(which="NEW.tie_break_id", kind="'tie_break'")
                + ")))",
                "a decision cites a first, a second and a third opinion, or the one that settles an appeal",
            ),
            rule(
                "decision_overturns_one_of_its_round",
                "review_decision",
                "BEFORE INSERT",
                "NEW.overturns_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM review_decision d "
                "WHERE d.id = NEW.overturns_id AND d.submission_id = NEW.submission_id AND d.round = NEW.round)",
                "a decision takes the place of one on the same submission and round",
            ),
            rule(
                "appeal_begins_open",
                "review_appeal",
                "BEFORE INSERT",
                "NEW.state <> 'open'",
                "an appeal is opened before it is settled",
            ),
            rule(
                "appeal_is_settled_by_its_look",
                "review_appeal",
                "BEFORE UPDATE",
                "NEW.opinion_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM review_opinion p WHERE p.id = NEW.opinion_id "
                "AND p.look_id = NEW.look_id "
                "AND NEW.state = CASE p.verdict WHEN 'approved' THEN 'overturned' ELSE 'upheld' END)",
                "what settles an appeal is the opinion given on its look",
            ),
            rule(
                "question_is_answered_by_somebody_else",
                "review_escalation",
                "BEFORE UPDATE",
                "NEW.answered_by_id IS NOT NULL AND EXISTS (SELECT 1 FROM review_look l WHERE l.id = NEW.look_id "
                "AND (l.artist_id = NEW.answered_by_id OR "
                f"{AGAINST_THEM} OR {PART_ELSEWHERE}))",
                "whoever made the clip, has a conflict or had part elsewhere does not tell how to judge it",
            ),
            rule(
                "claim_is_broken_by_somebody_else",
                "review_claim",
                "BEFORE UPDATE",
                "NEW.broken_by_id IS NOT NULL AND EXISTS "
                "(SELECT 1 FROM review_look l WHERE l.id = NEW.look_id AND l.artist_id = NEW.broken_by_id)",
                "whoever made the clip takes it out of nobody's hands",
            ),
            rule(
                "golden_look_begins_reserved",
                "review_look",
                "BEFORE INSERT",
                UNRESERVED,
                "a look at a known answer is for one reviewer",
            ),
            rule(
                "golden_look_stays_reserved",
                "review_look",
                "BEFORE UPDATE",
                UNRESERVED,
                "a look at a known answer is for one reviewer",
            ),
        ),
    ]
