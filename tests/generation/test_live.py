"""Live updates: who hears what, when they hear nothing, what one look costs, and how a stream ends."""

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access import clock, halting
from access.models import Credential, Enrollment, Program
from generation import jobs, live, rendering, upkeep
from generation.encoding import encode
from generation.live import Hub, Look, Pass
from generation.models import Job
from generation.views.live import _pass_of
from tests import make
from tests.generation.pages import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once, and each looks at everything."""
    for name, seconds in (("TICK", 0.01), ("OUTLOOK_EVERY", 0.0), ("ACCESS_EVERY", 0.0), ("TROUBLE_REST", 0.01)):
        monkeypatch.setattr(live, name, seconds)


def hub() -> Hub:
    """A hub whose looks run in this test's thread, where its rows are."""
    return Hub(sync_to_async(live.look))


def pass_of(artist: Enrollment) -> Pass:
    """What a signed-in browser of the artist would hold."""
    session = client_of(artist).session
    assert session.session_key
    user = artist.user
    user.refresh_from_db()
    return Pass(user.pk, artist.pk, artist.program.slug, session.session_key, None, user.get_session_auth_hash())


class Ear:
    """Listens to one stream, event by event."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self.stream, self.waiting = stream, list[dict[str, Any]]()

    async def next(self) -> dict[str, Any]:
        """The next event; ``{"why": …}`` is the last."""
        while not self.waiting:
            chunk = (await asyncio.wait_for(anext(self.stream), 5)).decode()
            self.waiting += [json.loads(line[6:]) for line in chunk.splitlines() if line.startswith("data: ")]
        return self.waiting.pop(0)

    async def hears_nothing(self, seconds: float = 0.2) -> bool:
        """Whether it stays quiet. The stream cannot be listened to afterwards."""
        try:
            await asyncio.wait_for(anext(self.stream), seconds)
        except TimeoutError:
            return True
        return False


def listening(artist: Enrollment, *wanted: Job, to: Hub) -> Ear:
    return Ear(to.stream(pass_of(artist), {job.pk for job in wanted}))


# --- what is heard ----------------------------------------------------------------------------------------------------
def test_a_job_is_told_from_the_line_to_its_end(artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    ear = listening(artist, job, to=hub())

    async def scenario() -> None:
        first = await ear.next()
        assert (first["id"], first["state"], first["place"]) == (str(job.pk), "queued", 1)
        assert first["place_says"] == "Next in line" and first["says"] == "Waiting"
        taken = await sync_to_async(make.claimed)()
        assert (await ear.next())["state"] == "running"
        await sync_to_async(rendering.report)(taken, phase="denoise", step=4, jpeg=b"\xff\xd8jpeg")
        step = await ear.next()
        assert (step["phase"], step["step"], step["steps"]) == ("denoise", 4, 20)
        assert step["step_says"] == "Step 4 of 20" and step["says"] == "The picture is forming"
        assert step["preview"].startswith(reverse("job_preview", args=[artist.program.slug, job.pk]) + "?at=")
        await sync_to_async(lambda: rendering.finish(taken, encode(make.clip(), width=96)))()
        last = await ear.next()
        assert (last["state"], last["says"], last["preview"]) == ("finished", "Your clip is finished", "")
        assert await ear.next() == {"why": "done"}
        with pytest.raises(StopAsyncIteration):
            await anext(ear.stream)

    async_to_sync(scenario)()


def test_only_changes_are_told(artist: Enrollment) -> None:
    ear = listening(artist, make.job(enrollment=artist), to=hub())

    async def scenario() -> None:
        await ear.next()
        assert await ear.hears_nothing()

    async_to_sync(scenario)()


def test_several_jobs_come_over_one_stream(artist: Enrollment) -> None:
    mine = [make.job(enrollment=artist) for _ in range(3)]
    ear = listening(artist, *mine, to=hub())

    async def scenario() -> None:
        first = [await ear.next() for _ in mine]
        assert {each["id"]: each["place"] for each in first} == {str(job.pk): n for n, job in enumerate(mine, 1)}
        await sync_to_async(jobs.cancel)(mine[0], by=artist.user)
        then = [await ear.next() for _ in mine]
        told = {each["id"]: (each["state"], each["place"]) for each in then}
        assert told == {
            str(mine[0].pk): ("cancelled", None),
            str(mine[1].pk): ("queued", 1),
            str(mine[2].pk): ("queued", 2),
        }

    async_to_sync(scenario)()


def test_each_artist_hears_only_of_their_own(artist: Enrollment, program: Program) -> None:
    peer = make.artist(program=program)
    mine, theirs = make.job(enrollment=artist), make.job(enrollment=peer)
    shared = hub()
    ears = [listening(each, mine, theirs, to=shared) for each in (artist, peer)]

    async def scenario() -> None:
        heard = await asyncio.gather(*(ear.next() for ear in ears))
        assert [each["id"] for each in heard] == [str(mine.pk), str(theirs.pk)]
        await sync_to_async(jobs.cancel)(mine, by=artist.user)
        assert (await ears[0].next())["state"] == "cancelled"
        assert await ears[0].next() == {"why": "done"}
        await sync_to_async(jobs.cancel)(theirs, by=peer.user)
        then = [await ears[1].next()]
        while then[-1] != {"why": "done"}:
            then.append(await ears[1].next())
        assert {each["id"] for each in then[:-1]} == {str(theirs.pk)}

    async_to_sync(scenario)()


def test_a_job_of_another_program_or_of_nobody_is_not_waited_for(artist: Enrollment) -> None:
    elsewhere = make.artist(program=make.program(), email=artist.user.email)
    assert elsewhere.user == artist.user
    ear = listening(artist, make.job(enrollment=elsewhere), Job(pk=uuid.uuid4()), to=hub())
    assert async_to_sync(ear.next)() == {"why": "done"}


def test_what_keeps_a_job_is_told(artist: Enrollment, program: Program) -> None:
    ear = listening(artist, make.job(enrollment=artist), to=hub())

    async def scenario() -> None:
        await ear.next()
        await sync_to_async(jobs.pause)(artist, by=artist.user)
        paused = await ear.next()
        assert (paused["waits_for"], paused["says"], paused["place"]) == ("pause", "Paused by you", None)
        await sync_to_async(jobs.resume)(artist, by=artist.user)
        assert (await ear.next())["waits_for"] == ""
        await sync_to_async(upkeep.note_trouble)(make_pipeline, "The folder is gone.")
        assert (await ear.next())["says"] == "Waiting for the model"
        await sync_to_async(halting.halt)(program, program=program, by=None, reason="A look.")
        assert (await ear.next())["says"] == "Halted"

    make_pipeline = make.pipeline()
    async_to_sync(scenario)()


@pytest.mark.parametrize("scope", ["program", "cohort", "artist"])
def test_a_halt_is_told_to_whom_it_covers_alone(artist: Enrollment, program: Program, scope: str) -> None:
    peer = make.artist(program=program, cohort=make.cohort(program=program))
    mine, theirs = make.job(enrollment=artist), make.job(enrollment=peer)
    target = {"program": program, "cohort": artist.cohort, "artist": artist.user}[scope]
    halting.halt(target, program=program, by=None, reason="A look.")
    found = live.look({mine.pk, theirs.pk}, None, far=True).outlooks or {}
    assert found[mine.pk].waits_for == "halt"
    assert found[theirs.pk].waits_for == ("halt" if scope == "program" else "")


# --- who may listen ---------------------------------------------------------------------------------------------------
def leaves_the_program(artist: Enrollment, holder: Pass) -> None:
    Enrollment.objects.filter(pk=artist.pk).update(ended_at=clock.now())


def signs_out(artist: Enrollment, holder: Pass) -> None:
    client = Client()
    client.cookies["sessionid"] = holder.session
    client.post(reverse("account_logout"))


def is_locked_out(artist: Enrollment, holder: Pass) -> None:
    type(artist.user).objects.filter(pk=artist.user.pk).update(is_active=False)


def changes_the_password(artist: Enrollment, holder: Pass) -> None:
    artist.user.set_password("quite another password")
    artist.user.save(update_fields=["password"])


def loses_the_credential(artist: Enrollment, holder: Pass) -> None:
    assert holder.credential
    Credential.objects.get(pk=holder.credential).end(clock.now())


@pytest.mark.parametrize(
    "loses", [leaves_the_program, signs_out, is_locked_out, changes_the_password, loses_the_credential]
)
def test_who_loses_access_hears_no_more(artist: Enrollment, loses: Callable[[Enrollment, Pass], None]) -> None:
    job = make.job(enrollment=artist)
    session = Credential.objects.create(user=artist.user, kind="session", created_at=clock.now())
    holder = replace(pass_of(artist), credential=session.pk)
    ear = Ear(hub().stream(holder, {job.pk}))

    async def scenario() -> None:
        assert (await ear.next())["state"] == "queued"
        await sync_to_async(loses)(artist, holder)
        assert await ear.next() == {"why": "gone"}

    async_to_sync(scenario)()


def test_the_oldest_stream_of_an_artist_gives_way(artist: Enrollment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PER_ARTIST", 2)
    job, shared = make.job(enrollment=artist), hub()
    ears = [listening(artist, job, to=shared) for _ in range(3)]

    async def scenario() -> None:
        for ear in ears:
            await ear.next()
        assert await ears[0].next() == {"why": "crowded"}
        assert len(shared.listeners) == 3  # two that listen, and the one that was told to go
        for ear in ears:
            await ear.stream.aclose()  # type: ignore[attr-defined]  # an async generator
        assert shared.listeners == []

    async_to_sync(scenario)()


def test_a_stream_ends_after_its_time_for_the_browser_to_come_again(
    artist: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LONGEST", 0.2)
    monkeypatch.setattr(live, "HEARTBEAT", 0.05)
    stream = hub().stream(pass_of(artist), {make.job(enrollment=artist).pk})

    async def scenario() -> list[bytes]:
        return [chunk async for chunk in stream]

    heard = async_to_sync(scenario)()
    assert heard[0] == b"retry: 2000\n\n"
    assert heard.count(b": still here\n\n") >= 2 and not any(b"bye" in chunk for chunk in heard)


# --- what it costs, and what it outlives ------------------------------------------------------------------------------
def queries(wanted: Collection[uuid.UUID], passes: Collection[Pass] | None, *, far: bool) -> int:
    with CaptureQueriesContext(connection) as asked:
        live.look(wanted, passes, far=far)
    return len(asked)


def test_a_look_asks_as_much_for_fifty_listeners_as_for_one(artist: Enrollment, program: Program) -> None:
    people = [artist, *(make.artist(program=program) for _ in range(9))]
    rows = [make.job(enrollment=each) for each in people for _ in range(5)]
    running = make.claimed()
    assert running
    wanted, one = {job.pk for job in rows}, {rows[-1].pk}
    passes = {replace(pass_of(each), session=f"{n}") for each in people for n in range(5)}
    assert len(wanted) == len(passes) == 50
    assert queries(wanted, None, far=False) == queries(one, None, far=False) == 1
    assert queries(wanted, None, far=True) == queries(one, None, far=True) <= 8
    assert queries(wanted, passes, far=True) == queries(one, set(list(passes)[:1]), far=True) <= 12


def test_nobody_asks_the_database_while_nobody_listens(artist: Enrollment) -> None:
    asked = 0

    async def counting(*args: Any, **kwargs: Any) -> Look:
        nonlocal asked
        asked += 1
        return await sync_to_async(live.look)(*args, **kwargs)

    job, shared = make.job(enrollment=artist), Hub(counting)
    ear = listening(artist, job, to=shared)

    async def scenario() -> None:
        await ear.next()
        await ear.stream.aclose()  # type: ignore[attr-defined]  # an async generator
        await asyncio.sleep(0.05)
        before = asked
        await asyncio.sleep(0.2)
        assert asked == before > 0

    async_to_sync(scenario)()


def test_listeners_outlive_a_restart_of_the_database(artist: Enrollment) -> None:
    down = False

    async def restarting(*args: Any, **kwargs: Any) -> Look:
        if down:
            raise OperationalError("the database system is shutting down")
        return await sync_to_async(live.look)(*args, **kwargs)

    job = make.job(enrollment=artist)
    ear = listening(artist, job, to=Hub(restarting))

    async def scenario() -> None:
        nonlocal down
        await ear.next()
        down = True
        await sync_to_async(jobs.cancel)(job, by=artist.user)
        await asyncio.sleep(0.1)
        down = False
        assert (await ear.next())["state"] == "cancelled"

    async_to_sync(scenario)()


def test_a_slow_listener_gets_the_latest_word_and_no_backlog(artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    shared = hub()
    ear = listening(artist, job, to=shared)

    async def scenario() -> None:
        await ear.next()
        taken = await sync_to_async(make.claimed)()
        for step in range(1, 9):
            await sync_to_async(rendering.report)(taken, phase="denoise", step=step)
            await asyncio.sleep(0.03)
        assert len(shared.listeners[0].mail) == 1
        assert (await ear.next())["step"] == 8

    async_to_sync(scenario)()


def test_a_listener_who_is_slow_at_the_end_still_hears_how_it_ended(artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    shared = hub()
    ear = listening(artist, job, to=shared)

    async def scenario() -> None:
        await ear.next()
        await sync_to_async(jobs.cancel)(job, by=artist.user)
        while not shared.listeners[0].ended:  # the poller gets round to the end before the stream is asked for more
            await asyncio.sleep(0.01)
        assert (await ear.next())["state"] == "cancelled"
        assert await ear.next() == {"why": "done"}

    async_to_sync(scenario)()


def test_streams_end_when_the_process_is_told_to_end_and_the_server_hears_of_it() -> None:
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    glimpse = live.progress.Glimpse(uuid.uuid4(), uuid.uuid4(), "p", "queued", "", 0, 8, False, None)

    async def ask(*args: object, **kwargs: object) -> Look:
        return Look({glimpse.job: glimpse})

    async def scenario() -> None:
        ear = Ear(Hub(ask).stream(Pass(glimpse.owner, uuid.uuid4(), "p", "", None, ""), {glimpse.job}))
        await ear.next()
        os.kill(os.getpid(), signal.SIGTERM)
        assert await ear.next() == {"why": "closing"}

    try:
        asyncio.run(scenario())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == [signal.SIGTERM]


# --- the door ---------------------------------------------------------------------------------------------------------
def test_the_stream_is_private_and_not_buffered(artist: Enrollment) -> None:
    job = make.job(enrollment=artist)
    url = reverse("live", args=[artist.program.slug])
    client = client_of(artist)
    response = client.get(f"{url}?job={job.pk}&job=nonsense")
    assert response.status_code == 200 and response.streaming and response.is_async
    assert response["Content-Type"] == "text/event-stream"
    assert "no-store" in response["Cache-Control"] and response["X-Accel-Buffering"] == "no"
    assert client.get(url).status_code == 204
    assert client.get(f"{url}?job=nonsense").status_code == 204
    assert client.post(url).status_code == 405
    assert client_of(make.artist(program=make.program())).get(f"{url}?job={job.pk}").status_code == 404
    assert Client().get(f"{url}?job={job.pk}").status_code == 302


def test_the_views_pass_is_good_until_one_signs_out(artist: Enrollment) -> None:
    client = client_of(artist)
    client.get(reverse("queue", args=[artist.program.slug]))
    request = client.get(reverse("queue", args=[artist.program.slug])).wsgi_request
    request.enrollment, request.program = artist, artist.program
    holder = _pass_of(request)
    assert live.admitted({holder}) == {holder}
    client.post(reverse("account_logout"))
    assert live.admitted({holder}) == set()
