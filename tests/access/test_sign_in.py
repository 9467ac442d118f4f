"""A session ends while somebody works: the way to the sign-in, and from there back to a page that opens."""

import pytest
from django.test import Client
from django.urls import reverse

from access.models import Enrollment
from tests import make

pytestmark = pytest.mark.django_db
HERE = "http://testserver"
DOOR = "/accounts/login/?next="


@pytest.fixture
def artist() -> Enrollment:
    made = make.artist(program=make.program())
    make.pipeline()
    return made


@pytest.fixture
def star(artist: Enrollment) -> str:
    """Something that is pressed."""
    return reverse("star", args=[artist.program.slug, artist.pk])


def test_a_page_is_led_back_to_itself(artist: Enrollment) -> None:
    page = reverse("library", args=[artist.program.slug]) + "?q=red"
    assert Client().get(page)["Location"] == f"{DOOR}{page.replace('?', '%3F').replace('=', '%3D')}"


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        (f"{HERE}/p/x/queue/", "/p/x/queue/"),
        (f"{HERE}/p/x/library/?q=red#work", "/p/x/library/%3Fq%3Dred"),
        ("https://testserver/p/x/queue/", "/"),  # another scheme is another site
        ("http://elsewhere.example/p/x/queue/", "/"),
        ("http://testserver.elsewhere.example/", "/"),
        ("nonsense", "/"),
        ("", "/"),
    ],
)
def test_a_press_is_led_back_to_the_page_it_was_made_on(star: str, referer: str, back: str) -> None:
    answer = Client().post(star, headers={"Referer": referer})
    assert (answer.status_code, answer["Location"]) == (302, DOOR + back)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("url", "back"),
    [(f"{HERE}/p/x/library/", "/p/x/library/"), ("http://elsewhere.example/p/x/", "/"), ("", "/")],
)
def test_a_script_is_told_where_to_go_and_puts_no_sign_in_into_the_page(
    star: str, method: str, url: str, back: str
) -> None:
    answer = getattr(Client(), method)(star, headers={"HX-Request": "true", "HX-Current-URL": url})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["HX-Redirect"] == DOOR + back


def test_the_sign_in_after_a_press_ends_on_a_page_and_no_further(artist: Enrollment) -> None:
    slug = artist.program.slug
    artist.user.set_password("a long test password")
    artist.user.save()
    for name in ("surprise", "upload_first_frame", "keep_draft", "start_afresh"):
        client, page = Client(), reverse("studio", args=[slug])
        door = client.post(reverse(name, args=[slug]), headers={"Referer": HERE + page})["Location"]
        sent = {"login": artist.user.email, "password": "a long test password"}
        answer = client.post(door, sent, follow=True)
        assert (answer.status_code, answer.request["PATH_INFO"]) == (200, page), name


@pytest.mark.parametrize("path", ["//elsewhere.example/", "/\\elsewhere.example/"])
def test_nobody_is_led_elsewhere_after_the_sign_in(artist: Enrollment, star: str, path: str) -> None:
    artist.user.set_password("a long test password")
    artist.user.save()
    client = Client()
    door = client.post(star, headers={"Referer": HERE + path})["Location"]
    answer = client.post(door, {"login": artist.user.email, "password": "a long test password"})
    assert answer["Location"] == "/"
