"""The state machine of submissions and decisions as one table: action × state before → state after, or the refusal."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from access import clock
from access.refusals import NotAllowed, Refused
from review import claiming, moderation, sharing, submitting
from review.models import Claim, Decision, Share, Submission
from review.refusals import (
    ClaimLost,
    DecidedAlready,
    HeldByAnother,
    NoLongerWaiting,
    NotApproved,
    NotRevealed,
    RoundPassed,
    SharedAlready,
    ShareEnded,
    SubmissionWithdrawn,
    SubmittedAlready,
    UndoneAlready,
    UndoTooLate,
)
from tests.review.cast import At, Cast


@dataclass
class Stage:
    """A submission brought into a state, with what brought it there."""

    cast: Cast
    at: At
    submission: Submission
    held: Claim | None = None
    decision: Decision | None = None
    share: Share | None = None

    def state(self) -> str:
        now, found = clock.now(), Submission.objects.get(pk=self.submission.pk)
        if Share.objects.granted(now).filter(output=found.output_id).exists():
            return "shared"
        if found.state == "withdrawn":
            return "withdrawn"
        if decision := found.decisions.effective(now).first():
            return str(decision.verdict)
        if found.state == "decided":
            return "deciding" if found.decisions.standing().exists() else "overturned"
        claim = found.claims.live(now).first()
        held = ("revealed" if claim.revealed_at else "claimed") if claim else "waiting"
        return held if found.round == 1 else f"{held} again"


BEFORE: dict[str, Callable[[Stage], Any]] = {}
ACTIONS: dict[str, Callable[[Stage], Any]] = {}


def before(function: Callable[[Stage], Any]) -> Callable[[Stage], Any]:
    BEFORE[function.__name__.replace("_", " ")] = function
    return function


@before
def waiting(_stage: Stage) -> None:
    pass


@before
def claimed(stage: Stage) -> None:
    stage.held = stage.cast.claim(stage.submission, revealed=False)


@before
def expired(stage: Stage) -> None:
    revealed(stage)
    stage.at(clock.now() + claiming.LEASE)


@before
def revealed(stage: Stage) -> None:
    stage.held = stage.cast.claim(stage.submission)


@before
def deciding(stage: Stage) -> None:
    revealed(stage)
    stage.decision = stage.cast.approve(stage.held)


@before
def approved(stage: Stage) -> None:
    deciding(stage)
    stage.at(stage.decision.effective_at)


@before
def rejected(stage: Stage) -> None:
    revealed(stage)
    stage.decision = stage.cast.reject(stage.held)
    stage.at(stage.decision.effective_at)


@before
def withdrawn(stage: Stage) -> None:
    revealed(stage)
    submitting.withdraw(stage.submission, by=stage.cast.artist.user)


@before
def waiting_again(stage: Stage) -> None:
    deciding(stage)
    moderation.undo(stage.decision, by=stage.cast.reviewer)


@before
def shared(stage: Stage) -> None:
    approved(stage)
    stage.share = sharing.share(stage.decision, by=stage.cast.artist.user)


@before
def revoked(stage: Stage) -> None:
    shared(stage)
    sharing.revoke(stage.share, by=stage.cast.artist.user)


@before
def overturned(stage: Stage) -> None:
    approved(stage)
    stage.cast.overturn(stage.decision)
    stage.at(stage.decision.effective_at + timedelta(minutes=1))


ACTIONS = {
    "claim": lambda s: claiming.claim(s.submission, reviewer=s.cast.reviewer),
    "claim by a rival": lambda s: claiming.claim(s.submission, reviewer=s.cast.rival),
    "renew": lambda s: claiming.renew(s.held),
    "release": lambda s: claiming.release(s.held),
    "reveal": lambda s: claiming.reveal(s.held),
    "approve": lambda s: s.cast.approve(s.held),
    "reject": lambda s: s.cast.reject(s.held),
    "approve by a rival": lambda s: s.cast.approve(s.held, by=s.cast.rival),
    "undo": lambda s: moderation.undo(s.decision, by=s.cast.reviewer),
    "undo by a rival": lambda s: moderation.undo(s.decision, by=s.cast.rival),
    "withdraw": lambda s: submitting.withdraw(s.submission, by=s.cast.artist.user),
    "withdraw by a reviewer": lambda s: submitting.withdraw(s.submission, by=s.cast.reviewer),
    "submit again": lambda s: s.cast.submission(s.submission.output),
    "share": lambda s: sharing.share(s.decision, by=s.cast.artist.user),
    "share by a reviewer": lambda s: sharing.share(s.decision, by=s.cast.reviewer),
    "revoke": lambda s: sharing.revoke(s.share, by=s.cast.artist.user),
    "revoke by a reviewer": lambda s: sharing.revoke(s.share, by=s.cast.reviewer),
    "settle": lambda _s: sharing.settle(),
}

TABLE: list[tuple[str, str, str | type[Refused]]] = [
    ("waiting", "claim", "claimed"),
    ("waiting", "withdraw", "withdrawn"),
    ("waiting", "withdraw by a reviewer", NotAllowed),
    ("waiting", "submit again", SubmittedAlready),
    ("waiting", "settle", "waiting"),
    ("claimed", "claim", "claimed"),
    ("claimed", "claim by a rival", HeldByAnother),
    ("claimed", "renew", "claimed"),
    ("claimed", "release", "waiting"),
    ("claimed", "reveal", "revealed"),
    ("claimed", "approve", NotRevealed),
    ("claimed", "reject", "deciding"),
    ("claimed", "withdraw", "withdrawn"),
    ("revealed", "approve", "deciding"),
    ("revealed", "reject", "deciding"),
    ("revealed", "approve by a rival", ClaimLost),
    ("revealed", "release", "waiting"),
    ("expired", "claim", "claimed"),
    ("expired", "claim by a rival", "claimed"),
    ("expired", "renew", ClaimLost),
    ("expired", "release", ClaimLost),
    ("expired", "approve", ClaimLost),
    ("expired", "reject", ClaimLost),
    ("deciding", "undo", "waiting again"),
    ("deciding", "undo by a rival", NotAllowed),
    ("deciding", "approve", DecidedAlready),
    ("deciding", "reject", DecidedAlready),
    ("deciding", "approve by a rival", DecidedAlready),
    ("deciding", "claim by a rival", NoLongerWaiting),
    ("deciding", "withdraw", NoLongerWaiting),
    ("deciding", "share", NotApproved),
    ("deciding", "settle", "deciding"),
    ("approved", "undo", UndoTooLate),
    ("approved", "claim by a rival", NoLongerWaiting),
    ("approved", "withdraw", NoLongerWaiting),
    ("approved", "submit again", SubmittedAlready),
    ("approved", "share", "shared"),
    ("approved", "share by a reviewer", NotAllowed),
    ("approved", "settle", "approved"),
    ("rejected", "undo", UndoTooLate),
    ("rejected", "share", NotApproved),
    ("rejected", "submit again", SubmittedAlready),
    ("rejected", "claim by a rival", NoLongerWaiting),
    ("withdrawn", "withdraw", NoLongerWaiting),
    ("withdrawn", "claim", NoLongerWaiting),
    ("withdrawn", "approve", SubmissionWithdrawn),
    ("withdrawn", "renew", ClaimLost),
    ("withdrawn", "submit again", "withdrawn"),
    ("waiting again", "claim by a rival", "claimed again"),
    ("waiting again", "undo", UndoneAlready),
    ("waiting again", "approve", RoundPassed),
    ("waiting again", "share", NotApproved),
    ("waiting again", "withdraw", "withdrawn"),
    ("shared", "share", SharedAlready),
    ("shared", "revoke", "approved"),
    ("shared", "revoke by a reviewer", NotAllowed),
    ("shared", "settle", "shared"),
    ("revoked", "revoke", ShareEnded),
    ("revoked", "share", "shared"),
    ("overturned", "share", NotApproved),
    ("overturned", "undo", UndoTooLate),
]


@pytest.mark.parametrize(("state", "action", "expected"), TABLE, ids=lambda part: getattr(part, "__name__", part))
def test_scenario(cast: Cast, at: At, state: str, action: str, expected: str | type[Refused]) -> None:
    stage = Stage(cast, at, cast.submission())
    BEFORE[state](stage)
    began = stage.state()
    if isinstance(expected, str):
        ACTIONS[action](stage)
        assert stage.state() == expected
        return
    with pytest.raises(expected):
        ACTIONS[action](stage)
    assert stage.state() == began


def test_every_refusal_says_what_to_do() -> None:
    for refusal in (cls for cls in Refused.__subclasses__() if cls.__module__ == "review.refusals"):
        assert len(str(refusal().sentence)) > 30, refusal
        assert refusal.code != Refused.code, refusal
