"""The public link of an approved clip: its artist opens it, and closes it, also when they have left the program."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from access import clock
from access.audiences import MemberRequest, for_artists, for_signed_in
from access.models import Enrollment
from review import sharing
from review.artist_forms import ShareForm
from review.models import Share
from review.views.artists import own_submission
from review.views.submission import show


@for_artists
@require_POST
def open_link(request: MemberRequest, submission_id: uuid.UUID) -> HttpResponse:
    """Open the public link of an approved output, on terms that were understood and on no others."""
    now, found = clock.now(), own_submission(request, submission_id)
    decision = get_object_or_404(sharing.approvals(now), submission=found)
    form = ShareForm(request.POST)
    if not form.is_valid():
        return show(request, found, sharing=form)
    until = now + form.lasts if form.lasts else None
    may_embed = form.cleaned_data["may_embed"]
    sharing.share(decision, by=request.user, expires_at=until, may_embed=may_embed, credential=request.credential)
    messages.success(request, _("The link is open. Whoever has it can watch the clip."))
    return redirect("submission", slug=request.program.slug, submission_id=submission_id)


@for_signed_in
@require_POST
def revoke_link(request: MemberRequest, slug: str, submission_id: uuid.UUID) -> HttpResponse:
    """Close the public link at once. It is theirs to close for as long as it is open, inside the program or not."""
    links = Share.objects.owned_by(request.user).filter(output__submissions=submission_id, output__program__slug=slug)
    share = links.select_related("decision", "output__program").order_by("-pk").first()
    if share is None:
        raise Http404
    sharing.revoke(share, by=request.user)
    messages.success(request, _("The link is closed. Nobody can open it any more."))
    if Enrollment.objects.live().filter(user=request.user, program=share.program).exists():
        return redirect("submission", slug=slug, submission_id=submission_id)
    return redirect("decisions")
