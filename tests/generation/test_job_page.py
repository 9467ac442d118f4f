"""The page of a job and what can be done there, over HTTP and without a line of script."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from access import clock, halting
from access.models import Enrollment, Halt, Program
from generation import claiming, jobs, rendering
from generation.encoding import encode, encode_rest
from generation.models import Brief, Rendition
from tests import make
from tests.generation.artists import agree, moved
from tests.generation.pages import body, client_of, page_of, press, studio

Clock = Callable[[datetime], None]


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


@pytest.fixture
def stranger(program: Program) -> Client:
    """Another artist of the same program."""
    return client_of(make.artist(program=program))


def test_the_page_works_without_script(client: Client, program: Program, artist: Enrollment) -> None:
    """Forms are forms, links are links, and an open job's page reloads itself."""
    page = body(client.get(studio(program)))
    assert re.search(r'<form method="post"[^>]*>', page) and 'type="submit"' in page
    job = make.job(enrollment=artist)
    page = body(client.get(page_of(job)))
    assert '<noscript><meta http-equiv="refresh"' in page
    assert f'<form method="post" action="{page_of(job, "cancel_job")}"' in page
    response = client.post(page_of(job, "cancel_job"))
    assert response.status_code == 302 and response["Location"] == page_of(job)
    page = body(client.get(page_of(job)))
    assert 'http-equiv="refresh"' not in page and "Cancelled" in page


def test_the_live_part_follows_the_job_and_asks_no_more_when_there_is_nothing_to_come(
    client: Client, artist: Enrollment
) -> None:
    job = make.job(enrollment=artist)
    waiting = body(client.get(page_of(job, "job_live")))
    assert f'data-live-job="{job.pk}"' in waiting and "live:changed" in waiting and "every" not in waiting
    taken = make.claimed("worker")
    assert taken
    rendering.report(taken, phase="denoise", step=4, jpeg=b"\xff\xd8jpeg")
    running = body(client.get(page_of(job, "job_live")))
    assert "Step 4 of 20" in running and page_of(job, "job_preview") in running
    clip = make.clip()
    output = rendering.finish(taken, encode(clip, width=96))
    playable = body(client.get(page_of(job, "job_live")))
    assert "<video" in playable and "From static to picture" not in playable
    assert "data-live-job" not in playable and "load delay" in playable  # the rest is on its way
    rendering.add_renditions(output, encode_rest(clip, width=96))
    whole = body(client.get(page_of(job, "job_live")))
    assert "From static to picture" in whole and "hx-trigger" not in whole
    assert client.get(page_of(job)).status_code == 200


def test_a_clip_whose_other_renditions_never_came_is_not_asked_after_for_ever(
    client: Client, artist: Enrollment, at: Clock
) -> None:
    make.job(enrollment=artist)
    taken = make.claimed("worker")
    assert taken
    output = rendering.finish(taken, encode(make.clip(), width=96))
    at(output.created_at + timedelta(minutes=3))
    page = body(client.get(page_of(taken)))
    assert "<video" in page and "hx-trigger" not in page


def test_a_halted_job_says_that_it_waits_and_why(client: Client, program: Program, artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    halting.halt(program, program=program, by=None, reason="We look at something.")
    page = body(client.get(page_of(job)))
    assert "We look at something." in page and "starts by itself" in page
    halting.lift(Halt.objects.get(), by=None)
    assert "We look at something." not in body(client.get(page_of(job)))


def test_pages_answer_head_like_get(client: Client, program: Program, artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    for url in (studio(program), page_of(job), page_of(job, "job_live"), reverse("library", args=[program.slug])):
        assert client.head(url).status_code == 200
        assert client.put(url).status_code == 405


def test_a_job_in_line_says_its_place_and_a_failed_one_its_reason(client: Client, artist: Enrollment) -> None:
    first, second = make.job(enrollment=artist), make.job(enrollment=artist)
    assert "Next in line" in body(client.get(page_of(first)))
    assert "Number 2 in line" in body(client.get(page_of(second)))
    for _ in range(3):
        taken = make.claimed("worker")
        assert taken
        rendering.fail(taken, "It broke, and here is why.")
    assert "It broke, and here is why." in body(client.get(page_of(first)))


def test_cancel_comes_too_late(client: Client, artist: Enrollment) -> None:
    job = make.output(enrollment=artist).job
    response = client.post(page_of(job, "cancel_job"))
    assert response.status_code == 409 and "ended already" in body(response)


@pytest.mark.parametrize("name", ["job", "job_live", "job_preview"])
def test_the_job_of_another_does_not_exist(stranger: Client, client: Client, artist: Enrollment, name: str) -> None:
    job = make.job(enrollment=artist)
    taken = make.claimed("worker")
    assert taken
    rendering.report(taken, phase="denoise", step=1, jpeg=b"\xff\xd8jpeg")
    assert client.get(page_of(job, name)).status_code == 200
    assert stranger.get(page_of(job, name)).status_code == 404
    assert Client().get(page_of(job, name)).status_code == 302  # to the sign-in


def test_the_job_of_another_cannot_be_cancelled(stranger: Client, artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    assert stranger.post(page_of(job, "cancel_job")).status_code == 404
    job.refresh_from_db()
    assert job.state == "queued"


def test_a_job_is_not_found_under_another_program(artist: Enrollment) -> None:
    other = make.program()
    make.artist(program=other, email=artist.user.email)
    job = make.job(enrollment=artist)
    assert client_of(artist).get(reverse("job", args=[other.slug, job.pk])).status_code == 404


def test_a_preview_is_private_and_goes_with_the_job(client: Client, artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    assert client.get(page_of(job, "job_preview")).status_code == 404
    taken = make.claimed("worker")
    assert taken
    rendering.report(taken, phase="denoise", step=1, jpeg=b"\xff\xd8jpeg")
    response = client.get(page_of(job, "job_preview"))
    assert response.content == b"\xff\xd8jpeg"
    assert response["Content-Type"] == "image/jpeg" and response["Cache-Control"] == "private, no-store"
    rendering.put_back(taken)
    assert client.get(page_of(job, "job_preview")).status_code == 404


def test_the_files_of_another_do_not_exist(client: Client, stranger: Client, artist: Enrollment) -> None:
    output = make.output(enrollment=artist)
    files = [rendition.file for rendition in output.renditions.all()]
    assert len(files) == len(Rendition.Recipe.values)
    for file in files:
        url = reverse("media", args=[file.pk])
        assert client.get(url).status_code == 200
        assert stranger.get(url).status_code == 404
        assert Client().get(url).status_code in (302, 404)


def test_the_master_is_for_no_page(client: Client, artist: Enrollment) -> None:
    output = make.output(enrollment=artist)
    agree(artist, allows_download=True)
    assert client.get(reverse("media", args=[output.master_id])).status_code == 404


def test_a_remembered_address_is_worth_no_more_than_the_page_it_was_on(client: Client, artist: Enrollment) -> None:
    output = make.output(enrollment=artist)
    url = reverse("media", args=[output.renditions.get(recipe="playable").file_id])
    make.artist(program=make.program(), email=artist.user.email)  # inside elsewhere, which is no help
    Enrollment.objects.filter(pk=artist.pk).update(ended_at=clock.now())
    assert client.get(page_of(output.job)).status_code == 404 == client.get(url).status_code
    moved(artist, signed=False)
    assert client.get(page_of(output.job)).status_code == 200 == client.get(url).status_code


def test_a_copy_that_is_personal_to_another_is_not_mine(client: Client, artist: Enrollment, program: Program) -> None:
    output, other = make.output(enrollment=artist), make.output(enrollment=make.artist(program=program))
    poster = other.renditions.get(recipe="poster")
    output.renditions.create(
        recipe="poster",
        parent_sha256=output.master_sha256,
        file=poster.file,
        sha256=poster.sha256,
        personal_to=other.enrollment,
        created_at=clock.now(),
    )
    assert client.get(reverse("media", args=[poster.file_id])).status_code == 404


# --- where it came from ---------------------------------------------------------------------------------------------
def test_lineage_is_shown_both_ways(client: Client, artist: Enrollment) -> None:
    parent = make.output(enrollment=artist)
    press(client, parent.job, "vary_job")
    child = Brief.objects.get(parent=parent.job).jobs.get(number=1)
    older, younger = body(client.get(page_of(parent.job))), body(client.get(page_of(child)))
    assert "Led to" in older and "varied, 4 clips" in older and page_of(child) in older
    assert "Varied from" in younger and page_of(parent.job) in younger
    assert reverse("media", args=[parent.renditions.get(recipe="poster").file_id]) in younger


def test_variations_link_to_each_other_and_to_the_comparison(client: Client, artist: Enrollment) -> None:
    made = make.brief(enrollment=artist, variations=3)
    batch = claiming.claim("worker")
    outputs = [rendering.finish(job, encode(make.clip(), width=96)) for job in batch[:2]]
    outputs += [rendering.finish(make.claimed(), encode(make.clip(), width=96)) for _ in range(2 - len(outputs))]
    first, second, third = made.jobs.order_by("number")
    page = body(client.get(page_of(first)))
    assert page_of(second) in page and page_of(third) in page
    assert f"?a={outputs[0].pk}&amp;b={outputs[1].pk}" in page
    assert f'data-live-job="{third.pk}"' in page


@pytest.mark.parametrize(("begun", "words"), [(False, "given back"), (True, "had begun it")])
def test_a_cancelled_clip_says_what_became_of_its_quota(
    client: Client, program: Program, artist: Enrollment, begun: bool, words: str
) -> None:
    job = make.job(enrollment=artist)
    claimed = make.claimed() if begun else None
    jobs.cancel(job, by=artist.user)
    if claimed:
        rendering.end_cancelled(claimed)
    client.force_login(artist.user)
    page = client.get(reverse("job", args=[program.slug, job.pk])).content.decode()
    assert words in page
