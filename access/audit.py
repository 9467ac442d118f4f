"""If it cannot be recorded, it does not happen.

A verb runs inside ``recorded()`` and calls ``trace``. The outermost ``recorded()`` appends all collected entries in
one go as the very last statements of its transaction, under the lock of the chain's head row: the shortest time that
anybody waits.

An entry's hash is SHA-256 over its fields, each preceded by its length in bytes (so that no two different entries have
the same bytes), beginning with a domain tag and ending with the previous hash. Instants are integer microseconds.
Personal words are hashed with a salt of their own, which erasure destroys: the chain stays valid, the words are
gone.
"""

import contextlib
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from access.models import Chain, Entry, EntryText, Program, User
from access.sql import change, insert, run

DOMAIN = "vernissage-audit-1"
GENESIS = "0" * 64
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Trace:
    """An entry that waits for the end of its transaction."""

    program: Program | None
    at: datetime
    actor: str
    act: str
    subject: str
    facts: dict[str, Any] = field(default_factory=dict)
    private: str = ""


_pending: ContextVar[list[Trace] | None] = ContextVar("pending_traces", default=None)


@contextlib.contextmanager
def recorded() -> Iterator[None]:
    """One transaction whose traces are appended just before it commits. Inside another, it joins that one."""
    collected = _pending.get()
    if collected is not None:
        before = len(collected)
        try:
            with transaction.atomic():
                yield
        except BaseException:
            del collected[before:]  # its changes are rolled back, so its traces are void
            raise
        return
    token = _pending.set(collected := [])
    try:
        with transaction.atomic():
            yield
            append(collected)
    finally:
        _pending.reset(token)


def trace(
    act: str,
    *,
    program: Program | None,
    at: datetime,
    actor: User | None,
    subject: object,
    facts: dict[str, Any] | None = None,
    private: str = "",
) -> None:
    """Note an act; it enters the program's chain (or the site's) when the transaction ends.

    ``subject`` is a model instance; ``facts`` plain JSON values without personal words; those go into ``private``.

    Raises:
        RuntimeError: outside ``recorded()``.
    """
    collected = _pending.get()
    if collected is None:
        raise RuntimeError(f"{act} is not inside recorded(): it would not be recorded")
    name = f"{subject._meta.model_name}:{subject.pk}" if hasattr(subject, "_meta") else str(subject)  # type: ignore[attr-defined]  # a model
    collected.append(Trace(program, at, str(actor.pk) if actor else "", act, name, facts or {}, private))


def append(traces: list[Trace]) -> None:
    """Append to the chains, each under its head's lock, in the order of the chains' keys."""
    by_key: dict[str, list[Trace]] = {}
    for entry in traces:
        by_key.setdefault(chain_key(entry.program), []).append(entry)
    for key in sorted(by_key):
        _append_to(key, by_key[key])


def chain_key(program: Program | None) -> str:
    return f"program-{program.pk}" if program else "site"


def _append_to(key: str, traces: list[Trace]) -> None:
    waiting = [_fields(trace) for trace in traces]
    if not _appended(key, waiting):
        Chain.objects.get_or_create(key=key, defaults={"program": traces[0].program})
        if not _appended(key, waiting):
            raise RuntimeError(f"the chain {key} was just made and is not there: nothing would be recorded")


def _fields(waiting: Trace) -> dict[str, Any]:
    """What an entry says, before it has a place in its chain; with the erasable side of it, if there is any."""
    salt = secrets.token_hex(16) if waiting.private else ""
    return {
        "at_us": microseconds(waiting.at),
        "actor": waiting.actor,
        "act": waiting.act,
        "subject": waiting.subject,
        "facts": canonical(waiting.facts),
        "private_digest": private_digest(salt, waiting.private) if waiting.private else "",
        "salt": salt,
        "text": waiting.private,
    }


def _appended(key: str, waiting: list[dict[str, Any]]) -> bool:
    """Whether the chain was there to append to.

    Everybody who appends waits for its head. PostgreSQL appends in one statement (see the migration that defines it),
    so that nobody's client has a turn while it is locked, but for the commit. SQLite has one writer at a time.
    """
    if connection.vendor == "postgresql":
        return bool(run("SELECT access_append(%(key)s, %(entries)s::jsonb)", key=key, entries=waiting)[0][0])
    chain = Chain.objects.filter(key=key).first()
    if chain is None:
        return False
    for fields in waiting:
        _append_here(chain, **fields)
    change(_MOVE_HEAD, length=chain.length, head=chain.head, id=chain.pk)
    return True


def _append_here(chain: Chain, *, salt: str, text: str, **fields: Any) -> None:
    entry = Entry(chain=chain, number=chain.length + 1, previous=chain.head, **fields)
    entry.hash = entry_hash(entry, chain.key)
    insert(entry)
    if text:
        insert(EntryText(entry=entry, salt=salt, text=text))
    chain.length, chain.head = entry.number, entry.hash


_MOVE_HEAD = "UPDATE access_chain SET length = %(length)s, head = %(head)s WHERE id = %(id)s"


def microseconds(at: datetime) -> int:
    """Whole microseconds since 1970 UTC, without a float in between."""
    return (at - EPOCH) // timedelta(microseconds=1)


def canonical(facts: dict[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


def private_digest(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}:{text}".encode()).hexdigest()


def entry_hash(entry: Entry, chain_key: str) -> str:
    """The hash of an entry, from nothing but what an export holds."""
    fields = (
        DOMAIN,
        chain_key,
        str(entry.number),
        str(entry.at_us),
        entry.actor,
        entry.act,
        entry.subject,
        entry.facts,
        entry.private_digest,
        entry.previous,
    )
    digest = hashlib.sha256()
    for part in fields:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()


@dataclass(frozen=True)
class Fault:
    """The first place where a chain does not hold, and why."""

    chain: str
    number: int
    why: str

    def __str__(self) -> str:
        return f"chain {self.chain}, entry {self.number}: {self.why}"


def verify(chain: Chain) -> Fault | None:
    """Recompute a chain from its first entry; the first fault, or None if it holds to its head."""
    previous, expected = GENESIS, 0
    for entry in chain.entries.select_related("private").order_by("number").iterator(chunk_size=2000):
        expected += 1
        if why := _why_broken(entry, chain.key, expected, previous):
            return Fault(chain.key, expected, why)
        previous = entry.hash
    if (chain.length, chain.head) != (expected, previous):
        return Fault(chain.key, expected + 1, "the head names an entry that is not there: the end was cut off")
    return None


def _why_broken(entry: Entry, chain_key: str, expected: int, previous: str) -> str:
    if entry.number != expected:
        return f"the next entry is number {entry.number}: one was removed"
    if entry.previous != previous:
        return "it does not follow the entry before it"
    if entry_hash(entry, chain_key) != entry.hash:
        return "its fields do not give its hash: it was changed"
    private = getattr(entry, "private", None)
    if private and private_digest(private.salt, private.text) != entry.private_digest:
        return "its private words do not give their digest: they were changed"
    return ""
