"""The artist's pages: what they offer in each state, that nothing typed is lost, and that no reviewer can be known."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access import clock, halting
from access.models import Notice, Outbox, Person, Role
from review import (
    claiming,
    clocks,
    digest,
    listing_own,
    moderation,
    publishing,
    story,
    submitting,
    tasks,
)
from review.models import Answer, Appeal, Critique, Decision, Submission
from tests import make
from tests.review import stages
from tests.review.cast import At, Cast
from tests.review.screens import artists_page, path, signed_in

pytestmark = pytest.mark.django_db


# --- asking -----------------------------------------------------------------------------------------------------------


def test_the_page_says_what_is_promised_and_what_critique_means(cast: Cast) -> None:
    publishing.publish_terms(cast.program, by=None, hours_low=7, hours_severe=3)
    shown = signed_in(cast.artist.user).get(path("submit", cast, cast.output().pk)).content.decode()
    for words in ("within 7 hours", "within 3 hours", "Criticism of the sponsor", "A no then needs two people"):
        assert words in shown
    assert '<input type="radio" name="publish_on_approval" value="" id="id_publish_on_approval_0" checked' in shown


@pytest.mark.parametrize(("said", "publishes"), [({}, False), ({"publish_on_approval": "on"}, True)])
def test_publishing_by_itself_is_only_what_was_chosen(cast: Cast, said: dict[str, str], publishes: bool) -> None:
    signed_in(cast.artist.user).post(path("submit", cast, cast.output().pk), {"title": "Tide", **said})
    assert Submission.objects.get().publish_on_approval is publishes


def test_critique_is_noted_and_shown_to_nobody_but_the_artist(cast: Cast) -> None:
    signed_in(cast.artist.user).post(path("submit", cast, cast.output().pk), {"title": "Tide", "is_critique": "on"})
    submission = Submission.objects.get()
    assert Critique.objects.get().submission == submission
    assert "You said: critique" in artists_page(cast, submission)
    client = Client()
    client.force_login(cast.reviewer)
    look = cast.look(submission)
    claiming.claim(look, reviewer=cast.reviewer)
    shown = client.get(path("review", cast, look.pk)).content.decode()
    assert "ritique" not in shown


@pytest.mark.parametrize("refused", [{"title": ""}, {"title": "Tide", "statement": "x" * 2001}, {"title": "a\x00"}])
def test_what_was_typed_stays(cast: Cast, refused: dict[str, str]) -> None:
    typed = {"credit": "kept credit", "publish_on_approval": "on", "is_critique": "on", **refused}
    answer = signed_in(cast.artist.user).post(path("submit", cast, cast.output().pk), typed)
    shown = answer.content.decode()
    assert answer.status_code == 422 and "kept credit" in shown and refused.get("statement", "") in shown
    assert 'id="id_publish_on_approval_1" checked' in shown and 'id="id_is_critique" checked' in shown


def test_a_refusal_keeps_what_was_typed(cast: Cast) -> None:
    output = cast.output()
    halting.halt(cast.program, program=cast.program, by=None, reason="A leak.")
    answer = signed_in(cast.artist.user).post(
        path("submit", cast, output.pk), {"title": "Tide", "statement": "kept words"}
    )
    assert answer.status_code == 422 and "kept words" in answer.content.decode()
    assert not Submission.objects.exists()


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_place_deadline_and_a_time_that_is_not_made_up(cast: Cast, at: At) -> None:
    cast.submission()
    at(clock.now() + timedelta(minutes=1))
    shown = artists_page(cast, cast.submission())
    assert "2 in the order" in shown and "too few were answered" in shown and "as the program promised" in shown


def test_a_promise_that_was_not_kept_is_called_that(cast: Cast, at: At) -> None:
    submission = cast.submission()
    at(submission.due_at + timedelta(hours=1))
    clocks.find_breaches()
    shown = artists_page(cast, submission)
    assert "Promise not kept" in shown and "Late" in shown
    halting.halt(cast.program, program=cast.program, by=None, reason="A leak.")
    shown = artists_page(cast, submission)
    assert "Promise not kept" not in shown and "the clock stands" in shown


def test_nobody_may_take_it_is_said(cast: Cast) -> None:
    submission = cast.submission()
    assert "Nobody may take it at present" not in artists_page(cast, submission)
    Role.objects.filter(program=cast.program).update(revoked_at=clock.now())
    assert "Nobody may take it at present" in artists_page(cast, submission)


def test_who_looked_is_listed_by_role_and_mark(cast: Cast, at: At) -> None:
    submission = cast.submission()
    assert "Nobody has opened it yet" in artists_page(cast, submission)
    held = cast.claim(submission)
    claiming.release(held)
    lead = make.lead(program=cast.program)
    at(clock.now() + timedelta(minutes=2))
    cast.claim(submission, by=lead)
    first, second = story.openings(submission)
    assert first.by.startswith("reviewer ") and second.by.startswith("lead ")
    shown = artists_page(cast, submission)
    assert first.by in shown and second.by in shown


# --- after an answer --------------------------------------------------------------------------------------------------


def test_nothing_of_a_decision_that_is_not_in_effect(cast: Cast, at: At) -> None:
    decision = cast.reject(cast.claim(cast.submission()), words="Not to be read yet.", remarks=stages.NOTES)
    at(decision.effective_at - timedelta(seconds=1))
    client = signed_in(cast.artist.user)
    pages = [path("submission", cast, decision.submission_id), path("submissions", cast), reverse("decisions")]
    for shown in (client.get(address).content.decode() for address in pages):
        assert "Not to be read" not in shown and "Not approved" not in shown and str(decision.pk) not in shown
    moderation.undo(decision, by=cast.reviewer)
    at(decision.effective_at + timedelta(minutes=1))
    for shown in (client.get(address).content.decode() for address in pages):
        assert "Not to be read" not in shown and str(decision.pk) not in shown


def test_the_reason_has_its_passage_its_notes_and_their_regions(cast: Cast, at: At) -> None:
    shown = artists_page(cast, stages.no(cast, at, cast.submission()).submission)
    assert 'data-seek="0.0" data-until="0.6"' in shown and "0:00.25" in shown
    assert shown.count("<rect ") == 2 and 'x="0.5500" y="0.1000" width="0.4000" height="0.2500"' in shown
    assert "Her hand, here." in shown and "As it stood when you submitted." in shown
    assert "style=" not in shown


def test_the_clause_is_that_of_the_day_of_the_submission(cast: Cast, at: At) -> None:
    submission = cast.submission()
    publishing.publish_policy(cast.program, clauses=[("2", "Another title", "Another text.")], by=None)
    shown = artists_page(cast, stages.no(cast, at, submission).submission)
    assert "Violence: the whole clause." in shown and "Another text." not in shown


def test_fixing_it_opens_the_brief_with_the_reason_beside_it(cast: Cast, at: At) -> None:
    decision = stages.no(cast, at, cast.submission())
    job = decision.submission.output.job
    assert f"?remix={job.pk}" in artists_page(cast, decision.submission)
    shown = signed_in(cast.artist.user).get(path("studio", cast) + f"?remix={job.pk}").content.decode()
    assert (
        "a red circle moving left" in shown and "There is a knife at the end" in shown and decision.clause.text in shown
    )
    plain = signed_in(cast.artist.user).get(path("studio", cast)).content.decode()
    assert "There is a knife" not in plain


def test_the_reason_stands_beside_nobody_elses_brief(cast: Cast, at: At) -> None:
    decision = stages.no(cast, at, cast.submission())
    other = Client()
    other.force_login(make.artist(program=cast.program).user)
    answer = other.get(path("studio", cast) + f"?remix={decision.submission.output.job_id}")
    shown = answer.content.decode()
    assert answer.status_code in (200, 404)
    assert not any(words in shown for words in ("There is a knife", decision.clause.text, "a red circle moving left"))


def test_appealing_on_the_page_once(cast: Cast, at: At) -> None:
    decision, client = stages.no(cast, at, cast.submission()), signed_in(cast.artist.user)
    address = path("appeal", cast, decision.pk)
    empty = client.post(address, {"words": " "})
    assert empty.status_code == 422 and '<details class="confirm" open>' in empty.content.decode()
    too_long = client.post(address, {"words": "kept " + "x" * 2000})
    assert too_long.status_code == 422 and "kept xxx" in too_long.content.decode()
    shown = client.post(address, {"words": "It is a brush."}, follow=True).content.decode()
    assert "Your appeal is open" in shown and "It is a brush." in shown and 'id="send-appeal"' not in shown
    assert client.post(address, {"words": "Once more."}).status_code == 409
    cast.give(cast.claim(decision.submission, by=cast.rival), "rejected", words="I looked, and it stays.")
    shown = artists_page(cast, decision.submission)
    assert "the decision stands" in shown and "I looked, and it stays." in shown


def test_the_time_to_appeal_is_shown_and_over(cast: Cast, at: At) -> None:
    decision = stages.no(cast, at, cast.submission())
    assert "Once, until" in artists_page(cast, decision.submission)
    at(decision.effective_at + timedelta(days=31))
    assert "The time to appeal ended on" in artists_page(cast, decision.submission)
    assert (
        signed_in(cast.artist.user).post(path("appeal", cast, decision.pk), {"words": "Too late."}).status_code == 403
    )


def test_an_overturned_no_stays_readable(cast: Cast, at: At) -> None:
    decision = stages.no(cast, at, cast.submission())
    cast.overturn(decision)
    shown = artists_page(cast, decision.submission)
    assert 'data-state="approved"' in shown and "overturned since" in shown and "On second sight it is fine." in shown


def test_saying_critique_after_a_no_asks_a_second_person(cast: Cast, at: At) -> None:
    decision = stages.no(cast, at, cast.submission())
    address = path("say_critique", cast, decision.submission_id)
    shown = signed_in(cast.artist.user).post(address, follow=True).content.decode()
    assert "A second person looks, since it is critique" in shown and Appeal.objects.get().is_critique
    assert signed_in(cast.artist.user).post(address).status_code == 409


# --- changes asked for ------------------------------------------------------------------------------------------------


def test_answering_with_words(cast: Cast, at: At) -> None:
    submission, client = cast.submission(), signed_in(cast.artist.user)
    stages.later(cast.send_back(cast.claim(submission)), at)
    shown = artists_page(cast, submission)
    assert "Changes asked for" in shown and "1 more time" in shown and "stands still" in shown
    address = path("answer", cast, submission.pk)
    refused = client.post(address, {"words": "kept " + "x" * 2000})
    assert refused.status_code == 422 and "kept xxx" in refused.content.decode()
    shown = client.post(address, {"words": "It is a brush."}, follow=True).content.decode()
    assert Answer.objects.get().words == "It is a brush." and "It is a brush." in shown
    assert 'data-state="waiting"' in shown and '<h2 id="before">' in shown
    assert client.post(address, {"words": "Again."}).status_code == 409


def test_answering_with_another_clip(cast: Cast, at: At) -> None:
    older, submission = cast.output(), cast.submission(title="First", credit="C. Redit")
    stages.later(cast.send_back(cast.claim(submission)), at)
    fresh = cast.output()
    shown = artists_page(cast, submission)
    assert f"{path('submit', cast, fresh.pk)}?answers={submission.pk}" in shown
    assert path("submit", cast, older.pk) not in shown
    client = signed_in(cast.artist.user)
    form = client.get(path("submit", cast, fresh.pk), {"answers": submission.pk}).content.decode()
    assert "The knife at the end." in form and "C. Redit" in form
    client.post(path("submit", cast, fresh.pk), {"title": "Second", "answers": submission.pk})
    submission.refresh_from_db()
    later = Submission.objects.get(answers=submission)
    assert submission.state == "answered" and "Answered with another clip" in artists_page(cast, submission)
    assert path("submission", cast, later.pk) in artists_page(cast, submission)
    assert path("submission", cast, submission.pk) in artists_page(cast, later)


def test_an_answer_to_somebody_elses_request_is_not_there(cast: Cast, at: At) -> None:
    other = make.artist(program=cast.program)
    theirs = cast.submission(cast.output(other))
    stages.later(cast.send_back(cast.claim(theirs)), at)
    for said in (str(theirs.pk), "nonsense", "a" * 300):
        answer = signed_in(cast.artist.user).post(
            path("submit", cast, cast.output().pk), {"title": "x", "answers": said}
        )
        assert answer.status_code == 404
    assert Submission.objects.count() == 1


def test_changes_are_asked_for_twice_at_most_and_the_page_counts(cast: Cast, at: At) -> None:
    submission = cast.submission()
    for left in ("1 more time", "0 more times"):
        submission.refresh_from_db()
        stages.later(cast.send_back(cast.claim(submission)), at)
        assert left in artists_page(cast, submission)
        submitting.answer(submission, by=cast.artist.user, words="It is a brush.")


# --- the list ---------------------------------------------------------------------------------------------------------


def test_each_state_has_its_count_and_its_rows(cast: Cast, at: At) -> None:
    made = stages.every(cast, at)
    own = listing_own.own(cast.artist.user, cast.program, clock.now())
    counts = dict(listing_own.counts(own))
    assert counts == {"waiting": 6, "changes": 1, "approved": 4, "rejected": 4, "answered": 1, "withdrawn": 1}
    assert sum(counts.values()) == len(made) == Submission.objects.count()
    for state, n in counts.items():
        rows = listing_own.page(own, state=state).rows
        shown = signed_in(cast.artist.user).get(path("submissions", cast), {"state": state}).content.decode()
        assert len(rows) == n and all(path("submission", cast, row.pk) in shown for row in rows)
    nonsense = {"state": "no\x00nsense", "before": "x"}
    assert signed_in(cast.artist.user).get(path("submissions", cast), nonsense).status_code == 200


def test_the_pages_of_the_list_leave_nothing_out(cast: Cast, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_own, "PAGE", 3)
    for _ in range(8):
        cast.submission()
    own, seen, before = listing_own.own(cast.artist.user, cast.program, clock.now()), [], ""
    while True:
        page = listing_own.page(own, before=before)
        seen += [row.pk for row in page.rows]
        if page.older is None:
            break
        before = str(page.older)
    assert len(seen) == len(set(seen)) == 8


def test_an_empty_list_says_what_next(cast: Cast) -> None:
    assert "Nothing is asked for yet" in signed_in(cast.artist.user).get(path("submissions", cast)).content.decode()
    assert "Nothing was decided yet" in signed_in(cast.artist.user).get(reverse("decisions")).content.decode()


def test_the_list_asks_the_same_number_of_questions_however_long_it_is(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    client = signed_in(cast.artist.user)
    cast.submission()
    client.get(path("submissions", cast))
    with CaptureQueriesContext(connection) as asked:
        client.get(path("submissions", cast))
    for _ in range(5):
        cast.submission()
    with django_assert_num_queries(len(asked)):
        client.get(path("submissions", cast))


# --- every clip watched -----------------------------------------------------------------------------------------------


def test_before_generate_it_is_said_that_a_person_watches_every_clip(cast: Cast) -> None:
    make.pipeline()
    assert "a person watches every clip" not in signed_in(cast.artist.user).get(path("studio", cast)).content.decode()
    publishing.publish_terms(cast.program, by=None, every_output=True)
    shown = signed_in(cast.artist.user).get(path("studio", cast)).content.decode()
    assert shown.index("a person watches every clip") < shown.index(">Generate<")


# --- who it was -------------------------------------------------------------------------------------------------------


def everything_an_artist_can_get(cast: Cast, made: dict[str, Submission]) -> dict[str, str]:
    """Every page and file of the artist's side, every notice and every mail, as text."""
    client, found = signed_in(cast.artist.user), {}
    addresses = [path("submission", cast, submission.pk) for submission in made.values()]
    addresses += [path("submissions", cast), reverse("decisions"), reverse("notices"), path("library", cast)]
    addresses += [path("job", cast, submission.output.job_id) for submission in made.values()]
    addresses += [path("studio", cast) + f"?remix={submission.output.job_id}" for submission in made.values()]
    addresses += [reverse("decision_proof", args=[key]) for key in Decision.objects.values_list("pk", flat=True)]
    addresses += [path("policy", cast)]
    for address in addresses:
        answer = client.get(address)
        if answer.status_code != 404:  # a decision that is not in effect
            found[address] = f"{answer.headers} {answer.content.decode()}"
    for notice in Notice.objects.filter(user=cast.artist.user):
        found[f"notice {notice.pk}"] = f"{notice.text} {notice.url}"
    for mail in Outbox.objects.filter(to=cast.artist.user.email):
        found[f"mail {mail.dedupe_key}"] = f"{mail.subject} {mail.body}"
    return found


def test_no_reviewer_is_in_any_byte_an_artist_can_get(cast: Cast, at: At) -> None:
    people = [cast.reviewer, cast.rival]
    for number, user in enumerate(people):
        Person.objects.filter(user=user).update(name=f"Secret Name {number}")
    made = stages.every(cast, at)
    tasks.settle()
    digest.choose_mail(cast.artist.user, daily=True)
    other = replace(cast, reviewer=cast.rival, rival=cast.reviewer)  # the first one holds a clip
    stages.no(other, at, cast.submission(title="Of the daily mail"))
    at(clock.now() + timedelta(days=1))
    tasks.settle()
    found = everything_an_artist_can_get(cast, made)
    assert sum("reviewer " in text for text in found.values()) > 15 and any("digest" in name for name in found)
    for user in people:
        local, _at, _domain = user.email.partition("@")
        secrets = [user.email, local, "Secret Name", str(user.pk), user.pk.hex, f" {user.pseudonym}."]
        alone = re.compile(rf'(?<![0-9a-f]){user.pseudonym}"')  # not as the end of some hash, of which one may end so
        for name, text in found.items():
            assert not [secret for secret in secrets if secret in text], name
            assert not alone.search(text), name


def test_a_proof_is_json_and_names_a_role_and_a_mark(cast: Cast, at: At) -> None:
    decision = stages.no(cast, at, cast.submission())
    document = json.loads(signed_in(cast.artist.user).get(reverse("decision_proof", args=[decision.pk])).content)
    (by,) = document["says"][0]["by"]
    assert by.startswith("reviewer ") and len(by) == len("reviewer 7f3a")
