"""Every state that a submission can stand in, and every verb that somebody may try on it there."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from django.db import models

from access import clock
from access.models import User
from generation.models import Output
from review import appeals, claiming, clocks, escalating, looking, moderation, sharing, submitting
from review.looking import Report
from review.models import Appeal, Claim, Decision, Escalation, Look, Share, Submission
from tests import make
from tests.review.cast import At, Cast


@dataclass
class Scene:
    """A submission brought into a state, with what brought it there; ``lead`` and ``third`` had no part so far."""

    cast: Cast
    at: At
    lead: User
    third: User
    other: Output
    submission: Submission
    held: Claim | None = None
    decision: Decision | None = None
    share: Share | None = None
    escalation: Escalation | None = None

    def fresh(self) -> "Scene":
        """The same, as the database has it now."""
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        return Scene(**{name: again(value) for name, value in kept.items()})

    def claim_of(self, who: User) -> Claim:
        return self.cast.claim(self.submission, by=who)

    @property
    def appeal(self) -> Appeal | None:
        return Appeal.objects.filter(decision__submission=self.submission).order_by("opened_at").last()

    def state(self) -> str:
        """Where the submission stands, in words."""
        now, found = clock.now(), Submission.objects.get(pk=self.submission.pk)
        if Share.objects.granted(now).filter(output=found.output_id).exists():
            return "shared"
        if found.state in ("withdrawn", "answered"):
            return str(found.state)
        if found.state == "decided":
            return decided(found)
        return waiting(Look.objects.waiting().get(submission=found))


def again(value: Any) -> Any:
    return type(value)._default_manager.get(pk=value.pk) if isinstance(value, models.Model) else value


def decided(found: Submission) -> str:
    decision = found.decisions.standing().order_by("-decided_at")[0]
    if decision.effective_at > clock.now():
        return f"deciding {decision.verdict}"
    if decision.overturns_id:
        return "overturned"
    if appeal := decision.appeals.order_by("opened_at").last():
        return "looked at by rule" if appeal.is_critique and appeal.state == "open" else f"appeal {appeal.state}"
    return str(decision.verdict)


def waiting(look: Look) -> str:
    claim = Claim.objects.live(clock.now()).filter(look=look).first()
    held = ("revealed" if claim.revealed_at else "claimed") if claim else "waiting"
    kind = {"second": " for a second", "tie_break": " for a third"}.get(look.kind, "")
    return held + kind + (" for leads" if look.for_leads else "") + (" again" if look.round > 1 else "")


# --- the states ------------------------------------------------------------------------------------------------------

STATES: dict[str, Callable[[Scene], Any]] = {}


def state(function: Callable[[Scene], Any]) -> Callable[[Scene], Any]:
    STATES[function.__name__.replace("_", " ")] = function
    return function


@state
def fresh(_scene: Scene) -> None:
    pass


@state
def claimed(scene: Scene) -> None:
    scene.held = scene.cast.claim(scene.submission, revealed=False)


@state
def revealed(scene: Scene) -> None:
    scene.held = scene.cast.claim(scene.submission)


@state
def expired(scene: Scene) -> None:
    revealed(scene)
    scene.at(clock.now() + claiming.LEASE)


@state
def broken(scene: Scene) -> None:
    revealed(scene)
    claiming.break_claim(scene.held, by=scene.lead, reason="gone home")


@state
def skipped(scene: Scene) -> None:
    revealed(scene)
    claiming.skip(scene.held, reason="a friend")


@state
def escalated(scene: Scene) -> None:
    revealed(scene)
    scene.escalation = escalating.escalate(scene.held, question="Is this a person?")


@state
def advised(scene: Scene) -> None:
    escalated(scene)
    escalating.advise(scene.escalation, by=scene.lead, answer="It is a doll.")


@state
def second_wanted(scene: Scene) -> None:
    revealed(scene)
    Submission.objects.filter(pk=scene.submission.pk).update(people=2)
    scene.cast.approve(scene.held)


@state
def second_revealed(scene: Scene) -> None:
    second_wanted(scene)
    scene.held = scene.claim_of(scene.third)


@state
def third_wanted(scene: Scene) -> None:
    second_wanted(scene)
    scene.cast.reject(scene.claim_of(scene.third))


@state
def third_revealed(scene: Scene) -> None:
    third_wanted(scene)
    scene.held = scene.claim_of(scene.lead)


@state
def critique_revealed(scene: Scene) -> None:
    submitting.say_critique(scene.submission, by=scene.cast.artist.user)
    revealed(scene)


@state
def deciding(scene: Scene) -> None:
    revealed(scene)
    scene.decision = scene.cast.approve(scene.held)


@state
def deciding_a_no(scene: Scene) -> None:
    revealed(scene)
    scene.decision = scene.cast.reject(scene.held)


@state
def undone(scene: Scene) -> None:
    deciding(scene)
    moderation.undo(scene.decision, by=scene.cast.reviewer)


@state
def approved(scene: Scene) -> None:
    deciding(scene)
    scene.at(scene.decision.effective_at)


@state
def rejected(scene: Scene) -> None:
    deciding_a_no(scene)
    scene.at(scene.decision.effective_at)


@state
def sent_back(scene: Scene) -> None:
    revealed(scene)
    scene.decision = scene.cast.send_back(scene.held)
    scene.at(scene.decision.effective_at)


@state
def answered_with_words(scene: Scene) -> None:
    sent_back(scene)
    submitting.answer(scene.submission, by=scene.cast.artist.user, words="The knife is a brush.")


@state
def changes_spent(scene: Scene) -> None:
    for _ in range(Submission.MOST_CHANGES):
        answered_with_words(scene)
    revealed(scene)


@state
def answered_with_another(scene: Scene) -> None:
    sent_back(scene)
    scene.cast.submission(make.output(enrollment=scene.cast.artist), answers=scene.submission)


@state
def withdrawn(scene: Scene) -> None:
    revealed(scene)
    submitting.withdraw(scene.submission, by=scene.cast.artist.user)


@state
def appealed(scene: Scene) -> None:
    rejected(scene)
    appeals.open_appeal(scene.decision, by=scene.cast.artist.user, words="Look again.")
    scene.at(clock.now() + timedelta(seconds=1))


@state
def upheld(scene: Scene) -> None:
    appealed(scene)
    scene.cast.reject(scene.claim_of(scene.third))


@state
def overturned(scene: Scene) -> None:
    appealed(scene)
    scene.decision = scene.cast.approve(scene.claim_of(scene.third), words="It is fine.")


@state
def no_to_critique(scene: Scene) -> None:
    rejected(scene)
    submitting.say_critique(scene.submission, by=scene.cast.artist.user)


@state
def no_to_critique_upheld(scene: Scene) -> None:
    no_to_critique(scene)
    scene.cast.reject(scene.claim_of(scene.third))
    scene.at(clock.now() + timedelta(seconds=1))


@state
def shared(scene: Scene) -> None:
    approved(scene)
    scene.share = sharing.share(scene.decision, by=scene.cast.artist.user)


@state
def revoked(scene: Scene) -> None:
    shared(scene)
    sharing.revoke(scene.share, by=scene.cast.artist.user)


# --- the verbs -------------------------------------------------------------------------------------------------------


def beat(_scene: Scene) -> None:
    """What the periodic task does."""
    clocks.apply_pauses()
    clocks.find_breaches()
    claiming.end_expired()
    appeals.ask_due_seconds()
    sharing.settle()


VERBS: dict[str, Callable[[Scene], Any]] = {
    "claim": lambda s: claiming.claim(s.cast.look(s.submission), reviewer=s.cast.reviewer),
    "claim by a rival": lambda s: claiming.claim(s.cast.look(s.submission), reviewer=s.cast.rival),
    "claim by the lead": lambda s: claiming.claim(s.cast.look(s.submission), reviewer=s.lead),
    "claim ahead": lambda s: claiming.claim_next(s.cast.reviewer, program=s.cast.program, ahead=True),
    "next": lambda s: claiming.claim_next(s.cast.reviewer, program=s.cast.program),
    "next of a rival": lambda s: claiming.claim_next(s.cast.rival, program=s.cast.program),
    "renew": lambda s: claiming.renew(s.held),
    "report": lambda s: looking.note(s.held, Report(((0, 10),))),
    "release": lambda s: claiming.release(s.held),
    "reveal": lambda s: claiming.reveal(s.held),
    "skip": lambda s: claiming.skip(s.held, reason="not for me"),
    "break": lambda s: claiming.break_claim(s.held, by=s.lead, reason="gone home"),
    "break by a rival": lambda s: claiming.break_claim(s.held, by=s.cast.rival, reason="mine"),
    "escalate": lambda s: escalating.escalate(s.held, question="Is it?"),
    "advise": lambda s: escalating.advise(s.escalation, by=s.lead, answer="It is."),
    "advise by a rival": lambda s: escalating.advise(s.escalation, by=s.cast.rival, answer="It is."),
    "approve": lambda s: s.cast.approve(s.held),
    "approve by a rival": lambda s: s.cast.approve(s.held, by=s.cast.rival),
    "reject": lambda s: s.cast.reject(s.held),
    "send back": lambda s: s.cast.send_back(s.held),
    "undo": lambda s: moderation.undo(s.decision, by=s.decision.decided_by),
    "undo by a rival": lambda s: moderation.undo(s.decision, by=s.cast.rival),
    "withdraw": lambda s: submitting.withdraw(s.submission, by=s.cast.artist.user),
    "withdraw by a reviewer": lambda s: submitting.withdraw(s.submission, by=s.cast.reviewer),
    "answer": lambda s: submitting.answer(s.submission, by=s.cast.artist.user, words="A brush."),
    "answer by a reviewer": lambda s: submitting.answer(s.submission, by=s.cast.reviewer, words="A brush."),
    "answer with another output": lambda s: s.cast.submission(s.other, answers=s.submission),
    "submit again": lambda s: s.cast.submission(s.submission.output),
    "say critique": lambda s: submitting.say_critique(s.submission, by=s.cast.artist.user),
    "say critique by a reviewer": lambda s: submitting.say_critique(s.submission, by=s.cast.reviewer),
    "appeal": lambda s: appeals.open_appeal(s.decision, by=s.cast.artist.user, words="Look again."),
    "appeal by a reviewer": lambda s: appeals.open_appeal(s.decision, by=s.cast.reviewer, words="Look again."),
    "uphold": lambda s: s.cast.reject(s.cast.claim(s.appeal.decision.submission, by=s.cast.rival)),
    "overturn": lambda s: s.cast.approve(s.cast.claim(s.appeal.decision.submission, by=s.cast.rival), words="Fine."),
    "uphold by whoever decided": lambda s: s.cast.reject(s.cast.claim(s.appeal.decision.submission)),
    "share": lambda s: sharing.share(s.decision, by=s.cast.artist.user),
    "share by a reviewer": lambda s: sharing.share(s.decision, by=s.cast.reviewer),
    "revoke": lambda s: sharing.revoke(s.share, by=s.cast.artist.user),
    "revoke by a reviewer": lambda s: sharing.revoke(s.share, by=s.cast.reviewer),
    "beat": beat,
}

# What a verb acts on. Where there is none of it, nobody can name it: there is nothing to refuse.
NEEDS = {
    **dict.fromkeys(["renew", "report", "release", "reveal", "skip", "break", "break by a rival", "escalate"], "held"),
    **dict.fromkeys(["approve", "approve by a rival", "reject", "send back"], "held"),
    **dict.fromkeys(["advise", "advise by a rival"], "escalation"),
    **dict.fromkeys(["undo", "undo by a rival", "appeal", "appeal by a reviewer"], "decision"),
    **dict.fromkeys(["share", "share by a reviewer"], "decision"),
    **dict.fromkeys(["uphold", "overturn", "uphold by whoever decided"], "appeal"),
    **dict.fromkeys(["revoke", "revoke by a reviewer"], "share"),
}
NOTHING = "nothing to act on"
