"""Live updates: one poller per process looks at the database for everybody who listens, and tells each what changed.

A stream never asks the database itself: the number of queries does not grow with the number of listeners. What waits
for a slow listener is the latest word on each job, never a backlog.
"""

import asyncio
import contextlib
import json
import logging
import signal
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import Error, connections

from access import clock
from access.models import Credential, Enrollment
from generation import progress
from generation.models import Job

log = logging.getLogger(__name__)

TICK = 0.25  # seconds between two looks
SHORT_TICK = 0.04  # while a clip is decoded or written: the next word is the one that its artist waits for
OUTLOOK_EVERY = 1.0  # places and estimates change more slowly than steps
ACCESS_EVERY = 4.0  # within five seconds of losing access a stream ends
TROUBLE_REST = 2.0  # before the database is asked again that did not answer
HEARTBEAT = 15.0  # keeps proxies from closing a quiet stream
LONGEST = 600.0  # then the browser connects anew, through the front door
MOST_JOBS = 60  # of one stream
PER_ARTIST = 8  # streams of one artist in a process; the oldest gives way
SEATS = 1000  # streams of a process

Telling = dict[str, Any]
GONE, DONE, CROWDED, CLOSING = "gone", "done", "crowded", "closing"


@dataclass(frozen=True)
class Pass:
    """Who listens, by what right: looked at again every few seconds."""

    user: uuid.UUID
    enrollment: uuid.UUID
    program: str  # its slug
    session: str
    credential: uuid.UUID | None
    password: str  # the hash by which a session ends when the password changes


@dataclass(frozen=True)
class Look:
    """What the poller learned in one look. ``admitted`` is None when access was not looked at."""

    glimpses: dict[uuid.UUID, progress.Glimpse]
    outlooks: dict[uuid.UUID, progress.Outlook] | None = None
    admitted: set[Pass] | None = None


def look(jobs: Collection[uuid.UUID], passes: Collection[Pass] | None, *, far: bool) -> Look:
    """One look for all: one query for the jobs; ``far`` also for places and estimates; ``passes`` also for access."""
    try:
        return Look(
            progress.glimpses(jobs),
            progress.outlooks(jobs) if far else None,
            admitted(passes) if passes is not None else None,
        )
    finally:
        rest_connections()  # this thread has no request that would


def admitted(passes: Collection[Pass]) -> set[Pass]:
    """Those whose enrollment and session are still live, in three queries."""
    enrollments = Enrollment.objects.live().filter(pk__in={each.enrollment for each in passes}, user__is_active=True)
    hashes = {each.pk: each.user.get_session_auth_hash() for each in enrollments.select_related("user")}
    sessions = Session.objects.filter(session_key__in={each.session for each in passes}, expire_date__gt=clock.now())
    signed_in = set(sessions.values_list("session_key", flat=True))
    keys = {each.credential for each in passes if each.credential}
    live = {None, *Credential.objects.live().filter(pk__in=keys).values_list("pk", flat=True)}
    return {
        each
        for each in passes
        if hashes.get(each.enrollment) == each.password and each.session in signed_in and each.credential in live
    }


@dataclass(eq=False)
class Listener:
    """One stream: the open jobs it waits for, and the latest word on each that it has not sent yet."""

    holder: Pass
    jobs: set[uuid.UUID]
    told: dict[uuid.UUID, Telling] = field(default_factory=dict)
    mail: dict[uuid.UUID, Telling] = field(default_factory=dict)
    ended: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, jobs: dict[uuid.UUID, progress.Glimpse], tellings: dict[uuid.UUID, Telling]) -> None:
        """Keep what is new of one's own jobs; those that ended, or are not one's own, are waited for no longer."""
        for pk in list(self.jobs):
            glimpse = jobs.get(pk)
            if glimpse is None or (glimpse.owner, glimpse.slug) != (self.holder.user, self.holder.program):
                self.jobs.discard(pk)
                continue
            if self.told.get(pk) != tellings[pk]:
                self.told[pk] = self.mail[pk] = tellings[pk]
                self.news.set()
            if glimpse.state not in Job.OPEN:
                self.jobs.discard(pk)
        if not self.jobs:
            self.end(DONE)

    def has_ended(self) -> bool:
        return bool(self.ended)

    def end(self, why: str) -> None:
        self.ended = self.ended or why
        self.news.set()

    def take(self) -> list[Telling]:
        """What waits to be sent; it waits no longer."""
        self.news.clear()
        waiting, self.mail = list(self.mail.values()), {}
        return waiting


Ask = Callable[..., Awaitable[Look]]


class Hub:
    """The poller and its listeners, all in one event loop. It sleeps, and asks nothing, while nobody listens."""

    def __init__(self, ask: Ask | None = None) -> None:
        self.listeners: list[Listener] = []
        self._ask = ask or self._ask_in_a_thread
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live")
        self._poller: asyncio.Task[None] | None = None
        self._tellings: dict[uuid.UUID, tuple[progress.Glimpse, progress.Outlook, Telling]] = {}
        self._outlooks: dict[uuid.UUID, progress.Outlook] = {}
        self._far_at = self._access_at = 0.0
        self._hears_signals = False

    @property
    def is_full(self) -> bool:
        return len(self.listeners) >= SEATS

    async def stream(self, holder: Pass, jobs: Collection[uuid.UUID]) -> AsyncIterator[bytes]:
        """Server-sent events for these jobs, as ``progress.telling`` has them; at the end ``bye`` with the reason."""
        await sync_to_async(give_back_connections)()  # else each stream would keep one of the pool for minutes
        listener = self._admit(holder, set(jobs))
        until = asyncio.get_running_loop().time() + LONGEST
        try:
            yield b"retry: 2000\n\n"
            while not listener.has_ended() and (left := until - asyncio.get_running_loop().time()) > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(listener.news.wait(), min(HEARTBEAT, left))
                if said := b"".join(map(event, listener.take())) or (
                    b"" if listener.has_ended() else b": still here\n\n"
                ):
                    yield said
            if listener.has_ended():  # perhaps while the last event was on its way: what came with the end goes first
                yield b"".join([*map(event, listener.take()), event({"why": listener.ended}, name="bye")])
        finally:
            self._dismiss(listener)

    def _admit(self, holder: Pass, jobs: set[uuid.UUID]) -> Listener:
        theirs = [each for each in self.listeners if each.holder.user == holder.user and not each.ended]
        if len(theirs) >= PER_ARTIST:
            theirs[0].end(CROWDED)
        listener = Listener(holder, jobs)
        self.listeners.append(listener)
        self._far_at = 0.0  # a newcomer is told everything at once
        if self._poller is None or self._poller.done():
            self._listen_for_the_end()
            self._poller = asyncio.get_running_loop().create_task(self._poll())
        return listener

    def _dismiss(self, listener: Listener) -> None:
        with contextlib.suppress(ValueError):
            self.listeners.remove(listener)

    async def _poll(self) -> None:
        try:
            while self.listeners:
                try:
                    rest = await self._round()
                except Error:  # the database restarts: listeners stay, and hear the rest of it afterwards
                    log.warning("live updates wait for the database", exc_info=True)
                    rest = TROUBLE_REST
                await asyncio.sleep(rest)
        finally:  # a poller that breaks down takes nobody's stream for ever: browsers connect anew
            self.close()

    async def _round(self) -> float:
        """One look and what it tells; seconds to rest until the next."""
        now = asyncio.get_running_loop().time()
        far, near = now >= self._far_at, now >= self._access_at
        listeners = list(self.listeners)
        jobs = set[uuid.UUID]().union(*(each.jobs for each in listeners))
        seen = await self._ask(jobs, {each.holder for each in listeners} if near else None, far=far)
        self._far_at = now + OUTLOOK_EVERY if far else self._far_at
        self._access_at = now + ACCESS_EVERY if near else self._access_at
        self._outlooks = self._outlooks if seen.outlooks is None else seen.outlooks
        tellings = self._told(seen.glimpses)
        for listener in listeners:
            if seen.admitted is not None and listener.holder not in seen.admitted:
                listener.end(GONE)
            elif not listener.ended:
                listener.hear(seen.glimpses, tellings)
        return min(SHORT_TICK, TICK) if any(glimpse.is_nearly_done for glimpse in seen.glimpses.values()) else TICK

    def _told(self, glimpses: dict[uuid.UUID, progress.Glimpse]) -> dict[uuid.UUID, Telling]:
        """The words for each job, made anew only where something changed."""
        before, self._tellings = self._tellings, {}
        for pk, glimpse in glimpses.items():
            outlook = self._outlooks.get(pk, progress.Outlook())
            known = before.get(pk)
            same = known is not None and known[:2] == (glimpse, outlook)
            self._tellings[pk] = known if known and same else (glimpse, outlook, progress.telling(glimpse, outlook))
        return {pk: telling for pk, (_, _, telling) in self._tellings.items()}

    async def _ask_in_a_thread(self, *args: object, **kwargs: object) -> Look:
        """In a thread of the hub's own, so that the process holds one connection for all streams."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: look(*args, **kwargs))  # type: ignore[arg-type]

    def close(self) -> None:
        """End all streams."""
        for listener in self.listeners:
            listener.end(CLOSING)

    def _listen_for_the_end(self) -> None:
        """End the streams when the process is told to end, before whoever else listens for that waits for them."""
        if self._hears_signals or threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            if callable(before := signal.getsignal(number)):
                signal.signal(number, self._closing_first(before, loop))
        self._hears_signals = True

    def _closing_first(
        self, before: Callable[[int, FrameType | None], object], loop: asyncio.AbstractEventLoop
    ) -> Callable[[int, FrameType | None], None]:
        def told(number: int, frame: FrameType | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                loop.call_soon_threadsafe(self.close)
            before(number, frame)

        return told


def event(telling: Telling, *, name: str = "") -> bytes:
    """One server-sent event; JSON has no raw line breaks, so one data line is enough."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(telling)}\n\n".encode()


def give_back_connections() -> None:
    """Close this thread's connections, unless a transaction is open on them."""
    for each in connections.all(initialized_only=True):
        if not each.in_atomic_block:
            each.close()


def rest_connections() -> None:
    """As after a request: close what is broken or has had its time, unless a transaction is open on it."""
    for each in connections.all(initialized_only=True):
        if not each.in_atomic_block:
            each.close_if_unusable_or_obsolete()


hub = Hub()
