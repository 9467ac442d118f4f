"""Pages: who sees which, what is on them, and that nothing typed is lost."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from access import clock, media
from access.models import User
from review import claiming, moderation
from review.models import Claim, Decision, Submission
from tests import make
from tests.review.cast import At, Cast


def signed_in(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


def path(name: str, *args: object) -> str:
    return reverse(name, args=args)


def ballot(held: Claim, verdict: str = "approved", **fields: Any) -> dict[str, Any]:
    shown = {"fence": held.fence, "round": held.round, "shown_sha256": held.shown.sha256, "on": held.look_id}
    played = f"[[0, {moderation.duration_ms(held.submission)}]]"
    return {"verdict": verdict, **shown, "played": played, "scripted": "1", **fields}


# --- who sees which page -----------------------------------------------------------------------------------------

ROLES = ["nobody", "artist", "another artist", "artist elsewhere", "reviewer", "lead", "staff", "reviewer elsewhere"]
ARTIST, ARTISTS, REVIEWERS = {"artist"}, {"artist", "another artist"}, {"reviewer", "lead"}
MEMBERS = {"artist", "another artist", "reviewer", "lead", "staff"}
PAGES = {
    "policy": MEMBERS,
    "submissions": ARTISTS,
    "submission": ARTIST,
    "submit": ARTIST,
    "review_queue": REVIEWERS,
    "review_list": REVIEWERS,
    "review": REVIEWERS,
}


def person(cast: Cast, role: str) -> User | None:
    elsewhere = make.program() if role.endswith("elsewhere") else cast.program
    people = {
        "nobody": lambda: None,
        "artist": lambda: cast.artist.user,
        "another artist": lambda: make.artist(program=cast.program).user,
        "artist elsewhere": lambda: make.artist(program=elsewhere).user,
        "reviewer": lambda: cast.reviewer,
        "reviewer elsewhere": lambda: make.reviewer(program=elsewhere),
        "lead": lambda: make.lead(program=cast.program),
        "staff": lambda: make.staff(program=cast.program),
    }
    return people[role]()


@pytest.mark.parametrize("role", ROLES)
def test_role_by_page(cast: Cast, role: str) -> None:
    submission, output = cast.submission(), cast.output()
    args = {"submission": [submission.pk], "review": [cast.look(submission).pk], "submit": [output.pk]}
    client = signed_in(person(cast, role))
    found = {name: client.get(path(name, cast.program.slug, *args.get(name, []))).status_code for name in PAGES}
    closed = 302 if role == "nobody" else 404
    assert found == {name: 200 if role in whom else closed for name, whom in PAGES.items()}


def test_every_post_of_an_artist_is_closed_to_others(cast: Cast, at: At) -> None:
    share = cast.share(at)
    submission = share.decision.submission
    for other in (make.artist(program=cast.program).user, cast.reviewer):
        for name in ("withdraw", "open_link", "revoke_link"):
            answer = signed_in(other).post(path(name, cast.program.slug, submission.pk))
            assert answer.status_code == 404, (other, name)


def test_a_reviewer_acts_on_nothing_that_they_do_not_hold(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    client = signed_in(cast.rival)
    for name in ("review_reveal", "review_renew", "review_release", "decide"):
        assert client.post(path(name, cast.program.slug, held.look_id), ballot(held)).status_code == 404, name
    assert client.post(path("review_claim", cast.program.slug, held.look_id)).status_code == 409


def test_an_unknown_submission_is_not_there(cast: Cast) -> None:
    for user, name in ((cast.artist.user, "submission"), (cast.reviewer, "review")):
        assert signed_in(user).get(path(name, cast.program.slug, uuid.uuid4())).status_code == 404


# --- who sees which file -----------------------------------------------------------------------------------------


def test_a_reviewer_sees_the_files_only_while_holding_the_submission(cast: Cast, at: At) -> None:
    submission, other = cast.submission(), cast.submission()
    files = {made.recipe: made.file for made in submission.output.renditions.all()}
    reviewer = media.Viewer(cast.reviewer)

    def visible() -> set[str]:
        return {recipe for recipe, file in files.items() if media.may_see(file, reviewer)}

    assert visible() == set()
    held = cast.claim(submission)
    assert files["proxy"] == files["playable"]  # of a clip this small; the gate asks about bytes
    assert visible() == {"playable", "poster", "contact_sheet", "proxy"}
    assert not media.may_see(submission.output.master, reviewer)
    assert not any(media.may_see(made.file, reviewer) for made in other.output.renditions.all())
    assert not any(media.may_see(file, media.Viewer(cast.rival)) for file in files.values())
    claiming.release(held)
    assert visible() == set()
    held = cast.claim(submission)
    at(held.leased_until)
    assert visible() == set()


# --- the reviewer's page -----------------------------------------------------------------------------------------


def test_veiled_until_revealed_without_any_script(cast: Cast) -> None:
    submission = cast.submission()
    client = signed_in(cast.reviewer)
    page = client.post(path("review_next", cast.program.slug), follow=True)
    shown = page.content.decode()
    look = cast.look(submission)
    assert page.redirect_chain == [(path("review", cast.program.slug, look.pk), 302)]
    assert "veiled" in shown and "<video" not in shown and 'id="approve"' in shown
    shown = client.post(path("review_reveal", cast.program.slug, look.pk), follow=True).content.decode()
    assert "veiled" not in shown and "<video" in shown and "muted" in shown and "autoplay" not in shown


def test_revealing_loses_no_words(cast: Cast) -> None:
    held = cast.claim(cast.submission(), revealed=False)
    typed = {"words": "typed before looking", "clause": cast.clause.pk, "on": held.look_id}
    page = signed_in(cast.reviewer).post(path("review_reveal", cast.program.slug, held.look_id), typed, follow=True)
    shown = page.content.decode()
    assert page.status_code == 200 and "typed before looking" in shown and "<video" in shown
    assert f'value="{cast.clause.pk}" data-code="2" checked' in shown


def test_approving_on_the_page_and_undoing(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    client = signed_in(cast.reviewer)
    page = client.post(path("decide", cast.program.slug, held.look_id), ballot(held), follow=True)
    assert page.redirect_chain == [(path("review_queue", cast.program.slug), 302)]
    shown = page.content.decode()
    assert "takes effect in" in shown and "Undo" in shown
    decision = Decision.objects.get()
    page = client.post(path("review_undo", cast.program.slug, decision.pk), follow=True)
    again = cast.look(held.submission)
    assert page.redirect_chain == [(path("review", cast.program.slug, again.pk), 302)]
    assert Submission.objects.get().round == 2


def test_an_undo_gives_the_words_back(cast: Cast) -> None:
    decision = cast.reject(cast.claim(cast.submission()))
    client = signed_in(cast.reviewer)
    page = client.post(path("review_undo", cast.program.slug, decision.pk), follow=True)
    assert "The knife at the end." in page.content.decode()


def test_rejecting_the_whole_clip_with_one_box(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    reasons = {"clause": cast.clause.pk, "words": "All of it.", "whole": "on"}
    answer = signed_in(cast.reviewer).post(
        path("decide", cast.program.slug, held.look_id), ballot(held, "rejected", **reasons)
    )
    assert answer.status_code == 302
    decision = Decision.objects.get()
    assert (decision.from_ms, decision.to_ms) == (0, moderation.duration_ms(held.submission))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Choose the clause"),
        ({"words": ""}, "the artist will read it"),
        ({"from_seconds": ""}, "from which second"),
        ({"from_seconds": "0.5", "to_seconds": "0.2"}, "end after it begins"),
        ({"to_seconds": "99"}, "within the clip"),
        ({"to_seconds": "1e400"}, "Enter a number"),
        ({"words": "a\x00b"}, "control character"),
        ({"words": "x" * 2001}, "2000 is the most"),
        ({"clause": "9" * 30}, "Select a valid choice"),
        ({"clause": "1\x00"}, "Null characters"),
        ({"fence": "9" * 30}, "kept words"),
    ],
)
def test_a_no_that_does_not_say_why_keeps_what_was_typed(cast: Cast, fields: dict[str, str], says: str) -> None:
    held = cast.claim(cast.submission())
    clause = {"clause": cast.clause.pk} if fields else {}
    typed = {**clause, "words": "kept words", "from_seconds": "0", "to_seconds": "0.3", "private_note": "kept note"}
    answer = signed_in(cast.reviewer).post(
        path("decide", cast.program.slug, held.look_id), ballot(held, "rejected", **{**typed, **fields})
    )
    shown = answer.content.decode()
    assert answer.status_code == 422 and says in shown and "kept note" in shown
    assert not Decision.objects.exists()


def test_the_loser_of_a_race_keeps_the_words_and_hears_who_was_first(cast: Cast, at: At) -> None:
    slow = cast.claim(cast.submission())
    at(slow.leased_until)
    cast.approve(cast.claim(slow.submission, by=cast.rival))
    reasons = {"clause": cast.clause.pk, "words": "Twenty minutes of work.", "whole": "on", "private_note": "hm"}
    answer = signed_in(cast.reviewer).post(
        path("decide", cast.program.slug, slow.look_id), ballot(slow, "rejected", **reasons)
    )
    shown = answer.content.decode()
    assert answer.status_code == 409
    told = f"Reviewer {cast.rival.pseudonym} was faster. Their verdict, approved"
    assert "Twenty minutes of work." in shown and told in shown
    assert cast.rival.email not in shown


def test_a_lapsed_claim_is_taken_again_with_the_words(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    at(held.leased_until)
    client = signed_in(cast.reviewer)
    typed = {"clause": cast.clause.pk, "words": "Still my words.", "whole": "on"}
    lost = client.post(path("decide", cast.program.slug, held.look_id), ballot(held, "rejected", **typed))
    assert (
        lost.status_code == 409 and "Still my words." in lost.content.decode() and 'id="take"' in lost.content.decode()
    )
    url = path("review_claim", cast.program.slug, held.look_id)
    again = client.post(url, {**typed, "on": held.look_id}, follow=True)
    assert again.status_code == 200 and "Still my words." in again.content.decode()
    fresh = Claim.objects.live(clock.now()).get()
    assert f'name="fence" value="{fresh.fence}"' in again.content.decode()


def test_taking_a_second_one_leads_to_the_one_in_hand(cast: Cast) -> None:
    held, other = cast.claim(cast.submission(title="Ebb")), cast.submission()
    client = signed_in(cast.reviewer)
    page = client.post(path("review_claim", cast.program.slug, cast.look(other).pk), follow=True)
    assert page.redirect_chain == [(path("review", cast.program.slug, held.look_id), 302)]
    assert "You hold “Ebb”" in page.content.decode()


def test_the_heartbeat(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    client = signed_in(cast.reviewer)
    at(held.claimed_at + timedelta(minutes=5))
    url = path("review_renew", cast.program.slug, held.look_id)
    until = held.claimed_at + timedelta(minutes=15)
    told = client.post(url).json()
    assert (told["leased_until"], told["words"]) == (until.isoformat(), f"{until:%H:%M} UTC")
    at(held.claimed_at + timedelta(minutes=15))
    assert client.post(url).status_code == 409


# --- the artist's pages ------------------------------------------------------------------------------------------


def test_asking_on_the_page(cast: Cast) -> None:
    output = cast.output()
    client = signed_in(cast.artist.user)
    url = path("submit", cast.program.slug, output.pk)
    assert "Criticism of the sponsor or of this program is not a ground" in client.get(url).content.decode()
    page = client.post(url, {"title": "  Tide \n two ", "credit": "", "statement": "العمل"}, follow=True)
    submission = Submission.objects.get()
    assert page.redirect_chain == [(path("submission", cast.program.slug, submission.pk), 302)]
    assert submission.title == "Tide two" and submission.statement == "العمل"
    assert "in 1 day, 23 hours" in page.content.decode().replace("\xa0", " ")
    assert client.get(url).url == path("submission", cast.program.slug, submission.pk)


@pytest.mark.parametrize("title", ["", " ", "\x00", "x" * 121])
def test_a_bad_title_is_told_beside_the_field(cast: Cast, title: str) -> None:
    output = cast.output()
    typed = {"title": title, "statement": "kept words"}
    answer = signed_in(cast.artist.user).post(path("submit", cast.program.slug, output.pk), typed)
    assert (
        answer.status_code == 422 and "kept words" in answer.content.decode() and "errorlist" in answer.content.decode()
    )


def test_the_artist_reads_the_reason_when_it_is_in_effect_and_never_who(cast: Cast, at: At) -> None:
    decision = cast.reject(cast.claim(cast.submission()), private_note="between us")
    client = signed_in(cast.artist.user)
    urls = [path("submission", cast.program.slug, decision.submission_id), path("submissions", cast.program.slug)]
    before = [client.get(url).content.decode() for url in urls]
    assert not any(word in page for page in before for word in ("Not approved", "knife", decision.clause.title))
    at(decision.effective_at)
    after = [client.get(url).content.decode() for url in urls]
    for words in ("Not approved", "The knife at the end.", decision.clause.title, decision.clause.text, "0.0", "0.1"):
        assert words in after[0]
    for page in [*before, *after]:
        for secret in (cast.reviewer.email, cast.reviewer.name, str(cast.reviewer.pk), "between us"):
            assert secret not in page


def test_opening_and_closing_a_link_on_the_page(cast: Cast, at: At) -> None:
    decision = cast.approval()
    at(decision.effective_at)
    client = signed_in(cast.artist.user)
    page = client.post(path("open_link", cast.program.slug, decision.submission_id), {"days": "7"}, follow=True)
    share = decision.shares.get()
    assert f"http://127.0.0.1:8000/s/{share.token}/" in page.content.decode()
    assert share.expires_at == decision.effective_at + timedelta(days=7)
    page = client.post(path("revoke_link", cast.program.slug, decision.submission_id), follow=True)
    assert share.token not in page.content.decode() and "Open a public link" in page.content.decode()


def test_withdrawing_on_the_page(cast: Cast) -> None:
    submission = cast.submission()
    page = signed_in(cast.artist.user).post(path("withdraw", cast.program.slug, submission.pk), follow=True)
    assert "Ask again" in page.content.decode()


def test_the_policy_says_what_is_no_ground(cast: Cast) -> None:
    shown = signed_in(cast.reviewer).get(path("policy", cast.program.slug)).content.decode()
    assert "Criticism of the sponsor or of this program is not a ground" in shown
    assert all(escape(clause.text) in shown for clause in cast.policy.clauses.all())


def test_the_admin_reads_and_writes_nothing(cast: Cast) -> None:
    decision = cast.reject(cast.claim(cast.submission()), private_note="between us")
    client = signed_in(make.user(is_staff=True, is_superuser=True))
    for model in ("policy", "submission", "claim", "opinion", "decision", "withdrawal", "share"):
        assert client.get(f"/admin/review/{model}/").status_code == 200
        assert client.get(f"/admin/review/{model}/add/").status_code == 403
    answer = client.post(f"/admin/review/decision/{decision.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 403 and Decision.objects.exists()
