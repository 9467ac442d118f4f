"""How much scrutiny a submission needs: a risk band, categories, one person or two. Rules only raise it."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from access import audit, clock
from access.models import Program
from access.text import fold
from review.models import Category, Flag, RiskRule, Signal, Submission

ALWAYS_TWO = (Category.REAL_PERSON, Category.MINORS, Category.KNOWN_BAD)  # whoever finds them, two people decide

# What a signal makes of a submission: the category it falls under, and the risk band that it has at least.
RAISES = {
    Signal.Kind.KNOWN_BAD: (Category.KNOWN_BAD, 3),
    Signal.Kind.LIKE_REJECTED: (Category.OTHER, 2),
    Signal.Kind.FLASHING: (Category.FLASHING, 1),
}


@dataclass
class Weight:
    """What the rules and signals say together."""

    band: int = 0
    people: int = 1
    flags: set[tuple[str, str]] = field(default_factory=set)  # category and what said so

    def add(self, category: str, said_by: str, *, band: int, two_people: bool = False) -> None:
        """Raise the scrutiny; nothing lowers it."""
        self.flags.add((category, said_by))
        self.band = max(self.band, band)
        if two_people or category in ALWAYS_TWO:
            self.people = 2


def weigh(program: Program, words: Iterable[str]) -> Weight:
    """What the program's rules that are switched on say of a prompt, a title and a statement."""
    weight, text = Weight(), folded(words)
    for rule in RiskRule.objects.filter(program=program, switched_off_at=None, switched_on_at__isnull=False):
        if hits(rule, text):
            weight.add(rule.category, f"rule {rule.name}", band=rule.band, two_people=rule.two_people)
    return weight


def folded(words: Iterable[str]) -> str:
    """Words as the rules read them."""
    return _plain("\n".join(words))


def _plain(text: str) -> str:
    """Without case and without accents, also of letters that are one with them: "É" is "e", "ﬁ" is "fi"."""
    apart = unicodedata.normalize("NFKD", fold(text))
    return fold("".join(character for character in apart if not unicodedata.combining(character)))


def hits(rule: RiskRule, text: str) -> list[str]:
    """The rule's words and phrases that are in a folded text as whole words."""
    phrases = [_plain(" ".join(line.split())) for line in rule.words.splitlines() if line.strip()]
    return [phrase for phrase in phrases if re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text)]


def words_of(submission: Submission) -> list[str]:
    """All that a rule reads of a submission."""
    brief = submission.output.job.brief
    return [brief.prompt, submission.title, submission.statement]


def flag(submission: Submission, weight: Weight, at: datetime) -> None:
    """Keep what raised the scrutiny."""
    rows = [
        Flag(submission=submission, category=category, said_by=said_by, raised_at=at)
        for category, said_by in sorted(weight.flags)
    ]
    if rows:
        Flag.objects.bulk_create(rows, ignore_conflicts=True)


def raise_scrutiny(submission: Submission, weight: Weight) -> bool:
    """Raise the scrutiny of a waiting submission, e.g. by what signals found after it was sent; whether it waited."""
    with audit.recorded():
        locked = Submission.objects.waiting().select_for_update(of=("self",), no_key=True).select_related("program")
        found = locked.filter(pk=submission.pk).first()
        if found is None:
            return False
        now = clock.now()
        band, people = max(found.risk_band, weight.band), max(found.people, weight.people)
        Submission.objects.filter(pk=found.pk).update(risk_band=band, people=people)
        found.looks.waiting().filter(rank__lt=band).update(rank=band)
        flag(found, weight, now)
        facts = {"band": band, "people": people, "said_by": sorted(said for _category, said in weight.flags)}
        audit.trace("raise_scrutiny", program=found.program, at=now, actor=None, subject=found, facts=facts)
    return True
