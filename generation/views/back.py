"""Back to the page on which something was pressed."""

from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme


def back(request: HttpRequest, otherwise: str) -> HttpResponseRedirect:
    """To the page that the form names as its own (``next``), if it is one of ours."""
    here = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(here, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(here if is_ours else otherwise)
