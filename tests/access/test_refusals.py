"""A no is a page with a sentence, under the state that fits, with what the person had typed."""

import html
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from access import halting, refusals
from access.middleware import refusals as middleware
from access.models import Program
from tests import make

pytestmark = pytest.mark.django_db
WORDS = "A frame of the second clip shows a real person; שמש"


def family(kind: type[refusals.Refused]) -> Iterator[type[refusals.Refused]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


KINDS = sorted(family(refusals.Refused), key=lambda kind: kind.__name__)


def test_every_reason_has_a_code_of_its_own_and_a_whole_sentence() -> None:
    codes = [kind.code for kind in KINDS if kind is not refusals.Refused]
    assert len(set(codes)) == len(codes)
    for kind in KINDS:
        sentence = str(kind.sentence)
        assert sentence[0].isupper() and sentence.endswith("."), kind.__name__
        assert len(sentence) > 20, kind.__name__


def shown(refusal: refusals.Refused, rf: RequestFactory, **typed: str) -> HttpResponse:
    request: HttpRequest = rf.post("/somewhere/", typed, headers={"Referer": "http://testserver/back/"})
    request.user = AnonymousUser()
    page = middleware(lambda request: HttpResponse()).process_exception(request, refusal)
    assert page is not None
    return page


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_refusal_is_403_and_a_rivals_409(kind: type[refusals.Refused], rf: RequestFactory) -> None:
    page = shown(kind(), rf)
    assert page.status_code == (409 if kind.rival else 403)
    assert html.escape(str(kind.sentence)) in page.text
    assert f'data-code="{kind.code}"' in page.text
    assert 'href="http://testserver/back/"' in page.text


def test_another_error_is_not_a_refusal(rf: RequestFactory) -> None:
    assert middleware(lambda request: HttpResponse()).process_exception(rf.get("/"), LookupError()) is None


def test_what_was_typed_is_on_the_page_and_cannot_speak_html(rf: RequestFactory) -> None:
    typed = "<script>alert('twenty and more')</script>"
    page = shown(refusals.NotAllowed(), rf, reason=WORDS, other=typed, short="no", csrfmiddlewaretoken="t" * 64)
    assert html.escape(WORDS) in page.text
    assert typed not in page.text
    assert html.escape(typed) in page.text
    assert "t" * 64 not in page.text


@pytest.mark.parametrize("name", ["idempotency_key", "begun", "parent", "next", "sha256", "chosen"])
def test_keys_that_nobody_wrote_are_not_shown_as_words(rf: RequestFactory, name: str) -> None:
    key = "0192fa34-5b1c-7d00-8000-3f2a1b0c9d8e"
    page = shown(refusals.NotAllowed(), rf, reason=WORDS, **{name: key})
    assert html.escape(WORDS) in page.text and key not in page.text
    assert "what you wrote" not in shown(refusals.NotAllowed(), rf, **{name: key}).text


def test_facts_stay_with_the_refusal_and_a_sentence_may_be_its_own() -> None:
    refusal = refusals.Refused("Only three are left.", left=3)
    assert (str(refusal), refusal.facts) == ("Only three are left.", {"left": 3})


def test_through_the_whole_site(client: Client) -> None:
    program: Program = make.program()
    client.force_login(make.staff(program=program))
    halting.halt(program, program=program, by=None, reason="Somebody was faster.")
    page = client.post(reverse("place_halt", args=[program.slug]), {"target": "program", "reason": WORDS})
    assert page.status_code == 409
    assert str(refusals.HaltOpen.sentence) in page.text
    assert html.escape(WORDS) in page.text
