"""Stars, tags and collections: what their artist does with them, twice, at the bounds, and with what is not theirs."""

import pytest
from django.core.exceptions import ValidationError

from access.models import Enrollment, Entry, Program
from access.refusals import NotAllowed
from generation import keeping
from generation.models import Collection, Hanging, Output, Star, Tag
from generation.refusals import CollectionGone, NameMissing, NameTaken, TooManyNames
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def works(artist: Enrollment) -> list[Output]:
    return [make.output(enrollment=artist) for _ in range(3)]


def acts() -> list[str]:
    return list(Entry.objects.order_by("number").values_list("act", flat=True))


def test_a_star_is_put_on_once_and_taken_off_once(works: list[Output], artist: Enrollment) -> None:
    by = artist.user
    assert keeping.star(works[:2], by=by) == 2
    assert keeping.star(works, by=by) == 1
    assert keeping.unstar(works[:1], by=by) == 1
    assert keeping.unstar(works[:1], by=by) == 0
    assert set(Star.objects.values_list("output", flat=True)) == {works[1].pk, works[2].pk}
    assert [act for act in acts() if "star" in act] == ["star_outputs", "star_outputs", "unstar_outputs"]


@pytest.mark.parametrize(
    ("written", "kept"), [("  sea  at\tnight ", "sea at night"), ("e\u0301te\u0301", "été"), ("海 🌊", "海 🌊")]
)
def test_a_tag_is_kept_on_one_line_and_once(
    works: list[Output], artist: Enrollment, program: Program, written: str, kept: str
) -> None:
    first = keeping.tag(works[:1], written, by=artist.user, program=program)
    second = keeping.tag(works, kept, by=artist.user, program=program)
    assert (first.pk, first.name) == (second.pk, kept)
    assert first.outputs.count() == 3
    assert keeping.untag(works[:2], first, by=artist.user) == 2
    assert [output.pk for output in first.outputs.all()] == [works[2].pk]


def test_the_same_tag_in_another_case_is_the_same(works: list[Output], artist: Enrollment, program: Program) -> None:
    keeping.tag(works[:1], "Sunset", by=artist.user, program=program)
    keeping.tag(works[1:], "sunset", by=artist.user, program=program)
    assert Tag.objects.get().name == "Sunset"


@pytest.mark.parametrize("name", ["", "  ", "\n\t "])
def test_a_name_of_nothing_is_refused(works: list[Output], artist: Enrollment, program: Program, name: str) -> None:
    with pytest.raises(NameMissing):
        keeping.tag(works, name, by=artist.user, program=program)
    with pytest.raises(NameMissing):
        keeping.collect(name, by=artist.user, program=program)


@pytest.mark.parametrize("name", ["x" * 41, "nul\x00", "half\ud800"])
def test_an_unusable_name_is_refused_in_words(
    works: list[Output], artist: Enrollment, program: Program, name: str
) -> None:
    with pytest.raises(ValidationError):
        keeping.tag(works, name, by=artist.user, program=program)
    assert not Tag.objects.exists()


def test_names_are_bounded_but_those_there_can_be_used(
    works: list[Output], artist: Enrollment, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "NAMES", 2)
    for name in ("one", "two"):
        keeping.tag(works[:1], name, by=artist.user, program=program)
        keeping.collect(name, by=artist.user, program=program)
    with pytest.raises(TooManyNames):
        keeping.tag(works, "three", by=artist.user, program=program)
    with pytest.raises(TooManyNames):
        keeping.collect("three", by=artist.user, program=program)
    keeping.tag(works, "two", by=artist.user, program=program)
    keeping.untag(works, Tag.objects.get(name="one"), by=artist.user)
    keeping.tag(works, "three", by=artist.user, program=program)  # a tag on nothing is no tag in use


def test_a_collection_takes_and_gives_and_goes_without_its_clips(
    works: list[Output], artist: Enrollment, program: Program
) -> None:
    by = artist.user
    room = keeping.collect("Room", by=by, program=program)
    assert keeping.hang(works[:2], room, by=by) == 2
    assert keeping.hang(works, room, by=by) == 1
    assert keeping.unhang(works[:1], room, by=by) == 1
    keeping.dissolve(room, by=by)
    assert (Collection.objects.count(), Hanging.objects.count(), Output.objects.count()) == (0, 0, 3)
    with pytest.raises(CollectionGone):
        keeping.hang(works, room, by=by)
    with pytest.raises(CollectionGone):
        keeping.dissolve(room, by=by)
    assert acts()[-1] == "dissolve_collection"


def test_a_collections_name_is_the_artists_only_one(artist: Enrollment, program: Program) -> None:
    by = artist.user
    room = keeping.collect("Room", by=by, program=program)
    with pytest.raises(NameTaken):
        keeping.collect(" Room ", by=by, program=program)
    other = keeping.collect("Other", by=by, program=program)
    with pytest.raises(NameTaken):
        keeping.rename(other, "Room", by=by)
    assert keeping.rename(room, "Room", by=by).name == "Room"  # its own name is not taken by itself
    keeping.rename(other, "Hall", by=by)
    assert set(Collection.objects.values_list("name", flat=True)) == {"Room", "Hall"}
    keeping.collect("Room", by=make.artist(program=program).user, program=program)  # other people's do not count


def test_nobody_keeps_what_is_not_theirs(works: list[Output], artist: Enrollment, program: Program) -> None:
    stranger = make.artist(program=program)
    theirs = make.output(enrollment=stranger)
    tag = keeping.tag(works, "mine", by=artist.user, program=program)
    room = keeping.collect("Mine", by=artist.user, program=program)
    before = acts()
    for deed in (
        lambda: keeping.star([*works, theirs], by=artist.user),
        lambda: keeping.unstar([theirs], by=artist.user),
        lambda: keeping.tag([theirs], "x", by=artist.user, program=program),
        lambda: keeping.untag([theirs], tag, by=stranger.user),
        lambda: keeping.hang([theirs], room, by=artist.user),
        lambda: keeping.hang([theirs], room, by=stranger.user),
        lambda: keeping.unhang(works, room, by=stranger.user),
        lambda: keeping.rename(room, "Theirs", by=stranger.user),
        lambda: keeping.dissolve(room, by=stranger.user),
    ):
        with pytest.raises(NotAllowed):
            deed()
    assert acts() == before and not Star.objects.exists()


def test_names_lie_beside_the_chain_and_not_in_it(works: list[Output], artist: Enrollment, program: Program) -> None:
    keeping.tag(works, "my secret plan", by=artist.user, program=program)
    entry = Entry.objects.get(act="tag_outputs")
    assert "secret" not in entry.facts and entry.private.text == "my secret plan"
