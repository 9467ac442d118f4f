"""What happens to one's jobs, as it happens: one stream of server-sent events for a whole page."""

import uuid

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from access.audiences import MemberRequest, for_artists
from generation.live import MOST_JOBS, Pass, hub


@for_artists
@require_safe
def live(request: MemberRequest) -> HttpResponseBase:
    """The jobs named by ``?job=…&job=…``, as far as they are one's own, until all have ended.

    Asynchronous from the first event on; the site's middleware before it is not.
    """
    jobs = {key for text in request.GET.getlist("job")[:MOST_JOBS] if (key := _key(text))}
    if not jobs or request.method == "HEAD":
        return HttpResponse(status=204)  # tells an EventSource not to come back
    if hub.is_full:
        return HttpResponse(status=503, headers={"Retry-After": "30"})
    response = StreamingHttpResponse(hub.stream(_pass_of(request), jobs), content_type="text/event-stream")
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _pass_of(request: MemberRequest) -> Pass:
    return Pass(
        user=request.user.pk,
        enrollment=request.enrollment.pk,
        program=request.program.slug,
        session=request.session.session_key or "",
        credential=request.credential.pk if request.credential else None,
        password=request.user.get_session_auth_hash(),
    )
