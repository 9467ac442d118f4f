"""Two clips beside each other: one's own only, what differs, and how to come to a pair."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from access.models import Enrollment, Program
from generation import keeping
from generation.views.compare import _marked
from tests import make
from tests.generation.pages import body, client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


@pytest.fixture
def compare(program: Program) -> str:
    return reverse("compare", args=[program.slug])


def rows_that_differ(page: str) -> set[str]:
    return set(re.findall(r'<th scope="row">([^<]+?) <span class="differs">', page))


def test_two_clips_stand_beside_each_other_with_what_differs(
    client: Client, artist: Enrollment, compare: str, program: Program
) -> None:
    a = make.output(enrollment=artist, prompt="a red ball", seed=1, steps=8)
    b = make.output(enrollment=artist, prompt="a blue ball", seed=2, steps=8)
    keeping.star([a], by=artist.user)
    page = body(client.get(compare, {"a": a.pk, "b": b.pk}))
    assert re.findall(r'data-rate="([^"]+)" data-frames="(\d+)"', page) == [("8", "5"), ("8", "5")]
    assert len(re.findall(r"<video[^>]* controls[^>]* muted", page)) == 2  # without script, each plays by itself
    assert rows_that_differ(page) == {"Prompt", "Seed"}
    assert page.count("<mark>red</mark>") == page.count("<mark>blue</mark>") == 1
    assert page.count('aria-pressed="true"') == page.count('aria-pressed="false"') == 1
    assert page.count(": <bdi>a red ball</bdi></span></button>") == 1  # the stars are told apart by ear too
    for output in (a, b):
        assert f"{reverse('studio', args=[program.slug])}?remix={output.job_id}" in page
    assert f"{compare}?a={b.pk}&amp;b={a.pk}" in page  # swapped
    assert f'"{compare}?a={a.pk}"' in page and f'"{compare}?b={b.pk}"' in page  # another for either side


def test_a_clip_can_stand_beside_itself(client: Client, artist: Enrollment, compare: str) -> None:
    a = make.output(enrollment=artist)
    page = body(client.get(compare, {"a": a.pk, "b": a.pk}))
    assert page.count("<video") == 2 and rows_that_differ(page) == set()


def test_the_side_that_is_missing_is_chosen(client: Client, artist: Enrollment, compare: str) -> None:
    assert "nothing to compare yet" in body(client.get(compare))
    a = make.output(enrollment=artist)
    assert "no second clip yet" in body(client.get(compare, {"a": a.pk}))
    b = make.output(enrollment=artist)
    page = body(client.get(compare, {"b": b.pk}))
    assert f"{compare}?a={a.pk}&amp;b={b.pk}" in page and f"?a={b.pk}" not in page
    assert f'"{compare}?a={a.pk}"' in body(client.get(compare, {"a": "nonsense"}))


def test_the_library_leads_two_chosen_clips_here(client: Client, artist: Enrollment, compare: str) -> None:
    pair = [make.output(enrollment=artist) for _ in range(2)]
    sent = {"chosen": [str(output.pk) for output in pair], "do": "compare"}
    response = client.post(reverse("library", args=[artist.program.slug]), sent)
    assert response.status_code == 302 and response["Location"] == f"{compare}?a={pair[0].pk}&b={pair[1].pk}"


def test_the_clip_of_another_does_not_exist(client: Client, artist: Enrollment, compare: str) -> None:
    mine = make.output(enrollment=artist)
    theirs = make.output(enrollment=make.artist(program=artist.program))
    elsewhere = make.output(enrollment=make.artist(program=make.program(), email=artist.user.email))
    for other in (theirs.pk, elsewhere.pk, uuid.uuid4()):
        assert client.get(compare, {"a": mine.pk, "b": other}).status_code == 404
        assert client.get(compare, {"a": other}).status_code == 404


@pytest.mark.parametrize(
    ("left", "right", "marked"),
    [
        ("a red ball", "a blue ball", [("a", False), ("red", True), ("ball", False)]),
        ("the same", "the same", [("the same", False)]),
        ("one two", "", [("one two", True)]),
        ("", "one two", []),
    ],
)
def test_words_that_the_other_lacks_are_marked(left: str, right: str, marked: list[tuple[str, bool]]) -> None:
    assert _marked(left, right)[0] == marked
