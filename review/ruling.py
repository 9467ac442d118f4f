"""Leads write the rules that raise scrutiny, try them on what was submitted lately, and switch them on and off.

A rule changes only while it is off, and what is switched on is what was tried: each verb looks at the row under its
lock, so of two leads at once one is refused.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from access import audit, clock
from access.models import Program, User
from access.refusals import NotAllowed
from review import policies, weighing
from review.models import RiskRule, Submission
from review.refusals import RuleNameTaken, RuleOn, RuleUntried

TRIAL = timedelta(days=30)
SOME = 20  # of the hits, to look at


@dataclass(frozen=True)
class Wording:
    """What a rule says: words, one or a phrase a line, and what follows where they are found."""

    name: str
    words: str
    category: str
    band: int = 1
    two_people: bool = False


def write_rule(program: Program, *, wording: Wording, by: User) -> RiskRule:
    """A new rule, which is off.

    Raises:
        NotAllowed: not a lead of the program. RuleNameTaken.
    """
    if not policies.may_lead(by, program):
        raise NotAllowed
    with audit.recorded():
        now = clock.now()
        rule = RiskRule(program=program, made_by=by, made_at=now)
        _save(rule, wording)
        _trace("write_rule", rule, by, now, _facts(rule))
    return rule


def change_rule(rule: RiskRule, *, wording: Wording, by: User) -> RiskRule:
    """Word a rule anew while it is off. With other words it has to be tried again.

    Raises:
        NotAllowed: not a lead of the program. RuleOn. RuleNameTaken.
    """
    with audit.recorded():
        found = _locked(rule, by)
        if found.is_on:
            raise RuleOn
        before = _facts(found)
        _save(found, wording)
        _trace("change_rule", found, by, clock.now(), _facts(found) | {"before": before})
    return found


def _save(rule: RiskRule, wording: Wording) -> None:
    for name, said in vars(wording).items():
        setattr(rule, name, said)
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError:
        if not RiskRule.objects.filter(program=rule.program, name=rule.name).exclude(pk=rule.pk).exists():
            raise  # another rule of the schema said no
        raise RuleNameTaken from None


def _facts(rule: RiskRule) -> dict[str, object]:
    return {"category": rule.category, "band": rule.band, "two_people": rule.two_people}


def _trace(act: str, rule: RiskRule, by: User, at: datetime, facts: dict[str, object]) -> None:
    """Into the record, with name and words as they are now: they may name people, so they can be erased."""
    private = f"{rule.name}\n{rule.words}"
    audit.trace(act, program=rule.program, at=at, actor=by, subject=rule, facts=facts, private=private)


def _locked(rule: RiskRule, by: User) -> RiskRule:
    if not policies.may_lead(by, rule.program):
        raise NotAllowed
    return RiskRule.objects.select_for_update(of=("self",), no_key=True).select_related("program").get(pk=rule.pk)


def try_rule(rule: RiskRule, *, by: User) -> RiskRule:
    """Count what the rule would have caught in the last thirty days; only then can it be switched on.

    Raises:
        NotAllowed: not a lead of the program.
        RuleOn: it is on, so what it catches is known by its flags.
    """
    with audit.recorded():
        found = _locked(rule, by)
        if found.is_on:
            raise RuleOn
        now = clock.now()
        total, caught = _caught(found, now)
        found.tried = {"submissions": total, "hits": len(caught), "some": caught[:SOME], "words": found.words}
        found.tried_at, found.switched_on_at, found.switched_off_at = now, None, None
        found.save(update_fields=["tried", "tried_at", "switched_on_at", "switched_off_at"])
        _trace("try_rule", found, by, now, _facts(found) | {"submissions": total, "hits": len(caught)})
    return found


def _caught(rule: RiskRule, at: datetime) -> tuple[int, list[str]]:
    """How many were submitted within the trial's days, and which of them the rule would have caught."""
    recent = Submission.objects.filter(program=rule.program, submitted_at__gt=at - TRIAL)
    total, caught = 0, []
    for submission in recent.select_related("output__job__brief").order_by("-submitted_at").iterator():
        total += 1
        if weighing.hits(rule, weighing.folded(weighing.words_of(submission))):
            caught.append(str(submission.pk))
    return total, caught


def samples(rule: RiskRule, reader: User) -> list[tuple[Submission, list[str]]]:
    """Some of what the trial caught, each with the words that it was caught by; a reader's own clips left out."""
    some = Submission.objects.filter(pk__in=rule.tried.get("some", []), program=rule.program)
    shown = some.exclude(enrollment__user=reader).select_related("output__job__brief").order_by("-submitted_at")
    return [(each, weighing.hits(rule, weighing.folded(weighing.words_of(each)))) for each in shown]


def switch_on(rule: RiskRule, *, by: User) -> RiskRule:
    """Let the rule raise the scrutiny of what is submitted from now on.

    Raises:
        NotAllowed: not a lead of the program.
        RuleUntried: never tried, or not with these words.
    """
    with audit.recorded():
        found = _locked(rule, by)
        if found.tried_at is None or found.tried.get("words") != found.words:
            raise RuleUntried
        return found if found.is_on else _switch(found, by, "switch_on", on=True)


def switch_off(rule: RiskRule, *, by: User) -> RiskRule:
    """Let the rule rest; what it raised stays raised.

    Raises:
        NotAllowed: not a lead of the program.
    """
    with audit.recorded():
        found = _locked(rule, by)
        return _switch(found, by, "switch_off", on=False) if found.is_on else found


def _switch(rule: RiskRule, by: User, act: str, *, on: bool) -> RiskRule:
    now = clock.now()
    if on:
        rule.switched_on_at, rule.switched_off_at = now, None
    else:
        rule.switched_off_at = now
    rule.save(update_fields=["switched_on_at", "switched_off_at"])
    _trace(act, rule, by, now, _facts(rule))
    return rule
