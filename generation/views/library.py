"""The library: what the artist made, found again, kept in order, compared; and the history of all jobs."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.audiences import MemberRequest, for_artists
from access.refusals import Refused
from generation import browsing, keeping
from generation.choosing import ChosenForm, Deed, SieveForm, TagForm, turn_of
from generation.models import Collection, Job, Output, Tag
from generation.refusals import NoSuchName
from generation.views.back import back
from generation.views.shown import shown

RETRIED = (Job.State.FAILED, Job.State.CANCELLED)
OPEN_SHOWN = 6  # jobs in the making that the library names


@for_artists
@require_http_methods(["GET", "HEAD", "POST"])
def library(request: MemberRequest) -> HttpResponse:
    """The artist's outputs as a wall: searched, filtered, page by page; by POST, something is done with some."""
    form, said = ChosenForm(request.POST if request.method == "POST" else None), ""
    if request.method == "POST" and form.is_valid():
        try:
            if form.cleaned_data["do"] == Deed.COMPARE:
                return redirect(_to_compare(request, form.cleaned_data["chosen"]))
            said = _do(request, form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, str(refusal.sentence))
    if said and not request.htmx:  # type: ignore[attr-defined]  # of django_htmx
        messages.success(request, said)
        return redirect(request.get_full_path())
    context = _library_context(request) | {"form": form if form.errors else ChosenForm(), "said": said}
    return render(request, "generation/library.html", context, status=422 if form.errors else 200)


def _own(request: MemberRequest, keys: Sequence[uuid.UUID]) -> list[Output]:
    """The named outputs of one's own in this program; 404 if one of them is not.

    Raises:
        Http404.
    """
    mine = Output.objects.owned_by(request.user).filter(program=request.program, pk__in=keys)
    found = list(mine.select_related("enrollment", "program"))
    if len(found) != len(set(keys)):
        raise Http404
    return found


def _do(request: MemberRequest, wanted: dict[str, Any]) -> str:
    """Carry out what the form asks for; a sentence about it."""
    outputs, by = _own(request, wanted["chosen"]), request.user
    tag_name, name = wanted["tag_name"], wanted["collection_name"]
    deeds: dict[str, Callable[[], object]] = {
        Deed.STAR: lambda: keeping.star(outputs, by=by),
        Deed.UNSTAR: lambda: keeping.unstar(outputs, by=by),
        Deed.TAG: lambda: keeping.tag(outputs, tag_name, by=by, program=request.program),
        Deed.UNTAG: lambda: keeping.untag(outputs, _tag_named(request, tag_name), by=by),
        Deed.HANG: lambda: keeping.hang(outputs, _collection_named(request, name, begin=True), by=by),
        Deed.UNHANG: lambda: keeping.unhang(outputs, _collection_named(request, name), by=by),
    }
    deeds[wanted["do"]]()
    return _sentence(wanted["do"], len(outputs), tag_name, name)


def _to_compare(request: MemberRequest, keys: Sequence[uuid.UUID]) -> str:
    first, second = keys
    return f"{reverse('compare', args=[request.program.slug])}?a={first}&b={second}"


def _sentence(deed: str, count: int, tag_name: str, name: str) -> str:
    clips = ngettext("%d clip", "%d clips", count) % count
    sentences = {
        Deed.STAR: _("Starred: %(clips)s."),
        Deed.UNSTAR: _("No longer starred: %(clips)s."),
        Deed.TAG: _("Tagged “%(tag)s”: %(clips)s."),
        Deed.UNTAG: _("The tag “%(tag)s” is off %(clips)s."),
        Deed.HANG: _("In “%(name)s” now: %(clips)s."),
        Deed.UNHANG: _("Out of “%(name)s”: %(clips)s."),
    }
    return sentences[Deed(deed)] % {"clips": clips, "tag": tag_name, "name": name}


def _tag_named(request: MemberRequest, name: str) -> Tag:
    mine = Tag.objects.owned_by(request.user).filter(program=request.program)
    line = keeping.one_line(name, limit=keeping.TAG_LIMIT)
    found = mine.filter(name=line).first() or mine.filter(name__iexact=line).first()
    if found is None:
        raise NoSuchName(_("None of your clips has the tag “%s”. Check how it is written.") % line)
    return found


def _collection_named(request: MemberRequest, name: str, *, begin: bool = False) -> Collection:
    mine = browsing.collections_of(request.user, request.program)
    line = keeping.one_line(name, limit=keeping.COLLECTION_LIMIT)
    if found := mine.filter(name=line).first() or mine.filter(name__iexact=line).first():
        return found
    if not begin:
        raise NoSuchName(_("You have no collection named “%s”. Check how it is written.") % line)
    return keeping.collect(line, by=request.user, program=request.program)


def _library_context(request: MemberRequest) -> dict[str, Any]:
    sieve = SieveForm(request.GET, user=request.user, program=request.program)
    turn = turn_of(request.GET, oldest_first=request.GET.get("order") == "oldest")
    enrollments = browsing.enrollments_of(request.user, request.program)
    wanted = sieve.sieve()
    is_first = wanted == browsing.Sieve() and not (turn.after or turn.before)
    page = browsing.page_of(wanted.apply(Output.objects.all(), enrollments), enrollments, turn, instant="created_at")
    return {
        "sieve": sieve,
        "chips": _chips(request.GET, sieve),
        "collection": wanted.collection,
        "works": [_hung(work) for work in browsing.works(page.keys)],
        "open_jobs": browsing.open_jobs(enrollments, request.program, most=OPEN_SHOWN) if is_first else (),
        "chosen": request.POST.getlist("chosen"),
        **_beside(request.GET, page),
    }


def _hung(work: Output) -> dict[str, Any]:
    url = reverse("job", args=[work.program.slug, work.job_id])
    return {**shown(work), "prompt": work.job.brief.prompt, "created_at": work.created_at, "url": url}


def _chips(query: QueryDict, sieve: SieveForm) -> list[dict[str, Any]]:
    """What filters at present: its name, what it asks for, and the address without it."""
    return [
        {"label": sieve.fields[name].label, "words": words, "without": _with(query, **{name: None})}
        for name, words in sieve.active().items()
    ]


def _beside(query: QueryDict, page: browsing.Page) -> dict[str, str]:
    """The addresses of the pages before and after, where there are any."""
    return {
        "next_url": _with(query, after=page.after) if page.after else "",
        "previous_url": _with(query, before=page.before) if page.before else "",
    }


def _with(query: QueryDict, **changes: object) -> str:
    """The query with these changes, from the first page on; ``None`` leaves a name out."""
    kept = {name: value for name, value in query.items() if value and name not in ("after", "before")}
    changed = {name: value for name, value in {**kept, **changes}.items() if value is not None}
    return f"?{urlencode(changed)}"


# --- one clip ---------------------------------------------------------------------------------------------------------
@for_artists
@require_POST
def star(request: MemberRequest, output_id: uuid.UUID) -> HttpResponse:
    """Star one clip, or take its star off (``on=0``)."""
    (output,) = _own(request, [output_id])
    turned_on = request.POST.get("on") != "0"
    (keeping.star if turned_on else keeping.unstar)([output], by=request.user)
    if request.htmx:  # type: ignore[attr-defined]  # of django_htmx
        now = Output.objects.select_related("star", "job__brief").get(pk=output.pk)
        context = {"output": now, "prompt": now.job.brief.prompt, "next": request.POST.get("next", "")}
        return render(request, "generation/_star.html", context)
    return _back(request, output)


@for_artists
@require_POST
def tag(request: MemberRequest, output_id: uuid.UUID) -> HttpResponse:
    """Put a tag on one clip (``tag_name``), or take one off (``off``, its key)."""
    (output,) = _own(request, [output_id])
    form = TagForm(request.POST)
    try:
        if "off" in request.POST:
            tag_off = get_object_or_404(Tag.objects.owned_by(request.user), pk=_number(request.POST["off"]))
            keeping.untag([output], tag_off, by=request.user)
            form = TagForm()
        elif form.is_valid():
            keeping.tag([output], form.cleaned_data["tag_name"], by=request.user, program=request.program)
            form = TagForm()
    except Refused as refusal:
        form.add_error("tag_name", str(refusal.sentence))
    return _tags_page(request, output, form)


def _tags_page(request: MemberRequest, output: Output, form: TagForm) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]  # of django_htmx
        return render(request, "generation/_tags.html", {"output": output, "tag_form": form})
    for sentence in form.errors.get("tag_name", []) if form.is_bound else []:
        messages.error(request, str(sentence))
    return _back(request, output)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Http404
    return int(text)


def _back(request: HttpRequest, output: Output) -> HttpResponseRedirect:
    """To the page that the form names as its own, else to the clip's."""
    return back(request, reverse("job", args=[output.program.slug, output.job_id]))


# --- history ----------------------------------------------------------------------------------------------------------
@for_artists
@require_safe
def job_history(request: MemberRequest) -> HttpResponse:
    """All jobs of the artist, also failed and cancelled ones."""
    enrollments = browsing.enrollments_of(request.user, request.program)
    state = request.GET.get("state", "")
    rows = Job.objects.filter(state=state) if state in Job.State.values else Job.objects.all()
    page = browsing.page_of(rows, enrollments, turn_of(request.GET), instant="queued_at")
    found = browsing.history(page.keys)
    context = {
        "rows": [{"job": job, "can_retry": job.state in RETRIED, "key": uuid.uuid4()} for job in found],
        "state": state if state in Job.State.values else "",
        "states": Job.State.choices,
        **_beside(request.GET, page),
    }
    return render(request, "generation/job_history.html", context)
