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


class ClaimOver(ClaimLost):
    """To a lead who would take from somebody what they hold no more."""

    code, rival = "claim_over", True
    sentence = _("They hold it no more: it is free already, or decided. Reload the page to see where it stands.")


class DecidedAlready(Refused):
    code, rival = "decided_already", True
    sentence = _("Somebody else has decided already, so this verdict was not recorded.")


class FormSpent(Refused):
    code, rival = "form_spent", True
    sentence = _(
        "This form was sent before with something else, and that is what was recorded. Open the clip anew to say more."
    )


class RoundPassed(Refused):
    code, rival = "round_passed", True
    sentence = _("The verdict you saw was undone: this is a new round. Look again, then decide.")


class HadPart(Refused):
    code = "had_part"
    sentence = _("You had part in this one before, so somebody else looks now. Take the next one.")


class SkippedAlready(Refused):
    code = "skipped_already"
    sentence = _("You passed this one by, so it goes to somebody else. Take the next one.")


class OptedOut(Refused):
    code = "opted_out"
    sentence = _("This falls under a category that you chose not to see. Take the next one.")


class ForLeads(Refused):
    code = "for_leads"
    sentence = _("This one waits for a lead. Take the next one.")


class ExposureSpent(Refused):
    code = "exposure_spent"
    sentence = _("You have watched as much today as the program allows one person. Go on tomorrow, or ask your lead.")


class NotWatched(Refused):
    code = "not_watched"
    sentence = _("Not enough of the clip was played for a yes. Watch it to the end, then approve.")


class RangeNotWatched(Refused):
    code = "range_not_watched"
    sentence = _("The range you cite was not played. Watch that part, then send the verdict again.")


class MachinesFirst(Refused):
    code = "machines_first"
    sentence = _(
        "No machine has looked at this clip yet. Mostly it takes seconds: send your approval again in a moment. Ten "
        "minutes after the clip was sent in, it no longer waits for that."
    )


class ChangesSpent(Refused):
    code = "changes_spent"
    sentence = _("Changes were asked for twice already, so now there is a verdict: approve or reject.")


class EmbargoPassed(Refused):
    code = "embargo_passed"
    sentence = _("The embargo would be over before it begins. Choose a later instant, or none.")


class TooFewReviewers(Refused):
    """``missing`` among the facts is how many."""

    code = "too_few_reviewers"
    sentence = _("The program has fewer reviewers than its own rules need. Give more people the role, then open it.")


class LeadMissing(Refused):
    code = "lead_missing"
    sentence = _("Nobody who reviews here is a lead, so nobody could answer a question. Make one a lead, then open it.")


class NotSentBack(Refused):
    code, rival = "not_sent_back", True
    sentence = _("Nobody is waiting for changes to this clip. Reload its page to see where it stands.")


class AppealClosed(Refused):
    code = "appeal_closed"
    sentence = _("The time to appeal against this decision is over. You can submit another version of the clip.")


class AppealedAlready(Refused):
    code, rival = "appealed_already", True
    sentence = _("You have appealed against this decision already. Its page says where the appeal stands.")


class AppealOpen(Refused):
    code, rival = "appeal_open", True
    sentence = _("Somebody looks at this decision again right now. Wait for their answer, then go on from its page.")


class AppealSettled(Refused):
    code, rival = "appeal_settled", True
    sentence = _("This appeal was settled already. Reload the page to see how.")


class AppealWantsVerdict(Refused):
    code = "appeal_wants_verdict"
    sentence = _("Asking for changes is no answer to an appeal. Approve it, or reject it: then the decision stands.")


class NothingToAppeal(Refused):
    code = "nothing_to_appeal"
    sentence = _("An appeal is against a no that is in effect. Reload the page to see where the clip stands.")


class CritiqueSaidAlready(Refused):
    code, rival = "critique_said_already", True
    sentence = _("You said already that this is critique. It stays noted.")


class QuestionOpen(Refused):
    code, rival = "question_open", True
    sentence = _("A question about this one is open already. A lead will answer it.")


class QuestionAnswered(Refused):
    code, rival = "question_answered", True
    sentence = _("Another lead has answered already. Reload the page to read it.")


class RuleUntried(Refused):
    code = "rule_untried"
    sentence = _("Try the rule on the last thirty days first, as it is worded now. Then switch it on.")


class EmbargoStands(Refused):
    code = "embargo_stands"
    sentence = _("The approval is under an embargo, so its link opens later. The page says when.")


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


class NotForEverybody(Refused):
    code = "not_for_everybody"
    sentence = _("The showcase holds what is approved for everybody. This clip is not, or not yet: look again later.")


class NothingKnown(Refused):
    code = "nothing_known"
    sentence = _("No decision on this is in effect, or an appeal is open. Choose another, or wait for the answer.")


class GoldenAlready(Refused):
    code, rival = "golden_already", True
    sentence = _("This clip is or was one with a known answer, and can be it only once. Choose another.")


class GoldenRetired(Refused):
    code, rival = "golden_retired", True
    sentence = _("This clip was retired already. Nothing more needs to be done.")


class NothingToContest(Refused):
    code = "nothing_to_contest"
    sentence = _("Nobody has said otherwise about this opinion, so there is nothing to contest. Reload the page.")


class ContestedAlready(Refused):
    code, rival = "contested_already", True
    sentence = _("You have contested this already. A lead's answer comes to this page.")


class ContestAnswered(Refused):
    code, rival = "contest_answered", True
    sentence = _("Another lead has answered already. Reload the page to read it.")


class PhrasesFull(Refused):
    code = "phrases_full"
    sentence = _("You keep a hundred phrases already. Delete one that you no longer use, then keep this one.")


class RuleOn(Refused):
    code, rival = "rule_on", True
    sentence = _("The rule is on, and what is on does not change. Switch it off first.")


class RuleNameTaken(Refused):
    code, rival = "rule_name_taken", True
    sentence = _("Another rule of the program has this name. Give this one a name of its own.")
