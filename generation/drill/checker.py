"""Is every job accounted for? A judge of its own: raw SQL, hashes and the disk.

It imports nothing of the product, so no mistake of the product can hide itself here (a test reads these imports).
"""

import hashlib
import json
import os
import re
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

TERMINAL = ("finished", "failed", "cancelled")
OPEN = ("queued", "running")
MADE = ("playable", "poster", "contact_sheet", "proxy")  # from every output, soon or a little later
KINDS = ("lost", "double", "stuck", "unreadable", "torn", "audit", "quota", "late", "orphan", "leftover")
GENESIS = "0" * 64
# Words for a person: begins like a sentence, ends like one, and shows nothing of the machine.
SENTENCE = re.compile(r"[A-Z](?!\w*(Error|Exception)\b)[^\n{}<>]{15,}[.!?]")
Row = tuple[Any, ...]


@dataclass(frozen=True, order=True)
class Finding:
    """Something that is not as it must be. ``kind`` is one of ``KINDS``; ``subject`` a job, a file or an entry."""

    kind: str
    subject: str
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {self.words}"


@dataclass(frozen=True)
class Job:
    id: str
    state: str
    attempt: int
    lease_until: float | None  # seconds since 1970
    reason: str
    is_repeat: bool


@dataclass(frozen=True)
class Entry:
    """One line of the record, as stored."""

    chain: str
    number: int
    at_us: int
    actor: str
    act: str
    subject: str
    facts: str
    private_digest: str
    previous: str
    hash: str

    @property
    def job(self) -> str:
        return self.subject.removeprefix("job:")

    @property
    def attempt(self) -> int:
        return int(self.fact("attempt") or 0)

    def fact(self, name: str) -> Any:
        return json.loads(self.facts).get(name)


@dataclass(frozen=True)
class Evidence:
    """Everything that one reading of the database says, and where its files are."""

    jobs: dict[str, Job]
    briefs: dict[str, tuple[int, int]]  # jobs asked for, jobs there
    outputs: list[str]  # the job of each
    recipes: set[tuple[str, str]]  # of jobs: what was made from their outputs
    named: set[str]  # hashes that outputs and renditions name
    files: dict[str, int]  # hash: size
    quota: Counter[tuple[str, str]]  # of job and kind
    notices: Counter[tuple[str, str]]
    entries: list[Entry]
    chains: dict[str, tuple[int, str]]  # length and head
    media: Path


# --- reading ----------------------------------------------------------------------------------------------------------
def select(database: str, *statements: str) -> list[list[Row]]:
    """The rows of each statement, all from one snapshot.

    Args:
        database: the path of a SQLite file, or a libpq connection string (it has a ``=``).

    Raises:
        sqlite3.Error, psycopg.Error: the database does not answer.
    """
    if "=" in database:
        with psycopg.connect(database, connect_timeout=5) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return [connection.execute(statement.encode()).fetchall() for statement in statements]
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as file:
        file.execute("BEGIN")
        return [file.execute(statement).fetchall() for statement in statements]


def read(database: str, media: Path) -> Evidence:
    """Read a site: its database, and where its files should be."""
    jobs, briefs, outputs, renditions, files, quota, notices, entries, chains = select(
        database,
        "SELECT id, state, attempt, lease_until, reason, repeat_of_id FROM generation_job",
        "SELECT b.id, b.variations, COUNT(j.id) FROM generation_brief b"
        " LEFT JOIN generation_job j ON j.brief_id = b.id GROUP BY b.id, b.variations",
        "SELECT job_id, master_sha256 FROM generation_output",
        "SELECT r.sha256, o.job_id, r.recipe FROM generation_rendition r"
        " JOIN generation_output o ON o.id = r.output_id",
        "SELECT sha256, size FROM access_storedfile",
        "SELECT job_id, kind FROM generation_quotaentry",
        "SELECT kind, url FROM access_notice WHERE kind IN ('clip_ready', 'clip_failed')",
        "SELECT c.key, e.number, e.at_us, e.actor, e.act, e.subject, e.facts, e.private_digest, e.previous, e.hash"
        " FROM access_entry e JOIN access_chain c ON c.id = e.chain_id ORDER BY c.key, e.number",
        "SELECT key, length, head FROM access_chain",
    )
    return Evidence(
        jobs={(job := _job(row)).id: job for row in jobs},
        briefs={name(row[0]): (row[1], row[2]) for row in briefs},
        outputs=[name(row[0]) for row in outputs],
        recipes={(name(job), recipe) for _, job, recipe in renditions},
        named={row[1] for row in outputs} | {row[0] for row in renditions},
        files=dict(files),
        quota=Counter((name(row[0]), row[1]) for row in quota),
        notices=Counter((last_uuid(url), kind) for kind, url in notices),
        entries=[Entry(*row) for row in entries],
        chains={key: (length, head) for key, length, head in chains},
        media=media,
    )


def _job(row: Row) -> Job:
    pk, state, attempt, lease_until, reason, repeat_of = row
    return Job(name(pk), state, attempt, seconds(lease_until), reason, repeat_of is not None)


def name(pk: Any) -> str:
    """A UUID with its dashes, however the database keeps it."""
    return str(uuid.UUID(str(pk)))


def seconds(instant: Any) -> float | None:
    """An instant of either database in seconds since 1970. SQLite keeps UTC without saying so."""
    if instant is None:
        return None
    moment = instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def last_uuid(text: str) -> str:
    found = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)
    return found[-1] if found else ""


# --- judging ----------------------------------------------------------------------------------------------------------
def judge(database: str, media: Path, *, submitted: Iterable[str] = (), at: float | None = None) -> list[Finding]:
    """Everything that is wrong with a site at rest.

    Args:
        submitted: the jobs that were accepted: a row of theirs that is not there is lost.
        at: the instant to judge leases by, in seconds since 1970; now if None.
    """
    evidence = read(database, media)
    now = time.time() if at is None else at
    findings = [
        *gone(evidence, submitted),
        *(found for job in evidence.jobs.values() for found in _about(job, evidence, now)),
        *broken_chains(evidence),
        *files_amiss(evidence),
    ]
    return sorted(set(findings))


def gone(evidence: Evidence, submitted: Iterable[str]) -> Iterator[Finding]:
    for job in submitted:
        if job not in evidence.jobs:
            yield Finding("lost", job, "it was accepted, and there is no row of it")
    for brief, (asked, there) in evidence.briefs.items():
        if there != asked:
            yield Finding("lost", brief, f"a brief of {asked} jobs has {there}")


def _about(job: Job, evidence: Evidence, now: float) -> Iterator[Finding]:
    acts = Counter(entry.act for entry in evidence.entries if entry.subject == f"job:{job.id}")
    for judged in (_state_of(job, evidence, now), _books_of(job, evidence), _record_of(job, evidence, acts)):
        for kind, words in judged:
            yield Finding(kind, job.id, words)


def _state_of(job: Job, evidence: Evidence, now: float) -> Iterator[tuple[str, str]]:
    outputs = evidence.outputs.count(job.id)
    if job.state == "finished" and not outputs and not job.is_repeat:
        yield "lost", "finished without an output"
    if job.state not in (*TERMINAL, *OPEN):
        yield "lost", f"in a state that nobody knows: {job.state}"
    if job.state in OPEN:
        yield "stuck", f"still {job.state}"
    if job.state == "running" and (job.lease_until is None or job.lease_until < now):
        yield "stuck", "running, and its lease is over"
    if job.state == "failed" and not SENTENCE.fullmatch(job.reason):
        yield "unreadable", f"failed for {job.reason!r}, which is no sentence for its artist"
    if missing := [recipe for recipe in MADE if outputs and (job.id, recipe) not in evidence.recipes]:
        yield "late", f"an output without {', '.join(missing)}"
    if outputs > 1:
        yield "double", f"{outputs} outputs"
    if outputs and job.state != "finished":
        yield "double", f"an output, and yet {job.state}"


def _books_of(job: Job, evidence: Evidence) -> Iterator[tuple[str, str]]:
    """What was spent and given back, and what its artist was told."""
    spent, back = (evidence.quota[job.id, kind] for kind in ("spend", "refund"))
    for kind, times in (("spend", spent), ("refund", back)):
        if times > 1:
            yield "double", f"{times} times {kind}"
    expected = {"finished": (0,), "failed": (1,), "cancelled": (0, 1)}.get(job.state, (0,))
    if job.is_repeat and (spent or back):
        yield "quota", "a repeat costs nothing, and this one did"
    if not job.is_repeat and (spent == 0 or (min(back, 1) not in expected)):
        yield "quota", f"{job.state}, with {spent} spent and {back} given back"
    ready, failed = (evidence.notices[job.id, kind] for kind in ("clip_ready", "clip_failed"))
    if ready + failed > 1:
        yield "double", f"told {ready} times that it is ready and {failed} times that it failed"
    told = {"finished": ready, "failed": failed}.get(job.state, 1)
    if not told and not job.is_repeat:
        yield "lost", f"{job.state}, and nobody was told"


def _record_of(job: Job, evidence: Evidence, acts: Counter[str]) -> Iterator[tuple[str, str]]:
    if acts["finish_job"] > 1:
        yield "double", f"finished {acts['finish_job']} times by the record"
    if acts["claim_job"] != job.attempt:
        yield "audit", f"{job.attempt} attempts, and {acts['claim_job']} claims in the record"
    made = job.state == "finished" and not job.is_repeat
    if (acts["finish_job"] > 0) != made:
        yield "audit", f"{job.state}, and {acts['finish_job']} finishes in the record"
    if (acts["fail_job"] > 0) != (job.state == "failed"):
        yield "audit", f"{job.state}, and {acts['fail_job']} failures in the record"


# --- the record -------------------------------------------------------------------------------------------------------
def broken_chains(evidence: Evidence) -> Iterator[Finding]:
    """The first place of each chain where it does not hold."""
    for key, head in evidence.chains.items():
        entries = [entry for entry in evidence.entries if entry.chain == key]
        before = [GENESIS, *(entry.hash for entry in entries)]
        for number, (entry, previous) in enumerate(zip(entries, before, strict=False), start=1):
            if (entry.number, entry.previous, entry.hash) != (number, previous, hash_of_entry(entry)):
                yield Finding("audit", f"{key} {number}", "the chain does not hold here")
                break
        else:
            if head != (len(entries), before[-1]):
                yield Finding("audit", f"{key} {len(entries)}", "the head names another end")


def hash_of_entry(entry: Entry) -> str:
    """SHA-256 over the fields, each preceded by its length in eight bytes (docs/architecture.md, Audit)."""
    fields = (
        *("vernissage-audit-1", entry.chain, str(entry.number), str(entry.at_us), entry.actor, entry.act),
        *(entry.subject, entry.facts, entry.private_digest, entry.previous),
    )
    raw = [field.encode() for field in fields]
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in raw)).hexdigest()


# --- files ------------------------------------------------------------------------------------------------------------
def files_amiss(evidence: Evidence) -> Iterator[Finding]:
    """Rows without their bytes (``torn``), bytes without a row (``orphan``), what was left under ``tmp``."""
    for sha256, size in evidence.files.items():
        if why := _why_torn(evidence.media / sha256[:2] / sha256, sha256, size):
            yield Finding("torn", sha256, why)
    for sha256 in evidence.named - set(evidence.files):
        yield Finding("torn", sha256, "named by an output, and there is no row of it")
    for folder, _, names in os.walk(evidence.media):
        within = Path(folder).relative_to(evidence.media)
        for found in names:
            if "tmp" in within.parts[:1]:
                yield Finding("leftover", str(within / found), "a temporary file of a process that died")
            elif found not in evidence.files or within.parts != (found[:2],):
                yield Finding("orphan", str(within / found), "a file without a row")


def _why_torn(path: Path, sha256: str, size: int) -> str:
    if not path.is_file():
        return "a row without its file"
    if path.stat().st_size != size:
        return f"{path.stat().st_size} bytes of {size}"
    with path.open("rb") as file:
        return "" if hashlib.file_digest(file, "sha256").hexdigest() == sha256 else "other bytes than were stored"


# --- looking ----------------------------------------------------------------------------------------------------------
def running(database: str) -> dict[str, int]:
    """The jobs that run now, with the attempt of each."""
    (rows,) = select(database, "SELECT id, attempt FROM generation_job WHERE state = 'running'")
    return {name(pk): attempt for pk, attempt in rows}


def states(database: str) -> dict[str, str]:
    (rows,) = select(database, "SELECT id, state FROM generation_job")
    return {name(pk): state for pk, state in rows}


def frames(database: str) -> dict[str, str]:
    """The hash of the pixels of each job's output, as its provenance says."""
    (rows,) = select(database, "SELECT job_id, provenance FROM generation_output")
    told = {name(job): json.loads(said) if isinstance(said, str) else said for job, said in rows}
    return {job: str(said.get("frames_sha256", "")) for job, said in told.items()}
