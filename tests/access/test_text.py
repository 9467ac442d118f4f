"""The rule for text that people type: what every script needs is kept, what no screen shows is refused."""

import unicodedata

import pytest
from django import forms
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from access.text import TextField, clean

LONE = "\ud83c"


@pytest.mark.parametrize("bad", ["\x00", "a\x00b", "\x07", "\x1b[31mred", "\x7f", "\x85"])
def test_control_characters_are_refused_with_a_sentence(bad: str) -> None:
    with pytest.raises(ValidationError, match="control character"):
        clean(bad, limit=100)


@pytest.mark.parametrize("bad", [LONE, f"a{LONE}b", "\udfa8", "\udfa8\ud83c"])
def test_half_a_character_is_refused_with_a_sentence(bad: str) -> None:
    with pytest.raises(ValidationError, match="lone surrogate"):
        clean(bad, limit=100)


def test_a_whole_character_outside_the_first_plane_is_kept() -> None:
    assert clean("🎨 a sun", limit=100) == "🎨 a sun"


def test_ten_thousand_characters_are_refused_by_number() -> None:
    with pytest.raises(ValidationError) as refusal:
        clean("a" * 10_000, limit=1000)
    assert "10000 characters" in refusal.value.messages[0]
    assert "1000 is the most" in refusal.value.messages[0]


def test_the_limit_itself_is_allowed() -> None:
    assert len(clean("a" * 1000, limit=1000)) == 1000
    with pytest.raises(ValidationError):
        clean("a" * 1001, limit=1000)


@pytest.mark.parametrize(
    "text",
    [
        "שמש עולה מעל הים",
        "شمس فوق البحر",
        "left \u202bright\u202c left",  # an embedding and its end
        "\u2067isolated\u2069",
        "a\u200fb\u200eb",  # marks
        "zero\u200dwidth joiner 👩‍🎨",
    ],
)
def test_right_to_left_text_and_its_marks_are_kept(text: str) -> None:
    assert clean(text, limit=100) == unicodedata.normalize("NFC", text)


def test_line_ends_become_one_kind_and_inner_space_stays() -> None:
    assert clean("one\r\ntwo\rthree\n\nfour\tfive", limit=100) == "one\ntwo\nthree\n\nfour\tfive"
    assert clean("  \r\n a  b \n ", limit=100) == "a  b"


def test_the_two_ways_to_write_an_accent_are_one() -> None:
    assert clean("cafe\u0301", limit=100) == clean("caf\u00e9", limit=100) == "café"


def test_length_is_counted_after_composing() -> None:
    assert clean("e\u0301" * 10, limit=10) == "é" * 10


@given(st.text(alphabet=st.characters(), max_size=60))  # with surrogates and controls
def test_any_text_is_either_refused_or_storable_and_settled(text: str) -> None:
    try:
        cleaned = clean(text, limit=40)
    except ValidationError:
        return
    cleaned.encode()  # no lone surrogate
    assert "\x00" not in cleaned
    assert len(cleaned) <= 40
    assert clean(cleaned, limit=40) == cleaned


class Wish(forms.Form):
    words = TextField(limit=20)
    more = TextField(limit=20, required=False)


@pytest.mark.parametrize("typed", ["", "   ", "\n", "\x00", LONE, "a" * 21])
def test_the_form_field_refuses_the_same(typed: str) -> None:
    form = Wish({"words": typed})
    assert not form.is_valid()
    assert form.errors["words"]


def test_the_form_field_cleans_and_may_be_left_out() -> None:
    form = Wish({"words": " cafe\u0301 "})
    assert form.is_valid()
    assert form.cleaned_data == {"words": "café", "more": ""}


def test_the_form_field_tells_the_browser() -> None:
    html = str(Wish()["words"])
    assert 'dir="auto"' in html
    assert 'maxlength="20"' in html
