"""The review screen's server side: what is kept of what a reviewer does, and that a verdict counts once."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from access import clock, media
from review import claiming, drafting, escalating
from review.models import (
    Ballot,
    Claim,
    Decision,
    Draft,
    Escalation,
    Habit,
    Note,
    Opinion,
    ReviewTerms,
    Skip,
)
from tests import make
from tests.review.cast import At, Cast
from tests.review.screens import ballot, no, page_of, path, signed_in

pytestmark = pytest.mark.django_db


# --- first paint ------------------------------------------------------------------------------------------------------


def test_the_first_paint_is_a_veiled_sheet_beside_the_prompt(cast: Cast) -> None:
    held = cast.claim(cast.submission(), revealed=False)
    shown = page_of(signed_in(cast.reviewer), cast, held)
    assert 'class="veiled"' in shown and "<video" not in shown and "a red circle moving left" in shown


def test_the_player_shows_the_rendition_that_the_verdict_names(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    shown = page_of(signed_in(cast.reviewer), cast, held)
    assert f'src="{reverse("media", args=[held.shown.file_id])}"' in shown and "autoplay" not in shown
    assert "muted" in shown and held.shown.sha256 in shown


@pytest.mark.parametrize(("bands", "revealed"), [([], False), ([0], True), ([1, 2, 3], False)])
def test_habits_decide_how_a_clip_begins(cast: Cast, bands: list[int], revealed: bool) -> None:
    Habit.objects.create(reviewer=cast.reviewer, reveals=bands)
    cast.submission()
    signed_in(cast.reviewer).post(path("review_next", cast))
    assert (Claim.objects.get().revealed_at is not None) == revealed


# --- the verdict ------------------------------------------------------------------------------------------------------


def test_decide_and_next_in_one_request(cast: Cast) -> None:
    held, following = cast.claim(cast.submission()), cast.submission(title="Ebb")
    answer = signed_in(cast.reviewer).post(path("decide", cast, held.look_id), ballot(held))
    assert answer.url == path("review", cast, cast.look(following).pk)  # type: ignore[attr-defined]  # a redirect
    assert Decision.objects.get().is_approval
    assert Claim.objects.live(clock.now()).get().submission == following


def test_a_script_gets_the_page_of_the_next_one_in_the_same_answer(cast: Cast) -> None:
    held, following = cast.claim(cast.submission()), cast.submission(title="Ebb")
    client = signed_in(cast.reviewer)
    answer = client.post(path("decide", cast, held.look_id), ballot(held), headers={"X-Swaps": "1"})
    assert answer.status_code == 200 and answer.headers["X-Location"] == path("review", cast, cast.look(following).pk)
    assert "Ebb" in answer.content.decode() and "takes effect in" in answer.content.decode()


def test_the_same_form_sent_twice_counts_once_and_is_answered_the_same(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    cast.submission()
    client, sent = signed_in(cast.reviewer), ballot(held)
    answers = [client.post(path("decide", cast, held.look_id), sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].url == answers[1].url and Opinion.objects.count() == 1 == Ballot.objects.count()  # type: ignore[attr-defined]


def test_two_forms_on_one_look_one_counts(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    client = signed_in(cast.reviewer)
    first = client.post(path("decide", cast, held.look_id), ballot(held))
    second = client.post(path("decide", cast, held.look_id), no(cast, held, words="Kept words of the loser."))
    assert (first.status_code, second.status_code) == (302, 409)
    shown = second.content.decode()
    assert "Your verdict, approved, is recorded already" in shown and "Kept words of the loser." in shown
    assert Opinion.objects.count() == 1


def test_a_yes_without_watching_is_refused_and_says_so(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    answer = signed_in(cast.reviewer).post(path("decide", cast, held.look_id), ballot(held, played="[[0, 100]]"))
    assert answer.status_code == 422 and "Not enough of the clip was played" in answer.content.decode()


def test_what_is_recorded_leads_to_the_landing_and_its_undo_if_no_next_one_is_given(cast: Cast, at: At) -> None:
    held, _following = cast.claim(cast.submission()), cast.submission(title="Ebb")
    ReviewTerms.objects.create(program=cast.program, number=1, published_at=clock.now(), exposure_minutes=1)
    at(held.claimed_at + timedelta(minutes=2))
    answer = signed_in(cast.reviewer).post(path("decide", cast, held.look_id), ballot(held), follow=True)
    shown = answer.content.decode()
    assert answer.status_code == 200 and answer.redirect_chain == [(path("review_queue", cast), 302)]
    assert "takes effect in" in shown and Decision.objects.get().is_approval
    assert "as much today as the program allows" in shown


@pytest.mark.parametrize("seconds", ["1e308", "-1", "nan", "99999999999"])
def test_a_moment_that_no_clip_has_is_refused_with_the_words_kept(cast: Cast, seconds: str) -> None:
    held = cast.claim(cast.submission())
    sent = no(cast, held, whole="", from_seconds=seconds, to_seconds=seconds)
    answer = signed_in(cast.reviewer).post(path("decide", cast, held.look_id), sent)
    assert answer.status_code == 422 and "The knife." in answer.content.decode()


@pytest.mark.parametrize("field", ["key", "verdict", "fence", "round", "shown_sha256"])
def test_a_field_that_nobody_sees_says_so_when_it_is_broken(cast: Cast, field: str) -> None:
    held = cast.claim(cast.submission())
    answer = signed_in(cast.reviewer).post(path("decide", cast, held.look_id), no(cast, held) | {field: "x" * 65})
    shown = answer.content.decode()
    assert (
        answer.status_code == 422 and "The page sent something that cannot be read" in shown and "The knife." in shown
    )


@pytest.mark.parametrize("played", ["", "nonsense", "[[1]]", '{"a": 1}', "[[0, 1e9]]", "[[5, 1]]", "[" * 3000])
def test_a_report_that_is_none_counts_as_nothing(cast: Cast, played: str) -> None:
    held = cast.claim(cast.submission())
    answer = signed_in(cast.reviewer).post(path("decide", cast, held.look_id), ballot(held, played=played))
    assert answer.status_code == 422 and not Opinion.objects.exists()


def test_the_sheet_is_enough_without_scripts_and_where_the_program_says_so(cast: Cast) -> None:
    client = signed_in(cast.reviewer)
    for scripted, bands, code in (("1", 0, 422), ("", 0, 302), ("1", 1, 302)):
        ReviewTerms.objects.create(
            program=cast.program, number=ReviewTerms.objects.count() + 1, published_at=clock.now(), sheet_bands=bands
        )
        held = cast.claim(cast.submission())
        sent = ballot(held, played="", sheet="on", scripted=scripted, next="")
        assert client.post(path("decide", cast, held.look_id), sent).status_code == code
        if code != 302:
            claiming.release(held)
            held.submission.looks.update(state="dropped")
    assert {opinion.attested["by"] for opinion in Opinion.objects.all()} == {"sheet"}


def test_notes_with_regions_become_rows(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    notes = [
        {"from_ms": 0, "to_ms": 0, "words": " here ", "region": [0.7, 0.1, 0.3, 0.9]},
        {"from_ms": 125, "to_ms": 250, "words": "and there", "region": None},
    ]
    sent = no(cast, held, remarks=json.dumps(notes))
    assert signed_in(cast.reviewer).post(path("decide", cast, held.look_id), sent).status_code == 302
    first, second = Note.objects.all()
    assert (first.words, first.x, first.height, second.to_ms, second.x) == ("here", 0.7, 0.9, 250, None)
    assert first.y == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("note", "says"),
    [
        ({"from_ms": 0, "to_ms": 0, "words": " "}, "it says nothing"),
        ({"from_ms": 0, "to_ms": 99999, "words": "x"}, "its moment is not within the clip"),
        ({"from_ms": 0.5, "to_ms": 1, "words": "x"}, "its moment is not within the clip"),
        (
            {"from_ms": 0, "to_ms": 0, "words": "x", "region": [0.9, 0, 0.5, 0.5]},
            "its region is not within the picture",
        ),
        ({"from_ms": 0, "to_ms": 0, "words": "x", "region": [0, 0, 0, 1]}, "its region is not within the picture"),
        ({"from_ms": 0, "to_ms": 0, "words": "x", "region": ["a", 0, 1, 1]}, "its region is not within the picture"),
        ({"from_ms": 0, "to_ms": 0, "words": "a\x00b"}, "control character"),
        ("no note", "it cannot be read"),
    ],
)
def test_a_note_that_is_none_is_named_and_the_words_stay(cast: Cast, note: object, says: str) -> None:
    held = cast.claim(cast.submission())
    sent = no(cast, held, words="kept words", remarks=json.dumps([note]))
    answer = signed_in(cast.reviewer).post(path("decide", cast, held.look_id), sent)
    assert answer.status_code == 422 and says in answer.content.decode() and "kept words" in answer.content.decode()


def test_an_approval_for_those_with_the_link_from_a_day_on(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    day = (clock.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    sent = ballot(held, audience="link", embargo_until=day)
    assert signed_in(cast.reviewer).post(path("decide", cast, held.look_id), sent).status_code == 302
    decision = Decision.objects.get()
    assert decision.audience == "link" and decision.embargo_until
    assert decision.embargo_until.strftime("%Y-%m-%dT%H:%M") == day


def test_an_embargo_of_yesterday_is_refused_with_the_words_kept(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    sent = ballot(held, embargo_until="2001-01-01T00:00", private_note="kept note")
    answer = signed_in(cast.reviewer).post(path("decide", cast, held.look_id), sent)
    assert answer.status_code == 422 and "kept note" in answer.content.decode()


def test_undo_after_decide_and_next_hands_the_next_one_back(cast: Cast) -> None:
    held, following = cast.claim(cast.submission()), cast.submission(title="Ebb")
    client = signed_in(cast.reviewer)
    client.post(path("decide", cast, held.look_id), no(cast, held, words="To be undone."))
    answer = client.post(path("review_undo", cast, Decision.objects.get().pk), follow=True)
    assert "To be undone." in answer.content.decode()
    assert Claim.objects.live(clock.now()).get().submission == held.submission
    assert following.looks.get().state == "waiting"


# --- what is typed is kept --------------------------------------------------------------------------------------------


def test_words_survive_an_expired_claim_a_session_and_a_reload(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    client = signed_in(cast.reviewer)
    typed = {"on": held.look_id, "words": "Half a sentence", "clause": cast.clause.pk, "private_note": "\x00", "x": "y"}
    assert client.post(path("review_draft", cast, held.look_id), typed).status_code == 204
    assert Draft.objects.get().typed == {"words": "Half a sentence", "clause": str(cast.clause.pk)}
    at(held.leased_until + timedelta(minutes=5))
    later = client.post(path("review_draft", cast, held.look_id), {**typed, "words": "A whole sentence"})
    assert later.status_code == 204
    other_session = signed_in(cast.reviewer)
    other_session.post(path("review_claim", cast, held.look_id))
    shown = page_of(other_session, cast, held)
    assert "A whole sentence" in shown and f'value="{cast.clause.pk}" data-code="2" checked' in shown


def test_what_a_page_has_no_field_for_stays_as_it_was(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    client = signed_in(cast.reviewer)
    typed = {"on": held.look_id, "words": "Why", "whole": "on", "question": "Is it a brush?"}
    client.post(path("review_draft", cast, held.look_id), typed)
    client.post(path("review_claim", cast, held.look_id), {"on": held.look_id, "remarks": ""})
    assert Draft.objects.get().typed == {"words": "Why", "whole": "on", "question": "Is it a brush?"}
    client.post(path("review_draft", cast, held.look_id), {"on": held.look_id, "words": "Why not"})
    assert Draft.objects.get().typed == {"words": "Why not", "question": "Is it a brush?"}


def test_a_verdict_that_is_refused_keeps_the_question_too(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    sent = no(cast, held, words="", question="Is it a brush?")
    answer = signed_in(cast.reviewer).post(path("decide", cast, held.look_id), sent)
    assert answer.status_code == 422 and "Is it a brush?" in answer.content.decode()


def test_nothing_is_kept_of_a_look_that_waits_no_more(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    client = signed_in(cast.reviewer)
    client.post(path("decide", cast, held.look_id), ballot(held))
    late = client.post(path("review_draft", cast, held.look_id), {"words": "sent as the page was left"})
    assert late.status_code == 204 and not Draft.objects.exists()


def test_every_press_keeps_what_was_typed(cast: Cast) -> None:
    held = cast.claim(cast.submission(), revealed=False)
    client = signed_in(cast.reviewer)
    for name, words in (("review_reveal", "before looking"), ("review_release", "before handing back")):
        client.post(path(name, cast, held.look_id), {"on": held.look_id, "words": words})
        assert drafting.restore(held.look, cast.reviewer)["words"] == words


def test_what_is_sent_is_no_draft_any_more(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    client = signed_in(cast.reviewer)
    client.post(path("review_draft", cast, held.look_id), {"words": "typed"})
    client.post(path("decide", cast, held.look_id), no(cast, held))
    assert not Draft.objects.exists()


def test_another_reviewer_never_reads_a_draft(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    signed_in(cast.reviewer).post(path("review_draft", cast, held.look_id), {"words": "for my eyes"})
    claiming.release(held)
    taken = cast.claim(held.submission, by=cast.rival)
    assert "for my eyes" not in page_of(signed_in(cast.rival), cast, taken)


# --- ahead, the heartbeat, presence -----------------------------------------------------------------------------------


def test_the_next_one_may_be_loaded_but_not_revealed(cast: Cast) -> None:
    cast.claim(cast.submission())
    following = cast.submission()
    client = signed_in(cast.reviewer)
    told = client.post(path("review_ahead", cast)).json()
    ahead = Claim.objects.get(is_ahead=True)
    assert ahead.submission == following and str(ahead.shown.file_id) in told["video"]
    assert client.get(told["video"]).status_code == 200 == client.get(told["sheet"]).status_code
    assert client.get(told["video"]).headers["Content-Type"] == "video/mp4"
    assert not media.may_see(ahead.shown.file, media.Viewer(cast.rival))
    assert 'id="take"' in client.get(path("review", cast, ahead.look_id)).content.decode()


def test_nothing_ahead_of_the_last_one(cast: Cast) -> None:
    cast.claim(cast.submission())
    assert signed_in(cast.reviewer).post(path("review_ahead", cast)).status_code == 204


def test_the_heartbeat_keeps_claim_report_words_and_the_one_ahead(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    cast.submission()
    client = signed_in(cast.reviewer)
    client.post(path("review_ahead", cast))
    at(held.claimed_at + timedelta(seconds=90))
    beat = {"on": held.look_id, "words": "typing", "played": "[[0, 200], [150, 300]]"}
    told = client.post(path("review_renew", cast, held.look_id), beat).json()
    assert told["words"] and told["others"] == ""
    assert Claim.objects.get(pk=held.pk).played == [[0, 300]]
    assert drafting.restore(held.look, cast.reviewer)["words"] == "typing"
    assert Claim.objects.get(is_ahead=True).leased_until == held.claimed_at + timedelta(seconds=90, minutes=2)


def test_whoever_leaves_the_page_holds_the_clip_a_minute_more_and_whoever_comes_back_as_before(
    cast: Cast, at: At
) -> None:
    held = cast.claim(cast.submission())
    at(held.claimed_at + timedelta(minutes=2))
    client = signed_in(cast.reviewer)
    left = {"on": held.look_id, "words": "half a"}
    assert client.post(path("review_leave", cast, held.look_id), left).status_code == 204
    assert Claim.objects.get().leased_until == held.claimed_at + timedelta(minutes=3)
    assert drafting.restore(held.look, cast.reviewer)["words"] == "half a"
    client.post(path("review_renew", cast, held.look_id))
    assert Claim.objects.get().leased_until == held.claimed_at + timedelta(minutes=12)
    at(held.claimed_at + timedelta(minutes=11, seconds=30))
    client.post(path("review_leave", cast, held.look_id))
    assert Claim.objects.get().leased_until == held.claimed_at + timedelta(minutes=12)
    claiming.release(Claim.objects.get())
    assert client.post(path("review_leave", cast, held.look_id)).status_code == 204


def test_who_else_has_the_page_open(cast: Cast, at: At) -> None:
    held = cast.claim(cast.submission())
    told = signed_in(cast.rival).post(path("review_here", cast, held.look_id)).json()
    assert told["others"] == ""
    told = signed_in(cast.reviewer).post(path("review_renew", cast, held.look_id)).json()
    assert cast.rival.pseudonym in told["others"]
    at(clock.now() + timedelta(minutes=2))
    assert signed_in(cast.reviewer).post(path("review_renew", cast, held.look_id)).json()["others"] == ""


# --- out of one's hands -----------------------------------------------------------------------------------------------


def test_skipping_and_asking_lead_to_the_next(cast: Cast) -> None:
    client = signed_in(cast.reviewer)
    for name, field, made in (("review_skip", "reason", Skip), ("review_escalate", "question", Escalation)):
        held, following = cast.claim(cast.submission()), cast.submission()
        empty = client.post(path(name, cast, held.look_id), {"on": held.look_id, "words": "kept"})
        assert empty.status_code == 422 and "Please say why" in empty.content.decode()
        assert "kept" in empty.content.decode()
        answer = client.post(path(name, cast, held.look_id), {field: "Too close to me."})
        assert answer.url == path("review", cast, cast.look(following).pk)  # type: ignore[attr-defined]
        assert made.objects.count() == 1  # type: ignore[attr-defined]
        cast.approve(claiming.reveal(Claim.objects.live(clock.now()).get()))


def test_advice_is_read_by_whoever_gets_it_back(cast: Cast) -> None:
    held = cast.claim(cast.submission())
    asked = escalating.escalate(held, question="Is this a brush?")
    escalating.advise(asked, by=make.lead(program=cast.program), answer="It is a brush.")
    again = cast.claim(held.submission)
    shown = page_of(signed_in(cast.reviewer), cast, again)
    assert "Is this a brush?" in shown and "It is a brush." in shown
