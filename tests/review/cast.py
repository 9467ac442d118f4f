"""The cast of review: a program with a policy, its artist, two reviewers, and the steps of their journey."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from access.models import Enrollment, Program, User
from generation.models import Output
from review import claiming, moderation, sharing, submitting
from review.models import Claim, Clause, Decision, Policy, Share, Submission
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

    def submission(self, output: Output | None = None, **fields: Any) -> Submission:
        facts = {"title": "Tide", "credit": "A. Person", "statement": "", "publish_on_approval": False, **fields}
        output = output or self.output()
        return submitting.submit(output, enrollment=output.enrollment, **facts)

    def claim(self, submission: Submission, by: User | None = None, *, revealed: bool = True) -> Claim:
        held = claiming.claim(submission, reviewer=by or self.reviewer)
        return claiming.reveal(held) if revealed else held

    def approve(self, held: Claim, by: User | None = None) -> Decision:
        return moderation.decide(held, reviewer=by or held.reviewer, verdict="approved", seen=seen(held))

    def reject(self, held: Claim, **facts: Any) -> Decision:
        said = {"clause": self.clause, "words": "The knife at the end.", "from_ms": 0, "to_ms": 100, **facts}
        reasons = moderation.Reasons(**said)
        return moderation.decide(held, reviewer=held.reviewer, verdict="rejected", seen=seen(held), reasons=reasons)

    def approval(self, submission: Submission | None = None) -> Decision:
        return self.approve(self.claim(submission or self.submission()))

    def share(self, at: At, **terms: Any) -> Share:
        """An open link; the clock then stands a minute after the verdict."""
        decision = self.approval()
        at(decision.decided_at + timedelta(minutes=1))
        return sharing.share(decision, by=self.artist.user, **terms)

    def overturn(self, decision: Decision) -> Decision:
        """What an appeal will do one day: a new decision that takes the place of the old one."""
        said = {"clause": self.clause, "words": "On second sight.", "from_ms": 0, "to_ms": 100}
        same = ("submission", "round", "artist", "first", "master_sha256", "shown_sha256", "recipes")
        facts = {name: getattr(decision, name) for name in same}
        when = {"decided_at": decision.effective_at, "effective_at": decision.effective_at}
        return Decision.objects.create(
            **facts, **when, **said, verdict="rejected", decided_by=self.rival, overturns=decision
        )


def make_cast() -> Cast:
    program = make.program()
    policy = make.policy(program)
    artist = make.artist(program=program)
    return Cast(program, policy, artist, make.reviewer(program=program), make.reviewer(program=program))


def seen(held: Claim) -> moderation.Seen:
    return moderation.Seen(fence=held.fence, round=held.round, shown_sha256=held.shown.sha256)


def flip_a_byte(path: Path) -> None:
    """Change one byte of a stored file in place, as a failing disk or an intruder would."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(10)
        byte = file.read(1)
        file.seek(10)
        file.write(bytes([byte[0] ^ 1]))
