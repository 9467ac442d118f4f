"""First frames on the studio's page, and what becomes of those that nobody used."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from access import clock, storing
from access.models import Enrollment, Entry, Program, StoredFile
from generation import drafting, uploading
from generation.models import Brief, FirstFrame, Pipeline
from generation.refusals import OutOfBounds, PictureUnusable
from generation.views import studio as studio_views
from tests import make
from tests.generation.artists import moved
from tests.generation.conftest import Clock
from tests.generation.pages import body, brief, client_of, studio
from tests.generation.pictures import SVG, drawn, keep, raw, sent_with

pytestmark = pytest.mark.django_db


# --- on the page ----------------------------------------------------------------------------------------------------
@pytest.fixture
def program(program: Program) -> Program:
    """With a model that can begin with a picture."""
    Pipeline.objects.update(loaded={"arguments": ["guidance_scale", "negative_prompt", "image"], "from_image": True})
    return program


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


def upload(client: Client, program: Program, sent: bytes, **typed: object) -> Any:
    picture = SimpleUploadedFile("picture.png", sent, "image/png")
    return client.post(studio(program, "upload_first_frame"), {**brief(**typed), "picture": picture})


def test_a_picture_is_uploaded_chosen_and_sent(client: Client, program: Program) -> None:
    page = body(client.get(studio(program)))
    assert 'enctype="multipart/form-data"' in page and 'type="file"' in page
    response = upload(client, program, raw(drawn()), prompt="my words")
    assert response["Location"] == studio(program) + "#first-frame"
    frame = FirstFrame.objects.get()
    page = body(client.get(studio(program)))
    assert "my words" in page and reverse("media", args=[frame.file_id]) in page
    assert f'value="{frame.pk}" checked' in page and "Remove the picture" in page
    client.post(studio(program), brief(first_frame=str(frame.pk)))
    assert Brief.objects.get().first_frame == frame


def test_a_picture_that_was_chosen_and_not_uploaded_is_taken_along(client: Client, program: Program) -> None:
    response = client.post(studio(program), {**brief(), "picture": SimpleUploadedFile("a.png", raw(drawn()))})
    assert response.status_code == 302 and Brief.objects.get().first_frame == FirstFrame.objects.get()


def test_a_picture_is_not_lost_to_an_error_beside_it(client: Client, program: Program) -> None:
    sent = {**brief(prompt="kept words", steps=999), "picture": SimpleUploadedFile("a.png", raw(drawn()))}
    response = client.post(studio(program), sent)
    assert response.status_code == 422
    assert f'value="{FirstFrame.objects.get().pk}" checked' in body(response)


@pytest.mark.parametrize("name", ["studio", "upload_first_frame"])
def test_an_unusable_picture_costs_no_words(client: Client, program: Program, name: str) -> None:
    sent = {**brief(prompt="kept words"), "picture": SimpleUploadedFile("a.png", SVG, "image/png")}
    response = client.post(studio(program, name), sent)
    page = body(response)
    assert response.status_code == 422 and "no PNG, JPEG or WebP" in page and "kept words" in page
    assert 'href="#first-frame"' in page
    assert not Brief.objects.exists()
    assert "kept words" in body(client.get(studio(program)))


def test_of_a_file_that_is_far_too_large_little_reaches_the_disk(
    client: Client, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: list[int] = []
    take = uploading.keep_first_frame

    def looking(file: Any, *, enrollment: Enrollment) -> FirstFrame:
        arrived.append(file.size)
        return take(file, enrollment=enrollment)

    monkeypatch.setattr(uploading, "keep_first_frame", looking)
    response = upload(client, program, raw(drawn()) + bytes(40 * 1024 * 1024), prompt="kept words")
    assert response.status_code == 422 and "larger than 10 MB" in body(response) and "kept words" in body(response)
    assert arrived == [uploading.HEAVIEST + 1]


def test_no_picture_at_all_is_asked_for(client: Client, program: Program) -> None:
    response = client.post(studio(program, "upload_first_frame"), brief(prompt="kept words"))
    assert response.status_code == 422 and "Choose a picture first" in body(response)


def test_a_picture_is_removed(client: Client, program: Program) -> None:
    upload(client, program, raw(drawn()))
    frame = FirstFrame.objects.get()
    client.post(studio(program, "keep_draft"), {**brief(), "first_frame": [str(frame.pk), ""]})
    page = body(client.get(studio(program)))
    assert f'value="{frame.pk}" checked' not in page and str(frame.pk) in page


def test_a_picture_is_seen_and_used_by_its_artist_alone(client: Client, program: Program) -> None:
    upload(client, program, raw(drawn()))
    frame = FirstFrame.objects.get()
    url, stranger = reverse("media", args=[frame.file_id]), client_of(make.artist(program=program))
    assert client.get(url).status_code == 200 and client.get(url)["Content-Type"] == "image/png"
    assert stranger.get(url).status_code == 404
    assert client_of_reviewer(program).get(url).status_code == 404
    response = stranger.post(studio(program), brief(first_frame=str(frame.pk)))
    assert response.status_code == 422 and "not there any more" in body(response)


def client_of_reviewer(program: Program) -> Client:
    client = Client()
    client.force_login(make.reviewer(program=program))
    return client


def test_a_model_that_cannot_is_not_asked(client: Client, artist: Enrollment, program: Program) -> None:
    frame = keep(artist, raw(drawn()))
    Pipeline.objects.update(loaded={"arguments": ["guidance_scale"], "from_image": False})
    assert 'type="file"' not in body(client.get(studio(program)))
    client.post(studio(program), brief(first_frame=str(frame.pk)))
    assert Brief.objects.get().first_frame is None


# --- what nobody used ------------------------------------------------------------------------------------------------
def test_a_picture_that_no_clip_used_goes_after_a_day_and_its_bytes_a_day_later(artist: Enrollment, at: Clock) -> None:
    frame = keep(artist, raw(drawn()))
    path = frame.file.path
    assert uploading.clear_unused() == 0
    at(clock.now() + make.HOUR * 25)
    assert uploading.clear_unused() == 1
    assert not FirstFrame.objects.exists() and not StoredFile.objects.filter(pk=frame.file_id).exists()
    assert Entry.objects.get(act="clear_first_frame").subject == f"firstframe:{frame.pk}"
    storing.clear_orphans()
    at(clock.now() + make.HOUR * 25)
    assert storing.clear_orphans() == 1 and not path.exists()


def test_a_picture_of_a_brief_or_of_a_draft_stays(client: Client, artist: Enrollment, at: Clock) -> None:
    used, drafted, aside = (keep(artist, raw(drawn(width))) for width in (32, 48, 64))
    make.pipeline()
    Pipeline.objects.update(loaded={"class": "LTXPipeline", "from_image": True})
    sent_with(used, artist)
    drafting.keep(artist, {"prompt": "an earlier one", "first_frame": str(aside.pk)})
    drafting.start_afresh(artist)
    drafting.keep(artist, {"prompt": "one more", "first_frame": str(drafted.pk)})
    at(clock.now() + make.HOUR * 25)
    assert uploading.clear_unused() == 0
    drafting.keep(artist, {"first_frame": "no key at all"})
    assert uploading.clear_unused() == 1 and set(FirstFrame.objects.all()) == {used, aside}


def test_a_picture_in_a_draft_stays_after_a_move_to_another_cohort(artist: Enrollment, at: Clock) -> None:
    drafted, sent, idle = (keep(artist, raw(drawn(width))) for width in (32, 48, 64))
    anew = moved(artist)
    drafting.keep(anew, {"prompt": "a red ball", "first_frame": str(drafted.pk)})
    make.pipeline()
    Pipeline.objects.update(loaded={"class": "LTXPipeline", "from_image": True})
    assert sent_with(sent, anew).first_frame == sent
    at(clock.now() + make.HOUR * 25)
    assert uploading.clear_unused() == 1 and not FirstFrame.objects.filter(pk=idle.pk).exists()
    assert keep(anew, raw(drawn(32))) == drafted  # the same picture again is the same first frame


def test_a_picture_is_of_the_program_that_it_was_brought_to(client: Client, artist: Enrollment) -> None:
    frame = keep(artist, raw(drawn()))
    elsewhere = make.artist(program=make.program(), email=artist.user.email)
    page = client.get(studio(elsewhere.program))
    assert str(frame.pk) not in body(page) and 'type="file"' in body(page)
    response = client.post(studio(elsewhere.program), brief(first_frame=str(frame.pk)))
    assert response.status_code == 422 and "not there any more" in body(response)
    with pytest.raises(OutOfBounds):
        sent_with(frame, elsewhere)
    assert keep(elsewhere, raw(drawn())) != frame


def test_a_remix_keeps_its_picture_however_many_came_after(
    client: Client, artist: Enrollment, program: Program
) -> None:
    first = keep(artist, raw(drawn()))
    job = sent_with(first, artist).jobs.get()
    facts = {"enrollment": artist, "file": first.file, "width": 48, "height": 32}
    FirstFrame.objects.bulk_create(FirstFrame(**facts, created_at=clock.now()) for _ in range(120))
    page = body(client.get(f"{studio(program)}?remix={job.pk}"))
    assert f'value="{first.pk}" checked' in page
    assert (
        page.count('type="radio" name="first_frame"') == 2 + studio_views.SHOWN_FRAMES
    )  # none, the latest, the chosen


def test_bytes_that_somebody_else_uses_stay(artist: Enrollment, program: Program, at: Clock) -> None:
    keep(artist, raw(drawn()))
    at(clock.now() + make.HOUR * 25)
    theirs = keep(make.artist(program=program), raw(drawn()))
    assert uploading.clear_unused() == 1
    assert StoredFile.objects.filter(pk=theirs.file_id).exists()


def test_a_brief_with_a_picture_that_was_cleared_meanwhile_is_refused_in_words(artist: Enrollment) -> None:
    frame = keep(artist, raw(drawn()))
    make.pipeline()
    Pipeline.objects.update(loaded={"class": "LTXPipeline", "from_image": True})
    FirstFrame.objects.all().delete()
    with pytest.raises(PictureUnusable, match="was removed"):
        sent_with(frame, artist)
