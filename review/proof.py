"""What an artist was told, with what proves that it stands in the program's record. The format is in docs/proof.md.

The record of the verdict itself names the reviewer, so it cannot be handed out. Therefore, as soon as a decision is in
effect, what its artist is told is entered once more, as a statement that names no person; it cites the number and the
hash of the sealed record, which an auditor with the whole chain can compare.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q

from access import audit, clock
from access.models import Chain, Entry, Program
from review import appeals, pseudonyms, story
from review.models import Appeal, Decision, Note, Opinion, Statement, Submission

FORMAT = "vernissage-decision-1"
MOST_LINKS = 10_000  # entries from the first statement of a document on; about 1.5 MB
LATELY = timedelta(days=2)  # what took effect before, and has no statement, gets it when somebody asks
BATCH = 500
OWN_ACTS = ("submit", "answer", "appeal", "say_critique", "withdraw", "breach")  # whose facts name nobody else


def settle() -> int:
    """Enter the statements of what took effect lately; how many."""
    now = clock.now()
    fresh = Decision.objects.told(now).filter(effective_at__gt=now - LATELY, statement=None)
    settled = Appeal.objects.filter(settled_at__gt=now - LATELY, statement=None)
    due: list[Decision | Appeal] = [*fresh.order_by("effective_at")[:BATCH], *settled.order_by("settled_at")[:BATCH]]
    for told in due:
        issue(told)
    return len(due)


def issue(told: Decision | Appeal) -> Statement:
    """Enter what the artist is told of a decision in effect, or of a settled appeal, into the program's chain, once."""
    about = {"decision": told} if isinstance(told, Decision) else {"appeal": told}
    if known := Statement.objects.filter(**about).first():
        return known
    try:
        with audit.recorded():
            now = clock.now()
            made = Statement.objects.create(issued_at=now, **about)
            submission = told.submission if isinstance(told, Decision) else told.decision.submission
            facts = {"about": f"{told._meta.model_name}:{told.pk}", "record": _record(told)}
            audit.trace(
                "state_reasons", program=submission.program, at=now, actor=None, subject=made, facts=facts,
                private=audit.canonical(says(told)),
            )  # fmt: skip
            return made
    except IntegrityError:
        return Statement.objects.get(**about)


def _record(told: Decision | Appeal) -> dict[str, Any]:
    """Where the verdict itself stands in the chain."""
    entry = Entry.objects.filter(
        subject=f"{told._meta.model_name}:{told.pk}", act__in=("decide", "settle_appeal")
    ).first()
    return {"number": entry.number, "hash": entry.hash} if entry else {}


def says(told: Decision | Appeal) -> dict[str, Any]:
    """What the artist is told, in full, as plain values. Nothing names a reviewer, or is private to the program."""
    return _of_decision(told) if isinstance(told, Decision) else _of_appeal(told)


def _of_decision(decision: Decision) -> dict[str, Any]:
    submission, clause = decision.submission, decision.clause
    return {
        "kind": "decision",
        "decision": str(decision.pk),
        **_of_submission(submission),
        "verdict": decision.verdict,
        "clause": {"code": clause.code, "title": clause.title, "text": clause.text} if clause else None,
        "words": decision.words,
        "range_ms": [decision.from_ms, decision.to_ms],
        "notes": [_note(note) for note in story.notes(decision)],
        "by": [_by(opinion, submission) for opinion in decision.opinions],
        "master_sha256": decision.master_sha256,
        "shown_sha256": decision.shown_sha256,
        "audience": decision.audience if decision.is_approval else None,
        "embargo_until": _instant(decision.embargo_until),
        "overturns": str(decision.overturns_id) if decision.overturns_id else None,
        "decided_at": _instant(decision.decided_at),
        "effective_at": _instant(decision.effective_at),
        "appeal_until": None if decision.is_approval else _instant(appeals.closes_at(decision)),
    }


def _of_submission(submission: Submission) -> dict[str, Any]:
    return {
        "program": submission.program.slug,
        "submission": str(submission.pk),
        "output": str(submission.output_id),
        "title": submission.title,
        "policy": submission.policy.number,
        "submitted_at": _instant(submission.submitted_at),
    }


def _of_appeal(appeal: Appeal) -> dict[str, Any]:
    opinion = appeal.opinion
    assert opinion is not None, "a settled appeal has its opinion"
    return {
        "kind": "appeal",
        "appeal": str(appeal.pk),
        "decision": str(appeal.decision_id),
        **_of_submission(appeal.decision.submission),
        "asked_by": "rule" if appeal.is_critique else "artist",
        "state": appeal.state,
        "words": appeal.words,
        "answer": appeal.answer,
        "by": [_by(opinion, appeal.decision.submission)],
        "opened_at": _instant(appeal.opened_at),
        "settled_at": _instant(appeal.settled_at),
    }


def _note(note: Note) -> dict[str, Any]:
    region = None if note.x is None else [note.x, note.y, note.width, note.height]
    return {"range_ms": [note.from_ms, note.to_ms], "region": region, "words": note.words}


def _by(opinion: Opinion, submission: Submission) -> str:
    return pseudonyms.name(opinion.reviewer, submission.program, opinion.given_at)


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def document(decision: Decision) -> dict[str, Any]:
    """The file an artist downloads: the statements about a decision, their own entries, and the links to the head."""
    told: list[Decision | Appeal] = [
        decision,
        *decision.appeals.exclude(state=Appeal.State.OPEN).order_by("settled_at"),
    ]
    subjects = [f"statement:{issue(one).pk}" for one in told]
    entries = _entries(decision, subjects)
    chain = Chain.objects.get(program=decision.submission.program)
    stated = [entry["number"] for entry in entries if entry["act"] == "state_reasons"]
    links, is_whole = _links(chain, min(stated), max(stated))
    return {
        "format": FORMAT,
        "site": settings.SITE_URL,
        "made_at": _instant(clock.now()),
        "says": [json.loads(entry["text"]) for entry in entries if entry["act"] == "state_reasons" and entry["text"]],
        "entries": entries,
        "links": links,
        "links_reach_the_head": is_whole,
        "head": {"chain": chain.key, "number": chain.length, "hash": chain.head},
    }


def _entries(decision: Decision, statements: list[str]) -> list[dict[str, Any]]:
    """The statements and what the artist did themselves; of other people's acts nothing but their hashes goes out."""
    submission, artist = decision.submission, str(decision.artist_id)
    own = [f"submission:{submission.pk}", *(f"appeal:{appeal.pk}" for appeal in decision.appeals.all())]
    mine = Q(subject__in=own, act__in=OWN_ACTS, actor__in=("", artist))
    found = Entry.objects.filter(Q(subject__in=statements) | mine).select_related("chain", "private").order_by("number")
    return [_entry(entry) for entry in found]


FIELDS = ("number", "at_us", "actor", "act", "subject", "facts", "private_digest", "previous", "hash")


def _entry(entry: Entry) -> dict[str, Any]:
    private = getattr(entry, "private", None)
    kept = {"salt": private.salt, "text": private.text} if private else {"salt": None, "text": None}
    return {"chain": entry.chain.key, **{name: getattr(entry, name) for name in FIELDS}, **kept}


def _links(chain: Chain, first: int, last: int) -> tuple[list[list[Any]], bool]:
    """Number, previous hash and hash of each entry from the first statement past the last; whether to the head."""
    after = chain.entries.filter(number__gte=first, number__lte=chain.length).order_by("number")
    most = max(MOST_LINKS, last - first + 1)  # a statement outside the links would prove nothing
    rows = [list(row) for row in after.values_list("number", "previous", "hash")[:most]]
    return rows, bool(rows) and rows[-1][0] == chain.length


def head_of(program: Program) -> Chain | None:
    """The head of the program's chain: noted elsewhere, it shows later whether the record was rewritten before it."""
    return Chain.objects.filter(program=program).first()


def as_json(decision: Decision) -> str:
    return json.dumps(document(decision), indent=1, ensure_ascii=False)
