"""When the system says no. One class per reason; each sentence says what to do next. No HTTP in here."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Refused(Exception):
    """The verb was not carried out and nothing changed. ``sentence`` is for the person who asked."""

    sentence: str | Promise = _("This is not possible right now. Go back and try again.")
    code = "refused"
    rival = False  # True: somebody or something else was faster; the page is stale rather than the wish forbidden

    def __init__(self, sentence: str = "", **facts: object) -> None:
        self.sentence = sentence or self.sentence
        self.facts = facts
        super().__init__(str(self.sentence))


class NotAllowed(Refused):
    code = "not_allowed"
    sentence = _("Your role does not allow this. Ask the program's staff if you think it should.")


class InvitationUnknown(Refused):
    code = "invitation_unknown"
    sentence = _("We do not know this invitation. Check that the link is complete, or ask the person who invited you.")


class InvitationUsed(Refused):
    code, rival = "invitation_used", True
    sentence = _("This invitation has been used already. If that was you, sign in with your e-mail address.")


class InvitationExpired(Refused):
    code = "invitation_expired"
    sentence = _("This invitation has expired. Ask the person who invited you for a new one.")


class InvitationRevoked(Refused):
    code = "invitation_revoked"
    sentence = _("This invitation was withdrawn. Ask the person who invited you what happened.")


class NoSeatLeft(Refused):
    code, rival = "no_seat_left", True
    sentence = _("All seats of this cohort are taken. Your invitation stays valid: try again when a seat is free.")


class AlreadyEnrolled(Refused):
    code, rival = "already_enrolled", True
    sentence = _("You are in this program already. Sign in to go on.")


class AgreementUnsigned(Refused):
    code = "agreement_unsigned"
    sentence = _("Please sign the current agreement first. Your draft is kept.")


class AgreementChanged(Refused):
    code, rival = "agreement_changed", True
    sentence = _("The agreement was replaced while you read it. Please read and sign the current version.")


class ProgramClosed(Refused):
    code = "program_closed"
    sentence = _("The program has not opened yet. Your draft is kept; its staff will tell you when it opens.")


class Halted(Refused):
    code = "halted"
    sentence = _(
        "The program has stopped new work for now. Nothing of yours is lost; it goes on when the stop is lifted."
    )


class HaltOpen(Refused):
    code, rival = "halt_open", True
    sentence = _("This is stopped already. Open the running stop to change or lift it.")


class HaltLifted(Refused):
    code, rival = "halt_lifted", True
    sentence = _("This stop was lifted already by somebody else. Nothing more needs to be done.")


class TextRefused(Refused):
    code = "text_refused"


class WordsMissing(Refused):
    code = "words_missing"
    sentence = _("Please say why, in a sentence: the people concerned will read it.")


class RoleHeld(Refused):
    code, rival = "role_held", True
    sentence = _("This person holds this role already; nothing needs to be done.")


class RoleRevoked(Refused):
    code, rival = "role_revoked", True
    sentence = _("This role was taken away already; nothing needs to be done.")
