"""The artist's own hand on a link: opened on terms that were understood, closed by them at any time."""

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from access import clock
from access.models import Enrollment
from review import sharing
from review.models import Decision, Share
from review.views import records
from tests import make
from tests.review.cast import At, Cast, flip_a_byte

pytestmark = pytest.mark.django_db


def client_of(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.artist.user)
    return client


def path(share: Share, name: str) -> str:
    return reverse(name, args=[share.program.slug, share.decision.submission_id])


def leave(cast: Cast) -> None:
    Enrollment.objects.filter(user=cast.artist.user).update(ended_at=clock.now())


# --- closing ----------------------------------------------------------------------------------------------------------


def test_who_has_left_finds_their_open_links_and_closes_them(cast: Cast, at: At) -> None:
    share = cast.share(at)
    leave(cast)
    client = client_of(cast)
    assert client.get(path(share, "submission")).status_code == 404
    shown = client.get(reverse("decisions")).content.decode()
    assert "Open links" in shown and path(share, "revoke_link") in shown and "open until you close it" in shown
    after = client.post(path(share, "revoke_link"), follow=True)
    assert after.redirect_chain == [(reverse("decisions"), 302)]
    assert "Open links" not in after.content.decode() and "The link is closed" in after.content.decode()
    assert Client().get(f"/s/{share.token}/").status_code == 404


def test_nobody_else_closes_it(cast: Cast, at: At) -> None:
    share = cast.share(at)
    leave(cast)
    for other in (make.artist(program=cast.program).user, cast.reviewer, make.staff(program=cast.program)):
        client = Client()
        client.force_login(other)
        assert client.post(path(share, "revoke_link")).status_code == 404
        assert "Open links" not in client.get(reverse("decisions")).content.decode()
    elsewhere = reverse("revoke_link", args=[make.program().slug, share.decision.submission_id])
    assert client_of(cast).post(elsewhere).status_code == 404
    assert Client().get(f"/s/{share.token}/").status_code == 200


def test_a_link_that_has_ended_is_not_among_the_open_ones(cast: Cast, at: At) -> None:
    share = cast.share(at, expires_at=clock.now() + timedelta(days=7))
    assert "open until " in client_of(cast).get(reverse("decisions")).content.decode()
    assert share.expires_at
    at(share.expires_at)
    assert "Open links" not in client_of(cast).get(reverse("decisions")).content.decode()


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", ["0", "-1", "365", "for ever", "\x00"])
def test_what_was_not_understood_opens_nothing(cast: Cast, at: At, days: str) -> None:
    decision = cast.approval()
    at(decision.effective_at)
    url = reverse("open_link", args=[cast.program.slug, decision.submission_id])
    answer = client_of(cast).post(url, {"days": days, "may_embed": "on"})
    assert answer.status_code == 422 and not Share.objects.exists()
    shown = answer.content.decode()
    ticked = re.search(r'<input type="checkbox" name="may_embed"[^>]*>', shown)
    assert 'class="errorlist"' in shown and ticked and " checked" in ticked[0], "what was ticked stays ticked"


# --- damaged files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["playable", "poster"])
def test_a_damaged_copy_is_the_same_404_as_what_never_was(cast: Cast, at: At, recipe: str) -> None:
    share = cast.share(at, may_embed=True)
    file = share.output.renditions.get(recipe=recipe, personal_to=None).file
    flip_a_byte(file.path)
    for route in ("", "embed/", f"{recipe}/"):
        gone, never = (Client().get(f"/s/{token}/{route}") for token in (share.token, "z" * 43))
        assert gone.status_code == 404
        assert (gone.content, sorted(gone.items())) == (never.content, sorted(never.items())), route
    own = client_of(cast)
    gone, never = (own.get(reverse("media", args=[key])) for key in (file.pk, uuid.uuid4()))
    unmarked = [re.sub(rb'csrfmiddlewaretoken" value="\w+"', b"", answer.content) for answer in (gone, never)]
    assert gone.status_code == 404 and unmarked[0] == unmarked[1]
    assert gone.headers.keys() == never.headers.keys()


# --- decisions, page by page ------------------------------------------------------------------------------------------


def test_the_list_of_decisions_goes_on_to_the_last_and_repeats_none(
    cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PAGE", 2)
    start = clock.now()
    at(start)  # so that several take effect at the same instant
    made = [cast.approval() for _ in range(5)]
    at(start + timedelta(minutes=1))
    client, address, seen = client_of(cast), reverse("decisions"), []
    while address:
        page = client.get(address)
        found = [decision.pk for decision in page.context["rows"]]
        assert 1 <= len(found) <= 2
        seen += found
        older = page.context["older"]
        assert older is None or f"?before={older}" in page.content.decode()
        address = f"{reverse('decisions')}?before={older}" if older else ""
    assert len(seen) == 5 and set(seen) == {decision.pk for decision in made}


@pytest.mark.parametrize("before", ["x", "0" * 32, "\x00"])
def test_a_place_that_is_none_begins_at_the_front(cast: Cast, at: At, before: str) -> None:
    at(cast.approval().effective_at)
    foreign = cast.approval(cast.submission(make.output(enrollment=make.artist(program=cast.program))))
    assert Decision.objects.count() == 2
    for said in (before, str(foreign.pk)):
        assert len(client_of(cast).get(reverse("decisions"), {"before": said}).context["rows"]) == 1


def test_a_closed_link_cannot_be_closed_again(cast: Cast, at: At) -> None:
    share = cast.share(at)
    sharing.revoke(share, by=cast.artist.user)
    assert client_of(cast).post(path(share, "revoke_link")).status_code == 409
