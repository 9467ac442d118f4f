"""The library, over HTTP and without a line of script: found, turned page by page, kept in order."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access import clock
from access.models import Enrollment, Program
from generation import browsing, jobs, keeping, rendering
from generation.models import Collection, Job, Output, Tag
from tests import make
from tests.generation.artists import moved
from tests.generation.pages import body, client_of, page_of

pytestmark = pytest.mark.django_db
Clock = Callable[[datetime], None]


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


@pytest.fixture
def library(program: Program) -> str:
    return reverse("library", args=[program.slug])


def shown_on(page: str) -> list[str]:
    found = re.findall(r'<a href="[^"]*/jobs/([0-9a-f-]{36})/">', page)
    return list(dict.fromkeys(found))


def jobs_of(outputs: list[Output]) -> list[str]:
    return [str(output.job_id) for output in outputs]


def link(page: str, rel: str) -> str:
    found = re.search(rf'href="(\?[^"]+)" rel="{rel}"', page)
    return found[1].replace("&amp;", "&") if found else ""


# --- pages ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("order", ["", "order=oldest"])
@pytest.mark.parametrize("equal", [True, False], ids=["at one instant", "one after the other"])
def test_pages_turn_both_ways_without_gaps_or_doubles(
    client: Client,
    artist: Enrollment,
    program: Program,
    library: str,
    at: Clock,
    monkeypatch: pytest.MonkeyPatch,
    equal: bool,
    order: str,
) -> None:
    monkeypatch.setattr(browsing, "PAGE", 2)
    if equal:
        at(clock.now())
    made = [make.output(enrollment=artist) for _ in range(5)]
    make.output(enrollment=make.artist(program=program))  # not mine, so never shown
    there, query = list[list[str]](), f"?{order}"
    while query and len(there) < 9:
        page = body(client.get(library + query))
        there.append(shown_on(page))
        last, query = page, link(page, "next")
    assert [len(page) for page in there] == [2, 2, 1]
    shown = [pk for page in there for pk in page]
    assert sorted(shown) == sorted(jobs_of(made))
    if not equal:
        assert shown == jobs_of(made if order else made[::-1])
    back = [shown_on(last)]
    while (query := link(last, "prev")) and len(back) < 9:
        last = body(client.get(library + query))
        back.insert(0, shown_on(last))
    assert [pk for page in back for pk in page] == shown


@pytest.mark.parametrize("key", ["nonsense", str(uuid.uuid4()), ""])
@pytest.mark.parametrize("name", ["after", "before"])
def test_a_key_that_is_not_mine_shows_the_first_page(
    client: Client, artist: Enrollment, library: str, name: str, key: str
) -> None:
    made = make.output(enrollment=artist)
    assert shown_on(body(client.get(f"{library}?{name}={key}"))) == jobs_of([made])


def test_what_was_made_in_an_earlier_cohort_stays_in_order(
    client: Client, artist: Enrollment, program: Program, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "PAGE", 2)
    before = [make.output(enrollment=artist) for _ in range(2)]
    Enrollment.objects.filter(pk=artist.pk).update(ended_at=clock.now())
    moved = make.artist(program=program, cohort=make.cohort(program=program), email=artist.user.email)
    assert moved.pk != artist.pk and moved.user == artist.user
    after = make.output(enrollment=moved)
    page = body(client.get(library))
    assert shown_on(page) == jobs_of([after, before[1]])
    assert shown_on(body(client.get(library + link(page, "next")))) == jobs_of([before[0]])


def test_an_empty_library_and_open_jobs(client: Client, artist: Enrollment, library: str) -> None:
    assert "The wall is still bare" in body(client.get(library))
    job = make.job(enrollment=artist)
    page = body(client.get(library))
    assert page_of(job) in page and "The wall is still bare" not in page
    assert f'data-live-job="{job.pk}"' in page and 'hx-trigger="live:changed' in page  # hangs here when it is finished
    jobs.cancel(job, by=artist.user)
    assert page_of(job) not in body(client.get(library))


def test_what_is_in_the_making_is_kept_up_to_date_beside_the_wall(
    client: Client, artist: Enrollment, library: str
) -> None:
    make.output(enrollment=artist)
    job = make.job(enrollment=artist)
    page = body(client.get(library))
    assert re.search(
        rf'<li[^>]* data-live-job="{job.pk}".*?data-state="queued" data-live-state data-live-says', page, re.DOTALL
    )
    assert "live:changed" not in page  # the wall stays as it is: boxes may be ticked


def test_a_page_asks_as_much_with_one_clip_as_with_many(client: Client, artist: Enrollment, library: str) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(library).status_code == 200
        return len(queries)

    def add(number: int) -> None:
        made = make.output(enrollment=artist)
        keeping.tag([made], f"tag {number}", by=artist.user, program=artist.program)
        keeping.star([made], by=artist.user)
        keeping.hang([made], keeping.collect(f"{number}", by=artist.user, program=artist.program), by=artist.user)

    add(0)
    make.job(enrollment=artist)
    asked()  # the session's first request makes its credential
    few = asked()
    for job in Job.objects.queued():
        jobs.cancel(job, by=artist.user)
    for number in range(1, 6):
        add(number)
    for _ in range(4):
        make.job(enrollment=artist)
    assert asked() == few


def test_a_page_asks_for_nothing_that_it_does_not_show(client: Client, artist: Enrollment, library: str) -> None:
    """Jobs in the making stand on the first page alone; who one is was found out before the page began."""

    def asked(query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(library + query).status_code == 200
        return len(queries)

    _older, newer = make.output(enrollment=artist), make.output(enrollment=artist)
    make.job(enrollment=artist)
    asked("")  # the session's first request makes its credential
    assert [asked(query) for query in ("", f"?after={newer.pk}", "?q=circle", "?q=nowhere")] == [21, 19, 19, 14]


# --- search and filters -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("boat", [0, 1]),
        ("BOAT red", [0]),
        ("red boat", [0]),
        ("étoile", [2]),
        ("ÉTOILE", [2]),
        ("E\u0301toile", [2]),  # in two characters
        ("STRASSE", [4]),
        ("Straße", [4]),
        ("СТРАННЫЙ", [5]),
        ("100%", [3]),
        ("_", [3]),
        (".*", []),
        ("boat moon", []),
        ("\\", []),
        ("'; --", []),
    ],
)
@pytest.mark.parametrize("few", [0, 1, 2000], ids=["many hits", "in between", "few hits"])
def test_a_search_finds_prompts_with_all_its_words(
    client: Client,
    artist: Enrollment,
    library: str,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    words: str,
    found: list[int],
) -> None:
    monkeypatch.setattr(browsing, "FEW", few)
    prompts = (
        "a red Boat on the sea",
        "a blue boat",
        "une Étoile filante",
        "100% silk_road",
        "eine Straße",
        "странный",
    )
    made = [make.output(enrollment=artist, prompt=prompt) for prompt in prompts]
    page = body(client.get(library, {"q": words}))
    assert sorted(shown_on(page)) == sorted(jobs_of([made[index] for index in found]))
    assert ("No prompt has these words" in page) is (not found)


def test_a_search_turns_pages_and_finds_what_is_from_before_a_move(
    client: Client, artist: Enrollment, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "PAGE", 2)
    made = [make.output(enrollment=artist, prompt=prompt) for prompt in ("a Boat", "a star", "two boats")]
    anew = moved(artist)
    made.append(make.output(enrollment=anew, prompt="boats again"))
    make.output(enrollment=make.artist(program=artist.program), prompt="another's boat")
    page = body(client.get(f"{library}?q=boat"))
    assert shown_on(page) == jobs_of([made[3], made[2]])
    assert shown_on(body(client.get(library + link(page, "next")))) == jobs_of([made[0]])


def kept(artist: Enrollment) -> tuple[Output, Output, Tag, Collection]:
    """Two clips; the first is starred, tagged and hung."""
    mine = make.output(enrollment=artist), make.output(enrollment=artist)
    keeping.star(mine[:1], by=artist.user)
    tag = keeping.tag(mine[:1], "sea", by=artist.user, program=artist.program)
    room = keeping.collect("Room", by=artist.user, program=artist.program)
    keeping.hang(mine[:1], room, by=artist.user)
    return (*mine, tag, room)


def test_filters_narrow_say_so_and_can_be_cleared(client: Client, artist: Enrollment, library: str) -> None:
    first, second, tag, room = kept(artist)
    for query in (f"tag={tag.pk}", f"collection={room.pk}", "starred=on"):
        page = body(client.get(f"{library}?{query}&q=circle"))
        assert shown_on(page) == jobs_of([first]), query
        assert 'href="?q=circle"' in page and f'href="?{query}"' in page  # each chip leads to the page without it
    everything = body(client.get(f"{library}?model=pocket&shape=wide"))
    assert shown_on(everything) == jobs_of([second, first])
    assert shown_on(body(client.get(f"{library}?shape=upright"))) == []
    assert "No clip began with a picture" in body(client.get(f"{library}?image=on"))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("starred=on", "No stars yet"),
        ("image=on", "No clip began with a picture"),
        ("q=nowhere", "No prompt has these words"),
        ("shape=upright", "No clip is all of this"),
        ("starred=on&shape=square", "No clip is all of this"),
    ],
)
def test_a_filter_that_leaves_nothing_says_what_next(
    client: Client, artist: Enrollment, library: str, query: str, words: str
) -> None:
    make.output(enrollment=artist)
    assert words in body(client.get(f"{library}?{query}"))


@pytest.mark.parametrize(
    "query", ["tag=99999", "tag=x", "collection=nonsense", "model=nowhere", "shape=round", "order=up"]
)
def test_a_filter_that_cannot_be_used_is_said_and_left_out(
    client: Client, artist: Enrollment, library: str, query: str
) -> None:
    made = make.output(enrollment=artist)
    response = client.get(f"{library}?{query}")
    assert response.status_code == 200 and shown_on(body(response)) == jobs_of([made])
    assert "Choose another" in body(response)


@pytest.mark.parametrize("words", ["nul\x00", "x" * 500, "a b c d e f g h i j"])
def test_a_search_that_cannot_be_used_is_said(client: Client, library: str, words: str) -> None:
    response = client.get(library, {"q": words})
    assert response.status_code == 200 and 'class="errorlist"' in body(response)


def test_nobody_finds_by_anothers_tag_or_collection(client: Client, artist: Enrollment, library: str) -> None:
    make.output(enrollment=artist)
    stranger = make.artist(program=artist.program)
    _, _, tag, room = kept(stranger)
    for query in (f"tag={tag.pk}", f"collection={room.pk}"):
        page = body(client.get(f"{library}?{query}"))
        assert "Choose another" in page and "Room" not in page


# --- collections ------------------------------------------------------------------------------------------------------
def test_a_collection_is_begun_renamed_and_deleted(client: Client, artist: Enrollment, program: Program) -> None:
    made = make.output(enrollment=artist)
    url = reverse("collections", args=[program.slug])
    assert "None yet" in body(client.get(url))
    to_wall = client.post(url, {"name": "Première"})["Location"]
    assert "Nothing hangs here yet" in body(client.get(to_wall))
    room = Collection.objects.get()
    keeping.hang([made], room, by=artist.user)
    assert shown_on(body(client.get(to_wall))) == jobs_of([made])
    own = reverse("collection", args=[program.slug, room.pk])
    for name, words in (("", "Write a name"), ("x" * 81, "80 is the most")):
        response = client.post(own, {"name": name})
        assert response.status_code == 422 and words in body(response)
    assert client.post(own, {"name": "Second"}).status_code == 302
    twice = client.post(url, {"name": "Second"})
    assert twice.status_code == 422 and "of this name already" in body(twice)
    assert client.post(reverse("delete_collection", args=[program.slug, room.pk])).status_code == 302
    assert not Collection.objects.exists() and Output.objects.count() == 1


# --- all jobs ---------------------------------------------------------------------------------------------------------
def test_the_history_has_every_job_with_its_reason(
    client: Client, artist: Enrollment, program: Program, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "PAGE", 2)
    start = clock.now()
    at(start)
    finished = make.output(enrollment=artist).job
    at(start + timedelta(seconds=1))
    failed = make.job(enrollment=artist)
    taken = make.claimed()
    assert taken
    rendering.fail(taken, "It broke, and here is why.", is_final=True)
    at(start + timedelta(seconds=2))
    cancelled = jobs.cancel(make.job(enrollment=artist), by=artist.user)
    make.job(enrollment=make.artist(program=program))
    url = reverse("job_history", args=[program.slug])
    page = body(client.get(url))
    assert shown_jobs(page) == [str(cancelled.pk), str(failed.pk)]
    assert "It broke, and here is why." in page
    assert page.count(reverse("retry_job", args=[program.slug, failed.pk])) == 1
    older = body(client.get(url + link(page, "next")))
    assert shown_jobs(older) == [str(finished.pk)] and "Try again" not in older
    assert shown_jobs(body(client.get(url + link(older, "prev")))) == [str(cancelled.pk), str(failed.pk)]
    assert shown_jobs(body(client.get(f"{url}?state=failed"))) == [str(failed.pk)]
    assert "No job is in this state" in body(client.get(f"{url}?state=running"))
    assert len(shown_jobs(body(client.get(f"{url}?state=nonsense")))) == 2
    assert Job.objects.count() == 4


def shown_jobs(page: str) -> list[str]:
    return re.findall(r'class="work__title" href="[^"]*/jobs/([0-9a-f-]{36})/"', page)
