"""From a private clip to a public link: submissions, looks, claims, opinions, decisions, appeals, shares."""

from review.models.ballots import Ballot, Presence
from review.models.looks import (
    Breach,
    Claim,
    Draft,
    Escalation,
    Exposure,
    Habit,
    Look,
    LookQuerySet,
    OptOut,
    Phrase,
    Skip,
)
from review.models.opinions import (
    Appeal,
    Audience,
    Contest,
    Decision,
    DecisionQuerySet,
    Draw,
    Golden,
    Note,
    Opinion,
    Verdict,
    Withdrawal,
)
from review.models.policies import BANDS, Category, Clause, Policy, ReviewTerms, RiskRule
from review.models.shares import Share, ShareQuerySet, Visits, halts_over
from review.models.signals import (
    BankEntry,
    BankEntryQuerySet,
    Deposit,
    Examination,
    FrameHash,
    Signal,
    SignalQuerySet,
)
from review.models.statements import Statement
from review.models.submissions import (
    Advance,
    Answer,
    Critique,
    Flag,
    MailChoice,
    Pause,
    Submission,
    SubmissionQuerySet,
)

__all__ = [
    "BANDS", "Advance", "Answer", "Appeal", "Audience", "Ballot", "BankEntry", "BankEntryQuerySet", "Breach",
    "Category", "Claim", "Clause", "Contest", "Critique", "Decision", "DecisionQuerySet", "Deposit", "Draft", "Draw",
    "Escalation", "Examination", "Exposure", "Flag", "FrameHash", "Golden", "Habit", "Look", "LookQuerySet",
    "MailChoice", "Note", "Opinion", "OptOut", "Pause", "Phrase", "Policy", "Presence", "ReviewTerms", "RiskRule",
    "Share", "ShareQuerySet", "Signal", "SignalQuerySet", "Skip", "Statement", "Submission", "SubmissionQuerySet",
    "Verdict", "Visits", "Withdrawal", "halts_over",
]  # fmt: skip
