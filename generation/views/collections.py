"""Collections: outputs that an artist put together. Begun, renamed, deleted here; filled and shown in the library."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from access.audiences import MemberRequest, for_artists
from access.refusals import Refused
from generation import browsing, keeping
from generation.choosing import CollectionForm
from generation.models import Collection
from generation.refusals import CollectionGone


@for_artists
@require_http_methods(["GET", "HEAD", "POST"])
def collections(request: MemberRequest) -> HttpResponse:
    """The artist's collections; by POST, a new one."""
    form = CollectionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = keeping.collect(form.cleaned_data["name"], by=request.user, program=request.program)
            return redirect(_to_wall(request, made))
        except Refused as refusal:
            form.add_error("name", str(refusal.sentence))
    found = browsing.collections_of(request.user, request.program)
    context = {"form": form, "collections": [(each, _to_wall(request, each)) for each in found]}
    return render(request, "generation/collections.html", context, status=422 if form.errors else 200)


def _to_wall(request: MemberRequest, collection: Collection) -> str:
    return f"{reverse('library', args=[request.program.slug])}?collection={collection.pk}"


@for_artists
@require_http_methods(["GET", "HEAD", "POST"])
def collection(request: MemberRequest, collection_id: uuid.UUID) -> HttpResponse:
    """Rename a collection, or go on to deleting it."""
    found = _own_collection(request, collection_id)
    form = CollectionForm(request.POST if request.method == "POST" else None, initial={"name": found.name})
    if request.method == "POST" and form.is_valid():
        try:
            keeping.rename(found, form.cleaned_data["name"], by=request.user)
            return redirect(_to_wall(request, found))
        except Refused as refusal:
            form.add_error("name", str(refusal.sentence))
    context = {"form": form, "collection": found, "wall_url": _to_wall(request, found)}
    return render(request, "generation/collection.html", context, status=422 if form.errors else 200)


def _own_collection(request: MemberRequest, collection_id: uuid.UUID) -> Collection:
    return get_object_or_404(browsing.collections_of(request.user, request.program), pk=collection_id)


@for_artists
@require_POST
def delete_collection(request: MemberRequest, collection_id: uuid.UUID) -> HttpResponse:
    """Delete a collection; the clips stay. A second click finds it deleted, which is what was asked for."""
    found = _own_collection(request, collection_id)
    try:
        keeping.dissolve(found, by=request.user)
    except CollectionGone as gone:
        messages.info(request, str(gone.sentence))
    else:
        messages.success(request, _("The collection “%s” is deleted. Its clips are in your library.") % found.name)
    return redirect("collections", slug=request.program.slug)
