"""The studio's prompt: one that chance writes where the model has words for it, and one that is too long."""

import re

import pytest
from django.test import Client

from access.models import Enrollment, Program
from generation.models import Pipeline
from tests import make
from tests.generation.pages import body, brief, client_of, studio

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


def without_surprises() -> None:
    make.pipeline()
    Pipeline.objects.update(overrides={"surprises": []})


def test_a_model_without_surprises_offers_none_and_advises_none(client: Client, program: Program) -> None:
    assert "Surprise me" in body(client.get(studio(program)))
    without_surprises()
    page = body(client.get(studio(program)))
    assert "Surprise me" not in page and "let chance begin" not in page
    refused = body(client.post(studio(program), brief(prompt="")))
    assert "Write a prompt first." in refused and "Surprise me" not in refused


def test_a_surprise_that_there_is_not_takes_no_words_away(client: Client, program: Program) -> None:
    """Such as from a page that was open when the model was pinned anew."""
    without_surprises()
    assert client.post(studio(program, "surprise"), brief(prompt="my own words")).status_code == 302
    assert "my own words" in body(client.get(studio(program)))


def test_no_browser_cuts_a_prompt_and_what_is_too_much_is_said(client: Client, program: Program) -> None:
    page = body(client.get(studio(program)))
    boxes = re.findall(r"<textarea[^>]*>", page)
    assert len(boxes) == 2 and not any("maxlength" in box for box in boxes)
    assert re.findall(r'data-count="([^"]+)" data-limit="(\d+)"', page) == [
        ("id_prompt", "1000"),
        ("id_negative_prompt", "1000"),
    ]
    pasted = "word " * 210 + "the end"
    refused = client.post(studio(program), brief(prompt=pasted))
    assert refused.status_code == 422 and pasted in body(refused)
    assert "1057 characters long; 1000 is the most" in body(refused)
