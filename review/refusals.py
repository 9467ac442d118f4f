"""When review says no. One class per reason; each sentence says what to do next."""

from django.utils.translation import gettext_lazy as _

from access.refusals import Refused


class PolicyMissing(Refused):
    code = "policy_missing"
    sentence = _("The program has not published its policy yet, so nothing can be judged. Ask the program's staff.")


class SubmittedAlready(Refused):
    code, rival = "submitted_already", True
    sentence = _("You have submitted this clip already. Open your submissions to see where it stands.")


class RenditionsMissing(Refused):
    code = "renditions_missing"
    sentence = _("The player copy of this clip is still being made. Try again in a minute.")


class BytesChanged(Refused):
    code = "bytes_changed"
    sentence = _("The stored file is no longer the one that was made, so it cannot go on. Ask the program's staff.")


class RedTeamNeverShared(Refused):
    code = "red_team_never_shared"
    sentence = _("Outputs of a red team stay inside the program: they are never shared. Your report is the way out.")


class NoLongerWaiting(Refused):
    code, rival = "no_longer_waiting", True
    sentence = _("This submission is no longer waiting. Reload the page to see where it stands.")


class SubmissionWithdrawn(Refused):
    code, rival = "submission_withdrawn", True
    sentence = _("The artist has withdrawn this submission. Nothing more needs to be done: go on to the next one.")


class OwnOutput(Refused):
    code = "own_output"
    sentence = _("This is your own output: somebody else judges it. Go on to the next one.")


class ConflictDeclared(Refused):
    code = "conflict_declared"
    sentence = _("A conflict between you and this artist is declared, so somebody else judges this. Take the next one.")


class HeldByAnother(Refused):
    code, rival = "held_by_another", True
    sentence = _("Another reviewer holds this submission. Take the next one.")


class ClaimInHand(Refused):
    """``claim`` among the facts is the one in hand."""

    code, rival = "claim_in_hand", True
    sentence = _("You hold another submission. Decide on it or hand it back first.")


class ClaimLost(Refused):
    code, rival = "claim_lost", True
    sentence = _("Your claim has ended, so nothing was recorded. Take the submission again to go on.")


class DecidedAlready(Refused):
    """``decision`` among the facts is the one that stands."""

    code, rival = "decided_already", True
    sentence = _("Somebody else has decided already, so this verdict was not recorded.")


class RoundPassed(Refused):
    code, rival = "round_passed", True
    sentence = _("The verdict you saw was undone: this is a new round. Look again, then decide.")


class NotRevealed(Refused):
    code = "not_revealed"
    sentence = _("Approving needs a look at the clip. Reveal it first.")


class ShownOther(Refused):
    code, rival = "shown_other", True
    sentence = _("The page showed another file than the one under review. Reload it and look again.")


class ReasonsMissing(Refused):
    code = "reasons_missing"
    sentence = _("A no needs a clause, words to the artist and the range where it is seen. Add what is missing.")


class ClauseForeign(Refused):
    code = "clause_foreign"
    sentence = _("This clause is not in the policy under which the clip was submitted. Choose one of those shown.")


class RangeOutside(Refused):
    code = "range_outside"
    sentence = _("The range is not within the clip. Correct its start and end.")


class UndoTooLate(Refused):
    code = "undo_too_late"
    sentence = _("The decision has taken effect, so it cannot be undone. A change of mind is a new decision.")


class UndoneAlready(Refused):
    code, rival = "undone_already", True
    sentence = _("This decision was undone already. The submission waits in its next round.")


class NotApproved(Refused):
    code = "not_approved"
    sentence = _("Only an approval that has taken effect can be shared. Look again when it has.")


class SharedAlready(Refused):
    code, rival = "shared_already", True
    sentence = _("This clip has an open link already. Revoke that one first if you want another.")


class ExpiryPassed(Refused):
    code = "expiry_passed"
    sentence = _("The link would end before it begins. Choose a later day.")


class ShareEnded(Refused):
    code, rival = "share_ended", True
    sentence = _("This link was revoked already. Nobody can open it.")
