"""Which look a reviewer is handed next: one statement, with everything in it that must never be handed to them.

The published order is ``Look.objects.in_order()``: overdue ones first, then risk band, then the nearer deadline, then
the older. The exclusions are scalar subqueries on purpose. Written as joins or EXISTS, a planner that takes the queue
for small reads all of it; so the ordered index is walked and left at the first row that fits, at any depth.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from access import clock
from access.models import Program, User
from access.refusals import NotAllowed
from access.sql import as_uuid, locking, run
from review.models import Look, ReviewTerms

QUIET = timedelta(hours=1)  # checks of quality are handed out only while nobody's answer is due within this

BINDING = "({})".format(", ".join(f"'{kind}'" for kind in Look.BINDING))

# What shuts somebody out, each as a scalar subquery that finds a row or NULL. ``policies.why_not`` asks the same ones.
# Whoever had part in it: who judged in this round (for an appeal or a check: ever), or told somebody how to judge.
SAID_SOMETHING = """(SELECT 1 FROM review_opinion o WHERE o.submission_id = l.submission_id AND o.reviewer_id = %(me)s
         AND (o.round = l.round OR l.kind IN ('appeal', 'qa', 'golden')) LIMIT 1)"""
ADVISED = """CASE WHEN l.kind NOT IN ('first', 'golden') THEN
         (SELECT 1 FROM review_escalation x JOIN review_look xl ON xl.id = x.look_id
          WHERE xl.submission_id = l.submission_id AND x.answered_by_id = %(me)s LIMIT 1) END"""
CONFLICT = """(SELECT 1 FROM access_conflict c WHERE c.program_id = l.program_id AND c.judge_id = %(me)s
         AND c.artist_id = l.artist_id AND (c.ends_at IS NULL OR c.ends_at > %(now)s) LIMIT 1)"""
SKIPPED = """(SELECT 1 FROM review_look kl JOIN review_skip k ON k.look_id = kl.id
         WHERE kl.submission_id = l.submission_id AND k.reviewer_id = %(me)s LIMIT 1)"""
OPTED_OUT = """(SELECT 1 FROM review_flag f JOIN review_optout u ON u.category = f.category
         WHERE f.submission_id = l.submission_id AND u.reviewer_id = %(me)s LIMIT 1)"""

# Nothing of this depends on the moment: who may never have it, however long one waits.
MAY_JUDGE = f"""
    l.artist_id <> %(me)s
    AND (l.kind <> 'golden' OR l.reserved_for_id = %(me)s)
    AND (l.for_leads = %(no)s OR %(is_lead)s = %(yes)s)
    AND {CONFLICT} IS NULL
    AND {SKIPPED} IS NULL
    AND {OPTED_OUT} IS NULL
    AND {SAID_SOMETHING} IS NULL
    AND {ADVISED} IS NULL"""


def may_judge(who: str, *, leads: str) -> str:
    """The same of other people than the one who asks, for a statement about many.

    Args:
        who: the column with the key of each. leads: an expression that says whether they lead.
    """
    return MAY_JUDGE.replace("%(me)s", who).replace("%(is_lead)s", leads)


_FREE = f"""
    l.program_id = %(program)s AND l.state = 'waiting'
    AND (SELECT 1 FROM review_claim h WHERE h.look_id = l.id AND h.released_at IS NULL LIMIT 1) IS NULL
    AND (l.reserved_for_id IS NULL OR l.reserved_for_id = %(me)s OR l.reserved_until <= %(now)s)
    AND (l.kind IN {BINDING} OR NOT COALESCE((SELECT min(b.due_at) FROM review_look b WHERE b.program_id = %(program)s
         AND b.state = 'waiting' AND b.kind IN {BINDING}) < %(quiet)s, FALSE))
    AND {MAY_JUDGE}"""  # noqa: S608

_SHOWN = """(SELECT r.id FROM generation_rendition r JOIN review_submission s ON s.output_id = r.output_id
    WHERE s.id = l.submission_id AND r.personal_to_id IS NULL AND r.recipe IN ('proxy', 'playable')
    ORDER BY CASE r.recipe WHEN 'proxy' THEN 0 ELSE 1 END, r.version DESC LIMIT 1)"""

_PICK = f"""
SELECT l.id, l.submission_id, l.round, l.fence, l.kind, l.brief_id, {_SHOWN} AS shown_id
FROM review_look l WHERE {_FREE} {{more}}
ORDER BY l.rank DESC, l.due_at, l.asked_at, l.id LIMIT %(most)s"""  # noqa: S608


@dataclass(frozen=True)
class Pick:
    """A look as it was picked, and locked: ``shown`` is the rendition that its reviewer is given to watch."""

    look: uuid.UUID
    submission: uuid.UUID
    round: int
    fence: int
    kind: str
    brief: uuid.UUID | None
    shown: uuid.UUID | None


@dataclass(frozen=True)
class Asker:
    """Who asks for work, in which program, as what, when; what they hold and have watched today."""

    reviewer: User
    program: Program
    is_lead: bool
    at: datetime
    holds: int = 0  # claims that have not ended
    watched: timedelta = timedelta()  # of revealed clips, today
    budget: timedelta | None = None  # of that, a day; None: as much as they like


USUAL = ReviewTerms()  # of a program that has published none
_ROLE = """(SELECT 1 FROM access_role r WHERE r.program_id = %(program)s AND r.user_id = %(me)s
    AND r.revoked_at IS NULL AND r.kind = '{kind}' LIMIT 1)"""
_ASK = f"""
SELECT {_ROLE.format(kind="reviewer")}, {_ROLE.format(kind="lead")},
    (SELECT count(*) FROM review_claim c WHERE c.reviewer_id = %(me)s AND c.released_at IS NULL),
    (SELECT e.ms FROM review_exposure e WHERE e.reviewer_id = %(me)s AND e."on" = %(today)s),
    COALESCE((SELECT t.exposure_minutes FROM review_reviewterms t WHERE t.program_id = %(program)s
       ORDER BY t.number DESC LIMIT 1), %(usual)s)"""  # noqa: S608


def ask(reviewer: User, program: Program) -> Asker:
    """Who asks, as of now.

    Raises:
        NotAllowed: not a reviewer of the program.
    """
    now = clock.now()
    asked = {"me": reviewer.pk, "program": program.pk, "today": now.date(), "usual": USUAL.exposure_minutes}
    is_reviewer, is_lead, holds, ms, minutes = run(_ASK, **asked)[0]
    if not reviewer.is_active or not (is_reviewer or is_lead):
        raise NotAllowed
    budget = timedelta(minutes=minutes) if minutes else None
    return Asker(reviewer, program, bool(is_lead), now, holds, timedelta(milliseconds=int(ms or 0)), budget)


def pick(asker: Asker, *, look: uuid.UUID | None = None, brief: uuid.UUID | None = None, most: int = 1) -> list[Pick]:
    """The first looks in the published order that this reviewer may have now, locked; rivals pass them by.

    Args:
        look: only this one. brief: only looks at outputs of this brief.
    """
    more = "AND l.id = %(look)s" if look else "AND l.brief_id = %(brief)s AND l.kind = 'first'" if brief else ""
    end = locking("l") + (" SKIP LOCKED" if connection.vendor == "postgresql" and not look else "")
    wanted = {"look": look} if look else {"brief": brief} if brief else {}
    return [_as_pick(*row) for row in run(_PICK.format(more=more) + end, **_values(asker), **wanted, most=most)]


def _values(asker: Asker) -> dict[str, object]:
    return {
        "program": asker.program.pk,
        "me": asker.reviewer.pk,
        "now": asker.at,
        "quiet": asker.at + QUIET,
        "is_lead": asker.is_lead,
        "yes": True,
        "no": False,
    }


def _as_pick(look: Any, submission: Any, round_: int, fence: int, kind: str, brief: Any, shown: Any) -> Pick:
    keys = as_uuid(look), as_uuid(submission)
    return Pick(*keys, round_, fence, kind, brief and as_uuid(brief), shown and as_uuid(shown))
