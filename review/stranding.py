"""What nobody may take: each binding look that waits and that every reviewer of its program is shut out from.

It would wait for ever in silence, so it stands on the lead's page at once, with why and who could free it, and the
artist's page says so. Who is shut out is asked with the queue's own exclusions, for each reviewer in the place of the
one who asks, but only of suspects: an ordinary look that nothing sets apart is not read, however many of them wait.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access import clock
from access.models import Conflict, Program, Role, User
from access.sql import as_uuid, run
from review.models import Escalation, Look, OptOut, Submission
from review.queueing import BINDING, may_judge

SHOWN = 50  # on the lead's page

# The reviewers of the program, each once, with whether they lead.
_REVIEWERS = """(SELECT r.user_id, EXISTS (SELECT 1 FROM access_role d WHERE d.program_id = r.program_id
        AND d.user_id = r.user_id AND d.revoked_at IS NULL AND d.kind = 'lead') AS is_lead
    FROM access_role r JOIN access_user u ON u.id = r.user_id
    WHERE r.program_id = %(program)s AND r.revoked_at IS NULL AND r.kind IN ('reviewer', 'lead')
        AND u.is_active = %(yes)s GROUP BY r.program_id, r.user_id)"""

# The exclusions of the queue, with each reviewer in the place of the one who asks.
_MAY_EVER = (
    may_judge("p.user_id", leads="p.is_lead")
    + " AND (l.reserved_for_id IS NULL OR l.reserved_until IS NOT NULL OR l.reserved_for_id = p.user_id)"
)

_WAITING = f"l.program_id = %(program)s AND l.state = 'waiting' AND l.kind IN {BINDING}"

# A scalar subquery, as everywhere in the queue: a planner that turns it into a join reads all that waits.
_STRANDED = f"(SELECT 1 FROM {_REVIEWERS} p WHERE {_MAY_EVER} LIMIT 1) IS NULL"  # noqa: S608

_APART = "(l.for_leads = %(yes)s OR l.kind <> 'first' OR (l.reserved_for_id IS NOT NULL AND l.reserved_until IS NULL))"
_SUSPECTS = f"""
    SELECT l.id FROM review_look l WHERE {_WAITING} AND {_APART}
    UNION SELECT l.id FROM review_skip k JOIN review_look kl ON kl.id = k.look_id
    JOIN review_look l ON l.submission_id = kl.submission_id WHERE {_WAITING}"""  # noqa: S608
_OF_ARTISTS = f" UNION SELECT l.id FROM review_look l WHERE {_WAITING} AND l.artist_id IN ({{artists}})"  # noqa: S608
_FLAGGED = f"""
    UNION SELECT l.id FROM review_flag f JOIN review_look l ON l.submission_id = f.submission_id
    WHERE {_WAITING} AND f.category IN ({{categories}})"""  # noqa: S608

_FIND = f"""
WITH suspect AS MATERIALIZED ({{suspects}})
SELECT l.id FROM suspect JOIN review_look l ON l.id = suspect.id WHERE {_STRANDED}
ORDER BY l.rank DESC, l.due_at, l.asked_at, l.id LIMIT %(most)s"""  # noqa: S608

# In a program without reviewers that is all of the queue; its front is shown.
_FIRST = f"""
SELECT l.id FROM review_look l WHERE {_WAITING} ORDER BY l.rank DESC, l.due_at, l.asked_at, l.id LIMIT %(most)s"""  # noqa: S608

_IS = f"SELECT 1 FROM review_look l WHERE l.id = %(look)s AND {_STRANDED}"  # noqa: S608

# Of given looks: what shuts out whom. The order of the columns is that of ``CAUSES``.
_WHY = f"""
SELECT l.id, p.user_id,
    l.artist_id = p.user_id,
    l.for_leads = %(yes)s AND NOT p.is_lead,
    EXISTS (SELECT 1 FROM access_conflict c WHERE c.program_id = l.program_id AND c.judge_id = p.user_id
        AND c.artist_id = l.artist_id AND (c.ends_at IS NULL OR c.ends_at > %(now)s)),
    EXISTS (SELECT 1 FROM review_look kl JOIN review_skip k ON k.look_id = kl.id
        WHERE kl.submission_id = l.submission_id AND k.reviewer_id = p.user_id),
    EXISTS (SELECT 1 FROM review_flag f JOIN review_optout o ON o.category = f.category
        WHERE f.submission_id = l.submission_id AND o.reviewer_id = p.user_id)
FROM review_look l CROSS JOIN {_REVIEWERS} p WHERE l.id IN ({{looks}})
ORDER BY l.id, p.user_id"""  # noqa: S608

CAUSES = ("own", "for_leads", "conflict", "skipped", "opted_out")
HAD_PART = "had_part"  # what is left when nothing else shuts somebody out

SHUT = gettext_lazy("must not get this one")  # what somebody will not see is told to nobody, nor by elimination
WORDS: dict[str, Promise] = {
    "own": gettext_lazy("made it"),
    "for_leads": gettext_lazy("is no lead, and this one is for leads"),
    "conflict": SHUT,
    "skipped": gettext_lazy("passed it by"),
    "opted_out": SHUT,
    HAD_PART: gettext_lazy("had part in it before"),
}


@dataclass
class Stranded:
    """A look that nobody may take, and of each reviewer why not."""

    look: Look
    shut_out: list[tuple[User, str]] = field(default_factory=list)  # who, and one of the causes

    @property
    def reasons(self) -> list[tuple[User, Promise]]:
        return [(who, WORDS[cause]) for who, cause in self.shut_out]

    @property
    def freed_by(self) -> str:
        """Who could free it, and how."""
        if self.look.open_questions:  # type: ignore[attr-defined]  # by the prefetch of ``find``
            return _(
                "A lead who answers the question: it then goes back to whoever asked. Where no lead may, the "
                "program's staff, by making somebody else one."
            )
        if self.look.for_leads:
            return _("The program's staff: by making somebody a lead whom none of this shuts out.")
        return _("The program's staff: by making somebody a reviewer whom none of this shuts out.")


def find(program: Program) -> list[Stranded]:
    """What nobody in the program may take now, in the published order, the first ``SHOWN`` of it."""
    found = _ids(program)
    asked = Prefetch("escalations", Escalation.objects.filter(answered_at=None), to_attr="open_questions")
    looks = Look.objects.select_related("submission", "program").prefetch_related(asked).in_bulk(found)
    causes = _causes(program, found)
    return [Stranded(looks[pk], causes[pk]) for pk in found if pk in looks]


def _ids(program: Program) -> list[uuid.UUID]:
    values = _values(program) | {"most": SHOWN}
    sql, more = _find(program, values["now"]) if has_reviewers(program) else (_FIRST, {})
    return [as_uuid(pk) for (pk,) in run(sql, **values, **more)]


def _find(program: Program, at: datetime) -> tuple[str, dict[str, Any]]:
    """The statement that looks among the suspects alone, and the values that it needs besides."""
    artists, categories = _suspicious(program, at)
    more = _numbered("artist", artists) | _numbered("category", categories)
    suspects = _SUSPECTS
    if artists:
        suspects += _OF_ARTISTS.format(artists=_places("artist", artists))
    if categories:
        suspects += _FLAGGED.format(categories=_places("category", categories))
    return _FIND.format(suspects=suspects), more


def _suspicious(program: Program, at: datetime) -> tuple[list[uuid.UUID], list[str]]:
    """Whose looks, and which flags, may leave an ordinary look to nobody.

    While one reviewer is left who opted out of nothing, who has no conflict with its artist and did not make it, an
    ordinary look is theirs to take.
    """
    roles = Role.objects.reviewers().filter(program=program, user__is_active=True)
    reviewers = set(roles.values_list("user", flat=True))
    opted_out = list(OptOut.objects.filter(reviewer__in=reviewers).values_list("reviewer", "category"))
    free = reviewers - {reviewer for reviewer, _category in opted_out}
    shut_out = {reviewer: {reviewer} for reviewer in reviewers}
    conflicts = Conflict.objects.live(at).filter(program=program)
    for artist, judge in conflicts.values_list("artist", "judge"):
        shut_out.setdefault(artist, set()).add(judge)
    artists = [artist for artist, judges in shut_out.items() if not free - judges]
    return sorted(artists), [] if free else sorted({category for _reviewer, category in opted_out})


def _places(name: str, values: Sequence[object]) -> str:
    return ", ".join(f"%({name}_{number})s" for number in range(len(values)))


def _numbered(name: str, values: Sequence[object]) -> dict[str, object]:
    return {f"{name}_{number}": value for number, value in enumerate(values)}


def has_reviewers(program: Program) -> bool:
    return Role.objects.reviewers().filter(program=program, user__is_active=True).exists()


def _values(program: Program) -> dict[str, Any]:
    return {"program": program.pk, "now": clock.now(), "yes": True, "no": False}


def _causes(program: Program, looks: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[tuple[User, str]]]:
    """Of each look: every reviewer with the first thing that shuts them out."""
    if not looks:
        return {}
    sql = _WHY.format(looks=_places("look", looks))
    read = run(sql, **_values(program), **_numbered("look", looks))
    rows = [(as_uuid(look), as_uuid(who), said) for look, who, *said in read]
    people = User.objects.select_related("person").in_bulk({who for _look, who, _said in rows})
    found: dict[uuid.UUID, list[tuple[User, str]]] = defaultdict(list)
    for look, who, said in rows:
        cause = next((name for name, stands in zip(CAUSES, said, strict=True) if stands), HAD_PART)
        found[look].append((people[who], cause))
    return found


def why_stranded(submission: Submission) -> str:
    """What the artist's page says while nobody may take the look that waits; nothing while somebody may.

    It names nobody, and nothing by which somebody could be known.
    """
    look = submission.looks.waiting().filter(kind__in=Look.BINDING).first()
    if look is None:
        return ""
    if not run(_IS, **_values(submission.program), look=look.pk):
        return ""
    return _(
        "At the moment nobody who reviews in this program may take it: each of them had part in it, has a declared "
        "conflict, or must not see it. The program knows and has to find somebody else; your deadline goes on."
    )
