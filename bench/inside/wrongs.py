"""What must never be, counted from the rows that a crowd of reviewers leaves behind, in plain sets."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from access.models import Conflict
from review.models import Claim, Critique, Decision, Flag, Look, Opinion, OptOut, Skip, Submission


def counted() -> dict[str, int]:
    return {
        "handed_to_two": handed_to_two(),
        "decided_twice": Decision.objects.count() - Decision.objects.values("submission").distinct().count(),
        "by_too_few": by_too_few(),
        "lost": lost(),
        "must_not": must_not(),
    }


def handed_to_two() -> int:
    """Claims on one look whose times overlap."""
    spans: dict[UUID, list[tuple[datetime, datetime]]] = defaultdict(list)
    for look, start, until, released in Claim.objects.order_by("look", "fence").values_list(
        "look", "claimed_at", "leased_until", "released_at"
    ):
        spans[look].append((start, min(filter(None, (until, released)))))
    return sum(after[0] < before[1] for claims in spans.values() for before, after in pairwise(claims))


def by_too_few() -> int:
    """Decisions of one person on what two must decide."""
    critical = set(Critique.objects.values_list("submission", flat=True))
    wrong = 0
    for decision in Decision.objects.select_related("submission", "first", "second", "tie_break"):
        two = decision.submission.people == 2 or (decision.submission_id in critical and not decision.is_approval)
        wrong += two and len({opinion.reviewer_id for opinion in decision.opinions}) < 2
    return wrong


def lost() -> int:
    """Submissions that wait and that nobody was given, though no lead is asked for."""
    for_leads = Look.objects.waiting().filter(for_leads=True).values("submission")
    return Submission.objects.waiting().exclude(pk__in=for_leads).count()


def must_not() -> int:
    """Claims of people who must never have had them."""
    against = set(Conflict.objects.values_list("judge", "artist"))
    skipped = {(look, who): at for look, who, at in Skip.objects.values_list("look", "reviewer", "skipped_at")}
    said = {(what, who): at for what, who, at in Opinion.objects.values_list("submission", "reviewer", "given_at")}
    shunned = _shunned()
    return sum(
        claim.reviewer_id == claim.look.artist_id
        or (claim.reviewer_id, claim.look.artist_id) in against
        or (claim.submission_id, claim.reviewer_id) in shunned
        or claim.claimed_at > skipped.get((claim.look_id, claim.reviewer_id), claim.claimed_at)
        or claim.claimed_at > said.get((claim.submission_id, claim.reviewer_id), claim.claimed_at)
        for claim in Claim.objects.select_related("look")
    )


def _shunned() -> set[tuple[UUID, UUID]]:
    """Submissions with a category that a reviewer opted out of, with that reviewer."""
    out = OptOut.objects.values_list("reviewer", "category")
    return {
        (submission, reviewer)
        for reviewer, category in out
        for submission in Flag.objects.filter(category=category).values_list("submission", flat=True)
    }
