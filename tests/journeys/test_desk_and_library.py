"""Pages on which one floor shows what another knows."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from access import clock
from tests import make
from tests.review.cast import make_cast

pytestmark = pytest.mark.django_db


def test_the_desk_shows_the_queue_of_its_program_and_trouble(client: Client) -> None:
    program, other = make.program(), make.program()
    make.brief(enrollment=make.artist(program=program), variations=3)
    make.brief(enrollment=make.artist(program=other), variations=2)
    pipeline = make.pipeline()
    pipeline.trouble, pipeline.trouble_at = "The model folder is not there.", clock.now()
    pipeline.save()
    client.force_login(make.staff(program=program))
    page = client.get(reverse("staff", args=[program.slug])).content.decode()
    assert '<dd class="figure-number">3</dd>' in page
    assert "The model folder is not there." in page


def test_the_library_tells_of_a_verdict_only_when_it_is_in_effect(
    client: Client, at: Callable[[datetime], None]
) -> None:
    cast = make_cast()
    cast.output()
    submission = cast.submission()
    client.force_login(cast.artist.user)
    library = reverse("library", args=[cast.program.slug])
    decision = cast.approval(submission)
    page = client.get(library).content.decode()
    assert page.count('data-state="waiting"') == 1 and 'data-state="approved"' not in page
    at(decision.effective_at + timedelta(seconds=1))
    page = client.get(library).content.decode()
    assert page.count('data-state="approved"') == 1 and 'data-state="waiting"' not in page
