"""Rules that raise scrutiny: written, tried, switched on, and never saying no."""

import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from access.models import Entry, User
from access.refusals import NotAllowed
from review import ruling
from review.models import RiskRule
from review.refusals import RuleNameTaken, RuleOn, RuleUntried
from review.ruling import Wording
from tests import make
from tests.review.cast import At, Cast
from tests.review.rows import refused

pytestmark = pytest.mark.django_db

KNIVES = Wording("Knives", "knife\nsharp blade", "violence", band=2)


@pytest.fixture
def lead(cast: Cast) -> User:
    return make.lead(program=cast.program)


@pytest.fixture
def rule(cast: Cast, lead: User) -> RiskRule:
    return ruling.write_rule(cast.program, wording=KNIVES, by=lead)


def read(user: User, name: str, cast: Cast, *args: object) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse(name, args=[cast.program.slug, *args])).content.decode()


def post(user: User, name: str, cast: Cast, /, *args: object, **fields: object) -> HttpResponse:
    client = Client()
    client.force_login(user)
    return client.post(reverse(name, args=[cast.program.slug, *args]), fields, follow=True)  # type: ignore[return-value]


def test_a_rule_from_its_first_word_to_its_first_flag(cast: Cast, lead: User) -> None:
    cast.submission(title="A KNIFE in the drawer")
    cast.submission(title="Knifelike shadows")
    fields = {"name": "Knives", "words": "knife\n\n sharp   blade ", "category": "violence", "band": "2"}
    page = post(lead, "review_rules", cast, **fields).content.decode()
    rule = RiskRule.objects.get()
    assert rule.words == "knife\nsharp blade" and not rule.is_on and "Not tried yet" in page
    assert "Switch it on" not in page
    page = post(lead, "review_rule_try", cast, rule.pk).content.decode()
    assert "caught 1 of 2" in page and "A KNIFE in the drawer" in page and "Knifelike" not in page
    page = post(lead, "review_rule_switch", cast, rule.pk, on="yes").content.decode()
    assert "On since" in page
    caught = cast.submission(title="One more knife")
    assert caught.risk_band == 2 and caught.flags.get().said_by == "rule Knives"
    post(lead, "review_rule_switch", cast, rule.pk, on="no")
    assert cast.submission(title="The last knife").risk_band == 0
    acts = list(Entry.objects.filter(actor=str(lead.pk)).order_by("number").values_list("act", flat=True))
    assert acts == ["write_rule", "try_rule", "switch_on", "switch_off"]


def test_what_is_switched_on_is_what_was_tried(cast: Cast, lead: User, rule: RiskRule) -> None:
    with pytest.raises(RuleUntried):
        ruling.switch_on(rule, by=lead)
    ruling.try_rule(rule, by=lead)
    post(lead, "review_rule", cast, rule.pk, name="Knives", words="the", category="violence", band="3")
    assert "Its words have changed since" in read(lead, "review_rule", cast, rule.pk)
    refused = post(lead, "review_rule_switch", cast, rule.pk, on="yes")
    assert refused.status_code == 403 and "Try the rule on the last thirty days" in refused.content.decode()
    ruling.try_rule(rule, by=lead)
    assert ruling.switch_on(rule, by=lead).is_on


def test_what_is_on_does_not_change(cast: Cast, lead: User, rule: RiskRule) -> None:
    ruling.switch_on(ruling.try_rule(rule, by=lead), by=lead)
    for verb, more in ((ruling.change_rule, {"wording": KNIVES}), (ruling.try_rule, {})):
        with pytest.raises(RuleOn):
            verb(rule, by=lead, **more)  # type: ignore[operator]
    answer = post(lead, "review_rule", cast, rule.pk, name="Knives", words="the", category="violence", band="3")
    assert answer.status_code == 422 and "what is on does not change" in answer.content.decode()
    assert "What is on does not change" in read(lead, "review_rule", cast, rule.pk)


def test_a_rule_can_be_tried_and_switched_on_again(lead: User, rule: RiskRule, at: At) -> None:
    start = rule.made_at
    for hours in (1, 2):
        at(start + timedelta(hours=hours))
        ruling.try_rule(rule, by=lead)
        assert ruling.switch_on(rule, by=lead).is_on
        at(start + timedelta(hours=hours, minutes=30))
        assert not ruling.switch_off(rule, by=lead).is_on
    assert ruling.switch_off(rule, by=lead).switched_off_at == start + timedelta(hours=2, minutes=30), "off is off"


def test_the_trial_reads_thirty_days(cast: Cast, lead: User, rule: RiskRule, at: At) -> None:
    old = cast.submission(title="An old knife")
    at(old.submitted_at + timedelta(days=31))
    cast.submission(title="A new one", statement="It was a SHARP  blade")
    cast.submission(title="Sharp, blade")
    tried = ruling.try_rule(rule, by=lead).tried
    assert (tried["submissions"], tried["hits"]) == (2, 0), "a phrase is found as it is written, one space between"
    cast.submission(title="A sharp blade")
    assert ruling.try_rule(rule, by=lead).tried["hits"] == 1


def test_names_are_taken_once(cast: Cast, lead: User, rule: RiskRule) -> None:
    with pytest.raises(RuleNameTaken):
        ruling.write_rule(cast.program, wording=KNIVES, by=lead)
    fields = {"name": "Knives", "words": "dagger", "category": "violence", "band": "1"}
    answer = post(lead, "review_rules", cast, **fields)
    assert (
        answer.status_code == 422 and "has this name" in answer.content.decode() and "dagger" in answer.content.decode()
    )
    other = ruling.write_rule(cast.program, wording=Wording("Fire", "fire", "other"), by=lead)
    assert post(lead, "review_rule", cast, other.pk, **fields).status_code == 422
    ruling.write_rule(make_elsewhere := make.program(), wording=KNIVES, by=make.lead(program=make_elsewhere))


def test_only_leads_write_rules(cast: Cast, lead: User, rule: RiskRule) -> None:
    for who in (cast.reviewer, cast.artist.user, make.staff(program=cast.program), make.lead(program=make.program())):
        for verb in (ruling.try_rule, ruling.switch_on, ruling.switch_off):
            with pytest.raises(NotAllowed):
                verb(rule, by=who)
        with pytest.raises(NotAllowed):
            ruling.change_rule(rule, wording=KNIVES, by=who)
        with pytest.raises(NotAllowed):
            ruling.write_rule(cast.program, wording=KNIVES, by=who)


def test_a_rule_of_another_program_is_not_there(cast: Cast, lead: User) -> None:
    elsewhere = make.program()
    theirs = ruling.write_rule(elsewhere, wording=KNIVES, by=make.lead(program=elsewhere))
    for name in ("review_rule", "review_rule_try", "review_rule_switch"):
        assert post(lead, name, cast, theirs.pk, on="yes").status_code == 404


def test_the_list_says_what_each_rule_is(cast: Cast, lead: User, rule: RiskRule) -> None:
    page = read(lead, "review_rules", cast)
    assert "Knives" in page and "Off, not tried" in page and "at least high risk" in page
    empty = post(lead, "review_rules", cast, name="Empty", words=" \n ", category="violence", band="1")
    assert empty.status_code == 422


def test_the_record_says_what_a_rule_said_before_and_says_now(cast: Cast, lead: User, rule: RiskRule) -> None:
    said = Wording("Blades", "blade", "hate", band=3, two_people=True)
    ruling.change_rule(rule, wording=said, by=lead)
    ruling.switch_on(ruling.try_rule(rule, by=lead), by=lead)
    entries = {entry.act: entry for entry in Entry.objects.filter(subject=f"riskrule:{rule.pk}")}
    before = {"category": "violence", "band": 2, "two_people": False}
    now = {"category": "hate", "band": 3, "two_people": True}
    assert json.loads(entries["write_rule"].facts) == before
    assert json.loads(entries["change_rule"].facts) == {**now, "before": before}
    assert json.loads(entries["try_rule"].facts) == {**now, "submissions": 0, "hits": 0}
    assert json.loads(entries["switch_on"].facts) == now
    assert entries["write_rule"].private.text == "Knives\nknife\nsharp blade"
    assert {entries[act].private.text for act in ("change_rule", "try_rule", "switch_on")} == {"Blades\nblade"}


@pytest.mark.parametrize("change", [{"words": "fork"}, {"band": 3}, {"category": "hate"}, {"two_people": True}])
def test_the_schema_lets_no_rule_change_while_it_is_on(lead: User, rule: RiskRule, change: dict[str, object]) -> None:
    ruling.switch_on(ruling.try_rule(rule, by=lead), by=lead)
    with transaction.atomic(), refused("risk_rule_changes_while_it_is_off"):
        RiskRule.objects.update(**change)
    ruling.switch_off(rule, by=lead)
    assert RiskRule.objects.update(**change) == 1
