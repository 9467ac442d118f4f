"""How a reviewer wants to work: which clips begin revealed, what they do not want to see, words they keep at hand."""

from collections.abc import Collection

from django.db.models import Q

from access import audit, clock
from access.models import Program, User
from access.policies import may_review
from access.refusals import NotAllowed, WordsMissing
from review import claiming
from review.models import Claim, Habit, OptOut, Phrase
from review.refusals import PhrasesFull

MOST_PHRASES = 100  # of one reviewer in a program; the review page brings them all


def choose_reveals(reviewer: User, *, bands: Collection[int]) -> Habit:
    """Clips of these risk bands begin revealed for this reviewer; none: all begin veiled. Nobody else is told."""
    made, _is_new = Habit.objects.update_or_create(reviewer=reviewer, defaults={"reveals": sorted(bands)})
    return made


def phrases(reviewer: User, program: Program) -> list[Phrase]:
    """The words that this reviewer keeps at hand in a program, by clause."""
    return list(Phrase.objects.filter(reviewer=reviewer, program=program).order_by("clause_code", "pk"))


def opted_out(reviewer: User) -> set[str]:
    """The categories that this reviewer does not want to see."""
    return set(OptOut.objects.filter(reviewer=reviewer).values_list("category", flat=True))


def choose_opt_outs(reviewer: User, *, categories: Collection[str]) -> None:
    """These categories are not handed to this reviewer from now on, and no others are kept from them.

    It decides what they are handed, so it is in the site's record, the categories among the words that can be erased.
    It needs no reason and is counted against nobody. What they hold of such a category goes back to the queue.
    """
    with audit.recorded():
        User.objects.select_for_update(no_key=True).get(pk=reviewer.pk)  # two forms of one person come one by one
        now, wanted, had = clock.now(), set(categories), opted_out(reviewer)
        if wanted == had:
            return
        OptOut.objects.filter(reviewer=reviewer, category__in=had - wanted).delete()
        OptOut.objects.bulk_create(OptOut(reviewer=reviewer, category=name, since=now) for name in wanted - had)
        _hand_back(reviewer, wanted - had)
        private = ", ".join(sorted(wanted))
        audit.trace("choose_opt_outs", program=None, at=now, actor=reviewer, subject=reviewer, private=private)


def _hand_back(reviewer: User, categories: Collection[str]) -> None:
    """Of what the reviewer holds, or has loaded ahead: what is flagged with one of these."""
    mine = Claim.objects.filter(reviewer=reviewer, released_at=None, submission__flags__category__in=categories)
    held = list(mine.values_list("pk", flat=True).distinct())
    claiming.end_those(Q(pk__in=held) | Q(with_claim__in=held))


def keep_phrase(
    reviewer: User, *, program: Program, clause_code: str, words: str, instead_of: Phrase | None = None
) -> Phrase:
    """Keep words for a clause at hand, in place of an earlier phrase if one is named.

    Raises:
        NotAllowed: not a reviewer of the program, or somebody else's phrase.
        WordsMissing. PhrasesFull: so many are kept already.
    """
    if not may_review(reviewer, program) or (instead_of and instead_of.reviewer_id != reviewer.pk):
        raise NotAllowed
    if not words.strip():
        raise WordsMissing
    said = {"clause_code": clause_code, "words": words.strip(), "saved_at": clock.now()}
    if instead_of:
        Phrase.objects.filter(pk=instead_of.pk).update(**said)
        instead_of.refresh_from_db()
        return instead_of
    if Phrase.objects.filter(reviewer=reviewer, program=program).count() >= MOST_PHRASES:
        raise PhrasesFull
    return Phrase.objects.create(reviewer=reviewer, program=program, **said)


def drop_phrase(phrase: Phrase, *, by: User) -> None:
    """Throw a phrase away. What was said with it stays said.

    Raises:
        NotAllowed: somebody else's phrase.
    """
    if phrase.reviewer_id != by.pk:
        raise NotAllowed
    phrase.delete()
