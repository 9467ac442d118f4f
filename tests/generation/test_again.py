"""More of a clip: vary it, repeat it, try it again, over HTTP and without a line of script."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from access import halting
from access.models import Enrollment, Program
from access.refusals import NotAllowed
from generation import jobs, registry, remaking, rendering
from generation.models import Brief, Pipeline, QuotaEntry
from tests import make
from tests.generation.artists import finished
from tests.generation.pages import body, client_of, key_on, page_of, press


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


@pytest.fixture
def stranger(program: Program) -> Client:
    """Another artist of the same program."""
    return client_of(make.artist(program=program))


LOADED = {"class": "DrawnPipeline", "arguments": ["guidance_scale", "negative_prompt"], "versions": {"drawn": "1"}}


@pytest.fixture
def loaded() -> Pipeline:
    """The model, as a worker that loaded it has noted it: from now on repeats are known."""
    made = make.pipeline()
    registry.note_loaded(made, LOADED)
    return made


def test_varying_gives_new_seeds_and_the_same_settings(client: Client, artist: Enrollment) -> None:
    job = finished(artist, steps=9, guidance=2.0, seed=5, negative_prompt="no blue").job
    response = client.post(page_of(job, "vary_job"), {"idempotency_key": key_on(body(client.get(page_of(job))))})
    made = Brief.objects.get(parent=job)
    assert response["Location"] == page_of(made.jobs.get(number=1))
    assert (made.lineage, made.variations, made.prompt) == ("vary", 4, job.brief.prompt)
    assert (made.steps, made.guidance, made.negative_prompt) == (9, 2.0, "no blue")
    assert 5 not in made.jobs.values_list("seed", flat=True)


def test_varying_asks_for_no_more_than_the_day_has_left(client: Client, artist: Enrollment) -> None:
    artist.cohort.daily_quota = 3
    artist.cohort.save()
    job = finished(artist).job
    press(client, job, "vary_job")
    assert Brief.objects.get(parent=job).variations == 2
    response = press(client, job, "vary_job")
    assert response.status_code == 403 and "Today&#x27;s clips are used up" in body(response)


@pytest.mark.parametrize("name", ["vary_job", "repeat_job"])
def test_a_double_click_is_one(client: Client, artist: Enrollment, name: str) -> None:
    job, key = finished(artist).job, uuid.uuid4()
    first, second = press(client, job, name, key), press(client, job, name, key)
    assert first["Location"] == second["Location"]
    assert Brief.objects.filter(parent=job).count() == 1


def test_two_buttons_of_one_page_are_two_wishes(client: Client, artist: Enrollment) -> None:
    """Vary, back to the page as it was, Repeat."""
    job = finished(artist).job
    key = uuid.UUID(key_on(body(client.get(page_of(job)))))
    for name in ("vary_job", "repeat_job"):
        press(client, job, name, key)
    assert set(Brief.objects.filter(parent=job).values_list("lineage", flat=True)) == {"vary", "repeat"}


def test_a_day_without_clips_left_offers_none(client: Client, artist: Enrollment) -> None:
    artist.cohort.daily_quota = 1
    artist.cohort.save()
    page = body(client.get(page_of(finished(artist).job)))
    assert "No clip is left today. New ones from" in page and "of the 0 left" not in page


def test_a_repeat_ends_at_once_with_the_clip_that_is_there(
    client: Client, artist: Enrollment, loaded: Pipeline
) -> None:
    output = finished(artist, seed=5)
    response = press(client, output.job, "repeat_job")
    made = Brief.objects.get(parent=output.job)
    assert (made.lineage, made.jobs.get().state, made.jobs.get().repeat_of) == ("repeat", "finished", output)
    page = body(client.get(response["Location"]))
    assert "You already have this clip, bit for bit" in page and page_of(output.job) in page
    assert reverse("media", args=[output.renditions.get(recipe="playable").file_id]) in page
    assert not QuotaEntry.objects.filter(job__brief=made).exists()


def test_a_repeat_is_rendered_where_the_software_is_another(
    client: Client, artist: Enrollment, loaded: Pipeline
) -> None:
    output = finished(artist, seed=5)
    registry.note_loaded(loaded, {**LOADED, "versions": {"drawn": "2"}})
    page = body(client.get(press(client, output.job, "repeat_job")["Location"]))
    assert Brief.objects.get(parent=output.job).jobs.get().state == "queued"
    assert "bit for bit" not in page


@pytest.mark.parametrize(
    ("size", "promise"), [(1, "would be identical, to the last bit"), (4, "it would be visually identical")]
)
def test_identical_is_promised_only_of_a_clip_rendered_alone(
    client: Client, artist: Enrollment, size: int, promise: str
) -> None:
    page = body(client.get(page_of(finished(artist, batch=size).job)))
    assert promise in page


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_trying_again_keeps_the_seed(client: Client, artist: Enrollment, end: str) -> None:
    job = make.job(enrollment=artist, seed=5)
    if end == "cancelled":
        jobs.cancel(job, by=artist.user)
    else:
        taken = make.claimed("worker")
        assert taken
        rendering.fail(taken, "It broke, and here is why.", is_final=True)
    page = body(client.get(page_of(job)))
    response = client.post(page_of(job, "retry_job"), {"idempotency_key": key_on(page)})
    made = Brief.objects.get(parent=job)
    assert (made.lineage, made.seed, response["Location"]) == ("retry", 5, page_of(made.jobs.get()))
    assert "Tried again after" in body(client.get(response["Location"]))


def test_only_what_failed_is_tried_again(client: Client, artist: Enrollment) -> None:
    job = finished(artist).job
    response = press(client, job, "retry_job")
    assert response.status_code == 403 and "failed or was cancelled" in body(response)
    assert "job-retry" not in body(client.get(page_of(job)))


def test_settings_that_are_not_offered_any_more_lead_to_the_studio(client: Client, artist: Enrollment) -> None:
    job = finished(artist, steps=30).job
    artist.cohort.max_steps = 20
    artist.cohort.save()
    response = press(client, job, "vary_job")
    assert response.status_code == 403 and "Remix the clip" in body(response)
    assert not Brief.objects.filter(parent=job).exists()


def test_a_press_without_a_key_is_asked_for_again(client: Client, artist: Enrollment) -> None:
    job = finished(artist).job
    response = client.post(page_of(job, "vary_job"))
    assert response.status_code == 409 and "Reload the page" in body(response)


def test_a_press_under_a_halt_says_so_and_makes_nothing(client: Client, artist: Enrollment, program: Program) -> None:
    job = finished(artist).job
    halting.halt(program, program=program, by=None, reason="We look at something.")
    response = press(client, job, "vary_job")
    assert response.status_code == 403 and "stopped new work" in body(response)
    assert not Brief.objects.filter(parent=job).exists()


def test_an_agreement_to_sign_comes_first(client: Client, artist: Enrollment, program: Program) -> None:
    job = finished(artist).job
    make.agreement(program=program)
    assert press(client, job, "vary_job")["Location"] == reverse("agreements", args=[program.slug])


@pytest.mark.parametrize("name", ["vary_job", "repeat_job", "retry_job"])
def test_nobody_makes_more_of_what_is_not_theirs(
    stranger: Client, artist: Enrollment, program: Program, name: str
) -> None:
    assert press(stranger, finished(artist).job, name).status_code == 404
    with pytest.raises(NotAllowed):
        remaking.vary(
            make.output(enrollment=artist).job,
            enrollment=make.artist(program=program),
            credential=None,
            key=uuid.uuid4(),
        )
