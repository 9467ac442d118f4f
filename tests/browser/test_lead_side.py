"""The pages of reviewers, leads and staff beside the review itself: axe, a small phone, both themes, and one key.

On PostgreSQL: see ``tests.live.LIVE``.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from access import clock, halting
from access.models import Conflict, User
from review import claiming, clocks, escalating, habits, publishing, ruling
from review.models import Exposure
from tests import make
from tests.live import LIVE, chromium, signed_in, troubles
from tests.review.cast import Cast, make_cast

pytestmark = LIVE


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright keeps an event loop in this thread
    with chromium() as launched:
        yield launched


def busy_day(cast: Cast, lead: User, at: Callable[[datetime], None]) -> None:
    """Something of everything that the pages can show."""
    start = clock.now()
    at(start)
    publishing.publish_terms(cast.program, by=None, hours_severe=12, pauses_on_weekends=True, sheet_bands=1)
    old = cast.submission(title="Was due yesterday, and its title is rather longer than one would like it to be")
    at(old.due_at + timedelta(hours=1))
    clocks.find_breaches()
    placed = halting.halt(cast.program, program=cast.program, by=None, reason="The encoder drew stripes.")
    at(clock.now() + timedelta(hours=2))
    halting.lift(placed, by=None)
    clocks.apply_pauses()
    escalating.escalate(cast.claim(cast.submission(title="Harbor")), question="Is it a knife, or a palette knife?")
    passed = cast.submission(title="The long corridor")
    for who in (cast.reviewer, cast.rival, make.reviewer(program=cast.program)):
        claiming.skip(cast.claim(passed, by=who), reason="I cannot judge the dialect.")
    stranger = make.artist(program=cast.program)
    for judge in {role.user for role in cast.program.roles.filter(kind__in=["reviewer", "lead"])}:
        facts = {"program": cast.program, "artist": stranger.user, "declared_at": clock.now()}
        Conflict.objects.create(judge=judge, reason="They work together.", **facts)
    cast.submission(output=cast.output(stranger), title="Lanterns")
    cast.claim(cast.submission(title="Tide, again"), by=cast.rival)
    for number in range(3):
        cast.submission(title=f"Study {number + 1}")
    for name, words in (("Knives", "knife\nsharp blade"), ("Studies", "study")):
        rule = ruling.write_rule(cast.program, wording=ruling.Wording(name, words, "violence", 2, True), by=lead)
        ruling.try_rule(rule, by=lead)
        if name == "Knives":
            ruling.switch_on(rule, by=lead)
    _own_ways(cast)


def _own_ways(cast: Cast) -> None:
    habits.choose_reveals(cast.reviewer, bands=[0])
    habits.choose_opt_outs(cast.reviewer, categories=["self_harm"])
    words = "A knife is drawn at the end, and it is held towards the camera."
    habits.keep_phrase(cast.reviewer, program=cast.program, clause_code="2", words=words)
    for day in range(4):
        on = clock.now().date() - timedelta(days=day)
        Exposure.objects.update_or_create(reviewer=cast.reviewer, on=on, defaults={"ms": (31 + 7 * day) * 60_000})


def pages(cast: Cast, lead: User) -> list[tuple[str, User, str]]:
    """Name, who looks, address."""
    slug, staff = [cast.program.slug], make.staff(program=cast.program)
    rules = {rule.name: rule.pk for rule in cast.program.risk_rules.all()}
    return [
        ("start", cast.reviewer, reverse("review_queue", args=slug)),
        ("queue", cast.reviewer, reverse("review_list", args=slug)),
        ("queue-none", cast.reviewer, reverse("review_list", args=slug) + "?band=3"),
        ("mine", cast.reviewer, reverse("review_mine", args=slug)),
        ("policy", cast.reviewer, reverse("policy", args=slug)),
        ("lead", lead, reverse("review_lead", args=slug)),
        ("rules", lead, reverse("review_rules", args=slug)),
        ("rule-on", lead, reverse("review_rule", args=[*slug, rules["Knives"]])),
        ("rule-off", lead, reverse("review_rule", args=[*slug, rules["Studies"]])),
        ("opening", staff, reverse("review_opening", args=slug)),
        ("terms", staff, reverse("review_terms", args=slug)),
        ("grounds", staff, reverse("review_policies", args=slug)),
    ]


def test_every_page_is_accessible_and_fits(
    cast: Cast, browser: Browser, live_server: LiveServer, at: Callable[[datetime], None]
) -> None:
    lead = make.lead(program=cast.program)
    busy_day(cast, lead, at)
    found, said = [], []
    windows: dict[User, Page] = {}
    for name, who, url in pages(cast, lead):
        page = windows.get(who) or windows.setdefault(who, signed_in(browser, live_server, who).new_page())
        page.on("console", lambda message: said.append(message.text))
        found += troubles(page, name, url)
    assert found == []
    assert [line for line in said if "Content" in line or "Refused" in line] == []


def test_one_key_begins_the_work(cast: Cast, browser: Browser, live_server: LiveServer) -> None:
    asked = cast.submission()
    page = signed_in(browser, live_server, cast.reviewer).new_page()
    page.goto(reverse("review_queue", args=[cast.program.slug]))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('review', args=[cast.program.slug, cast.look(asked).pk])}")
    assert cast.look(asked).claims.get(released_at=None).reviewer == cast.reviewer
