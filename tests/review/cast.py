"""The cast of review: a program with a policy, its artist, two reviewers, and the steps of their journey."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from access.models import Enrollment, Program, User
from generation import rendering
from generation.encoding import encode, encode_rest
from generation.models import Output
from review import appeals, claiming, moderation, sharing, submitting
from review.looking import Report
from review.models import Claim, Clause, Decision, Look, Policy, Share, Submission
from review.verdicts import EVERYBODY, NO_REASONS, Given, Reasons, Seen
from tests import make

At = Callable[[datetime], None]


@dataclass
class Cast:
    """Who is on stage. Each method takes one step of the journey through the product's own verbs."""

    program: Program
    policy: Policy
    artist: Enrollment
    reviewer: User
    rival: User

    @property
    def clause(self) -> Clause:
        return self.policy.clauses.get(code="2")

    def output(self, enrollment: Enrollment | None = None) -> Output:
        return make.output(enrollment=enrollment or self.artist)

    def submission(self, output: Output | None = None, **facts: Any) -> Submission:
        """One that waits; ``answers`` is the submission of an earlier output that was sent back."""
        answers = facts.pop("answers", None)
        wish = submitting.Wish(**{"title": "Tide", "credit": "A. Person", **facts})
        output = output or self.output()
        return submitting.submit(output, enrollment=output.enrollment, wish=wish, answers=answers)

    def look(self, submission: Submission, kind: str = "") -> Look:
        """The look that waits, else the last one."""
        looks = submission.looks.filter(kind=kind) if kind else submission.looks.all()
        return looks.waiting().first() or looks.order_by("-asked_at", "-round").first()

    def claim(self, submission: Submission, by: User | None = None, *, revealed: bool = True) -> Claim:
        held = claiming.claim(self.look(submission), reviewer=by or self.reviewer)
        return claiming.reveal(held) if revealed else held

    def approve(self, held: Claim, by: User | None = None, **facts: Any) -> Decision:
        return self.give(held, "approved", by, **facts).decision

    def reject(self, held: Claim, by: User | None = None, **facts: Any) -> Decision:
        return self.give(held, "rejected", by, **facts).decision

    def send_back(self, held: Claim, **facts: Any) -> Decision:
        return self.give(held, "changes", **facts).decision

    def give(self, held: Claim, verdict: str, by: User | None = None, **facts: Any) -> Given:
        """A verdict after watching all of the clip."""
        scope = facts.pop("scope", EVERYBODY)
        said = {"clause": self.clause, "words": "The knife at the end.", "from_ms": 0, "to_ms": 100, **facts}
        reasons = NO_REASONS if verdict == "approved" and not facts else Reasons(**said)
        return moderation.decide(
            held, reviewer=by or held.reviewer, verdict=verdict, seen=seen(held), reasons=reasons, scope=scope
        )

    def approval(self, submission: Submission | None = None) -> Decision:
        return self.approve(self.claim(submission or self.submission()))

    def rejection(self, at: At, submission: Submission | None = None) -> Decision:
        """A no in effect; the clock then stands a minute after it."""
        decision = self.reject(self.claim(submission or self.submission()))
        at(decision.decided_at + timedelta(minutes=1))
        return decision

    def share(self, at: At, **terms: Any) -> Share:
        """An open link; the clock then stands a minute after the verdict."""
        decision = self.approval()
        at(decision.decided_at + timedelta(minutes=1))
        return sharing.share(decision, by=self.artist.user, **terms)

    def overturn(self, decision: Decision) -> Decision:
        """The artist appeals, and the rival approves."""
        appeals.open_appeal(decision, by=self.artist.user, words="Look again, please.")
        return self.approve(self.claim(decision.submission, by=self.rival), words="On second sight it is fine.")


def make_cast() -> Cast:
    program = make.program()
    policy = make.policy(program)
    artist = make.artist(program=program)
    return Cast(program, policy, artist, make.reviewer(program=program), make.reviewer(program=program))


def seen(held: Claim, **report: Any) -> Seen:
    """What the page shows and reports: all of the clip played, unless said otherwise."""
    said = Report(**{"played": ((0, moderation.duration_ms(held.submission)),), **report})
    return Seen(fence=held.fence, round=held.round, shown_sha256=held.shown.sha256, report=said)


def flip_a_byte(path: Path) -> None:
    """Change one byte of a stored file in place, as a failing disk or an intruder would."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(10)
        byte = file.read(1)
        file.seek(10)
        file.write(bytes([byte[0] ^ 1]))


def stack(cast: Cast, count: int = 3) -> list[Submission]:
    """All outputs of one brief, submitted."""
    brief = make.brief(enrollment=cast.artist, variations=count)
    made = []
    for _ in range(count):
        taken, drawn = make.claimed("test-worker"), make.clip()
        assert taken and taken.brief_id == brief.pk
        output = rendering.finish(taken, encode(drawn, width=96), seconds=1.0)
        rendering.add_renditions(output, encode_rest(drawn, width=96))
        made.append(cast.submission(make.examined(output)))
    return made
