"""The showcase hangs what its artist wants shown, as long as they do and the public may see it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from access import clock, consenting, halting
from access.models import Consent, Entry
from access.refusals import NotAllowed
from review import sharing, showcase
from review.models import Share
from review.refusals import NotForEverybody
from review.verdicts import Scope
from tests import make
from tests.review.cast import At, Cast


def hang(cast: Cast, at: At, title: str = "Tide", **terms: Any) -> Share:
    """A clip with an open link whose artist said yes; the clock stands a minute after the verdict."""
    decision = cast.approval(cast.submission(title=title))
    at(decision.decided_at + timedelta(minutes=1))
    share = sharing.share(decision, by=cast.artist.user, **terms)
    showcase.choose(decision.submission, by=cast.artist.user, shown=True)
    return share


def take_down(share: Share) -> None:
    showcase.choose(share.decision.submission, by=share.decision.artist, shown=False)


def walls(cast: Cast) -> tuple[str, str]:
    client = Client()
    return (
        client.get("/showcase/").content.decode(),
        client.get(f"/p/{cast.program.slug}/showcase/").content.decode(),
    )


def is_hung(cast: Cast, share: Share) -> bool:
    on = {f"/s/{share.token}/" in wall for wall in walls(cast)}
    assert len(on) == 1, "both walls agree"
    return on.pop()


def test_a_yes_hangs_it_with_poster_credit_and_label(cast: Cast, at: At) -> None:
    share = hang(cast, at)
    for wall in walls(cast):
        for words in (f"/s/{share.token}/poster/", "Tide", "A. Person", "Made with AI"):
            assert words in wall
        for secret in (cast.artist.user.email, cast.reviewer.email, "<script"):
            assert secret not in wall
    assert Client().get(f"/s/{share.token}/poster/").status_code == 200


def test_nothing_hangs_without_a_word(cast: Cast, at: At) -> None:
    assert not is_hung(cast, cast.share(at))


def test_a_no_takes_it_down_at_once_and_a_yes_brings_it_back(cast: Cast, at: At) -> None:
    share = hang(cast, at)
    take_down(share)
    assert not is_hung(cast, share)
    assert Client().get(f"/s/{share.token}/").status_code == 200, "the link is another matter"
    showcase.choose(share.decision.submission, by=cast.artist.user, shown=True)
    assert is_hung(cast, share)


def test_so_does_the_end_of_the_link(cast: Cast, at: At) -> None:
    share = hang(cast, at)
    sharing.revoke(share, by=cast.artist.user)
    assert not is_hung(cast, share)


def test_and_its_expiry(cast: Cast, at: At) -> None:
    share = hang(cast, at, expires_at=clock.now() + timedelta(days=7))
    assert is_hung(cast, share)
    at(share.expires_at)
    assert not is_hung(cast, share)


@pytest.mark.parametrize("scope", ["program", "cohort", "artist"])
def test_a_halt_takes_it_down_until_the_lift(cast: Cast, at: At, scope: str) -> None:
    share = hang(cast, at)
    target = {"program": cast.program, "cohort": cast.artist.cohort, "artist": cast.artist.user}[scope]
    placed = halting.halt(target, program=cast.program, by=None, reason="a leak")
    assert not is_hung(cast, share)
    assert "Tide" not in "".join(walls(cast))
    halting.lift(placed, by=None)
    assert is_hung(cast, share)


def test_a_yes_to_one_clip_shows_no_other(cast: Cast, at: At) -> None:
    shown, other = hang(cast, at), cast.share(at)
    assert is_hung(cast, shown) and not is_hung(cast, other)


def test_a_yes_to_showcases_in_general_or_to_another_use_hangs_nothing(cast: Cast, at: At) -> None:
    share = cast.share(at)
    facts = {"program": cast.program, "granted": True}
    consenting.give_consent(cast.artist.user, "showcase", **facts)
    consenting.give_consent(cast.artist.user, "quote", about=share.output_id, **facts)
    consenting.give_consent(make.user(), "showcase", about=share.output_id, **facts)
    assert not is_hung(cast, share)


def test_a_no_to_every_showcase_takes_all_down(cast: Cast, at: At) -> None:
    first, second = hang(cast, at), hang(cast, at)
    at(clock.now() + timedelta(minutes=1))
    consenting.give_consent(cast.artist.user, "showcase", program=cast.program, granted=False)
    assert not is_hung(cast, first) and not is_hung(cast, second)
    at(clock.now() + timedelta(minutes=1))
    showcase.choose(second.decision.submission, by=cast.artist.user, shown=True)
    assert not is_hung(cast, first) and is_hung(cast, second), "a later word on one clip counts for that clip"


def test_what_is_for_those_with_the_link_is_refused(cast: Cast, at: At) -> None:
    decision = cast.approve(cast.claim(cast.submission()), scope=Scope(audience="link"))
    at(decision.effective_at)
    share = sharing.share(decision, by=cast.artist.user)
    with pytest.raises(NotForEverybody):
        showcase.choose(decision.submission, by=cast.artist.user, shown=True)
    consenting.give_consent(cast.artist.user, "showcase", program=cast.program, granted=True, about=share.output_id)
    assert not is_hung(cast, share), "and would not hang even with a yes"


def test_only_its_artist_has_a_word_and_it_is_on_record(cast: Cast, at: At) -> None:
    share = hang(cast, at)
    for somebody in (make.artist(program=cast.program).user, cast.reviewer, make.staff(program=cast.program)):
        with pytest.raises(NotAllowed):
            showcase.choose(share.decision.submission, by=somebody, shown=False)
    assert is_hung(cast, share)
    consent = Consent.objects.get(purpose="showcase")
    assert (consent.about, consent.granted) == (share.output_id, True)
    assert Entry.objects.filter(act="consent").count() == 1


def test_a_no_is_taken_under_a_halt_and_after_the_approval_fell(cast: Cast, at: At) -> None:
    share = hang(cast, at)
    halting.halt(cast.program, program=cast.program, by=None, reason="a test")
    sharing.revoke(share, by=cast.artist.user)
    take_down(share)
    assert not showcase.is_wanted(share.output)


def test_programs_keep_to_their_walls(cast: Cast, at: At) -> None:
    share = hang(cast, at)
    other = make.program()
    assert share.token not in Client().get(f"/p/{other.slug}/showcase/").content.decode()
    assert Client().get("/p/no-such-program/showcase/").status_code == 404
    closed = make.program(opened_at=None)
    assert Client().get(f"/p/{closed.slug}/showcase/").status_code == 404


# --- pages ------------------------------------------------------------------------------------------------------------


def test_pages_follow_on_another_without_gap_or_repeat(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showcase, "SHOWN", 2)
    shares = [hang(cast, at, title=f"Clip {n}") for n in range(5)]
    Share.objects.exclude(pk=shares[0].pk).update(created_at=shares[1].created_at)  # a tie, broken by the token
    seen, after = [], ""
    for _ in range(3):
        found = showcase.page(clock.now(), after=after)
        seen += [share.pk for share in found.shares]
        after = found.after
    assert after == "" and sorted(seen) == sorted(share.pk for share in shares)
    assert seen[-1] == shares[0].pk, "the oldest hangs last"


@pytest.mark.parametrize("after", ["x", "1", "1.", "-5.a", "9" * 30 + ".a", "٣.a", "1.\0", "1.ü", "." * 400])
def test_a_page_that_is_none_is_a_page_all_the_same(cast: Cast, at: At, after: str) -> None:
    hang(cast, at)
    answer = Client().get("/showcase/", {"after": after})
    assert answer.status_code == 200


def test_a_place_tells_nobody_whether_a_link_exists(cast: Cast, at: At) -> None:
    share, gone = hang(cast, at), hang(cast, at)
    place = showcase._place(gone)
    sharing.revoke(gone, by=cast.artist.user)
    never = place.replace(gone.token, "z" * 43)
    pages = [showcase.page(clock.now(), after=after).shares for after in (place, never)]
    assert pages[0] == pages[1] == [share]


# --- the artist's page ------------------------------------------------------------------------------------------------


def test_the_artist_chooses_on_the_submissions_page(cast: Cast, at: At) -> None:
    share = cast.share(at)
    client = Client()
    client.force_login(cast.artist.user)
    url = f"/p/{cast.program.slug}/submissions/{share.decision.submission_id}/"
    assert "Show it in the showcase" in client.get(url).content.decode()
    client.post(f"{url}showcase/", {"shown": "yes"})
    assert is_hung(cast, share) and "Take it down" in client.get(url).content.decode()
    client.post(f"{url}showcase/", {"shown": "no"})
    assert not is_hung(cast, share)


def test_the_page_offers_nothing_before_an_approval(cast: Cast, at: At) -> None:
    asked = cast.submission()
    client = Client()
    client.force_login(cast.artist.user)
    url = f"/p/{cast.program.slug}/submissions/{asked.pk}/"
    assert "showcase" not in client.get(url).content.decode().lower()
    refused = client.post(f"{url}showcase/", {"shown": "yes"})
    assert refused.status_code == 403 and "approved for everybody" in refused.content.decode()
