"""A public link lives exactly as long as its approval, its bytes, its artist's will and the program's halts allow."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from access import clock, halting, media
from access.models import Halt, Notice
from access.refusals import Halted, NotAllowed
from generation.models import Rendition
from review import moderation, sharing
from review.models import Share
from review.refusals import BytesChanged, ExpiryPassed, NotApproved, SharedAlready
from tests import make
from tests.review.cast import At, Cast, flip_a_byte

PLAYABLE, POSTER = "playable", "poster"


def page(share: Share) -> Any:
    return Client().get(f"/s/{share.token}/")


def bytes_of(share: Share, recipe: str = PLAYABLE) -> Any:
    return Client().get(f"/s/{share.token}/{recipe}/")


def rendition(share: Share, recipe: str) -> Rendition:
    return share.output.renditions.get(recipe=recipe, personal_to=None)


def test_a_stranger_sees_the_clip_its_caption_and_what_it_is(cast: Cast, at: At) -> None:
    share = cast.share(at)
    shown = page(share).content.decode()
    for words in ("Tide", "A. Person", "Made with AI", "policy version 1", 'property="og:image"', "noindex"):
        assert words in shown
    assert f"http://127.0.0.1:8000/s/{share.token}/poster/" in shown
    assert cast.artist.user.email not in shown
    assert b"".join(bytes_of(share)) == rendition(share, PLAYABLE).file.path.read_bytes()


def test_ranges_are_answered(cast: Cast, at: At) -> None:
    share = cast.share(at)
    answer = Client().get(f"/s/{share.token}/playable/", headers={"range": "bytes=0-9"})
    assert answer.status_code == 206 and len(answer.content) == 10
    assert answer["Cache-Control"] == "private, no-store"


def test_the_link_serves_only_what_the_decision_froze(cast: Cast, at: At) -> None:
    share = cast.share(at)
    assert {made.recipe for made in share.renditions()} == {PLAYABLE, POSTER}
    for recipe in ("contact_sheet", "making", "master", "nonsense"):
        assert bytes_of(share, recipe).status_code == 404
    anonymous = media.Viewer(Client().get("/healthz").wsgi_request.user, share_token=share.token)
    assert media.may_see(rendition(share, POSTER).file, anonymous)
    assert not media.may_see(rendition(share, "contact_sheet").file, anonymous)
    assert not media.may_see(share.output.master, anonymous)
    assert not media.may_see(rendition(share, POSTER).file, media.Viewer(anonymous.user))


def test_a_newer_rendition_is_not_shown_by_an_old_decision(cast: Cast, at: At) -> None:
    share = cast.share(at)
    old = rendition(share, PLAYABLE)
    facts = {"output": old.output, "parent_sha256": old.parent_sha256, "recipe": PLAYABLE, "created_at": clock.now()}
    newer = Rendition.objects.create(
        **facts, version=2, file=rendition(share, "making").file, sha256=rendition(share, "making").sha256
    )
    assert old in share.renditions() and newer not in share.renditions()


# --- what ends a link --------------------------------------------------------------------------------------------


def revoke(cast: Cast, share: Share, _at: At) -> None:
    sharing.revoke(share, by=cast.artist.user)


def expire(_cast: Cast, share: Share, at: At) -> None:
    assert share.expires_at
    at(share.expires_at)


def overturn(cast: Cast, share: Share, _at: At) -> None:
    cast.overturn(share.decision)


def flip(*names: str) -> Callable[[Cast, Share, At], None]:
    def change(_cast: Cast, share: Share, _at: At) -> None:
        for name in names:
            flip_a_byte((share.output.master if name == "master" else rendition(share, name).file).path)

    change.__name__ = "flip_" + "_".join(names)
    return change


@pytest.mark.parametrize("end", [revoke, expire, overturn, flip("master")], ids=lambda end: end.__name__)
def test_what_ends_a_link_ends_all_of_it(cast: Cast, at: At, end: Callable[[Cast, Share, At], None]) -> None:
    share = cast.share(at, expires_at=clock.now() + timedelta(days=7))
    assert page(share).status_code == bytes_of(share).status_code == 200
    end(cast, share, at)
    never = Client().get("/s/never-was/")
    assert page(share).status_code == 404 and page(share).content == never.content
    assert bytes_of(share).status_code == bytes_of(share, POSTER).status_code == 404


@pytest.mark.parametrize("recipe", [PLAYABLE, POSTER])
def test_one_flipped_byte_of_what_is_shown(cast: Cast, at: At, recipe: str) -> None:
    share = cast.share(at)
    flip_a_byte(rendition(share, recipe).file.path)
    assert page(share).status_code == bytes_of(share, recipe).status_code == 404


@pytest.mark.parametrize("scope", ["program", "cohort", "artist"])
def test_a_halt_pauses_the_link_and_says_nothing_else(cast: Cast, at: At, scope: str) -> None:
    share = cast.share(at)
    target = {"program": cast.program, "cohort": cast.artist.cohort, "artist": cast.artist.user}[scope]
    placed = halting.halt(target, program=cast.program, by=None, reason="a leak")
    shown = page(share)
    assert shown.status_code == 503
    assert "paused by the program, not by the artist" in shown.content.decode()
    for secret in ("Tide", "A. Person", "a leak", cast.program.name, share.token + "/poster"):
        assert secret not in shown.content.decode()
    assert bytes_of(share).status_code == bytes_of(share, POSTER).status_code == 404
    halting.lift(placed, by=None)
    assert page(share).status_code == bytes_of(share).status_code == 200


def test_a_halt_elsewhere_pauses_nothing(cast: Cast, at: At) -> None:
    share = cast.share(at)
    others = make.artist(program=cast.program, cohort=make.cohort(program=cast.program))
    elsewhere = make.program()
    for target, program in ((others.user, cast.program), (others.cohort, cast.program), (elsewhere, elsewhere)):
        halting.halt(target, program=program, by=None, reason="a test")
    assert Halt.objects.open().count() == 3
    assert page(share).status_code == 200


def test_a_link_that_ended_is_never_paused(cast: Cast, at: At) -> None:
    share = cast.share(at)
    sharing.revoke(share, by=cast.artist.user)
    halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    assert page(share).status_code == 404


# --- opening one -------------------------------------------------------------------------------------------------


def test_not_before_it_is_in_effect(cast: Cast, at: At) -> None:
    decision = cast.approval()
    at(decision.effective_at - timedelta(microseconds=1))
    with pytest.raises(NotApproved):
        sharing.share(decision, by=cast.artist.user)


def test_not_with_changed_bytes_nor_under_a_halt_nor_by_others(cast: Cast, at: At) -> None:
    decision = cast.approval()
    at(decision.effective_at)
    with pytest.raises(NotAllowed):
        sharing.share(decision, by=make.artist(program=cast.program).user)
    with pytest.raises(ExpiryPassed):
        sharing.share(decision, by=cast.artist.user, expires_at=decision.effective_at)
    halt = halting.halt(cast.artist.user, program=cast.program, by=None, reason="a test")
    with pytest.raises(Halted):
        sharing.share(decision, by=cast.artist.user)
    halting.lift(halt, by=None)
    flip_a_byte(decision.submission.output.master.path)
    with pytest.raises(BytesChanged):
        sharing.share(decision, by=cast.artist.user)
    assert not Share.objects.exists()


def test_an_expired_link_does_not_stand_in_the_way(cast: Cast, at: At) -> None:
    old = cast.share(at, expires_at=clock.now() + timedelta(days=7))
    with pytest.raises(SharedAlready):
        sharing.share(old.decision, by=cast.artist.user)
    at(clock.now() + timedelta(days=8))
    new = sharing.share(old.decision, by=cast.artist.user)
    assert new.token != old.token and len(new.token) == 43
    assert page(old).status_code == 404 and page(new).status_code == 200


# --- by itself, as asked -----------------------------------------------------------------------------------------


def test_settle_opens_what_was_asked_for_once(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    assert sharing.settle() == []
    at(decision.effective_at)
    [opened] = sharing.settle()
    assert sharing.settle() == []
    assert page(opened).status_code == 200
    assert Notice.objects.filter(user=cast.artist.user, kind="share_opened").count() == 1


def test_settle_opens_nothing_that_was_not_asked_for(cast: Cast, at: At) -> None:
    asked_but_rejected = cast.reject(cast.claim(cast.submission(publish_on_approval=True)))
    approved_but_not_asked = cast.approval()
    at(max(asked_but_rejected.effective_at, approved_but_not_asked.effective_at))
    assert sharing.settle() == []


def test_what_its_artist_closed_does_not_open_again(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    at(decision.effective_at)
    [opened] = sharing.settle()
    sharing.revoke(opened, by=cast.artist.user)
    assert sharing.settle() == []
    assert sharing.publish(decision) is None, "not even by a late rival"


def test_an_undone_approval_opens_nothing(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    moderation.undo(decision, by=cast.reviewer)
    at(decision.effective_at)
    assert sharing.settle() == []


def test_settle_waits_for_the_lift(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(publish_on_approval=True))
    halt = halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    at(decision.effective_at)
    assert sharing.settle() == []
    halting.lift(halt, by=None)
    assert len(sharing.settle()) == 1


def test_one_damaged_clip_does_not_hold_up_the_others(cast: Cast, at: At) -> None:
    damaged, sound = (cast.approval(cast.submission(publish_on_approval=True)) for _ in range(2))
    flip_a_byte(damaged.submission.output.master.path)
    at(sound.effective_at)
    assert [opened.decision for opened in sharing.settle()] == [sound]
