"""The library's bar for chosen clips, and the star and tags of a single one; over HTTP and without a line of script."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from access.models import Enrollment, Program
from generation.models import Collection, Star, Tag
from tests import make
from tests.generation.pages import body, client_of, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


@pytest.fixture
def library(program: Program) -> str:
    return reverse("library", args=[program.slug])


def test_chosen_clips_are_starred_tagged_hung_and_back(client: Client, artist: Enrollment, library: str) -> None:
    made = [make.output(enrollment=artist) for _ in range(2)]
    chosen = [str(output.pk) for output in made]

    def do(deed: str, **names: str) -> None:
        response = client.post(f"{library}?q=red", {"chosen": chosen, "do": deed, **names})
        assert response.status_code == 302 and response["Location"] == f"{library}?q=red"

    do("star")
    do("tag", tag_name="  night   sea ")
    do("hang", collection_name="New room")
    assert Star.objects.count() == 2
    assert Tag.objects.get().outputs.count() == 2 and Tag.objects.get().name == "night sea"
    assert Collection.objects.get().outputs.count() == 2
    do("unstar")
    do("untag", tag_name="Night sea")
    do("unhang", collection_name="New room")
    assert not Star.objects.exists() and not Tag.objects.get().outputs.exists()
    assert Collection.objects.get().outputs.count() == 0
    page = body(client.get(library))
    assert "Out of “New room”: 2 clips." in page


def test_enter_in_a_field_means_the_name_that_is_written(client: Client, artist: Enrollment, library: str) -> None:
    made = make.output(enrollment=artist)
    page = body(client.get(library))
    first = re.search(r'id="chosen".*?(<button.*?>)', page, re.DOTALL)
    assert first and first[1] == '<button name="do" value="named" hidden>'  # which a browser presses at Enter
    assert client.post(library, {"chosen": [str(made.pk)], "do": "named", "tag_name": "sea"}).status_code == 302
    assert client.post(library, {"chosen": [str(made.pk)], "do": "named", "collection_name": "Room"}).status_code == 302
    assert [tag.name for tag in made.tags.all()] == ["sea"]
    assert Collection.objects.get().outputs.get() == made


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"do": "star", "chosen": []}, "Choose one or more clips first"),
        ({"do": "tag"}, "Write the tag first"),
        ({"do": "tag", "tag_name": "x" * 41}, "41 characters long; 40 is the most"),
        ({"do": "untag", "tag_name": "nowhere"}, "None of your clips has the tag"),
        ({"do": "hang", "collection_name": " "}, "Write the collection’s name first"),
        ({"do": "unhang", "collection_name": "nowhere"}, "You have no collection named"),
        ({"do": "compare"}, "Choose exactly two clips"),
        ({"do": "named"}, "Write a tag or the name of a collection first"),
        ({"do": "named", "tag_name": "one", "collection_name": "two"}, "Press the button of the one you mean"),
        ({"do": "named", "tag_name": "x" * 41}, "41 characters long; 40 is the most"),
        ({"do": "burn"}, "Press one of the buttons"),
        ({"chosen": ["nonsense"], "do": "star"}, "One of the clips could not be read"),
    ],
)
def test_what_cannot_be_done_is_said_and_loses_nothing(
    client: Client, artist: Enrollment, library: str, sent: dict[str, object], words: str
) -> None:
    made = make.output(enrollment=artist)
    response = client.post(library, {"chosen": [str(made.pk)], **sent})
    page = body(response)
    assert response.status_code == 422 and words in page and page.count('class="errorlist') == 1
    if "chosen" not in sent:
        assert re.search(rf'value="{made.pk}" form="chosen" checked', page)
    if typed := sent.get("tag_name"):
        assert str(typed) in page
    assert not Star.objects.exists()


def test_the_clip_of_another_cannot_be_chosen(client: Client, artist: Enrollment, library: str) -> None:
    mine = make.output(enrollment=artist)
    theirs = make.output(enrollment=make.artist(program=artist.program))
    assert client.post(library, {"chosen": [str(mine.pk), str(theirs.pk)], "do": "star"}).status_code == 404
    assert not Star.objects.exists()
    for name in ("star", "tag"):
        assert client.post(reverse(name, args=[artist.program.slug, theirs.pk]), {"tag_name": "x"}).status_code == 404


def test_a_star_by_itself_comes_back_to_where_it_was_pressed(client: Client, artist: Enrollment, library: str) -> None:
    made = make.output(enrollment=artist)
    url = reverse("star", args=[artist.program.slug, made.pk])
    assert client.post(url, {"on": "1", "next": f"{library}?q=red"})["Location"] == f"{library}?q=red"
    assert 'aria-pressed="true"' in body(client.get(library))
    assert client.post(url, {"on": "0", "next": "https://elsewhere.example/"})["Location"] == page_of(made.job)
    assert not Star.objects.exists()
    fragment = client.post(url, {"on": "1", "next": "/x"}, headers={"HX-Request": "true"})
    assert 'aria-pressed="true"' in body(fragment) and "<html" not in body(fragment)
    assert made.job.brief.prompt in body(fragment)  # still told from other stars


def test_tags_of_one_clip(client: Client, artist: Enrollment) -> None:
    made = make.output(enrollment=artist)
    url = reverse("tag", args=[artist.program.slug, made.pk])
    assert client.post(url, {"tag_name": "<b>sea</b>"}).status_code == 302
    fragment = body(client.post(url, {"tag_name": ""}, headers={"HX-Request": "true"}))
    assert "Write the tag first" in fragment and "&lt;b&gt;sea&lt;/b&gt;" in fragment and "<b>sea" not in fragment
    assert client.post(url, {"off": "nonsense"}).status_code == 404
    assert client.post(url, {"off": str(Tag.objects.get().pk)}).status_code == 302
    assert not made.tags.exists()
