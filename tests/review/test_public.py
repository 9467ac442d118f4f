"""What strangers get behind a link: all of it while it is live, none of it in any other state, by any route."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access import clock, halting, media
from access.models import Halt
from generation.models import Rendition
from review import moderation, sharing
from review.models import Decision, Look, Share
from review.refusals import EmbargoStands
from review.verdicts import Scope
from tests import make
from tests.review import rows
from tests.review.cast import At, Cast, flip_a_byte

PLAYABLE, POSTER = "playable", "poster"
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ROUTES = ("", "embed/", "playable/", "poster/", "contact_sheet/", "proxy/", "making/", "master/")
NEVER = "z" * 43


def browser() -> Client:
    return Client(headers={"user-agent": PERSON})


def page(share: Share) -> Any:
    return browser().get(f"/s/{share.token}/")


def embed(share: Share) -> Any:
    return browser().get(f"/s/{share.token}/embed/")


def bytes_of(share: Share, recipe: str = PLAYABLE) -> Any:
    return browser().get(f"/s/{share.token}/{recipe}/")


def rendition(share: Share, recipe: str) -> Rendition:
    return share.output.renditions.get(recipe=recipe, personal_to=None)


def test_a_stranger_sees_the_clip_its_caption_and_what_it_is(cast: Cast, at: At) -> None:
    share = cast.share(at)
    shown = page(share).content.decode()
    for words in ("Tide", "A. Person", "Made with AI", "policy version 1", 'property="og:image"', 'rel="canonical"'):
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
    """No verb takes a yes back today; a decision in its place ends its links all the same."""
    old = share.decision
    asked = {"submission": old.submission, "program": cast.program, "artist": old.artist, "round": old.round}
    Look.objects.create(**asked, kind="appeal", due_at=clock.now() + timedelta(days=1), asked_at=clock.now())
    held = cast.claim(old.submission, by=cast.rival)
    rows.decision(held, overturns=old, recipes=old.recipes, decided_at=old.decided_at, effective_at=old.effective_at)


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


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_clip_does_not_load_before_one_presses_play_and_no_script_is_there(cast: Cast, at: At) -> None:
    shown = page(cast.share(at)).content.decode()
    assert 'preload="none"' in shown and "poster=" in shown and "autoplay" not in shown
    assert "<script" not in shown and "style=" not in shown


def test_it_says_to_machines_that_a_model_made_it(cast: Cast, at: At) -> None:
    shown = page(cast.share(at)).content.decode()
    assert "digitalsourcetype/trainedAlgorithmicMedia" in shown
    assert "TrainedAlgorithmicMediaDigitalSource" in shown


def test_a_clip_without_a_credit_names_nobody(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(credit=""))
    at(decision.effective_at)
    shown = page(sharing.share(decision, by=cast.artist.user)).content.decode()
    assert "A. Person" not in shown and 'itemprop="creator"' not in shown
    assert cast.artist.user.name not in shown


def approved_for(cast: Cast, at: At, **scope: Any) -> Decision:
    decision = cast.approve(cast.claim(cast.submission()), scope=Scope(**scope))
    at(decision.effective_at)
    return decision


def test_only_what_is_for_everybody_may_be_listed(cast: Cast, at: At) -> None:
    public = page(cast.share(at))
    assert "noindex" not in public.content.decode() and "X-Robots-Tag" not in public
    share = sharing.share(approved_for(cast, at, audience="link"), by=cast.artist.user, may_embed=True)
    assert '<meta name="robots" content="noindex">' in page(share).content.decode()
    for answer in (page(share), embed(share), bytes_of(share), bytes_of(share, POSTER)):
        assert answer.status_code == 200 and answer["X-Robots-Tag"] == "noindex"


def test_no_reviewer_is_in_any_byte(cast: Cast, at: At) -> None:
    share = cast.share(at, may_embed=True)
    reviewer = share.decision.decided_by
    for answer in (page(share), embed(share)):
        for secret in (
            reviewer.email,
            reviewer.name,
            str(reviewer.pk),
            reviewer.pseudonym,
            share.decision.artist.email,
        ):
            assert secret not in answer.content.decode()


def test_nothing_is_kept_in_the_visitors_browser(cast: Cast, at: At) -> None:
    share = cast.share(at, may_embed=True)
    for answer in (page(share), embed(share), bytes_of(share, POSTER), browser().get(f"/s/{NEVER}/")):
        assert not answer.cookies and "no-store" in answer["Cache-Control"]


def test_what_an_artist_typed_stays_text(cast: Cast, at: At) -> None:
    decision = cast.approval(cast.submission(title='"><script>alert(1)</script>', credit="<b>&amp;"))
    at(decision.effective_at)
    share = sharing.share(decision, by=cast.artist.user, may_embed=True)
    for answer in (page(share), embed(share)):
        shown = answer.content.decode()
        assert "<script" not in shown and "<b>" not in shown and "&lt;b&gt;&amp;amp;" in shown


# --- no state tells itself from another -------------------------------------------------------------------------------


def bound_to(decision: Decision) -> Share:
    """A link that no verb opens, on an approval that is not one now. On anything else the schema lets none be."""
    output = decision.submission.output
    facts = {"output": output, "master_sha256": output.master_sha256, "title": "Tide", "created_at": clock.now()}
    return Share.objects.create(token="b" * 43, decision=decision, may_embed=True, **facts)


def not_in_effect(cast: Cast, _share: Share, _at: At) -> Share:
    return bound_to(cast.approval())


def undone(cast: Cast, _share: Share, at: At) -> Share:
    decision = cast.approval()
    moderation.undo(decision, by=cast.reviewer)
    at(clock.now() + timedelta(minutes=1))
    return bound_to(decision)


def embargoed(cast: Cast, _share: Share, at: At) -> Share:
    return bound_to(approved_for(cast, at, embargo_until=clock.now() + timedelta(days=2)))


def halted_and_revoked(cast: Cast, share: Share, at: At) -> None:
    revoke(cast, share, at)
    halting.halt(cast.program, program=cast.program, by=None, reason="a test")


ENDS = [revoke, expire, overturn, not_in_effect, undone, embargoed, halted_and_revoked]


def told(answer: Any) -> tuple[object, ...]:
    return answer.status_code, answer.content, sorted(answer.items())


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_whatever_is_not_live_is_the_same_404_byte_for_byte(
    cast: Cast, at: At, end: Callable[[Cast, Share, At], Share | None]
) -> None:
    share = cast.share(at, expires_at=clock.now() + timedelta(days=7), may_embed=True)
    share = end(cast, share, at) or share
    for route in ROUTES:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            gone = browser().get(f"/s/{share.token}/{route}")
        with CaptureQueriesContext(connection) as asked_of_none:
            never = browser().get(f"/s/{NEVER}/{route}")
        assert told(gone) == told(never), route
        assert gone.status_code == 404
        assert len(asked) == len(asked_of_none), "the same work, so about the same time"
        assert share.title not in gone.content.decode()


@pytest.mark.parametrize("token", ["x", "ü" * 9, "a" * 3000, "%00", "a%00b", "..", "%F0%9F%8E%AC", "'--"])
@pytest.mark.parametrize("route", ["", "embed/", "playable/"])
def test_no_token_breaks_anything(db: None, token: str, route: str) -> None:
    answer = browser().get(f"/s/{token}/{route}")
    assert answer.status_code == 404 and told(answer) == told(browser().get(f"/s/{NEVER}/{route}"))


def test_to_its_artist_and_to_staff_it_is_gone_as_well(cast: Cast, at: At) -> None:
    share = cast.share(at)
    sharing.revoke(share, by=cast.artist.user)
    for user in (cast.artist.user, cast.reviewer, make.staff(program=cast.program)):
        client = browser()
        client.force_login(user)
        for route in ROUTES:
            gone, never = client.get(f"/s/{share.token}/{route}"), client.get(f"/s/{NEVER}/{route}")
            assert gone.status_code == 404 and told(gone) == told(never), route
            assert gone.content == browser().get(f"/s/{NEVER}/{route}").content


def test_an_embargo_opens_by_the_clock(cast: Cast, at: At) -> None:
    until = clock.now() + timedelta(days=2)
    decision = approved_for(cast, at, embargo_until=until)
    with pytest.raises(EmbargoStands):
        sharing.share(decision, by=cast.artist.user)
    at(until)
    assert page(sharing.share(decision, by=cast.artist.user)).status_code == 200


# --- paused -----------------------------------------------------------------------------------------------------------


def test_a_halt_pauses_every_route_and_none_gives_a_byte(cast: Cast, at: At) -> None:
    share = cast.share(at, may_embed=True)
    halting.halt(cast.program, program=cast.program, by=None, reason="a leak")
    assert page(share).status_code == embed(share).status_code == 503
    assert page(share).content == embed(share).content
    for secret in ("Tide", "A. Person", "a leak", cast.program.name, share.token, "<img", "<video", "poster"):
        assert secret not in embed(share).content.decode()
    for route in ROUTES[2:]:
        answer = browser().get(f"/s/{share.token}/{route}")
        assert told(answer) == told(browser().get(f"/s/{NEVER}/{route}"))


def test_a_hold_on_a_credential_pauses_no_link(cast: Cast, at: At) -> None:
    share = cast.share(at)
    client = browser()
    client.force_login(cast.artist.user)
    client.get("/notices/")
    halting.halt(cast.artist.user.credentials.get(), program=cast.program, by=None, reason="a test")
    assert page(share).status_code == 200


# --- the player in frames of other sites ------------------------------------------------------------------------------


def test_an_embed_shows_credit_label_and_the_way_to_the_page(cast: Cast, at: At) -> None:
    share = cast.share(at, may_embed=True)
    answer = embed(share)
    shown = answer.content.decode()
    for words in ("Tide", "A. Person", "Made with AI", f"http://127.0.0.1:8000/s/{share.token}/", 'preload="none"'):
        assert words in shown
    assert "<script" not in shown and "noindex" in shown
    assert "frame-ancestors *" in answer["Content-Security-Policy"] and "X-Frame-Options" not in answer
    assert "frame-ancestors 'none'" not in answer["Content-Security-Policy"]
    assert (
        f'name="twitter:player" content="http://127.0.0.1:8000/s/{share.token}/embed/"' in page(share).content.decode()
    )


def test_without_the_artists_word_there_is_no_embed(cast: Cast, at: At) -> None:
    share = cast.share(at)
    assert told(embed(share)) == told(browser().get(f"/s/{NEVER}/embed/"))
    assert "twitter:player" not in page(share).content.decode()
    halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    assert embed(share).status_code == 404


def test_nothing_else_may_be_framed(cast: Cast, at: At) -> None:
    share = cast.share(at, may_embed=True)
    framed_404 = browser().get(f"/s/{NEVER}/embed/")
    for answer in (page(share), framed_404, browser().get("/"), browser().get("/showcase/")):
        assert answer["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert bytes_of(share)["X-Frame-Options"] == "DENY"


def test_a_paused_embed_says_so_in_its_frame(cast: Cast, at: At) -> None:
    share = cast.share(at, may_embed=True)
    halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    answer = embed(share)
    assert "paused by the program, not by the artist" in answer.content.decode()
    assert "frame-ancestors *" in answer["Content-Security-Policy"]
