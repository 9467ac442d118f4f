"""The library, over HTTP and without a line of script."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from access import clock
from access.models import Enrollment, Program
from generation import jobs
from generation.views import library
from tests import make
from tests.generation.pages import body, client_of, page_of

Clock = Callable[[datetime], None]


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


def shown_on(page: str) -> list[str]:
    found = re.findall(r'<a href="[^"]*/jobs/([0-9a-f-]{36})/">', page)
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("equal", [True, False], ids=["at one instant", "one after the other"])
def test_the_library_is_paged_without_gaps_or_doubles(
    client: Client, artist: Enrollment, program: Program, at: Clock, monkeypatch: pytest.MonkeyPatch, equal: bool
) -> None:
    monkeypatch.setattr(library, "PAGE", 2)
    if equal:
        at(clock.now())
    made = [make.output(enrollment=artist) for _ in range(5)]
    make.output(enrollment=make.artist(program=program))  # not mine, so never shown
    url = reverse("library", args=[program.slug])
    pages: list[list[str]] = []
    query = ""
    while len(pages) < 9:
        page = body(client.get(url + query))
        pages.append(shown_on(page))
        older = re.search(r'href="(\?after=[^"]+)" rel="next"', page)
        if not older:
            break
        query = older[1]
    assert [len(page) for page in pages] == [2, 2, 1]
    shown = [pk for page in pages for pk in page]
    assert sorted(shown) == sorted(str(output.job_id) for output in made)
    if not equal:
        assert shown == [str(output.job_id) for output in reversed(made)]


@pytest.mark.parametrize("key", ["nonsense", str(uuid.uuid4()), ""])
def test_a_key_that_is_not_mine_shows_the_first_page(
    client: Client, artist: Enrollment, program: Program, key: str
) -> None:
    made = make.output(enrollment=artist)
    page = body(client.get(reverse("library", args=[program.slug]) + f"?after={key}"))
    assert shown_on(page) == [str(made.job_id)]


def test_an_empty_library_and_open_jobs(client: Client, artist: Enrollment, program: Program) -> None:
    url = reverse("library", args=[program.slug])
    assert "The wall is still bare" in body(client.get(url))
    job = make.job(enrollment=artist)
    page = body(client.get(url))
    assert page_of(job) in page and "The wall is still bare" not in page
    jobs.cancel(job, by=artist.user)
    assert page_of(job) not in body(client.get(url))
