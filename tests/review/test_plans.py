"""What a stranger may ask, and what is counted for strangers, walks no table from end to end."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access import clock
from review import showcase, story, transparency
from review.models import Share
from review.views import records
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db

# Of these there are as many as there are clips, looks, decisions or links.
LARGE = {
    "review_submission",
    "review_look",
    "review_claim",
    "review_opinion",
    "review_decision",
    "review_appeal",
    "review_breach",
    "review_share",
    "review_visits",
    "generation_rendition",
    "access_storedfile",
    "access_consent",
    "access_entry",
}


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return "\n".join(str(row[-1]) for row in cursor.fetchall())
        cursor.execute("SET LOCAL enable_seqscan = off")  # the tables are small here: only where nothing else helps
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(str(row[0]) for row in cursor.fetchall())


def scanned(sql: str) -> set[str]:
    """The large tables that a statement reads from end to end."""
    said = plan(sql)
    if connection.vendor == "sqlite":
        names = dict(re.findall(r'"(\w+)" (T\d+|U\d+|V\d+)\b', sql))
        aliases = {alias: table for table, alias in names.items()}
        found = re.findall(r"^SCAN (\w+)(?! USING)", said, re.MULTILINE)
        return {aliases.get(name, name) for name in found} & LARGE
    return set(re.findall(r"Seq Scan on (\w+)", said)) & LARGE


def page_of(share: Share) -> None:
    Client().get(f"/s/{share.token}/", headers={"user-agent": "Mozilla/5.0"})


def embed(share: Share) -> None:
    Client().get(f"/s/{share.token}/embed/")


def file(share: Share) -> None:
    Client().get(f"/s/{share.token}/poster/")


def wall(share: Share) -> None:
    list(showcase.page(clock.now()).shares)


def wall_of_a_program(share: Share) -> None:
    list(showcase.page(clock.now(), program=share.program).shares)


def a_day_of_figures(share: Share) -> None:
    now = clock.now()
    transparency.count_part(share.program, now - timedelta(days=1), now)


def an_artists_decisions(share: Share) -> None:
    list(records._own(share.decision.artist)[:100])
    list(records._open_links(share.decision.artist))


def who_looked(share: Share) -> None:
    story.openings(share.decision.submission)


@pytest.mark.parametrize(
    "ask",
    [page_of, embed, file, wall, wall_of_a_program, a_day_of_figures, an_artists_decisions, who_looked],
    ids=lambda ask: ask.__name__,
)
def test_no_large_table_is_read_from_end_to_end(cast: Cast, at: At, ask: Callable[[Share], Any]) -> None:
    share = cast.share(at, may_embed=True)
    with CaptureQueriesContext(connection) as asked:
        ask(share)
    reads = [query["sql"] for query in asked if query["sql"].lstrip().upper().startswith("SELECT")]
    assert reads
    assert {sql: names for sql in reads if (names := scanned(sql))} == {}


def test_control_a_table_that_is_read_whole_is_found(cast: Cast) -> None:
    assert scanned('SELECT * FROM "review_appeal" WHERE "words" = \'x\'') == {"review_appeal"}
    aliased = 'SELECT U0."id" FROM "review_appeal" U0 WHERE U0."words" = \'x\''
    assert scanned(aliased) == {"review_appeal"}
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX appeals_by_day")
    share_like = 'SELECT COUNT(*) FROM "review_appeal" WHERE "opened_at" < \'2026-01-01\''
    assert scanned(share_like) == {"review_appeal"}
