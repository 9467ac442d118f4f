"""Every rule that the schema says, by name, in the catalogs of the database in use after ``migrate``.

SQLite drops a table's triggers when Django rebuilds the table, silently: this is the test that would say so. The lists
are literal: a rule that is added, renamed or lost shows up here as a change that somebody has to read.
"""

from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from access import clock, halting
from access.consenting import give_consent
from review import claiming, clocks, moderation, publishing, submitting
from review.models import Breach, Deposit, Draw, Examination, Flag, FrameHash, Signal, Statement
from review.verdicts import Remark
from tests import make
from tests.review.cast import At, Cast, make_cast

pytestmark = pytest.mark.django_db
OURS = ("access", "generation", "review")

CONSTRAINTS = {
    "access_agreement": {"agreement_title_in_program"},
    "access_agreementversion": {"agreement_version_number"},
    "access_cohort": {
        "cohort_kind_known",
        "cohort_may_render",
        "cohort_name_in_program",
        "seats_taken_within_capacity",
    },
    "access_conflict": {"conflict_is_between_two"},
    "access_consent": {"consent_purpose_known"},
    "access_credential": {"credential_ends_after_start", "credential_kind_known"},
    "access_enrollment": {"one_live_enrollment"},
    "access_entry": {"entry_number_in_chain"},
    "access_halt": {
        "halt_lifted_after_placed",
        "halt_names_its_scope",
        "halt_says_why",
        "one_open_halt_of_a_cohort",
        "one_open_halt_of_a_program",
        "one_open_halt_of_an_artist",
        "one_open_hold_of_a_credential",
    },
    "access_invitation": {"invitation_accepted_at_an_instant", "invitation_state_known"},
    "access_outbox": {"outbox_kind_known"},
    "access_program": {"program_opens_once_made"},
    "access_role": {"one_live_role_of_a_kind", "role_kind_known"},
    "access_signature": {"signed_once"},
    "access_storedfile": {"stored_file_not_empty"},
    "access_user": {"one_user_per_email"},
    "generation_brief": {
        "brief_asks_for_something",
        "brief_can_be_found",
        "brief_has_a_size",
        "brief_says_how_it_descends",
        "brief_sent_once",
    },
    "generation_collection": {"one_collection_of_a_name"},
    "generation_hanging": {"hangs_once_in_a_collection"},
    "generation_job": {
        "failed_job_says_why",
        "job_state_known",
        "job_step_within_steps",
        "one_job_per_variation",
        "repeat_is_finished",
        "running_job_has_a_lease",
    },
    "generation_pipeline": {"hub_pipeline_names_a_commit", "pipeline_renders_something"},
    "generation_quotaentry": {"quota_kind_known", "spent_and_refunded_once"},
    "generation_rendition": {"one_personal_rendition", "one_shared_rendition", "recipe_known"},
    "generation_tag": {"one_tag_of_a_name"},
    "review_answer": {"one_answer_of_a_round"},
    "review_breach": {"breach_is_seen_once_it_is_late"},
    "review_appeal": {
        "appeal_says_why",
        "appeal_settled_with_an_answer",
        "appeal_state_known",
        "one_appeal_against_a_decision",
    },
    "review_bankentry": {"bank_entry_leaves_afterwards", "bank_entry_says_whence", "one_live_entry_of_a_label"},
    "review_claim": {
        "one_claim_at_a_time",
        "one_claim_in_hand_and_one_ahead",
        "one_claim_per_fence",
        "what_is_ahead_is_not_revealed",
    },
    "review_clause": {"clause_code_in_policy"},
    "review_contest": {"contest_answered_by_somebody", "contest_says_why"},
    "review_decision": {
        "a_decided_no_has_clause_words_and_range",
        "decision_audience_known",
        "decision_takes_effect_afterwards",
        "decision_verdict_known",
        "nobody_decides_on_their_own_output",
        "one_root_decision_of_a_round",
    },
    "review_draft": {"one_draft_of_a_reviewer"},
    "review_escalation": {
        "escalation_answered_by_somebody",
        "escalation_asks_something",
        "one_open_escalation_of_a_look",
    },
    "review_examination": {"examined_once_with_a_bank"},
    "review_exposure": {"one_exposure_a_day"},
    "review_flag": {"flag_category_known", "flag_once"},
    "review_framehash": {"one_hash_of_a_frame", "quality_up_to_100"},
    "review_golden": {"golden_no_has_a_clause", "golden_verdict_known"},
    "review_look": {
        "look_kind_known",
        "look_state_known",
        "one_binding_look_at_a_time",
        "one_look_of_a_kind_and_round",
    },
    "review_note": {"note_ends_after_it_begins", "note_region_within_the_picture", "note_says_something"},
    "review_opinion": {
        "a_no_has_clause_words_and_range",
        "one_opinion_of_a_reviewer",
        "opinion_kind_known",
        "opinion_verdict_known",
    },
    "review_optout": {"one_opt_out_of_a_category", "opt_out_category_known"},
    "review_policy": {"policy_number_in_program"},
    "review_presence": {"one_presence_of_a_reviewer"},
    "review_reviewterms": {
        "review_terms_number_in_program",
        "review_terms_promise_an_answer",
        "review_terms_within_reason",
    },
    "review_riskrule": {
        "risk_rule_band_known",
        "risk_rule_category_known",
        "risk_rule_is_tried_first",
        "risk_rule_name_in_program",
    },
    "review_share": {"one_open_share_of_an_output", "one_share_on_approval", "share_expires_later"},
    "review_signal": {
        "likeness_names_the_other",
        "match_names_its_entry",
        "signal_ends_after_it_begins",
        "signal_kind_known",
    },
    "review_skip": {"one_skip_of_a_reviewer", "skip_says_why"},
    "review_statement": {"statement_is_of_one_thing"},
    "review_submission": {
        "changes_made_twice_at_most",
        "one_submission_of_an_output",
        "submission_band_known",
        "submission_has_a_deadline",
        "submission_needs_one_or_two",
        "submission_state_known",
    },
    "review_visits": {"one_count_of_visits_a_day"},
}

APPEND_ONLY = (
    "access_agreementversion",
    "access_consent",
    "access_entry",
    "access_signature",
    "generation_output",
    "generation_quotaentry",
    "generation_rendition",
    "review_answer",
    "review_breach",
    "review_clause",
    "review_critique",
    "review_decision",
    "review_deposit",
    "review_draw",
    "review_examination",
    "review_flag",
    "review_framehash",
    "review_note",
    "review_opinion",
    "review_pause",
    "review_policy",
    "review_reviewterms",
    "review_signal",
    "review_skip",
    "review_statement",
    "review_withdrawal",
)

TRIGGERS = {
    "access_halt": {"lifted_halt_stays_lifted"},
    "access_signature": {"signature_is_on_the_text"},
    "access_storedfile": {"stored_bytes_never_change"},
    "generation_brief": {"brief_begins_with_ones_own", "brief_descends_from_ones_own"},
    "generation_firstframe": {"first_frame_never_changes"},
    "generation_job": {"ended_job_stays_ended", "repeat_is_known_before_a_render", "repeat_is_of_ones_own"},
    "generation_output": {"output_names_its_master"},
    "generation_rendition": {"rendition_is_of_its_master"},
    "review_appeal": {
        "appeal_against_an_effective_no",
        "appeal_begins_open",
        "appeal_ends_for_good",
        "appeal_is_settled_by_its_look",
    },
    "review_bankentry": {"bank_entry_is_of_its_deposit", "bank_entry_never_goes", "bank_entry_only_leaves"},
    "review_claim": {
        "claim_is_broken_by_somebody_else",
        "claim_is_broken_by_somebody_impartial",
        "claim_is_of_its_look",
    },
    "review_decision": {
        "decision_cites_each_in_its_place",
        "decision_cites_its_round",
        "decision_is_as_narrow_as_its_opinions",
        "decision_is_on_the_bytes",
        "decision_is_under_the_policy",
        "decision_overturns_one_of_its_round",
        "decision_range_lies_within_its_clip",
        "decision_repeats_its_reasons",
        "decision_says_what_was_said",
        "known_bad_is_decided_by_two",
        "machines_look_before_one_approves",
        "overturned_by_somebody_else",
        "two_people_decide_together",
    },
    "review_deposit": {"deposit_is_of_a_decision_in_effect"},
    "review_escalation": {"escalation_keeps_its_question", "question_is_answered_by_somebody_else"},
    "review_look": {
        "golden_look_begins_reserved",
        "golden_look_stays_reserved",
        "look_is_of_its_submission",
        "look_moves_forward",
    },
    "review_note": {"note_lies_within_its_clip"},
    "review_opinion": {
        "appeal_goes_to_somebody_else",
        "appeal_is_answered_with_yes_or_no",
        "approval_attests_a_look",
        "nobody_judges_their_own_output",
        "opinion_is_of_its_look",
        "opinion_is_on_the_bytes",
        "opinion_is_under_the_policy",
        "opinion_range_lies_within_its_clip",
        "opinion_says_for_whom",
    },
    "review_riskrule": {"risk_rule_changes_while_it_is_off"},
    "review_share": {"red_team_outputs_are_never_shared", "share_binds_to_an_approval", "share_never_swaps_its_bytes"},
    "review_statement": {"statement_is_of_what_is_in_effect"},
    "review_submission": {"submission_answers_its_own", "submission_is_by_the_artist", "submission_moves_forward"},
    "review_withdrawal": {"undo_before_it_takes_effect"},
}


def expected_triggers() -> dict[str, set[str]]:
    append_only = {table: {f"{table}_never_changes", f"{table}_never_goes"} for table in APPEND_ONLY}
    tables = append_only.keys() | TRIGGERS.keys()
    return {table: append_only.get(table, set()) | TRIGGERS.get(table, set()) for table in tables}


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def named_in_the_catalog(table: str) -> str:
    """All that the database says about a table's constraints and indexes, as text to look names up in."""
    if connection.vendor == "sqlite":
        found = rows(f"SELECT name, sql FROM sqlite_master WHERE tbl_name = '{table}' AND type IN ('table', 'index')")
    else:
        found = rows(
            f"SELECT conname, '' FROM pg_constraint WHERE conrelid = '{table}'::regclass AND convalidated "
            f"UNION ALL SELECT indexname, '' FROM pg_indexes WHERE tablename = '{table}'"
        )
    return " ".join(f'"{name}" {sql or ""}' for name, sql in found)


def triggers_in_the_catalog() -> dict[str, set[str]]:
    if connection.vendor == "sqlite":
        found = rows("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
    else:
        found = rows(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled = 'O'"
        )
    by_table: dict[str, set[str]] = {}
    for table, name in found:
        by_table.setdefault(table, set()).add(name)
    return by_table


def our_models() -> list[type[models.Model]]:
    return [model for label in OURS for model in apps.get_app_config(label).get_models()]


def test_the_list_of_constraints_is_that_of_the_models() -> None:
    declared = {
        model._meta.db_table: {rule.name for rule in model._meta.constraints}
        for model in our_models()
        if model._meta.constraints
    }
    assert declared == CONSTRAINTS


@pytest.mark.parametrize("table", CONSTRAINTS)
def test_every_constraint_is_in_the_catalog(table: str) -> None:
    catalog = named_in_the_catalog(table)
    assert {name for name in CONSTRAINTS[table] if f'"{name}"' not in catalog} == set()


def test_every_trigger_is_in_the_catalog_and_there_is_no_other() -> None:
    assert triggers_in_the_catalog() == expected_triggers()


def test_a_trigger_that_a_rebuild_dropped_would_be_missed() -> None:
    """The test of the test: take one away, as a rebuilt table on SQLite does."""
    on = " ON access_halt" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER lifted_halt_stays_lifted{on}")
    assert triggers_in_the_catalog() != expected_triggers()


@pytest.fixture
def one_of_each(at: At) -> dict[str, models.Model]:
    """A row in every append-only table, made by the verbs where a verb makes it in a step or two."""
    cast = make_cast()
    elsewhere = make.program()
    make.agreement(program=elsewhere)
    signed = make.artist(program=elsewhere)
    give_consent(signed.user, "training", program=elsewhere, granted=True)
    publishing.publish_terms(cast.program, by=None, hours_low=12)
    moderation.undo(cast.approval(), by=cast.reviewer)
    of_a_journey(cast, at)
    found = {table: kind for kind in our_models() if (table := kind._meta.db_table) in APPEND_ONLY}
    return {table: kind._default_manager.all()[0] for table, kind in found.items()}


def of_a_journey(cast: Cast, at: At) -> None:
    """A clip is passed by, flagged, sent back with a note, answered as critique under a halt, and rejected by two."""
    asked, instant = cast.submission(), clock.now()
    Flag.objects.create(submission=asked, category="violence", said_by="rule Knives", raised_at=instant)
    claiming.skip(cast.claim(asked, by=cast.rival), reason="a friend")
    decision = cast.send_back(cast.claim(asked), remarks=(Remark(0, 10, "here"),))
    at(decision.effective_at)
    halting.lift(halting.halt(cast.program, program=cast.program, by=None, reason="a test"), by=None)
    clocks.apply_pauses()
    submitting.answer(asked, by=cast.artist.user, words="It is a brush.")
    submitting.say_critique(asked, by=cast.artist.user)
    cast.reject(cast.claim(asked))
    rejected = cast.reject(cast.claim(asked, by=make.reviewer(program=cast.program)))
    at(rejected.effective_at)
    facts = {"output": asked.output, "version": 2}
    FrameHash.objects.create(**facts, at_ms=0, quality=99, turned="")
    examined = Examination.objects.create(**facts, examined_at=rejected.effective_at)
    facts |= {"examination": examined, "kind": Signal.Kind.values[-1], "raised_at": rejected.effective_at}
    Signal.objects.create(**facts, recipe="a test", threshold=1, measured=2)
    Deposit.objects.create(decision=rejected, output=asked.output, banked_at=rejected.effective_at)
    Draw.objects.create(decision=rejected, number=0.5, seed="a seed", drawn_at=rejected.effective_at)
    Statement.objects.create(decision=rejected, issued_at=rejected.effective_at)
    look = cast.look(asked)
    Breach.objects.create(look=look, due_at=look.due_at, seen_at=look.due_at)


def test_append_only_tables_refuse_update_and_delete_without_djangos_help(
    one_of_each: dict[str, models.Model],
) -> None:
    assert sorted(one_of_each) == sorted(APPEND_ONLY)
    for table, row in one_of_each.items():
        column = row._meta.pk.column
        key = f"'{row.pk.hex}'" if connection.vendor == "sqlite" and hasattr(row.pk, "hex") else f"'{row.pk}'"
        for sql, name in (
            (f"UPDATE {table} SET {column} = {column} WHERE {column} = {key}", f"{table}_never_changes"),
            (f"DELETE FROM {table} WHERE {column} = {key}", f"{table}_never_goes"),
        ):
            with pytest.raises(IntegrityError, match=name), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
        assert type(row)._default_manager.filter(pk=row.pk).exists()


CASCADES = {
    ("access_person", "user"),  # the person's own words go with them
    ("generation_draft", "enrollment"),
    ("generation_hanging", "collection"),
    ("generation_lane", "enrollment"),
    ("generation_preview", "job"),
    ("generation_star", "output"),
    ("review_presence", "look"),  # who has its page open
}


def test_every_foreign_key_protects_unless_it_is_listed_here() -> None:
    loose = set()
    for model in our_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey) and field.remote_field.on_delete is not models.PROTECT:
                loose.add((model._meta.db_table, field.name))
    assert loose == CASCADES


def test_no_column_fills_its_own_instant() -> None:
    """The clock is asked by the verb, once: no ``auto_now``."""
    dates = [(m, f) for m in our_models() for f in m._meta.get_fields() if isinstance(f, models.DateField)]
    assert dates
    assert [f"{m.__name__}.{f.name}" for m, f in dates if f.auto_now or f.auto_now_add] == []
