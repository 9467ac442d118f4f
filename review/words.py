"""What bands, categories and kinds are called on a page."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from review.models import BANDS, Category

Words = str | Promise

OF_BANDS: tuple[Words, ...] = (_("low risk"), _("ordinary risk"), _("high risk"), _("severe risk"))

OF_CATEGORIES: dict[str, Words] = {
    Category.REAL_PERSON: _("real people"),
    Category.MINORS: _("minors"),
    Category.VIOLENCE: _("violence"),
    Category.SEXUAL: _("sexual content"),
    Category.SELF_HARM: _("self-harm"),
    Category.HATE: _("hate"),
    Category.FLASHING: _("flashing light"),
    Category.KNOWN_BAD: _("known bad clips"),
    Category.OTHER: _("something else"),
}


def band_words(band: int) -> Words:
    """What a risk band is called, e.g. ``high risk``."""
    return OF_BANDS[band]


def category_words(category: str) -> Words:
    """What a category is called, e.g. ``self-harm``."""
    return OF_CATEGORIES[category]


BAND_CHOICES = [(band, OF_BANDS[band]) for band in BANDS]
CATEGORY_CHOICES = [(category, OF_CATEGORIES[category]) for category in Category.values]

OF_NEEDS: dict[str, Words] = {
    "first": _("somebody for the first look"),
    "second": _("somebody for the second look that a no to critique always needs"),
    "tie_break": _("somebody who decides where the two disagree"),
    "appeal": _("somebody who had no part, for the appeal"),
}


def need_words(reason: str) -> Words:
    """Why a program needs a reviewer more."""
    return OF_NEEDS[reason]
