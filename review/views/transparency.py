"""What a program publishes of its review, for everybody: a page, and the same numbers as a table to download."""

import csv
import io
from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from access import clock
from access.audiences import for_anyone
from access.models import Program
from review import charts, figures
from review.models import ReviewTerms
from review.transparency import Counted, counting_since
from review.transparency import figures as counted_figures

YEAR = 12  # months on the page; the table has all
CLAUSES = 6  # months of which the page tells the clauses


@for_anyone
@require_safe
def transparency(request: HttpRequest, slug: str) -> HttpResponse:
    """The last twelve months of a program's review."""
    program = _open(slug)
    counted = counted_figures(program)
    if counted:
        return render(request, "review/transparency.html", _context(program, counted))
    context = {"program": program, "now": clock.now(), "since": counting_since(program)}
    return _soon(render(request, "review/transparency.html", context, status=503))


def _soon(response: HttpResponse) -> HttpResponse:
    """Nothing was counted yet: the clock looks every minute."""
    response["Retry-After"] = "60"
    return response


def _open(slug: str) -> Program:
    return get_object_or_404(Program.objects.exclude(opened_at=None), slug=slug)


def _context(program: Program, counted: Counted) -> dict[str, object]:
    rows = figures.told(counted)[:YEAR]
    drawn = rows[::-1]
    return {
        "program": program,
        "counted": counted,
        "rows": rows,
        "terms": ReviewTerms.objects.in_force(program),
        "volumes": charts.volumes(drawn),
        "waiting": charts.waiting(drawn),
        "recent": rows[:CLAUSES],
        "clauses": _by_clause(rows[:CLAUSES]),
    }


def _by_clause(rows: list[figures.Row]) -> list[tuple[str, list[object]]]:
    """Each clause with what is told of it in each of the months."""
    shares = [row.clause_shares for row in rows]
    return [(month[0][0], [(told, share) for _label, told, share in month]) for month in zip(*shares, strict=True)]


@for_anyone
@require_safe
def transparency_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """All months of one program."""
    return _download([_open(slug)], f"{slug}-transparency.csv")


@for_anyone
@require_safe
def every_transparency_csv(request: HttpRequest) -> HttpResponse:
    """All months of every program of the site."""
    return _download(Program.objects.exclude(opened_at=None).order_by("slug"), "transparency.csv")


def _download(programs: Iterable[Program], name: str) -> HttpResponse:
    found = [(program.slug, counted_figures(program)) for program in programs]
    if any(counted is None for _slug, counted in found):
        return _soon(HttpResponse("The figures are being counted. Ask again.", status=503, content_type="text/plain"))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(figures.COLUMNS)
    for slug, counted in found:
        writer.writerows(figures.table(slug, counted) if counted else ())
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
