"""Where a reviewer lands, and the queue as a list: the published order, open to whoever works in it."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from access.audiences import MemberRequest, for_reviewers
from review import exposure, listing, opening, queueing
from review.models import BANDS, Claim, Look
from review.queueing import Asker
from review.views.screen import undoable
from review.words import Words, band_words


@for_reviewers
@require_safe
def review_queue(request: MemberRequest) -> HttpResponse:
    """One line and one key: how much waits, what is due, how long one has watched today; and what may be undone."""
    asker = queueing.ask(request.user, request.program)
    tallies = listing.tallies(asker)
    context = {
        "now": asker.at,
        "program": request.program,
        "tallies": tallies,
        "all_held": tallies["waiting"].n <= tallies["held"].n,
        "in_hand": _in_hand(asker),
        "undoable": undoable(request, asker.at),
        "need": None if request.program.opened_at else opening.need_of(request.program),
        **_watched(asker),
    }
    return render(request, "review/queue.html", context)


def _in_hand(asker: Asker) -> Claim | None:
    mine = Claim.objects.live(asker.at).leading().filter(reviewer=asker.reviewer, is_ahead=False)
    return mine.select_related("look__program", "submission").first()


def _watched(asker: Asker) -> dict[str, Any]:
    """Today's minutes with revealed clips, and the most that the program allows."""
    minute = timedelta(minutes=1)
    budget = asker.budget // minute if asker.budget else 0
    return {"watched": asker.watched // minute, "budget": budget, "spent": exposure.is_spent(asker)}


@for_reviewers
@require_safe
def review_list(request: MemberRequest) -> HttpResponse:
    """A page of the queue. Filters leave rows out; they never change the order."""
    asker = queueing.ask(request.user, request.program)
    asked = {name: request.GET.get(name, "") for name in ("due", "band", "held")}
    rows, following = listing.page(asker, listing.sieve(asked), after=listing.key(request.GET.get("after", "")))
    context = {
        "now": asker.at,
        "program": request.program,
        "rows": [_row(found, asker) for found in rows],
        "chips": _chips(asked),
        "is_first": "after" not in request.GET,
        "next_query": urlencode({**_kept(asked), "after": following}) if following else "",
        "first_query": urlencode(_kept(asked)),
    }
    return render(request, "review/queue_list.html", context)


def _row(look: Look, asker: Asker) -> dict[str, Any]:
    holder = next(iter(look.live_claims), None)  # type: ignore[attr-defined]  # by the prefetch of the page
    return {
        "look": look,
        "submission": look.submission,
        "band": band_words(look.submission.risk_band),
        "holder": holder,
        "mine": holder is not None and holder.reviewer_id == asker.reviewer.pk,
        "soon": look.due_at < asker.at + listing.SOON,
    }


def _kept(asked: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value}


def _chips(asked: dict[str, str]) -> list[dict[str, Any]]:
    """The filters: following one puts it on, or off if it is on."""
    offers: list[tuple[str, str, Words]] = [("due", "soon", _("due within 6 hours"))]
    offers += [("band", str(band), band_words(band)) for band in BANDS]
    offers += [("held", "mine", _("in your hands")), ("held", "held", _("in anybody's hands"))]
    return [
        {"label": label, "is_on": asked[name] == value, "query": urlencode(_toggled(asked, name, value))}
        for name, value, label in offers
    ]


def _toggled(asked: dict[str, str], name: str, value: str) -> dict[str, str]:
    return _kept({**asked, name: "" if asked[name] == value else value})
