"""The studio, the job page and the library, over HTTP and without a line of script."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from access import clock, halting
from access.models import Enrollment, Halt, Program
from access.text import clean
from generation import jobs, rendering, upkeep
from generation.forms import BriefForm
from generation.models import Brief, Job
from generation.views import library
from tests import make

Clock = Callable[[datetime], None]


def client_of(artist: Enrollment) -> Client:
    client = Client()
    client.force_login(artist.user)
    return client


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


@pytest.fixture
def stranger(program: Program) -> Client:
    """Another artist of the same program."""
    return client_of(make.artist(program=program))


def studio(program: Program) -> str:
    return reverse("studio", args=[program.slug])


def page_of(job: Job, name: str = "job") -> str:
    return reverse(name, args=[job.program.slug, job.pk])


def brief(**changed: object) -> dict[str, object]:
    sound = {"prompt": "a red ball", "steps": 8, "guidance": 3, "variations": 1, "idempotency_key": uuid.uuid4()}
    return {**sound, **changed}


def body(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


# --- the studio -----------------------------------------------------------------------------------------------------
def test_a_brief_leads_to_the_page_of_its_first_clip(client: Client, program: Program) -> None:
    response = client.post(studio(program), brief(variations=2, seed=5))
    made = Brief.objects.get()
    assert response.status_code == 302
    assert response["Location"] == page_of(made.jobs.get(number=1))
    assert (made.prompt, made.seed, made.jobs.count()) == ("a red ball", 5, 2)
    assert made.credential and made.credential.user == made.enrollment.user  # so that one session can be held


def test_a_brief_sent_twice_is_one(client: Client, program: Program) -> None:
    same = brief()
    first, second = client.post(studio(program), same), client.post(studio(program), same)
    assert first["Location"] == second["Location"]
    assert Job.objects.count() == 1


RTL = "כדור אדום זז שמאלה ‏"


@pytest.mark.parametrize("prompt", [RTL, "ball 🎈 e\u0301", "line\r\nline", "<script>alert(1)</script>"])
def test_words_of_any_script_are_kept_and_shown(client: Client, program: Program, prompt: str) -> None:
    response = client.post(studio(program), brief(prompt=prompt))
    made = Brief.objects.get()
    assert made.prompt == clean(prompt, limit=1000)
    page = body(client.get(response["Location"]))
    assert 'dir="auto"' in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", "Write a prompt"),
        ("   ", "Write a prompt"),
        ("long " * 2000, "9999 characters long; 1000 is the most"),
        ("nul\x00inside", "control character"),
        ("bell\x07", "control character"),
    ],
    ids=["empty", "blank", "10,000", "NUL", "control"],
)
def test_a_prompt_that_cannot_be_used_is_refused_and_kept(
    client: Client, program: Program, prompt: str, words: str
) -> None:
    key = uuid.uuid4()
    response = client.post(studio(program), brief(prompt=prompt, negative_prompt="my other words", idempotency_key=key))
    page = body(response)
    assert response.status_code == 422
    assert words in page
    assert not Brief.objects.exists()
    assert prompt.strip() in page and "my other words" in page and str(key) in page


def test_half_a_character_is_refused(client: Client, artist: Enrollment, program: Program) -> None:
    """Over HTTP a lone surrogate arrives as the replacement character; a form that meets one says so."""
    raw = b"prompt=half%ED%A0%80&steps=8&guidance=3&variations=1&idempotency_key=" + str(uuid.uuid4()).encode()
    client.generic("POST", studio(program), raw, content_type="application/x-www-form-urlencoded")
    assert "\ud800" not in Brief.objects.get().prompt
    form = BriefForm(brief(prompt="half\ud800"), pipeline=make.pipeline(), enrollment=artist)
    assert not form.is_valid() and "lone surrogate" in str(form.errors["prompt"])
    with pytest.raises(ValidationError):
        clean("half\udfff", limit=10)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("steps", 7, "8 is the least"),
        ("steps", 41, "40 is the most"),
        ("steps", "many", "whole number"),
        ("steps", "9" * 5000, ""),
        ("guidance", 0.5, "is the least"),
        ("guidance", 99, "is the most"),
        ("guidance", "nan", "Enter a number"),
        ("guidance", "inf", "Enter a number"),
        ("variations", 5, "valid choice"),
        ("variations", 0, "valid choice"),
        ("seed", -1, "greater than or equal to 0"),
        ("seed", 2**32, "less than or equal to 4294967295"),
    ],
)
def test_settings_out_of_bounds_are_refused_with_a_sentence_and_kept(
    client: Client, program: Program, name: str, value: object, words: str
) -> None:
    response = client.post(studio(program), brief(**{name: value, "prompt": "kept words"}))
    page = body(response)
    assert response.status_code == 422
    assert words in page and "kept words" in page
    assert not Brief.objects.exists()


def test_a_refusal_of_the_verb_keeps_the_words(client: Client, program: Program, artist: Enrollment) -> None:
    halting.halt(program, program=program, by=None, reason="A look at something.")
    response = client.post(studio(program), brief(prompt="kept words"))
    assert response.status_code == 422
    assert "kept words" in body(response) and not Brief.objects.exists()


def test_unsigned_leads_to_the_agreement(client: Client, program: Program) -> None:
    make.agreement(program=program)
    response = client.post(studio(program), brief())
    assert response.status_code == 302 and response["Location"] == reverse("agreements", args=[program.slug])
    assert not Brief.objects.exists()


def test_a_surprise_is_ready_to_be_sent(client: Client, program: Program) -> None:
    page = body(client.get(studio(program) + "?surprise=1"))
    textarea = re.search(r"<textarea[^>]*name=\"prompt\"[^>]*>\s*([^<]*)<", page)
    assert textarea and textarea[1].strip() in make.pipeline().studio["surprises"]


def test_working_on_takes_ones_own_settings_and_nobody_elses(
    client: Client, stranger: Client, program: Program, artist: Enrollment
) -> None:
    made = make.brief(enrollment=artist, prompt="my own words")
    url = f"{studio(program)}?again={made.pk}"
    assert "my own words" in body(client.get(url))
    assert "my own words" not in body(stranger.get(url))
    assert client.get(f"{studio(program)}?again=nonsense").status_code == 200


def test_the_studio_says_what_is_wrong_with_the_model(client: Client, program: Program) -> None:
    upkeep.note_trouble(make.pipeline(), "The folder is gone.")
    assert "The folder is gone." in body(client.get(studio(program)))


# --- the job's page -------------------------------------------------------------------------------------------------
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


def test_polling_goes_on_while_the_job_is_open_and_stops_with_286(client: Client, artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    waiting = client.get(page_of(job, "job_live"))
    assert waiting.status_code == 200 and "hx-trigger" in body(waiting)
    taken = make.claimed("worker")
    assert taken
    rendering.report(taken, phase="denoise", step=4, jpeg=b"\xff\xd8jpeg")
    running = client.get(page_of(job, "job_live"))
    assert running.status_code == 200 and "Step 4 of 20" in body(running)
    assert page_of(job, "job_preview") in body(running)
    rendering.finish(taken, make_rendered())
    ended = client.get(page_of(job, "job_live"))
    assert ended.status_code == 286
    assert "<video" in body(ended) and "hx-trigger" not in body(ended)
    assert client.get(page_of(job)).status_code == 200


def make_rendered() -> rendering.Rendered:
    from generation.encoding import encode

    return encode(make.clip(), width=96)


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
    files = [output.master, *(rendition.file for rendition in output.renditions.all())]
    assert len(files) == 5
    for file in files:
        url = reverse("media", args=[file.pk])
        assert client.get(url).status_code == 200
        assert stranger.get(url).status_code == 404
        assert Client().get(url).status_code in (302, 404)


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


# --- the library ----------------------------------------------------------------------------------------------------
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
