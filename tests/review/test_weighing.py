"""Rules raise the scrutiny of a submission; nothing lowers it, and nothing is switched on untried."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError

from access import clock
from access.refusals import NotAllowed
from review import claiming, ruling, weighing
from review.models import Look, RiskRule, Submission
from review.refusals import RuleNameTaken, RuleOn, RuleUntried
from review.weighing import Weight
from tests import make
from tests.review.cast import At, Cast


def rule(cast: Cast, words: str = "knife\nbare hands", **facts: object) -> RiskRule:
    given = {"name": f"Rule {make.number()}", "category": "violence", "band": 2, "made_at": clock.now(), **facts}
    return RiskRule.objects.create(program=cast.program, words=words, **given)


def switched_on(cast: Cast, words: str = "knife", **facts: object) -> RiskRule:
    made, lead = rule(cast, words, **facts), make.lead(program=cast.program)
    return ruling.switch_on(ruling.try_rule(made, by=lead), by=lead)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A KNIFE.", ["knife"]),
        ("knives, knifed", []),
        ("with his bare   hands", []),
        ("with his bare hands and a knife", ["knife", "bare hands"]),
        ("The knife’s edge", ["knife"]),
        ("", []),
    ],
)
def test_whole_words_whatever_their_case(cast: Cast, text: str, found: list[str]) -> None:
    assert weighing.hits(rule(cast), weighing.folded([text])) == found


def test_a_rule_that_is_on_raises_band_and_people_and_says_why(cast: Cast) -> None:
    made = switched_on(cast, two_people=True)
    asked = cast.submission(title="The Knife")
    assert (asked.risk_band, asked.people, cast.look(asked).rank) == (2, 2, 2)
    assert [(flag.category, flag.said_by) for flag in asked.flags.all()] == [("violence", f"rule {made.name}")]


def test_the_statement_is_read_and_the_credit_is_not(cast: Cast) -> None:
    switched_on(cast)
    assert cast.submission(statement="It is a knife.").risk_band == 2
    assert cast.submission(credit="K. Knife").risk_band == 0


@pytest.mark.parametrize("category", ["real_person", "minors", "known_bad"])
def test_some_categories_always_need_two(cast: Cast, category: str) -> None:
    switched_on(cast, category=category)
    assert cast.submission(title="A knife").people == 2


def test_rules_that_are_off_or_elsewhere_say_nothing(cast: Cast) -> None:
    rule(cast)
    off, lead = switched_on(cast), make.lead(program=cast.program)
    ruling.switch_off(off, by=lead)
    elsewhere = make.program()
    RiskRule.objects.create(
        program=elsewhere, name="There", words="knife", category="violence", band=3, made_at=clock.now(),
        tried_at=clock.now(), switched_on_at=clock.now(),
    )  # fmt: skip
    assert cast.submission(title="A knife").risk_band == 0


def test_a_deadline_is_that_of_the_band(cast: Cast) -> None:
    switched_on(cast, band=3)
    asked = cast.submission(title="A knife")
    assert asked.due_at - asked.submitted_at == timedelta(hours=24)


def test_a_trial_counts_the_last_thirty_days_of_the_program(cast: Cast, at: At) -> None:
    start = clock.now()
    cast.submission(title="An old knife")
    at(start + timedelta(days=31))
    caught, _other = cast.submission(title="A new knife"), cast.submission()
    elsewhere = make.program()
    make.policy(elsewhere)
    cast.submission(make.output(enrollment=make.artist(program=elsewhere)), title="A knife")
    tried = ruling.try_rule(rule(cast), by=make.lead(program=cast.program)).tried
    assert (tried["submissions"], tried["hits"], tried["some"]) == (2, 1, [str(caught.pk)])


def test_untried_or_reworded_it_is_not_switched_on(cast: Cast) -> None:
    made, lead = rule(cast), make.lead(program=cast.program)
    with pytest.raises(RuleUntried):
        ruling.switch_on(made, by=lead)
    ruling.try_rule(made, by=lead)
    RiskRule.objects.filter(pk=made.pk).update(words="spoon")
    with pytest.raises(RuleUntried):
        ruling.switch_on(made, by=lead)


def test_it_can_be_tried_again_when_it_is_off_again(cast: Cast, at: At) -> None:
    made, lead = switched_on(cast), make.lead(program=cast.program)
    at(clock.now() + timedelta(days=1))
    with pytest.raises(RuleOn):
        ruling.try_rule(made, by=lead)
    ruling.switch_off(made, by=lead)
    assert not ruling.try_rule(made, by=lead).is_on
    assert ruling.switch_on(made, by=lead).is_on


def test_only_leads(cast: Cast) -> None:
    made = rule(cast)
    for verb in (ruling.try_rule, ruling.switch_on, ruling.switch_off):
        with pytest.raises(NotAllowed):
            verb(made, by=cast.reviewer)


# --- what is found later -------------------------------------------------------------------------------------------


def minors() -> Weight:
    found = Weight()
    found.add("minors", "signal faces 1", band=3)
    return found


def test_what_is_found_later_raises_what_waits(cast: Cast) -> None:
    asked = cast.submission()
    assert weighing.raise_scrutiny(asked, minors())
    asked.refresh_from_db()
    assert (asked.risk_band, asked.people, cast.look(asked).rank) == (3, 2, 3)
    assert weighing.raise_scrutiny(asked, Weight()), "nothing lowers it"
    asked.refresh_from_db()
    assert (asked.risk_band, asked.people) == (3, 2)


def test_found_while_it_is_in_hand_two_decide(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    weighing.raise_scrutiny(held.submission, minors())
    assert cast.approve(held) is None
    assert cast.approve(cast.claim(held.submission, by=cast.rival)).second


def test_it_leaves_what_is_overdue_in_front_and_what_is_decided_alone(cast: Cast) -> None:
    late = cast.submission()
    Look.objects.update(rank=Look.OVERDUE)
    weighing.raise_scrutiny(late, minors())
    assert cast.look(late).rank == Look.OVERDUE
    decision = cast.approval()
    assert not weighing.raise_scrutiny(decision.submission, minors())
    assert Submission.objects.get(pk=decision.submission_id).people == 1


def test_once_it_is_flagged_whoever_opted_out_is_passed_by(cast: Cast) -> None:
    asked = cast.submission()
    cast.reviewer.opt_outs.create(category="minors", since=clock.now())
    weighing.raise_scrutiny(asked, minors())
    assert claiming.claim_next(cast.reviewer, program=cast.program) is None
    assert claiming.claim_next(cast.rival, program=cast.program)


@pytest.mark.parametrize(
    ("words", "prompt"),
    [("café", "by the sea, a CAFE"), ("Cafe", "un café"), ("e\u0301te\u0301", "l'ÉTÉ"), ("naive", "so naïve"),
     ("ångström", "one ANGSTROM"), ("fish", "one ﬁsh"), ("straße", "die STRASSE")],
)  # fmt: skip
def test_accents_and_capitals_are_read_over_on_both_sides(words: str, prompt: str) -> None:
    assert weighing.hits(RiskRule(words=words), weighing.folded([prompt]))
    assert not weighing.hits(RiskRule(words=words), weighing.folded([f"{prompt}s"]))


def test_only_a_name_that_is_taken_is_called_so(cast: Cast) -> None:
    lead, wording = make.lead(program=cast.program), ruling.Wording("Knives", "knife", "violence")
    ruling.write_rule(cast.program, wording=wording, by=lead)
    with pytest.raises(RuleNameTaken):
        ruling.write_rule(cast.program, wording=wording, by=lead)
    with pytest.raises(IntegrityError, match="risk_rule_band_known"):
        ruling.write_rule(cast.program, wording=replace(wording, name="Other", band=7), by=lead)
