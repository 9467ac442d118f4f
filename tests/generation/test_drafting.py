"""Drafts: kept whole, bounded, set aside, brought back."""

import uuid

import pytest

from access.models import Enrollment
from generation import drafting
from generation.models import Draft
from tests import make
from tests.generation.artists import moved

pytestmark = pytest.mark.django_db


def begun(prompt: str, **fields: str) -> dict[str, str]:
    """What a page sends that was opened anew."""
    return {"begun": str(uuid.uuid4()), "prompt": prompt, **fields}


def test_what_is_left_out_stays_as_it_was(artist: Enrollment) -> None:
    page = begun("a ball", negative_prompt="no blue")
    drafting.keep(artist, page)
    drafting.keep(artist, {"begun": page["begun"], "prompt": "a red ball"})
    kept = drafting.fields_of(artist)
    assert (kept["prompt"], kept["negative_prompt"]) == ("a red ball", "no blue")


def test_names_that_are_not_the_forms_are_ignored(artist: Enrollment) -> None:
    drafting.keep(
        artist, {"prompt": "a ball", "csrfmiddlewaretoken": "secret", "earlier": "x", "drawn": "y", "is_staff": "1"}
    )
    assert Draft.objects.get().fields == {"prompt": "a ball"}


def test_what_is_no_text_is_ignored(artist: Enrollment) -> None:
    drafting.keep(artist, {"prompt": "a ball", "steps": 8, "seed": ["1"], "size": None})
    assert drafting.fields_of(artist) == {"prompt": "a ball"}


def test_a_draft_is_bounded(artist: Enrollment) -> None:
    for number in range(30):
        drafting.keep(artist, begun(f"{number} " + "long " * 100_000, steps="9" * 100_000))
    fields = Draft.objects.get().fields
    assert len(fields["prompt"]) == drafting.KEPT["prompt"] and len(fields["steps"]) == 60
    assert len(fields["earlier"]) == drafting.SET_ASIDE


@pytest.mark.parametrize("words", ["a\x00b", "a\ud800b", "\udfff"])
def test_what_json_cannot_hold_is_replaced(artist: Enrollment, words: str) -> None:
    drafting.keep(artist, {"prompt": words})
    kept = Draft.objects.get().fields["prompt"]
    assert "\x00" not in kept and kept.encode() and len(kept) == len(words)


def test_another_beginning_sets_the_words_aside(artist: Enrollment) -> None:
    first, second = begun("first"), begun("second")
    drafting.keep(artist, first)
    drafting.keep(artist, second)
    assert drafting.earlier_prompt(artist) == "first"
    drafting.keep(artist, first)  # the other tab
    assert drafting.fields_of(artist)["prompt"] == "first" and drafting.earlier_prompt(artist) == "second"


def test_nothing_is_set_aside_that_nobody_wrote(artist: Enrollment) -> None:
    drafting.keep(artist, begun("my own words"))
    for prompt in ("a drawn one", "another", "a third"):
        drafting.draw(artist, prompt)
    drafting.keep(artist, begun("   "))
    drafting.start_afresh(artist)
    assert drafting.earlier_prompt(artist) == "my own words"


def test_a_drawn_prompt_that_was_worked_on_is_the_artists(artist: Enrollment) -> None:
    drafting.draw(artist, "a drawn one")
    drafting.keep(artist, {"prompt": "a drawn one, and more"})
    drafting.draw(artist, "another")
    assert drafting.earlier_prompt(artist) == "a drawn one, and more"


def test_drawing_keeps_the_settings_and_no_lineage(artist: Enrollment) -> None:
    drafting.keep(artist, begun("a ball", steps="9", parent=str(uuid.uuid4()), first_frame=str(uuid.uuid4())))
    drafting.draw(artist, "the sea")
    kept = drafting.fields_of(artist)
    assert (kept["prompt"], kept["steps"], kept["parent"], kept["first_frame"]) == ("the sea", "9", "", "")


def test_bringing_back_goes_round(artist: Enrollment) -> None:
    for prompt in ("one", "two", "three"):
        drafting.keep(artist, begun(prompt))
    seen = []
    for _ in range(3):
        drafting.bring_back(artist)
        seen.append(drafting.fields_of(artist)["prompt"])
    assert seen == ["two", "one", "three"]


def test_there_is_nothing_to_bring_back(artist: Enrollment) -> None:
    drafting.bring_back(artist)
    assert drafting.fields_of(artist) == {}
    drafting.keep(artist, begun("a ball"))
    drafting.bring_back(artist)
    assert drafting.fields_of(artist)["prompt"] == "a ball"


def test_a_draft_goes_along_to_another_cohort_whole(artist: Enrollment) -> None:
    drafting.keep(artist, begun("set aside"))
    drafting.keep(artist, begun("the last words", steps="9"))
    anew = moved(artist)
    assert drafting.fields_of(anew)["steps"] == "9" and drafting.earlier_prompt(anew) == "set aside"
    drafting.keep(anew, {"prompt": "the last words, and more"})
    assert (drafting.fields_of(anew)["steps"], drafting.earlier_prompt(anew)) == ("9", "set aside")
    assert drafting.fields_of(artist)["prompt"] == "the last words"  # of before, as it was


def test_no_draft_goes_along_to_another_program_or_artist(artist: Enrollment) -> None:
    drafting.keep(artist, begun("my words"))
    for other in (make.artist(program=make.program(), email=artist.user.email), make.artist(program=artist.program)):
        assert drafting.fields_of(other) == {}
