"""What artists hear by mail: once, with a direct link, at once or once a day; and never who decided."""

from datetime import datetime, time, timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access import clock
from access.models import Notice, Outbox
from access.telling import deliver
from review import appeals, clocks, digest, moderation, submitting
from review.models import Breach, MailChoice
from tests import make
from tests.review import stages
from tests.review.cast import At, Cast

pytestmark = pytest.mark.django_db


def noon(at: At) -> datetime:
    """The clock at noon UTC of its day; that instant."""
    instant = datetime.combine(clock.now().date() + timedelta(days=1), time(12), tzinfo=clock.now().tzinfo)
    at(instant)
    return instant


def mails(cast: Cast, to: str = "") -> list[Outbox]:
    own = Outbox.objects.filter(to=to or cast.artist.user.email, withdrawn_at=None)
    return list(own.exclude(subject__icontains="invit").order_by("created_at"))


def test_each_kind_of_answer_is_told_once_in_the_portal_and_by_mail_with_a_link(cast: Cast, at: At) -> None:
    noon(at)
    no, back = stages.no(cast, at, cast.submission(title="No")), cast.submission(title="Back")
    stages.later(cast.send_back(cast.claim(back)), at)
    stages.later(cast.approval(cast.submission(title="Yes")), at)
    appeals.open_appeal(no, by=cast.artist.user, words="Again.")
    cast.give(cast.claim(no.submission, by=cast.rival), "rejected", words="It stays.")
    late = cast.submission(title="Late")
    at(late.due_at + timedelta(minutes=1))
    assert clocks.find_breaches() == 1 and clocks.find_breaches() == 0
    subjects = sorted(mail.subject for mail in mails(cast))
    assert subjects == [
        "Approved: Yes", "Changes asked for: Back", "Not answered in time: Late", "Not approved: No", "Your appeal: No",
    ]  # fmt: skip
    page = f"/p/{cast.program.slug}/submissions/"
    assert all(f"http://127.0.0.1:8000{page}" in mail.body for mail in mails(cast))
    told = Notice.objects.filter(user=cast.artist.user, url__startswith=page)
    assert sorted(told.values_list("kind", flat=True)) == [
        "appeal_upheld", "deadline_missed", "decision_approved", "decision_changes", "decision_rejected",
    ]  # fmt: skip


def test_the_reason_is_in_the_mail_and_waits_until_it_is_in_effect(cast: Cast, at: At) -> None:
    noon(at)
    decision = cast.reject(cast.claim(cast.submission()), private_note="between us")
    (mail,) = mails(cast)
    deliver()
    mail.refresh_from_db()
    assert mail.not_before == decision.effective_at and mail.sent_at is None
    assert "Violence: the whole clause." in mail.body and "The knife at the end." in mail.body
    assert "between us" not in mail.body
    moderation.undo(decision, by=cast.reviewer)
    assert mails(cast) == []


def test_a_second_look_at_critique_is_not_called_the_artists_appeal(cast: Cast, at: At) -> None:
    noon(at)
    no = stages.no(cast, at, cast.submission())
    submitting.say_critique(no.submission, by=cast.artist.user)
    cast.give(cast.claim(no.submission, by=cast.rival), "approved", words="It may stay.")
    subjects = [mail.subject for mail in mails(cast)]
    assert "A second person looked: Tide" in subjects and not any("appeal" in subject for subject in subjects)


def test_one_mail_a_day_with_all_that_was_told_that_day(cast: Cast, at: At) -> None:
    start = noon(at)
    digest.choose_mail(cast.artist.user, daily=True)
    no = stages.no(cast, at, cast.submission(title="No"))
    appeals.open_appeal(no, by=cast.artist.user, words="Again.")
    cast.give(cast.claim(no.submission, by=cast.rival), "approved", words="Fine.")
    undone = cast.reject(cast.claim(cast.submission(title="Undone")))
    moderation.undo(undone, by=cast.reviewer)
    digest.settle()
    assert mails(cast) == []
    at(start + timedelta(hours=12, seconds=5))
    assert digest.settle() == 1 and digest.settle() == 0
    (mail,) = mails(cast)
    assert mail.dedupe_key == f"digest-{cast.artist.user.pk}-{start.date()}"
    assert mail.subject == f"2 answers on {start.date()}"
    assert "“No” is not approved" in mail.body and "was overturned: it is approved" in mail.body
    assert mail.body.count(f"#decision-{no.pk}") == 2 and "Undone" not in mail.body
    at(start + timedelta(days=2))
    assert digest.settle() == 0 and len(mails(cast)) == 1


def test_a_day_without_answers_has_no_mail_and_a_day_missed_is_made_up_for(cast: Cast, at: At) -> None:
    start = noon(at)
    digest.choose_mail(cast.artist.user, daily=True)
    stages.later(cast.approval(), at)
    at(start + timedelta(days=3))
    assert digest.settle() == 1
    assert [mail.dedupe_key for mail in mails(cast)] == [f"digest-{cast.artist.user.pk}-{start.date()}"]


def test_what_takes_effect_after_midnight_is_told_in_the_next_days_mail(cast: Cast, at: At) -> None:
    midnight = noon(at) + timedelta(hours=12)
    digest.choose_mail(cast.artist.user, daily=True)
    submission = cast.submission()
    at(midnight - timedelta(seconds=10))
    cast.approval(submission)
    at(midnight + timedelta(hours=1))
    assert digest.settle() == 0
    at(midnight + timedelta(days=1, seconds=1))
    assert digest.settle() == 1 and len(mails(cast)) == 1


def test_changing_ones_mind_loses_nothing_and_repeats_nothing(cast: Cast, at: At) -> None:
    start = noon(at)
    stages.later(cast.approval(cast.submission(title="At once")), at)
    digest.choose_mail(cast.artist.user, daily=True)
    stages.later(cast.approval(cast.submission(title="Kept")), at)
    pending = cast.approval(cast.submission(title="Not yet in effect"))
    assert [mail.subject for mail in mails(cast)] == ["Approved: At once"]
    digest.choose_mail(cast.artist.user, daily=False)
    assert {mail.subject for mail in mails(cast)} == {
        "Approved: At once", "Approved: Kept", "Approved: Not yet in effect",
    }  # fmt: skip
    assert Outbox.objects.get(dedupe_key=f"decision-{pending.pk}").not_before == pending.effective_at
    digest.choose_mail(cast.artist.user, daily=True)
    stages.later(cast.approval(cast.submission(title="Later")), at)
    at(start + timedelta(days=1))
    digest.settle()
    last = mails(cast)[-1]
    assert len(mails(cast)) == 4 and "Later" in last.body and "Kept" not in last.body


def test_a_missed_deadline_is_in_the_daily_mail(cast: Cast, at: At) -> None:
    noon(at)
    digest.choose_mail(cast.artist.user, daily=True)
    late = cast.submission(title="Late")
    at(late.due_at + timedelta(minutes=1))
    clocks.find_breaches()
    assert mails(cast) == []
    at(late.due_at + timedelta(days=1))
    digest.settle()
    assert "“Late” was not answered in the time we promised" in mails(cast)[0].body


def test_each_missed_deadline_has_its_own_mail_with_its_own_instant(cast: Cast, at: At) -> None:
    noon(at)
    asked = cast.submission(title="Thrice")
    first = cast.look(asked).due_at
    at(first)
    clocks.find_breaches()
    stages.later(cast.send_back(cast.claim(asked)), at)
    again = submitting.answer(asked, by=cast.artist.user, words="A brush.").due_at
    at(again)
    clocks.find_breaches()
    no = stages.no(cast, at, asked)
    look = appeals.open_appeal(no, by=cast.artist.user, words="Again.").look
    at(look.due_at + timedelta(minutes=1))
    clocks.find_breaches()
    late = [mail for mail in mails(cast) if "Not answered in time" in mail.subject]
    assert len(late) == 3
    for mail, due in zip(late, (first, again, look.due_at), strict=True):
        assert f"due by {due:%Y-%m-%d %H:%M} UTC" in mail.body
    assert "was not looked at again in the time we promised" in late[-1].body
    assert list(Breach.objects.order_by("seen_at").values_list("due_at", flat=True)) == [first, again, look.due_at]


def test_a_late_second_round_and_a_late_appeal_are_in_the_daily_mail(cast: Cast, at: At) -> None:
    noon(at)
    no = stages.no(cast, at, cast.submission(title="Late"))
    digest.choose_mail(cast.artist.user, daily=True)
    look = appeals.open_appeal(no, by=cast.artist.user, words="Again.").look
    at(look.due_at)
    clocks.find_breaches()
    at(look.due_at + timedelta(days=1))
    assert digest.settle() == 1
    assert any("“Late” was not looked at again" in mail.body for mail in mails(cast))


def test_days_whose_mail_was_not_written_yet_are_not_lost_by_a_change_of_mind(cast: Cast, at: At) -> None:
    start = noon(at)
    digest.choose_mail(cast.artist.user, daily=True)
    written = stages.later(cast.approval(cast.submission(title="Written")), at)
    at(start + timedelta(days=1))
    digest.settle()
    stages.later(cast.approval(cast.submission(title="Of yesterday")), at)
    at(start + timedelta(days=2))
    digest.choose_mail(cast.artist.user, daily=False)
    assert [mail.subject for mail in mails(cast)][1:] == ["Approved: Of yesterday"]
    assert not Outbox.objects.filter(dedupe_key=f"decision-{written.pk}").exists()


def test_a_verdict_that_was_in_flight_at_a_change_of_mind_has_its_mail(cast: Cast, at: At) -> None:
    """It read that one mail a day was wanted, and was committed after the change had looked for what waits."""
    noon(at)
    digest.choose_mail(cast.artist.user, daily=True)
    no = cast.reject(cast.claim(cast.submission(title="No")))
    moderation.undo(cast.approval(cast.submission(title="Undone")), by=cast.reviewer)
    asked = stages.no(cast, at, cast.submission(title="Appealed"))
    appeals.open_appeal(asked, by=cast.artist.user, words="Again.")
    cast.give(cast.claim(asked.submission, by=cast.rival), "rejected", words="It stays.")
    assert mails(cast) == []
    late = cast.submission(title="Late")
    MailChoice.objects.update(daily=False)
    digest.settle()
    digest.settle()
    subjects = sorted(mail.subject for mail in mails(cast))
    assert subjects == ["Not approved: Appealed", "Not approved: No", "Your appeal: Appealed"]
    assert {mail.not_before for mail in mails(cast) if mail.subject == "Not approved: No"} == {no.effective_at}
    MailChoice.objects.update(daily=True)
    at(late.due_at + timedelta(minutes=1))
    clocks.find_breaches()
    MailChoice.objects.update(daily=False)
    digest.settle()
    late_ones = sorted(mail.subject for mail in mails(cast) if "in time" in mail.subject)
    assert late_ones == ["Not answered in time: Late", "Not answered in time: Undone"]


def test_what_is_undone_meanwhile_has_no_mail(cast: Cast, at: At) -> None:
    """Read before the undo, written after it: the row is asked again under the submission's lock."""
    noon(at)
    digest.choose_mail(cast.artist.user, daily=True)
    decision = cast.approval()
    moderation.undo(decision, by=cast.reviewer)
    with transaction.atomic():
        digest._send_unless_undone(decision, clock.now())
    assert mails(cast) == []


def test_the_beat_asks_the_same_number_of_questions_for_however_many(cast: Cast, at: At) -> None:
    noon(at)
    asked = []
    for _more in range(2):
        digest.choose_mail(make.artist(program=cast.program).user, daily=True)
        with CaptureQueriesContext(connection) as seen:
            digest.settle()
        asked.append(len(seen))
    assert asked[0] == asked[1]


def test_everybody_chooses_for_themselves(cast: Cast, at: At) -> None:
    start, other = noon(at), make.artist(program=cast.program)
    digest.choose_mail(other.user, daily=True)
    stages.later(cast.approval(), at)
    stages.later(cast.approval(cast.submission(cast.output(other))), at)
    assert len(mails(cast)) == 1 and mails(cast, other.user.email) == []
    at(start + timedelta(days=1))
    digest.settle()
    assert len(mails(cast)) == 1 and len(mails(cast, other.user.email)) == 1


def test_choosing_on_the_page(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.artist.user)
    url = reverse("choose_mail", args=[cast.program.slug])
    page = client.post(url, {"daily": "on"}, follow=True).content.decode()
    assert "one mail a day" in page and MailChoice.objects.get(user=cast.artist.user).daily
    assert 'name="daily" value="on" id="id_daily_1" checked' in page
    client.post(url, {"daily": ""})
    assert not MailChoice.objects.get(user=cast.artist.user).daily
