"""Rows written past every verb, to hear what the schema itself says of them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, models

from access import clock
from access.models import User
from review.models import Claim, Decision, Look, Opinion
from tests.review.cast import Cast


def opinion(held: Claim, **facts: Any) -> Opinion:
    output = held.submission.output
    given = {
        "submission": held.submission,
        "look": held.look,
        "round": held.round,
        "kind": held.look.kind,
        "reviewer": held.reviewer,
        "claim": held,
        "verdict": "approved",
        "attested": {"by": "played"},
        "master_sha256": output.master_sha256,
        "shown_sha256": held.shown.sha256,
        "given_at": clock.now(),
    }
    scope = {"audience": "public"} if facts.get("verdict", "approved") == "approved" else {}
    return Opinion.objects.create(**{**given, **scope, **facts})


def decision(held: Claim, *cited: Opinion, **facts: Any) -> Decision:
    """What these opinions decide; of the claim's reviewer alone if none is named, in the decision's own words."""
    said = {name: facts[name] for name in ("verdict", "clause", "words", "from_ms", "to_ms") if name in facts}
    first, second, tie_break = (*(cited or [opinion(held, **said)]), None, None)[:3]
    given = {
        "submission": held.submission,
        "round": held.round,
        "verdict": "approved",
        "first": first,
        "second": second,
        "tie_break": tie_break,
        "artist": held.submission.enrollment.user,
        "decided_by": held.reviewer,
        "master_sha256": held.submission.output.master_sha256,
        "shown_sha256": held.shown.sha256,
        "recipes": [],
        "decided_at": clock.now(),
        "effective_at": clock.now() + timedelta(seconds=30),
    }
    return Decision.objects.create(**{**given, **facts})


def another(held: Claim, kind: str, by: User) -> Claim:
    """A claim by somebody on another look at the same submission, past every verb."""
    Look.objects.filter(pk=held.look_id).update(state="done")
    look = copy(held.look, kind=kind, state="waiting", fence=1)
    return copy(held, look=look, fence=1, reviewer=by)  # type: ignore[return-value]  # a copy of a claim


def drop(rule: str, table: str) -> None:
    """Take one rule away until the test is over, to see the one behind it."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {rule}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))


def refused(name: str) -> Any:
    return pytest.raises(IntegrityError, match=name)


def no(cast: Cast, **facts: Any) -> dict[str, Any]:
    return {"verdict": "rejected", "clause": cast.clause, "words": "why", "from_ms": 0, "to_ms": 5, **facts}


def copy(row: models.Model, **facts: Any) -> models.Model:
    same = {field.name: getattr(row, field.name) for field in row._meta.fields if not field.primary_key}
    return type(row)._default_manager.create(**{**same, **facts})
