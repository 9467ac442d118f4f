"""The studio, over HTTP and without a line of script."""

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from access import clock, enrollment, halting
from access.models import AgreementVersion, Enrollment, Program
from access.text import clean
from generation import upkeep
from generation.costing import cost_of
from generation.forms import BriefForm
from generation.models import Brief, Job, Pipeline
from generation.offering import offer
from tests import make
from tests.generation.pages import body, brief, client_of, declare, fields_on, page_of, prompt_on, studio


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


@pytest.fixture
def stranger(program: Program) -> Client:
    """Another artist of the same program."""
    return client_of(make.artist(program=program))


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


def test_other_words_from_a_page_gone_back_to_are_another_brief(client: Client, program: Program) -> None:
    """Back shows the page as it was, with the key that it had."""
    key = uuid.uuid4()
    sent = [
        client.post(studio(program), brief(idempotency_key=key, **fields))["Location"]
        for fields in ({}, {"prompt": "a blue ball"}, {"steps": 9}, {"prompt": "a blue ball"}, {})
    ]
    assert len(set(sent)) == 3 == Brief.objects.count() and sent[0] == sent[4] and sent[1] == sent[3]


@pytest.mark.parametrize("name", ["studio", "library", "queue", "job_history", "collections"])
def test_the_browser_keeps_no_page_of_an_artist(client: Client, program: Program, name: str) -> None:
    assert client.get(studio(program, name))["Cache-Control"] == "private, no-store"


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
    assert "Please look at:" in page and f'href="#id_{name}"' in page
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
    assert client.post(studio(program, "surprise"), brief(prompt="")).status_code == 302
    page = body(client.get(studio(program)))
    assert prompt_on(page) in make.pipeline().studio["surprises"]
    response = client.post(studio(program), brief(prompt=prompt_on(page)))
    assert response.status_code == 302 and Brief.objects.get().prompt == prompt_on(page)


def test_the_studio_says_what_is_wrong_with_the_model(client: Client, program: Program) -> None:
    upkeep.note_trouble(make.pipeline(), "The folder is gone.")
    assert "The folder is gone." in body(client.get(studio(program)))


# --- what it costs --------------------------------------------------------------------------------------------------
def test_the_cost_is_said_before_it_is_spent(client: Client, program: Program) -> None:
    make.pipeline()
    Pipeline.objects.update(seconds_per_step=0.5, seconds_around=2.0)
    page = " ".join(body(client.get(studio(program))).split())
    assert "Takes 1 of your 40 clips left today. About 12 seconds of rendering." in page
    kept = client.post(studio(program, "keep_draft"), brief(variations=3, steps=8), headers={"HX-Request": "true"})
    answer = " ".join(body(kept).split())
    assert "Takes 3 of your 40 clips left today. About 6 seconds of rendering each." in answer
    assert "Draft kept, " in answer and "hx-swap-oob" in answer


def test_larger_and_longer_costs_in_proportion(artist: Enrollment, program: Program) -> None:
    pipeline = declare(make.pipeline(), sizes=[[96, 64], [192, 64]], lengths=[17, 34])
    pipeline.seconds_per_step, pipeline.seconds_around = 1.0, 2.0
    terms = offer(pipeline, artist)
    costs = [
        cost_of({"steps": "8", **fields}, pipeline=pipeline, terms=terms).seconds
        for fields in ({}, {"size": "192x64"}, {"size": "192x64", "length": "34"}, {"size": "<b>", "length": "²"})
    ]
    assert costs == [10.0, 20.0, 40.0, 10.0]


def test_more_than_is_left_is_said(client: Client, program: Program, artist: Enrollment) -> None:
    artist.cohort.daily_quota = 2
    artist.cohort.save()
    client.post(studio(program, "keep_draft"), brief(variations=4))
    page = " ".join(body(client.get(studio(program))).split())
    assert "This takes 4 clips and 2 are left today." in page


# --- the draft, on its way through the site ---------------------------------------------------------------------------
def test_a_draft_comes_back_after_a_reload_and_a_new_sign_in(client: Client, program: Program) -> None:
    typed = fields_on(body(client.get(studio(program))))
    typed |= {"prompt": "half a thou", "negative_prompt": "no blue", "steps": "11", "variations": "3"}
    typed |= {"seed_choice": "fixed", "seed": "77"}
    client.post(studio(program, "keep_draft"), typed, headers={"HX-Request": "true"})
    again = client_of(Enrollment.objects.get())
    kept = fields_on(body(again.get(studio(program))))
    assert {name: kept[name] for name in typed if name not in ("csrfmiddlewaretoken", "idempotency_key")} == {
        name: typed[name] for name in typed if name not in ("csrfmiddlewaretoken", "idempotency_key")
    }
    assert kept["idempotency_key"] != typed["idempotency_key"]  # another page, so another brief


def test_a_draft_survives_an_agreement(client: Client, program: Program, artist: Enrollment) -> None:
    make.agreement(program=program)
    assert client.post(studio(program), brief(prompt="kept words"))["Location"] == reverse(
        "agreements", args=[program.slug]
    )
    for version in AgreementVersion.objects.unsigned_by(artist):
        enrollment.sign(version, enrollment=artist, credential=None, seen_sha256=version.sha256)
    assert prompt_on(body(client.get(studio(program)))) == "kept words"


def test_a_halt_keeps_the_draft_and_says_so(client: Client, program: Program, artist: Enrollment) -> None:
    halting.halt(program, program=program, by=None, reason="A look at something.")
    response = client.post(studio(program), brief(prompt="kept words"))
    page = body(response)
    assert response.status_code == 422 and "stopped new work" in page and "Your draft is kept." in page
    assert prompt_on(body(client.get(studio(program)))) == "kept words"


def test_a_draft_survives_an_error_and_what_cannot_be_kept_in_it(client: Client, program: Program) -> None:
    client.post(studio(program), brief(prompt="nul\x00inside", steps=999))
    assert prompt_on(body(client.get(studio(program)))) == "nul\ufffdinside"


def test_after_sending_the_words_stay_to_work_on(client: Client, program: Program, artist: Enrollment) -> None:
    client.post(studio(program), brief(prompt="kept words"))
    assert prompt_on(body(client.get(studio(program)))) == "kept words"


def test_starting_afresh_can_be_undone(client: Client, program: Program) -> None:
    page = body(client.get(studio(program)))
    client.post(studio(program, "start_afresh"), {**fields_on(page), "prompt": "long thought about"})
    page = body(client.get(studio(program)))
    assert prompt_on(page) == "" and "Bring back" in page and "long thought about" in page
    client.post(studio(program, "bring_back_draft"), fields_on(page))
    assert prompt_on(body(client.get(studio(program)))) == "long thought about"


def test_a_draft_goes_along_to_another_cohort(client: Client, program: Program, artist: Enrollment) -> None:
    client.post(studio(program, "keep_draft"), brief(prompt="half a thought"))
    Enrollment.objects.filter(pk=artist.pk).update(ended_at=clock.now())
    make.artist(program=program, cohort=make.cohort(program=program), email=artist.user.email)
    assert prompt_on(body(client.get(studio(program)))) == "half a thought"


def test_a_draft_is_its_artists_alone(client: Client, stranger: Client, program: Program) -> None:
    client.post(studio(program, "keep_draft"), brief(prompt="nobody else's words"))
    assert "nobody else" not in body(stranger.get(studio(program)))


# --- remix ----------------------------------------------------------------------------------------------------------
def test_a_remix_begins_with_everything_as_it_was(client: Client, program: Program, artist: Enrollment) -> None:
    wish = {"steps": 9, "guidance": 2.5, "seed": 41, "negative_prompt": "no blue", "variations": 2}
    earlier = make.brief(enrollment=artist, prompt="my own words", **wish).jobs.get(number=2)
    page = body(client.get(f"{studio(program)}?remix={earlier.pk}"))
    fields = fields_on(page)
    assert (fields["prompt"], fields["negative_prompt"]) == ("my own words", "no blue")
    assert (fields["steps"], fields["guidance"], fields["seed_choice"], fields["seed"]) == ("9", "2.5", "fixed", "42")
    assert "A remix of" in page and page_of(earlier) in page
    client.post(studio(program), {**fields, "prompt": "other words"})
    made = Brief.objects.get(prompt="other words")
    assert (made.parent, made.lineage, made.seed) == (earlier, "remix", 42)
    client.post(studio(program), {**fields_on(body(client.get(studio(program)))), "prompt": "something else"})
    assert Brief.objects.get(prompt="something else").parent is None


def test_a_remix_does_not_cost_the_draft(client: Client, program: Program, artist: Enrollment) -> None:
    earlier = make.job(enrollment=artist)
    client.post(studio(program, "keep_draft"), {**fields_on(body(client.get(studio(program)))), "prompt": "the draft"})
    url = f"{studio(program)}?remix={earlier.pk}"
    fields = fields_on(body(client.get(url)))
    client.post(studio(program, "keep_draft"), {**fields, "prompt": "the remix"}, headers={"HX-Request": "true"})
    page = body(client.get(url))  # a reload
    assert prompt_on(page) == "the remix" and "the draft" in page
    client.post(studio(program, "bring_back_draft"), fields_on(page))
    assert prompt_on(body(client.get(studio(program)))) == "the draft"


@pytest.mark.parametrize("key", ["nonsense", str(uuid.uuid4()), ""])
def test_a_remix_of_nothing_is_an_empty_page(client: Client, program: Program, key: str) -> None:
    assert prompt_on(body(client.get(f"{studio(program)}?remix={key}"))) == ""


def test_nobody_remixes_what_is_not_theirs(stranger: Client, program: Program, artist: Enrollment) -> None:
    mine = make.job(enrollment=artist, prompt="my own words")
    assert "my own words" not in body(stranger.get(f"{studio(program)}?remix={mine.pk}"))
    stranger.post(studio(program), brief(parent=str(mine.pk)))
    assert Brief.objects.exclude(pk=mine.brief_id).get().parent is None
