"""What an artist's page shows of a link: its visits, its code for other sites, and its place in the showcase."""

from django import template
from django.urls import reverse
from django.utils.html import format_html

from access import clock
from access.telling import link
from generation.models import Output
from review import showcase, visiting
from review.models import Share, Submission

register = template.Library()
WIDTH = 640  # pixels of the frame in the code
LABEL = 64  # pixels below the clip for its caption


@register.simple_tag
def visits_of(share: Share) -> visiting.Figures:
    """How often the link was opened, in rounded words."""
    return visiting.figures(share, clock.now())


@register.simple_tag
def how_visits_count() -> str:
    return str(visiting.HOW)


@register.simple_tag
def embed_code(share: Share) -> str:
    """What other sites put into their page; plain text, for the artist to copy."""
    height = round(WIDTH * share.output.height / share.output.width) + LABEL
    address = link(reverse("share_embed", args=[share.token]))
    code = '<iframe src="{}" width="{}" height="{}" title="{}" loading="lazy" allowfullscreen></iframe>'
    return "" + format_html(code, address, WIDTH, height, share.title)


@register.simple_tag
def may_hang(submission: Submission) -> bool:
    """Whether the showcase could take it: it is approved for everybody."""
    return showcase.may_hang(submission, clock.now())


@register.simple_tag
def is_wanted(output: Output) -> bool:
    """Whether the artist wants it in the showcase."""
    return showcase.is_wanted(output)
