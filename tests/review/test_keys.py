"""The review screen without a pointer: what each key does, that letters are letters while one writes, and twenty
submissions in a row.

On PostgreSQL: see ``tests.live.LIVE``.
"""

import json
import statistics
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import numpy as np
import pytest
from django.conf import settings
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from access import clock
from review import claiming
from review.models import Claim, Decision, Draft, Escalation, Habit, Note, Opinion, Phrase, Skip, Submission
from review.verdicts import Remark
from tests import make
from tests.live import LIVE, chromium, serious, signed_in
from tests.review import clips
from tests.review.cast import Cast, make_cast

pytestmark = LIVE

NEXT_PICTURE = 300  # milliseconds from a decision to the first frame of the next, on a machine of its own
BUSY = 4  # times as long on one that many share


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture
def page(cast: Cast, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The queue, as the reviewer sees it."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright keeps an event loop in this thread
    with chromium() as browser:
        opened = signed_in(browser, live_server, cast.reviewer).new_page()
        opened.set_viewport_size({"width": 1440, "height": 900})
        opened.goto(f"/p/{cast.program.slug}/review/")
        yield opened


def say(words: str) -> None:
    """A measurement, for whoever runs the test with ``-s``."""
    sys.stdout.write(f"\n{words}\n")


def ask(cast: Cast, title: str = "Tide", *, seconds: float = 0.75, **facts: Any) -> Submission:
    """A submission of a drawn clip, 8 frames a second."""
    seed = Submission.objects.count()
    drawn = clips.moving(seed, frames=round(seconds * clips.RATE))
    made = clips.output(np.asarray(drawn), enrollment=cast.artist)
    return cast.submission(make.examined(made), title=title, **facts)


def start(page: Page) -> None:
    page.reload()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-screen]")


def reveal(page: Page) -> None:
    page.wait_for_load_state()  # a key that comes before its script is lost
    if page.locator("#reveal").count():
        page.keyboard.press("r")
    page.wait_for_function("() => document.querySelector('[data-clip]')?.readyState >= 2")


def watch(page: Page) -> None:
    """Reveal it, and play it to its end."""
    reveal(page)
    page.keyboard.press(" ")
    page.wait_for_function("() => document.querySelector('[data-watched]').value >= 95")


def onward(page: Page, key: str, title: str) -> None:
    """Press, until the page of the next one is there."""
    page.keyboard.press(key)
    page.wait_for_function("title => document.title.startsWith(title)", arg=title)


def values(page: Page, name: str) -> str:
    return page.locator(f"#id_{name}").input_value()


def test_twenty_in_a_row_without_a_pointer(cast: Cast, page: Page) -> None:
    for number in range(20):
        ask(cast, f"Clip {number:02}")
    start(page)
    steps = ["approve", "reject", "region", "changes", "escalate", "skip", "undo"]
    for number in range(20):
        page.wait_for_function("title => document.title.startsWith(title)", arg=f"Clip {number:02}")
        following = f"Clip {number + 1:02}" if number < 19 else "Review"
        play(page, steps[number % len(steps)], f"Clip {number:02}", following)
    told = [
        entry["duration"]
        for entry in page.evaluate("performance.getEntriesByName('to the next picture').map(e => e.toJSON())")
    ]
    say(f"{len(told)} pictures after a press: median {statistics.median(told):.0f} ms, most {max(told):.0f} ms")
    verdicts = [opinion.verdict for opinion in Opinion.objects.order_by("given_at")]
    assert (verdicts.count("rejected"), verdicts.count("changes")) == (6, 3)
    assert Escalation.objects.count() == 3 and Skip.objects.count() == 3
    assert Note.objects.filter(width__gt=0.4, x__gt=0.3).count() == 3
    assert Decision.objects.filter(withdrawal__isnull=False).count() == 2


def play(page: Page, what: str, title: str, following: str) -> None:
    """One submission, from what is on the screen to the next one, by keys alone."""
    if what in ("escalate", "skip"):
        page.keyboard.press(what[0])
        page.keyboard.type("Is this a brush, or a knife? a x c")
        onward(page, "Enter", following)
        return
    watch(page)
    if what == "approve":
        onward(page, "a", following)
    elif what == "undo":
        onward(page, "a", following)
        page.keyboard.press("u")
        page.wait_for_function("title => document.title.startsWith(title)", arg=title)
        watch(page)
        onward(page, "a", following)
    else:
        if what == "region":
            note(page)
        say_no(page, "c" if what == "changes" else "x", following)


def say_no(page: Page, key: str, following: str) -> None:
    page.keyboard.press(key)
    page.keyboard.press("2")
    page.keyboard.press("w")
    page.keyboard.type("A fox is next: x, r, 1.")
    onward(page, "Enter", following)


def note(page: Page) -> None:
    """A note with a region that is moved and made larger by the arrow keys."""
    page.keyboard.press("n")
    page.keyboard.type("the tip of it")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowDown", "Enter", "Enter"):
        page.keyboard.press(key)


def test_a_no_by_keys_alone_and_its_undo_gives_the_words_back(cast: Cast, page: Page) -> None:
    ask(cast)
    start(page)
    assert page.locator(".veiled").count() == 1
    watch(page)
    page.keyboard.press("x")
    page.keyboard.press("2")
    page.keyboard.press("w")
    page.keyboard.type("a fox is next: x, r, 1")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.title.startsWith('Review')")
    decision = Decision.objects.get()
    assert decision.words == "a fox is next: x, r, 1" and decision.clause and decision.clause.code == "2"
    page.keyboard.press("u")
    page.wait_for_selector("[data-screen]")
    assert values(page, "words") == "a fox is next: x, r, 1"


def test_frames_are_exact_and_the_marks_are_theirs(cast: Cast, page: Page) -> None:
    ask(cast)  # six frames, eight a second
    start(page)
    reveal(page)
    for _ in range(2):
        page.keyboard.press(".")
    page.wait_for_function("() => !document.querySelector('[data-clip]').seeking")
    assert page.evaluate("document.querySelector('[data-clip]').currentTime") == pytest.approx(2.5 / 8, abs=0.001)
    page.keyboard.press("[")
    page.keyboard.press(".")
    page.keyboard.press("]")
    assert (values(page, "from_seconds"), values(page, "to_seconds")) == ("0.25", "0.50")
    page.keyboard.press(",")
    page.keyboard.press("Home")
    assert "frame 1 of 6" in page.locator("[data-at]").inner_text()
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()


def test_a_yes_too_early_says_what_is_missing_and_stays_possible(cast: Cast, page: Page) -> None:
    ask(cast)
    start(page)
    reveal(page)
    page.keyboard.press("a")
    page.wait_for_selector("[data-code=not_watched]")
    watch(page)
    page.keyboard.press("a")
    page.wait_for_function("() => document.title.startsWith('Review')")
    assert Decision.objects.get().first.attested["by"] == "played"


def test_words_survive_a_lost_claim_and_a_reload(cast: Cast, page: Page) -> None:
    ask(cast)
    start(page)
    page.locator("#reasons > summary").press("Enter")
    page.locator("#id_words").focus()
    page.keyboard.type("Kept while away.")
    page.reload()
    assert values(page, "words") == "Kept while away."
    held = Claim.objects.get()
    Claim.objects.update(leased_until=held.claimed_at + timedelta(milliseconds=1))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector("[data-lost]:not([hidden])")
    page.locator("[data-lost] button").press("Enter")
    page.wait_for_function("() => document.querySelector('[name=fence]').value === '2'")
    assert values(page, "words") == "Kept while away."


def test_words_survive_a_session_that_ended(cast: Cast, page: Page) -> None:
    ask(cast)
    start(page)
    screen, cookies = page.url, page.context.cookies()
    page.locator("#reasons > summary").press("Enter")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.locator("#id_words").focus()
    page.keyboard.type("Nobody else has these.")
    page.evaluate("document.getElementById('approve').click()")
    page.wait_for_function("() => !document.querySelector('[data-screen]')")
    assert not any(draft.typed for draft in Draft.objects.all()), "the server has none of it"
    page.context.add_cookies(cookies)  # type: ignore[arg-type]  # what it gave is what it takes
    page.goto(screen)
    assert values(page, "words") == "Nobody else has these."


def test_the_undo_counts_what_is_left_whatever_the_clock_here_says(cast: Cast, page: Page) -> None:
    ask(cast)
    ask(cast, "Ebb")
    page.add_init_script("{ const now = Date.now; Date.now = () => now() + 3600000; }")
    start(page)
    watch(page)
    onward(page, "a", "Ebb")
    page.wait_for_function("() => Number(document.querySelector('[data-left]').textContent) < 30")
    assert page.locator("[data-key=u]").is_enabled()


def test_a_page_that_is_left_soon_lets_the_clip_go(cast: Cast, page: Page) -> None:
    ask(cast)
    start(page)
    page.wait_for_load_state("networkidle")  # its first sign of life is in, which would keep the clip for longer again
    held = Claim.objects.get()
    page.goto("about:blank")
    for _again in range(150):
        if (left := Claim.objects.get()).leased_until < held.leased_until:
            break
        page.wait_for_timeout(100)
    assert left.leased_until <= clock.now() + claiming.LEAVING


def test_the_next_picture_is_there_at_once(cast: Cast, page: Page) -> None:
    Habit.objects.create(reviewer=cast.reviewer, reveals=[0, 1, 2, 3])
    for number in range(6):
        ask(cast, f"Clip {number}")
    start(page)
    for number in range(5):
        watch(page)
        page.wait_for_timeout(1500)  # a look takes longer than that
        onward(page, "a", f"Clip {number + 1}")
        page.wait_for_function("n => performance.getEntriesByName('to the next picture').length > n", arg=number)
    told = page.evaluate("performance.getEntriesByName('to the next picture').map(entry => entry.duration)")
    say(f"from a decision to the first frame of the next: {', '.join(f'{ms:.0f}' for ms in told)} ms")
    assert statistics.median(told) < NEXT_PICTURE * BUSY
    assert page.evaluate("document.querySelector('[data-clip]').muted")


def test_the_clip_before_goes_in_step_and_its_notes_come_at_their_moment(cast: Cast, page: Page) -> None:
    remark = Remark(250, 250, "the tip of it", (0.25, 0.25, 0.5, 0.5))
    decision = cast.send_back(cast.claim(ask(cast, "Before")), remarks=(remark,))
    original = clock.now  # the server is a thread of this process: its clock goes on, a minute later
    with mock.patch.object(clock, "now", side_effect=lambda: original() + timedelta(minutes=1)):
        ask(cast, "After", answers=decision.submission)
        start(page)
        reveal(page)
        page.keyboard.press("b")
        for _ in range(2):
            page.keyboard.press(".")
        page.wait_for_function("() => Math.abs(document.querySelector('[data-earlier]').currentTime - 2.5 / 8) < 0.01")
        assert page.locator(".player__box--before").count() == 1
        page.keyboard.press("End")
        assert page.locator(".player__box--before").count() == 0


def test_saved_words_are_marked_until_they_are_edited(cast: Cast, page: Page) -> None:
    saved = {"reviewer": cast.reviewer, "program": cast.program, "saved_at": clock.now()}
    Phrase.objects.create(clause_code="2", words="A wound, close up.", **saved)
    ask(cast)
    start(page)
    watch(page)
    for key in ("x", "2", "p"):
        page.keyboard.press(key)
    assert values(page, "words") == "A wound, close up." and page.locator("[data-saved-words]").is_visible()
    page.keyboard.type(" At 0:01.")
    assert not page.locator("[data-saved-words]").is_visible()


def test_a_region_by_pointer(cast: Cast, page: Page) -> None:
    ask(cast)
    start(page)
    reveal(page)
    page.keyboard.press("n")
    page.keyboard.type("here")
    page.locator("[data-note-region]").click()
    box = page.locator("[data-region]").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.9)
    page.mouse.up()
    page.keyboard.press("Enter")
    [note] = json.loads(page.locator("[data-remarks]").input_value())
    assert note["region"] == pytest.approx([0.5, 0.5, 0.25, 0.4], abs=0.01) and note["words"] == "here"


def test_nothing_serious_for_axe_in_each_of_its_states(cast: Cast, page: Page) -> None:
    ask(cast)
    start(page)
    found = serious(page)
    reveal(page)
    note(page)
    page.keyboard.press("x")
    found += serious(page)
    page.keyboard.press("2")
    page.evaluate("document.querySelector('#reject').form.noValidate = true")
    page.keyboard.press("w")
    page.keyboard.press("Escape")
    page.locator("#id_whole").press("Space")
    page.evaluate("document.getElementById('reject').click()")
    page.wait_for_selector(".errorlist")
    found += serious(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert found + serious(page) == []
