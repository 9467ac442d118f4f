"""How figures of agreement are written: never without what they are taken from, and never of too few."""

from django import template
from django.utils.translation import gettext as _

from access.models import Program, User
from review import pseudonyms
from review.measures import Coefficient, Interval, Proportion, Quantile

register = template.Library()


@register.filter
def share(found: Proportion) -> str:
    """A proportion in percent with its interval, e.g. ``86 % (80 to 91)``."""
    if found.value is None or found.interval is None:
        return "–"
    low, high = (round(100 * bound) for bound in found.interval)
    return _("%(value)d %% (%(low)d to %(high)d)") % {"value": round(100 * found.value), "low": low, "high": high}


@register.filter
def coefficient(found: Coefficient) -> str:
    """Kappa or alpha with its interval, or why there is none."""
    if found.value is None:
        return _("undefined: only one answer was ever given") if found.why == "one_category" else "–"
    value = f"{found.value:.2f}"
    if found.interval is None:
        return _("%(value)s, no interval: nothing varies") % {"value": value}
    low, high = (f"{bound:.2f}" for bound in found.interval)
    return _("%(value)s (%(low)s to %(high)s)") % {"value": value, "low": low, "high": high}


@register.filter
def points(interval: Interval) -> str:
    """A difference of two shares between its bounds, in percentage points."""
    low, high = (f"{100 * bound:+.0f}".replace("-", "−") for bound in interval)
    return _("between %(low)s and %(high)s percentage points") % {"low": low, "high": high}


@register.filter
def hours(found: Quantile) -> str:
    """A wait in hours with its interval, where the sample bounds it on both sides."""
    if found.value is None:
        return "–"
    value = f"{found.value / 3600:.1f}"
    if found.interval is None:
        return _("%(value)s h (too few for an interval)") % {"value": value}
    low, high = (f"{bound / 3600:.1f}" for bound in found.interval)
    return _("%(value)s h (%(low)s to %(high)s)") % {"value": value, "low": low, "high": high}


@register.simple_tag
def blind(reviewer: User | None, program: Program) -> str:
    """Who said it, without a name: the mark under which artists know a reviewer; the known answer is nobody's."""
    return _("known answer") if reviewer is None else _("reviewer %s") % pseudonyms.mark(reviewer, program)
