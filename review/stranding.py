"""What nobody may take: each binding look that waits and that every reviewer of its program is shut out from.

It would wait for ever in silence, so it stands on the lead's page at once, with why and who could free it, and the
artist's page says so. Who is shut out is asked with the queue's own exclusions, for each reviewer in the place of the
one who asks. An ordinary look that nothing concerns need not be asked about, however many of them wait: whoever is shut
out from anything is shut out by one of the rows from which ``_CANDIDATES`` starts.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Prefetch
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access import clock
from access.models import Program, Role, User
from access.sql import bind
from review.models import Escalation, Look, Submission
from review.queueing import BINDING, MAY_JUDGE

SHOWN = 50  # on the lead's page

# The reviewers of the program, each once, with whether they lead.
_REVIEWERS = """(SELECT r.user_id, EXISTS (SELECT 1 FROM access_role d WHERE d.program_id = r.program_id
        AND d.user_id = r.user_id AND d.revoked_at IS NULL AND d.kind = 'lead') AS is_lead
    FROM access_role r JOIN access_user u ON u.id = r.user_id
    WHERE r.program_id = %(program)s AND r.revoked_at IS NULL AND r.kind IN ('reviewer', 'lead')
        AND u.is_active = %(yes)s GROUP BY r.program_id, r.user_id)"""

# The exclusions of the queue, with each reviewer in the place of the one who asks.
_MAY_EVER = (
    MAY_JUDGE.replace("%(me)s", "p.user_id").replace("%(is_lead)s", "p.is_lead")
    + " AND (l.reserved_for_id IS NULL OR l.reserved_until IS NOT NULL OR l.reserved_for_id = p.user_id)"
)

_WAITING = f"l.program_id = %(program)s AND l.state = 'waiting' AND l.kind IN {BINDING}"

_STRANDED = f"NOT EXISTS (SELECT 1 FROM {_REVIEWERS} p WHERE {_MAY_EVER})"  # noqa: S608

# What can shut somebody out: the kind of look or its being for leads, a skip, a conflict, that reviewers make clips
# too, a flag that somebody opted out of. The last counts alone only where every reviewer opted out of something.
_APART = "(l.for_leads = %(yes)s OR l.kind <> 'first' OR (l.reserved_for_id IS NOT NULL AND l.reserved_until IS NULL))"
_CANDIDATES = f"""
    SELECT l.id FROM review_look l WHERE {_WAITING} AND {_APART}
    UNION SELECT l.id FROM review_look l JOIN review_skip k ON k.look_id = l.id WHERE {_WAITING}
    UNION SELECT l.id FROM review_look l WHERE {_WAITING} AND l.artist_id IN (
        SELECT c.artist_id FROM access_conflict c WHERE c.program_id = %(program)s
            AND (c.ends_at IS NULL OR c.ends_at > %(now)s)
        UNION SELECT r.user_id FROM access_role r WHERE r.program_id = %(program)s AND r.revoked_at IS NULL
            AND r.kind IN ('reviewer', 'lead'))
    UNION SELECT l.id FROM review_flag f JOIN review_look l ON l.submission_id = f.submission_id
        WHERE {_WAITING} AND f.category IN (SELECT o.category FROM review_optout o)
        AND NOT EXISTS (SELECT 1 FROM {_REVIEWERS} p
            WHERE NOT EXISTS (SELECT 1 FROM review_optout o WHERE o.reviewer_id = p.user_id))"""  # noqa: S608

_FIND = f"""
SELECT l.id FROM review_look l WHERE l.id IN ({_CANDIDATES}) AND {_STRANDED}
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
    EXISTS (SELECT 1 FROM review_skip k WHERE k.look_id = l.id AND k.reviewer_id = p.user_id),
    EXISTS (SELECT 1 FROM review_flag f JOIN review_optout o ON o.category = f.category
        WHERE f.submission_id = l.submission_id AND o.reviewer_id = p.user_id)
FROM review_look l CROSS JOIN {_REVIEWERS} p WHERE l.id IN ({{looks}})
ORDER BY l.id, p.user_id"""  # noqa: S608

CAUSES = ("own", "for_leads", "conflict", "skipped", "opted_out")
HAD_PART = "had_part"  # what is left when nothing else shuts somebody out

WORDS: dict[str, Promise] = {
    "own": gettext_lazy("made it"),
    "for_leads": gettext_lazy("is no lead, and this one is for leads"),
    "conflict": gettext_lazy("has a declared conflict with the artist"),
    "skipped": gettext_lazy("passed it by"),
    "opted_out": gettext_lazy("chose not to see this category"),
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
            return _("A lead who answers the question: it then goes back to whoever asked.")
        if self.look.for_leads:
            return _("The program's staff: by making somebody a lead whom none of this shuts out.")
        return _("The program's staff: by making somebody a reviewer whom none of this shuts out.")


def find(program: Program) -> list[Stranded]:
    """What nobody in the program may take now, in the published order, the first ``SHOWN`` of it."""
    values = _values(program)
    with connection.cursor() as cursor:
        cursor.execute(_FIND if has_reviewers(program) else _FIRST, bind(**values, most=SHOWN))
        found = [_as_uuid(pk) for (pk,) in cursor.fetchall()]
    asked = Prefetch("escalations", Escalation.objects.filter(answered_at=None), to_attr="open_questions")
    looks = Look.objects.select_related("submission", "program").prefetch_related(asked).in_bulk(found)
    causes = _causes(program, found)
    return [Stranded(looks[pk], causes[pk]) for pk in found if pk in looks]


def has_reviewers(program: Program) -> bool:
    return Role.objects.reviewers().filter(program=program, user__is_active=True).exists()


def _values(program: Program) -> dict[str, Any]:
    return {"program": program.pk, "now": clock.now(), "yes": True, "no": False}


def _as_uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def _causes(program: Program, looks: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[tuple[User, str]]]:
    """Of each look: every reviewer with the first thing that shuts them out."""
    if not looks:
        return {}
    names = {f"look_{place}": pk for place, pk in enumerate(looks)}
    sql = _WHY.format(looks=", ".join(f"%({name})s" for name in names))
    with connection.cursor() as cursor:
        cursor.execute(sql, bind(**_values(program), **names))
        rows = [(_as_uuid(look), _as_uuid(who), said) for look, who, *said in cursor.fetchall()]
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
    with connection.cursor() as cursor:
        cursor.execute(_IS, bind(**_values(submission.program), look=look.pk))
        if cursor.fetchone() is None:
            return ""
    return _(
        "At the moment nobody who reviews in this program may take it: each of them had part in it, has a declared "
        "conflict, or must not see it. The program knows and has to find somebody else; your deadline goes on."
    )
