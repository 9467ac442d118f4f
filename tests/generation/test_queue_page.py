"""The queue's page: what runs and waits, what it costs, and what can be done about it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access import clock, halting
from access.models import Enrollment, Halt, Program
from generation import jobs, rendering, upkeep
from generation.models import Job, Lane, Preview, QuotaEntry
from generation.views import queue as queue_views
from tests import make
from tests.generation.pages import body, client_of

pytestmark = pytest.mark.django_db
Clock = Callable[[datetime], None]


@pytest.fixture
def client(artist: Enrollment) -> Client:
    return client_of(artist)


@pytest.fixture
def queue(program: Program) -> str:
    return reverse("queue", args=[program.slug])


def page_url(program: Program, name: str) -> str:
    return reverse(name, args=[program.slug])


def watched(page: str) -> list[str]:
    return re.findall(r'data-live-job="([^"]+)"', page)


def numbers(page: str) -> list[str]:
    return re.findall(r'<dd class="figure-number">(\d+)</dd>', page)


def test_an_empty_queue_says_so_and_what_is_left(client: Client, artist: Enrollment, queue: str) -> None:
    page = body(client.get(queue))
    assert "Nothing waits" in page and "Nothing of yours at this moment" in page
    assert numbers(page) == ["40", "0", "2"]
    assert "http-equiv" not in page and "Cancel all queued" not in page


def test_jobs_stand_in_the_order_of_their_turn_with_place_progress_and_preview(
    client: Client, artist: Enrollment, program: Program, queue: str
) -> None:
    mine = [make.job(enrollment=artist) for _ in range(3)]
    theirs = make.job(enrollment=make.artist(program=program))
    taken = make.claimed()
    while taken and taken.enrollment_id != artist.pk:
        taken = make.claimed()
    assert taken and taken.pk == mine[0].pk
    rendering.report(taken, phase="denoise", step=4, jpeg=b"\xff\xd8jpeg")
    page = body(client.get(queue))
    assert watched(page) == [str(job.pk) for job in mine] and str(theirs.pk) not in page
    assert "Step 4 of 20" in page and 'max="20" value="4"' in page
    assert reverse("job_preview", args=[program.slug, taken.pk]) in page
    assert re.findall(r"data-live-place>([^<]+)<", page)[-1] in {"Number 2 in line", "Number 3 in line"}
    assert numbers(page) == ["37", "3", "2"]


def test_the_page_asks_as_much_with_many_jobs_as_with_few(client: Client, artist: Enrollment, queue: str) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(queue).status_code == 200
        return len(queries)

    def add(variations: int) -> None:
        make.brief(enrollment=artist, variations=variations)
        taken = make.claimed()
        if taken:
            rendering.fail(taken, "It broke.", is_final=True)
        bare = Job.objects.queued().filter(preview=None).first()
        assert bare
        Preview.objects.create(job=bare, attempt=1, jpeg=b"jpeg", made_at=clock.now())

    add(2)
    asked()  # the session's first request makes its credential
    few = asked()
    for _ in range(4):
        add(4)
    assert asked() == few


def test_behind_the_longest_page_the_rest_is_counted(
    client: Client, artist: Enrollment, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_views, "SHOWN", 3)
    make.brief(enrollment=artist, variations=4)
    make.brief(enrollment=artist, variations=1)
    page = body(client.get(queue))
    assert len(watched(page)) == 3 and "and 2 more behind them" in page


def test_pause_and_resume(client: Client, artist: Enrollment, program: Program, queue: str) -> None:
    make.job(enrollment=artist)
    assert client.post(page_url(program, "pause_queue"))["Location"] == queue
    page = body(client.get(queue))
    assert "You paused your queue" in page and "Paused by you" in page and make.claimed() is None
    assert client.post(page_url(program, "pause_queue")).status_code == 302  # twice is once
    assert client.post(page_url(program, "resume_queue"))["Location"] == queue
    assert "You paused" not in body(client.get(queue))
    assert Lane.objects.get(enrollment=artist).paused_at is None and make.claimed()


def test_cancel_all_queued_leaves_what_runs_and_gives_back(
    client: Client, artist: Enrollment, program: Program, queue: str
) -> None:
    peer = make.artist(program=program)
    theirs = make.job(enrollment=peer)
    make.brief(enrollment=artist, variations=3)
    running = make.claimed()
    while running and running.enrollment_id != artist.pk:
        running = make.claimed()
    assert running
    assert client.get(page_url(program, "cancel_queued")).status_code == 405
    assert client.post(page_url(program, "cancel_queued"))["Location"] == queue
    page = body(client.get(queue))
    assert "2 queued clips are cancelled" in page and watched(page) == [str(running.pk)]
    assert QuotaEntry.objects.filter(enrollment=artist, kind="refund").count() == 2
    theirs.refresh_from_db()
    assert theirs.state in Job.OPEN
    client.post(page_url(program, "cancel_queued"))
    assert "Nothing was queued any more" in body(client.get(queue))


@pytest.mark.parametrize("elsewhere", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""])
def test_a_clip_that_is_cancelled_here_leads_back_here(
    client: Client, artist: Enrollment, program: Program, queue: str, elsewhere: str
) -> None:
    job = make.job(enrollment=artist)
    cancel = reverse("cancel_job", args=[program.slug, job.pk])
    page = body(client.get(queue))
    named = re.search(rf'action="{cancel}">.*?name="next" value="([^"]+)"', page, re.DOTALL)
    assert named
    assert client.post(cancel, {"next": named[1]})["Location"] == queue
    job.refresh_from_db()
    assert job.state == "cancelled"
    other = make.job(enrollment=artist)
    answer = client.post(reverse("cancel_job", args=[program.slug, other.pk]), {"next": elsewhere})
    assert answer["Location"] == reverse("job", args=[program.slug, other.pk])


def test_todays_failures_stand_with_their_reason_and_can_be_tried_again(
    client: Client, artist: Enrollment, program: Program, queue: str, at: Clock
) -> None:
    noon = datetime(2030, 5, 1, 12, tzinfo=UTC)
    at(noon - timedelta(days=1))
    make.job(enrollment=artist)
    rendering.fail(make.claimed(), "It broke yesterday.", is_final=True)
    at(noon)
    failed = make.job(enrollment=artist)
    rendering.fail(make.claimed(), "It broke today.", is_final=True)
    page = body(client.get(queue))
    assert "It broke today." in page and "It broke yesterday." not in page
    retry = re.search(
        rf'action="({reverse("retry_job", args=[program.slug, failed.pk])})".*?name="idempotency_key" value="([^"]+)"',
        page,
        re.DOTALL,
    )
    assert retry
    for _ in range(2):  # two presses are one
        assert client.post(retry[1], {"idempotency_key": retry[2]}).status_code == 302
    again = Job.objects.get(brief__parent=failed)
    assert (again.seed, again.brief.lineage) == (failed.seed, "retry")


def test_a_halt_and_trouble_are_said_plainly(client: Client, artist: Enrollment, program: Program, queue: str) -> None:
    make.job(enrollment=artist)
    upkeep.note_trouble(make.pipeline(), "The folder is gone.")
    page = body(client.get(queue))
    assert "cannot be loaded at present" in page and "The folder is gone." in page and "Waiting for the model" in page
    halting.halt(program, program=program, by=None, reason="We look at something.")
    page = body(client.get(queue))
    assert "We look at something." in page and "Nothing: generating is halted" in page and ">Halted<" in page
    halting.lift(Halt.objects.get(), by=None)
    upkeep.note_trouble(make.pipeline(), "")
    assert "Halted" not in body(client.get(queue))


def test_the_page_works_without_script(client: Client, artist: Enrollment, program: Program, queue: str) -> None:
    job = make.job(enrollment=artist)
    page = body(client.get(queue))
    assert '<noscript><meta http-equiv="refresh"' in page
    for name in ("pause_queue", "cancel_queued"):
        assert re.search(rf'<form method="post"[^>]* action="{page_url(program, name)}">', page)
    assert re.search(rf'<form method="post" action="{reverse("cancel_job", args=[program.slug, job.pk])}">', page)


def test_words_of_an_artist_are_shown_as_words(client: Client, artist: Enrollment, queue: str) -> None:
    make.job(enrollment=artist, prompt='<script>alert("x")</script> כדור')
    page = body(client.get(queue))
    assert "<script>alert" not in page and 'dir="auto"' in page
    jobs.cancel(Job.objects.get(), by=artist.user)
