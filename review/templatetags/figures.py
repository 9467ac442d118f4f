"""How numbers of the transparency page are written."""

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def minutes(number: int | None) -> str:
    """A wait in days, hours and minutes, two of them at most."""
    if number is None:
        return _("too few")
    days, hours, rest = number // 1440, number // 60 % 24, number % 60
    if days:
        return _("%(days)d d %(hours)d h") % {"days": days, "hours": hours}
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}
    return _("%(minutes)d min") % {"minutes": rest}


@register.filter
def percent(number: float | None) -> str:
    """A share, in whole percents where it is no more exact; a dash where it is not told."""
    if number is None:
        return "–"
    return _("about %(number)d %%") % {"number": number} if isinstance(number, int) else f"{number:.1f} %"


@register.filter
def unlocalized(number: float) -> str:
    """A coordinate, with a point whatever the language."""
    return f"{number:g}"
