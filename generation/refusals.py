"""When generation says no."""

from django.utils.translation import gettext_lazy as _

from access.refusals import Refused


class QuotaUsedUp(Refused):
    code = "quota_used_up"
    sentence = _("Today's clips are used up. Your draft is kept; the quota renews at midnight of the program's day.")


class OutOfBounds(Refused):
    code = "out_of_bounds"
    sentence = _("One of the settings is outside what your cohort may use. Change the marked field and send it again.")


class ModelAway(Refused):
    code = "model_away"
    sentence = _(
        "No model is open to this program at present. Your draft is kept; try again later or ask the program's staff."
    )


class JobEnded(Refused):
    code, rival = "job_ended", True
    sentence = _(
        "This clip has ended already, so there is nothing left to cancel. Reload the page to see how it ended."
    )


class NothingToRetry(Refused):
    code = "nothing_to_retry"
    sentence = _("Only a clip that failed or was cancelled can be tried again. Repeat or vary the others.")


class RepeatsUsedUp(Refused):
    code = "repeats_used_up"
    sentence = _(
        "You asked for clips that you already have very often within this hour. They are in your library; "
        "change the seed for a new one, or wait a little."
    )


class NameMissing(Refused):
    code = "name_missing"
    sentence = _("Write a name first: at least one letter, number or sign.")


class NameTaken(Refused):
    code = "name_taken"
    sentence = _("You have a collection of this name already. Choose another name, or put the clips into that one.")


class NoSuchName(Refused):
    """Of a tag or a collection, with a sentence of its own for each."""

    code = "no_such_name"


class TooManyNames(Refused):
    """Of tags or collections, with a sentence of its own for each."""

    code = "too_many_names"


class CollectionGone(Refused):
    code, rival = "collection_gone", True
    sentence = _("This collection was deleted in the meantime. Its clips are in your library as before.")


class NotAgain(Refused):
    code = "not_again"
    sentence = _(
        "The model or your cohort does not offer these settings any more. Remix the clip: the studio shows what is "
        "offered now, and keeps the rest."
    )


class PageStale(Refused):
    code, rival = "page_stale", True
    sentence = _("This button was pressed on a page that is not complete. Reload the page and press it again.")


class NoDownload(Refused):
    code = "no_download"
    sentence = _(
        "What you signed of this program does not let you keep copies. Your clips stay in your library. Look under "
        "Agreement whether something new waits for you to sign, or ask the program's staff."
    )


class PictureUnusable(Refused):
    """Of an uploaded first frame; raised with a sentence of its own for each reason."""

    code = "picture_unusable"
    sentence = _("This picture cannot be used. Choose a PNG, JPEG or WebP picture.")


class Stop(Exception):
    """The attempt must not go on. Raised inside a render; what is done about it depends on the kind."""


class LeaseLost(Stop):
    """Another attempt has the job, or its lease ran out: leave without writing anything."""


class CancelAsked(Stop):
    """The artist cancelled."""


class HaltMet(Stop):
    """A halt covers the job: back to its old place, nothing spent."""


class Deserted(Stop):
    """No member of the batch is wanted any more."""


class HandBack(Stop):
    """This worker is asked to end: back to its old place, nothing spent."""


class Trouble(Stop):
    """The worker cannot work (model, encoder, disk): the job goes back unspent. Its words are for everybody."""


class DeviceLost(Exception):
    """The GPU's context is broken: this process can do nothing more with it."""


class OutOfMemory(Exception):
    """The device or the machine has not enough memory for this render. Raised by engines."""
