"""What the studio asks for, which is what the model and the cohort offer, and to which model a brief goes."""

import pytest
from django.test import Client

from access.models import Enrollment, Program
from generation.forms import BriefForm
from generation.models import Brief, Pipeline
from tests import make
from tests.generation.pages import body, brief, client_of, declare, fields_on, prompt_on, studio


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


def test_what_the_model_cannot_do_is_not_asked_for(client: Client, program: Program) -> None:
    declare(make.pipeline(), sizes=[[96, 64]], lengths=[17])
    fields = fields_on(body(client.get(studio(program))))
    assert not {"length", "size", "first_frame"} & set(fields)  # one of each, or none
    assert {"prompt", "negative_prompt", "steps", "guidance", "variations", "seed_choice", "seed"} <= set(fields)
    Pipeline.objects.update(loaded={"class": "Drawn", "arguments": [], "from_image": False})
    fields = fields_on(body(client.get(studio(program))))
    assert not {"guidance", "negative_prompt"} & set(fields)
    response = client.post(studio(program), brief())
    assert response.status_code == 302 and Brief.objects.get().guidance == 3.0


def test_size_and_length_are_chosen_in_the_words_of_an_artist(client: Client, program: Program) -> None:
    declare(make.pipeline(), sizes=[[96, 64], [64, 64]], lengths=[17, 33])
    page = body(client.get(studio(program)))
    assert "96 × 64" in page and "2.1 s" in page and "4.1 s" in page
    client.post(studio(program), brief(size="64x64", length=33))
    made = Brief.objects.get()
    assert (made.width, made.height, made.frames) == (64, 64, 33)


@pytest.mark.parametrize(("name", "value"), [("size", "9999x9999"), ("size", "x"), ("length", "99"), ("length", "-")])
def test_a_size_that_is_not_offered_is_refused(client: Client, program: Program, name: str, value: str) -> None:
    declare(make.pipeline(), sizes=[[96, 64], [64, 64]], lengths=[17, 33])
    response = client.post(studio(program), brief(prompt="kept words", **{name: value}))
    assert response.status_code == 422 and "valid choice" in body(response) and "kept words" in body(response)
    assert not Brief.objects.exists()


def test_switching_the_model_keeps_what_was_typed(client: Client, program: Program) -> None:
    make.pipeline()
    other = declare(make.pipeline(slug="other", name="Other"), limits={"steps": [2, 6]}, defaults={"steps": 4})
    Pipeline.objects.filter(pk=other.pk).update(loaded={"arguments": []})
    page = body(client.get(studio(program)))
    typed = {**fields_on(page), "prompt": "my words", "negative_prompt": "no blue", "pipeline": "other", "steps": "6"}
    assert client.post(studio(program, "keep_draft"), typed).status_code == 302
    page = body(client.get(studio(program)))
    assert fields_on(page)["prompt"] == "my words" and "The model: Other" in page
    assert "negative_prompt" not in fields_on(page) and 'max="6"' in page
    client.post(studio(program, "keep_draft"), {**fields_on(page), "pipeline": "pocket"})
    assert fields_on(body(client.get(studio(program))))["negative_prompt"] == "no blue"
    client.post(studio(program), {**fields_on(page), "pipeline": "other"})
    assert Brief.objects.get().pipeline == other


@pytest.mark.parametrize("others", [0, 1], ids=["one model", "two models"])
@pytest.mark.parametrize("closed", [{"is_active": False}, {"for_every_cohort": False}], ids=["retired", "closed"])
def test_a_brief_goes_to_no_other_model_without_a_word(
    client: Client, program: Program, others: int, closed: dict[str, bool]
) -> None:
    make.pipeline()
    other = make.pipeline(slug="other", name="Other")
    for number in range(others):
        make.pipeline(slug=f"more-{number}")
    typed = {**fields_on(body(client.get(studio(program)))), "prompt": "my words", "pipeline": "other"}
    Pipeline.objects.filter(pk=other.pk).update(**closed)
    response = client.post(studio(program), typed)
    page = body(response)
    assert response.status_code == 422 and not Brief.objects.exists()
    assert "is not open to you any more; Pocket is chosen now." in page and prompt_on(page) == "my words"
    assert ("Other is not open" in page) == ("is_active" in closed)  # the name of what was never theirs is not told
    assert fields_on(page)["pipeline"] == "pocket"
    assert client.post(studio(program), fields_on(page)).status_code == 302
    assert Brief.objects.get().pipeline.slug == "pocket"


def test_another_model_is_said_beside_other_errors(client: Client, program: Program) -> None:
    make.pipeline()
    make.pipeline(slug="other", name="Other", is_active=False)
    page = body(client.post(studio(program), brief(pipeline="other", steps=999)))
    assert "Other is not open to you any more" in page and "40 is the most" in page


def test_a_form_that_names_no_model_goes_to_no_other_than_the_drafts(client: Client, program: Program) -> None:
    make.pipeline()
    make.pipeline(slug="other", name="Other")
    client.post(studio(program, "keep_draft"), brief(pipeline="other"))
    Pipeline.objects.filter(slug="other").update(is_active=False)
    assert client.post(studio(program), brief()).status_code == 422
    assert client.post(studio(program), brief()).status_code == 302


def test_a_remix_of_a_retired_models_clip_says_so(client: Client, program: Program, artist: Enrollment) -> None:
    earlier = make.job(enrollment=artist)
    make.pipeline(slug="other", name="Other")
    Pipeline.objects.filter(slug="pocket").update(is_active=False)
    page = body(client.get(f"{studio(program)}?remix={earlier.pk}"))
    assert (
        "Pocket is not open to you any more; Other is chosen now." in page and prompt_on(page) == earlier.brief.prompt
    )
    client.post(studio(program, "keep_draft"), fields_on(page))
    assert "any more" not in body(client.get(studio(program)))  # it was seen


def test_what_the_studio_proposes_can_be_sent_in_a_cohort_with_fewer_steps(program: Program) -> None:
    declare(
        make.pipeline(), defaults={"steps": 20, "guidance": 2.75}, limits={"steps": [8, 40], "guidance": [1.0, 8.0]}
    )
    client = client_of(make.artist(program=program, cohort=make.cohort(program=program, max_steps=10)))
    page = body(client.get(studio(program)))
    assert (fields_on(page)["steps"], fields_on(page)["guidance"]) == ("10", "2.75") and 'step="any"' in page
    assert client.post(studio(program), {**fields_on(page), "prompt": "a ball"}).status_code == 302
    assert Brief.objects.get().steps == 10


def test_a_cohort_with_too_few_steps_has_no_model(program: Program) -> None:
    make.pipeline()
    client = client_of(make.artist(program=program, cohort=make.cohort(program=program, max_steps=7)))
    response = client.get(studio(program))
    assert response.status_code == 403 and "No model is open" in body(response)


def test_without_a_model_the_draft_is_kept(client: Client, program: Program, artist: Enrollment) -> None:
    Pipeline.objects.update(is_active=False)
    response = client.post(studio(program), brief(prompt="kept words"))
    assert response.status_code == 403 and "No model is open" in body(response)
    Pipeline.objects.update(is_active=True)
    assert prompt_on(body(client.get(studio(program)))) == "kept words"


def test_a_draft_is_kept_while_no_model_is_open(client: Client, program: Program) -> None:
    Pipeline.objects.update(is_active=False)
    response = client.post(studio(program, "keep_draft"), brief(), headers={"HX-Request": "true"})
    assert response.status_code == 200 and "Draft kept" in body(response)


@pytest.mark.parametrize(
    ("fields", "seed"),
    [({"seed_choice": "random", "seed": "5"}, None), ({"seed_choice": "fixed", "seed": "5"}, 5), ({"seed": "5"}, 5)],
)
def test_a_seed_counts_where_it_is_chosen(
    artist: Enrollment, program: Program, fields: dict[str, str], seed: int | None
) -> None:
    form = BriefForm(brief(**fields), pipeline=make.pipeline(), enrollment=artist)
    assert form.is_valid() and form.wish().seed == seed


def test_a_seed_that_was_chosen_and_not_written_is_asked_for(client: Client, program: Program) -> None:
    response = client.post(studio(program), brief(seed_choice="fixed", seed=""))
    assert response.status_code == 422 and "Write the seed here" in body(response)


@pytest.mark.parametrize("seed", ["many", "-4", "9" * 5000])
def test_a_seed_that_is_not_chosen_may_be_anything(client: Client, program: Program, seed: str) -> None:
    assert client.post(studio(program), brief(seed_choice="random", seed=seed)).status_code == 302
