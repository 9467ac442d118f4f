"""The page of a job and what can be done there, over HTTP and without a line of script."""

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access import clock, enrollment, halting
from access.models import Agreement, AgreementVersion, Enrollment, Entry, Halt, Program
from access.refusals import NotAllowed
from generation import claiming, copying, jobs, registry, remaking, rendering
from generation.encoding import encode, encode_rest
from generation.models import Brief, Job, Output, Pipeline, QuotaEntry, Rendition
from generation.recipes import recipe_of
from generation.refusals import NoDownload
from tests import make
from tests.generation.pages import body, client_of, page_of, studio

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
    moved(artist)
    assert client.get(page_of(output.job)).status_code == 200 == client.get(url).status_code


def moved(artist: Enrollment) -> Enrollment:
    """The artist in another cohort of the same program, nothing signed yet."""
    Enrollment.objects.filter(pk=artist.pk).update(ended_at=clock.now())
    other = make.cohort(program=artist.program)
    return make.artist(program=artist.program, cohort=other, email=artist.user.email, signed=False)


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


# --- more of it -----------------------------------------------------------------------------------------------------
LOADED = {"class": "DrawnPipeline", "arguments": ["guidance_scale", "negative_prompt"], "versions": {"drawn": "1"}}


@pytest.fixture
def loaded() -> Pipeline:
    """The model, as a worker that loaded it has noted it: from now on repeats are known."""
    made = make.pipeline()
    registry.note_loaded(made, LOADED)
    return made


def finished(artist: Enrollment, *, batch: int = 1, **wish: object) -> Output:
    """An output under the key by which repeats are known, rendered in a batch of that size."""
    make.job(enrollment=artist, **wish)
    taken = make.claimed("worker")
    assert taken
    clip = replace(make.clip(), provenance={"batch": {"size": batch}})
    return rendering.finish(taken, encode(clip, width=96))


def press(client: Client, job: Job, name: str, key: uuid.UUID | None = None) -> Any:
    return client.post(page_of(job, name), {"idempotency_key": key or uuid.uuid4()})


def key_on(page: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', page)
    assert found
    return found[1]


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


# --- copies ---------------------------------------------------------------------------------------------------------
def test_a_clip_is_downloaded_where_the_agreement_allows_it(
    client: Client, stranger: Client, artist: Enrollment, program: Program
) -> None:
    output = finished(artist, prompt='Un été… "rouge"/bleu', seed=7)
    agree(artist, allows_download=True)
    page = body(client.get(page_of(output.job)))
    assert page_of(output.job, "download_clip") in page and page_of(output.job, "download_recipe") in page
    response = client.get(page_of(output.job, "download_clip"))
    assert response.status_code == 200 and response["Content-Type"] == "video/mp4"
    assert response["Content-Disposition"] == 'attachment; filename="un-ete-rougebleu-7.mp4"'
    playable = output.renditions.get(recipe="playable")
    assert hashlib.sha256(response.content).hexdigest() == playable.sha256
    assert stranger.get(page_of(output.job, "download_clip")).status_code == 404


def test_a_recipe_is_downloaded_as_json(client: Client, artist: Enrollment) -> None:
    output = finished(artist, prompt="Un été rouge", seed=7)
    agree(artist, allows_download=True)
    response = client.get(page_of(output.job, "download_recipe"))
    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"] == 'attachment; filename="un-ete-rouge-7.json"'
    assert (response["Cache-Control"], response.json()["prompt"]) == ("private, no-store", "Un été rouge")
    assert response.json() == json.loads(json.dumps(recipe_of(output)))


@pytest.mark.parametrize("name", ["download_clip", "download_recipe"])
def test_nothing_is_downloaded_where_it_does_not(client: Client, artist: Enrollment, name: str) -> None:
    output = finished(artist)
    agree(artist, allows_download=False)
    assert page_of(output.job, name) not in body(client.get(page_of(output.job)))
    response = client.get(page_of(output.job, name))
    assert response.status_code == 403 and "does not let you keep copies" in body(response)
    assert 'controlslist="nodownload"' in body(client.get(page_of(output.job)))
    assert not Entry.objects.filter(act=name).exists()


@pytest.mark.parametrize("name", ["download_clip", "download_recipe"])
def test_who_has_not_signed_what_allows_it_takes_no_copies(client: Client, artist: Enrollment, name: str) -> None:
    output = finished(artist)
    version = publish(artist, allows_download=True)
    assert client.get(page_of(output.job, name)).status_code == 403
    enrollment.sign(version, enrollment=artist, credential=None, seen_sha256=version.sha256)
    page = body(client.get(page_of(output.job)))
    assert page_of(output.job, name) in page and "nodownload" not in page
    assert client.get(page_of(output.job, name)).status_code == 200
    anew = moved(artist)
    assert client.get(page_of(output.job, name)).status_code == 403
    enrollment.sign(version, enrollment=anew, credential=None, seen_sha256=version.sha256)
    assert client.get(page_of(output.job, name)).status_code == 200


@pytest.mark.parametrize(
    ("method", "asked", "traces"),
    [
        ("get", "", 1),
        ("get", "bytes=0-", 1),
        ("get", "bytes=0-9", 1),
        ("get", "bytes=-99999999", 1),
        ("get", "lines=1-", 1),
        ("get", "bytes=10-", 0),
        ("get", "bytes=-9", 0),
        ("head", "", 0),
    ],
)
def test_a_copy_leaves_a_trace_once(client: Client, artist: Enrollment, method: str, asked: str, traces: int) -> None:
    output = finished(artist)
    agree(artist, allows_download=True)
    response = getattr(client, method)(page_of(output.job, "download_clip"), headers={"Range": asked} if asked else {})
    assert response.status_code in (200, 206)
    found = Entry.objects.filter(act="download_clip", subject=f"output:{output.pk}", actor=str(artist.user_id))
    assert found.count() == traces
    assert not traces or output.renditions.get(recipe="playable").sha256 in found.get().facts


def test_a_recipe_leaves_a_trace(client: Client, artist: Enrollment) -> None:
    output = finished(artist)
    agree(artist, allows_download=True)
    client.head(page_of(output.job, "download_recipe"))
    assert not Entry.objects.filter(act="download_recipe").exists()
    client.get(page_of(output.job, "download_recipe"))
    assert output.master_sha256 in Entry.objects.get(act="download_recipe").facts


def test_nobody_takes_a_copy_of_what_is_not_theirs(artist: Enrollment, program: Program) -> None:
    output = finished(artist)
    other = make.artist(program=program)
    agree(artist, allows_download=True)
    for version in AgreementVersion.objects.unsigned_by(other):
        enrollment.sign(version, enrollment=other, credential=None, seen_sha256=version.sha256)
    with pytest.raises(NoDownload):
        copying.take_copy(output, by=other.user, kind=copying.Kind.CLIP)


def test_there_is_nothing_to_download_before_there_is_a_clip(client: Client, artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    assert client.get(page_of(job, "download_clip")).status_code == 404


def test_the_name_of_a_copy_of_a_prompt_in_another_script(client: Client, artist: Enrollment) -> None:
    output = finished(artist, prompt="כדור אדום", seed=7)
    agree(artist, allows_download=True)
    assert 'filename="clip-7.mp4"' in client.get(page_of(output.job, "download_clip"))["Content-Disposition"]


def publish(artist: Enrollment, *, allows_download: bool) -> AgreementVersion:
    terms = Agreement.objects.create(program=artist.program, title="Terms")
    return enrollment.publish_agreement(
        terms, summary="Fair.", text="Be fair.", by=None, allows_download=allows_download
    )


def agree(artist: Enrollment, *, allows_download: bool) -> None:
    """An agreement comes into force and is signed."""
    version = publish(artist, allows_download=allows_download)
    enrollment.sign(version, enrollment=artist, credential=None, seen_sha256=version.sha256)


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
